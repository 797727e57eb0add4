/** RUN lines that need root, behind a USER that is not: they are moved in front of it, or are root's for a moment. */
import type { StageState } from '../../build/stage-state.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import { insertLines, keyword, removeInstruction, type StageText } from './stage-text.ts';
import type { StageChange } from './write-stage.ts';

/** What a RUN line may be moved across: nothing that it could build on. */
const INDEPENDENT = new Set([
  'LABEL',
  'EXPOSE',
  'ENTRYPOINT',
  'CMD',
  'STOPSIGNAL',
  'HEALTHCHECK',
  'VOLUME',
  'USER',
  'MAINTAINER',
]);

export function rootSteps(text: StageText, state: StageState): readonly StageChange[] {
  const lines = [...new Set(state.facts.flatMap((fact) => (fact.kind === 'needs-root' ? [fact.instruction] : [])))];
  const { instructions } = text.stage;
  return lines.flatMap((line): readonly StageChange[] => {
    const at = instructions.indexOf(line);
    const userAt = instructions.findLastIndex(({ name }, index) => name === 'USER' && index < at);
    if (at < 0 || userAt < 0) return [];
    const user = instructions[userAt]!;
    const command = `RUN in line ${line.span.line}`;
    const between = instructions.slice(userAt + 1, at).filter((one) => !lines.includes(one));
    if (between.every(({ name }) => INDEPENDENT.has(name)) && rootBefore(instructions, userAt)) {
      const removed = removeInstruction(text, line);
      const body = text.file.text.slice(removed.start, removed.end);
      const closed = body.endsWith('\n') ? body : `${body}${text.eol}`;
      const place = insertLines(text, user, []);
      return [
        {
          id: 'before-user',
          subject: String(line.span.line),
          title: `${command} stands before USER: it needs root`,
          edits: [{ ...place, text: closed }, removed],
        },
      ];
    }
    return [
      {
        id: 'before-user',
        subject: String(line.span.line),
        title: `${command} is root's: it needs root`,
        edits: [
          insertLines(text, line, [`${keyword('USER', text)} 0`]),
          {
            file: text.file.path,
            start: line.after,
            end: line.after,
            text: `${text.file.text[line.after - 1] === '\n' ? '' : text.eol}${keyword('USER', text)} ${user.args.text}${text.eol}`,
          },
        ],
      },
    ];
  });
}

/** The user in front of a USER line, as far as the stage says it; nothing said is taken for root, and looked at again afterwards. */
function rootBefore(instructions: readonly Instruction[], userAt: number): boolean {
  const before = instructions.findLast(({ name }, index) => name === 'USER' && index < userAt);
  return before === undefined || /^(?:root|0+)(?::|$)/.test(before.args.text.trim());
}
