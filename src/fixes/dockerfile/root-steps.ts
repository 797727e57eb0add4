/** RUN lines that need root, where USER, here or of the base, is not: they are moved in front of it, or are root's for a moment. */
import type { StageState } from '../../build/stage-state.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import type { StageChange } from './stage-change.ts';
import { BUILDERS, insertLines, keyword, linesOf, removeInstruction, type StageText } from './stage-text.ts';

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

/** The lines for which one USER holds. */
interface Section {
  /** Undefined: the base's holds. */
  readonly user: Instruction | undefined;
  /** Whether root works in front of it. */
  readonly rootBefore: boolean;
  readonly lines: readonly Instruction[];
  /** USER that ends it. */
  readonly next: Instruction | undefined;
}

export function rootSteps(text: StageText, state: StageState): readonly StageChange[] {
  const facts = state.facts.filter((fact) => fact.kind === 'needs-root');
  const specs = new Map(facts.map(({ instruction, spec }) => [instruction, spec]));
  return sectionsOf(text.stage.instructions, state.startUser).flatMap((section) => {
    const needy = section.lines.filter((line) => specs.has(line));
    if (needy.length === 0) return [];
    const moved = section.user !== undefined && section.rootBefore ? movable(section.lines, specs) : [];
    const wrapped = needy.filter((line) => !moved.includes(line));
    return [
      ...(moved.length === 0 ? [] : [inFront(text, section, moved)]),
      ...blocksOf(section.lines, wrapped).map((block) => asRoot(text, section, block, specs.get(block[0]!)!)),
    ];
  });
}

function sectionsOf(instructions: readonly Instruction[], startUser: string | undefined): readonly Section[] {
  const starts = [-1, ...instructions.flatMap(({ name }, index) => (name === 'USER' ? [index] : []))];
  return starts.map((start, index): Section => {
    const before = index < 2 ? startUser : instructions[starts[index - 1]!]!.args.text.trim();
    const end = starts[index + 1];
    return {
      user: instructions[start],
      rootBefore: before !== undefined && /^(?:(?:root|0+)(?::.*)?)?$/.test(before),
      lines: instructions.slice(start + 1, end),
      next: end === undefined ? undefined : instructions[end],
    };
  });
}

/** Lines that build on nothing between USER and them. */
function movable(lines: readonly Instruction[], needy: ReadonlyMap<Instruction, string>): readonly Instruction[] {
  const last = lines.findIndex((line) => !needy.has(line) && !INDEPENDENT.has(line.name));
  return lines.slice(0, last < 0 ? undefined : last).filter((line) => needy.has(line));
}

const placesOf = (lines: readonly Instruction[]): string =>
  `RUN in ${lines.length === 1 ? 'line' : 'lines'} ${lines.map(({ span }) => span.line).join(', ')}`;

function inFront(text: StageText, { user, lines, next }: Section, moved: readonly Instruction[]): StageChange {
  const removals = moved.map((line) => removeInstruction(text, line));
  const bodies = removals.map(({ start, end }) => linesOf(text, start, end)).join('');
  // A USER for which nothing is left to do, in front of another one, says nothing any more.
  const idle = next !== undefined && !lines.some((line) => BUILDERS.has(line.name) && !moved.includes(line));
  const place = insertLines(text, user, []);
  return {
    id: 'before-user',
    subject: String(moved[0]!.span.line),
    title: `${placesOf(moved)} ${moved.length === 1 ? 'stands before USER: it needs' : 'stand before USER: they need'} root`,
    edits: [{ ...place, text: bodies }, ...(idle ? [removeInstruction(text, user!)] : []), ...removals],
  };
}

/** Lines that follow each other, with nothing between them that builds. */
function blocksOf(lines: readonly Instruction[], wrapped: readonly Instruction[]): readonly (readonly Instruction[])[] {
  const blocks: Instruction[][] = [];
  let open = false;
  for (const line of lines) {
    if (wrapped.includes(line)) {
      if (open) blocks.at(-1)!.push(line);
      else blocks.push([line]);
      open = true;
    } else if (!INDEPENDENT.has(line.name)) open = false;
  }
  return blocks;
}

function asRoot(text: StageText, { user, lines, next }: Section, block: readonly Instruction[], spec: string): StageChange {
  const last = block.at(-1)!;
  const rest = lines.slice(lines.indexOf(last) + 1);
  // The USER that follows takes over, when nothing is built before it.
  const back = next === undefined || rest.some(({ name }) => BUILDERS.has(name));
  const edits: TextEdit[] = [insertLines(text, block[0], [`${keyword('USER', text)} 0`])];
  if (back) {
    const closed = text.file.text[last.after - 1] === '\n' ? '' : text.eol;
    const line = `${keyword('USER', text)} ${user?.args.text ?? spec}`;
    edits.push({ file: text.file.path, start: last.after, end: last.after, text: `${closed}${line}${text.eol}` });
  }
  return {
    id: 'before-user',
    subject: String(block[0]!.span.line),
    title: `${placesOf(block)} ${block.length === 1 ? "is root's: it needs" : "are root's: they need"} root`,
    edits,
  };
}
