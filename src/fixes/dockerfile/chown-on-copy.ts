/** RUN chown -R behind COPY becomes COPY --chown: every file is stored once. Candidates; whoever applies them sees that the files come out the same. */
import type { StageState } from '../../build/stage-state.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import type { StageChange } from './stage-change.ts';
import { addFlag, removeInstruction, type StageText } from './stage-text.ts';

export interface ChownCandidate {
  readonly bytes: number;
  /** The best first: without the command at all, or with it for the top folder only. */
  readonly attempts: readonly StageChange[];
}

export function chownOnCopy(text: StageText, state: StageState): readonly ChownCandidate[] {
  return state.facts.flatMap((fact): readonly ChownCandidate[] => {
    if (fact.kind !== 'copied-by-chown' || fact.by !== 'chown' || fact.owner === undefined || /\s/.test(fact.owner)) return [];
    const { instruction: run, owner, bytes, path } = fact;
    const copies = fact.layers.map((layer) => state.layers.get(layer));
    const own = text.stage.instructions;
    if (!own.includes(run) || run.json !== undefined || run.heredocs.length > 0) return [];
    if (
      !copies.every(
        (one) =>
          one !== undefined &&
          (one.name === 'COPY' || one.name === 'ADD') &&
          own.includes(one) &&
          !one.flags.some(({ name }) => name === 'chown'),
      )
    )
      return [];
    // A user alone means a group as well to COPY, and none to chown, which leaves root's; `app:` is the user's own to chown.
    const spec = owner.endsWith(':') ? owner.slice(0, -1) : /[:.]/.test(owner) ? owner : `${owner}:0`;
    const flags = copies.map((one) => addFlag(text, one!, `--chown=${spec}`));
    const title = `${copies.length === 1 ? 'COPY' : `${copies.length} COPY lines`} --chown=${spec} instead of ${fact.command}`;
    const change = (edits: readonly TextEdit[]): StageChange => ({
      id: 'copy-chown',
      subject: path,
      title,
      edits: [...flags, ...edits],
      note: `saves ${bytes} bytes: the files are stored once`,
    });
    const attempts: StageChange[] = [];
    const removed = withoutCommand(text, run, fact.span.start, fact.span.end);
    if (removed !== undefined) attempts.push(change([removed]));
    const command = text.file.text.slice(fact.span.start, fact.span.end);
    const flag = /\s-R(?=\s)|\s--recursive(?=\s)/.exec(command);
    if (flag !== null)
      attempts.push(
        change([
          {
            file: text.file.path,
            start: fact.span.start + flag.index,
            end: fact.span.start + flag.index + flag[0].length,
            text: '',
          },
        ]),
      );
    return [{ bytes, attempts }];
  });
}

/** The line without one of its commands; the whole line goes with its only one. */
function withoutCommand(text: StageText, run: Instruction, start: number, end: number): TextEdit | undefined {
  const source = text.file.text;
  const before = source.slice(run.args.offset(0), start);
  const after = source.slice(end, run.span.end);
  if (before.trim() === '' && after.trim() === '') return removeInstruction(text, run);
  // `&& command` behind others, `command &&` in front of them; blanks and continued lines go with it.
  const lead = /(?:[ \t]*\\?\r?\n?[ \t]*)&&[ \t]*(?:\\\r?\n[ \t]*)?$/.exec(before);
  if (lead !== null) return { file: text.file.path, start: start - lead[0].length, end, text: '' };
  const tail = /^[ \t]*(?:\\\r?\n[ \t]*)?&&[ \t]*(?:\\\r?\n[ \t]*)?/.exec(after);
  if (before.trim() === '' && tail !== null) return { file: text.file.path, start, end: end + tail[0].length, text: '' };
  return undefined;
}
