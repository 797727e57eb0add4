/** Where in the text of a stage something can be put, in the manner of its author: line endings, capitals, comments above a line. */
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import type { SourceFile } from '../../text/source-file.ts';
import type { Stage } from '../../workload/formats/dockerfile/stages.ts';

/** Instructions that change files; what comes behind the last of them only describes. */
export const BUILDERS: ReadonlySet<string> = new Set(['RUN', 'COPY', 'ADD', 'WORKDIR']);
const CLOSERS = new Set(['ENTRYPOINT', 'CMD', 'VOLUME']);

export interface StageText {
  readonly file: SourceFile;
  readonly stage: Stage;
  /** `\n` or `\r\n`. */
  readonly eol: string;
  /** What continues a line. */
  readonly mark: string;
  /** The last USER of the stage. */
  readonly user: Instruction | undefined;
  /** Whether RUN, COPY, ADD or WORKDIR come behind it. */
  readonly worksAfterUser: boolean;
  /** In front of which instruction the last things are done; undefined = at the stage's end. */
  readonly before: Instruction | undefined;
  /** The last instruction that changes files. */
  readonly lastBuilder: Instruction | undefined;
}

export function stageText(file: SourceFile, stage: Stage, mark: string): StageText {
  const { instructions } = stage;
  const lastIndex = instructions.findLastIndex(({ name }) => BUILDERS.has(name));
  const userIndex = instructions.findLastIndex(({ name }) => name === 'USER');
  return {
    file,
    stage,
    eol: file.text.includes('\r\n') ? '\r\n' : '\n',
    mark,
    user: instructions[userIndex],
    worksAfterUser: userIndex >= 0 && lastIndex > userIndex,
    before: instructions.find(({ name }, index) => index > Math.max(lastIndex, userIndex) && CLOSERS.has(name)),
    lastBuilder: instructions[lastIndex],
  };
}

/** `USER` or `user`, as the file has it. */
export function keyword(name: string, { stage }: StageText): string {
  const words = [stage.from, ...stage.instructions].map(({ written }) => written);
  return words.filter((word) => word === word.toLowerCase()).length * 2 > words.length ? name.toLowerCase() : name;
}

/** Lines in front of an instruction, above the comments that belong to it; undefined = behind the stage's last one. */
export function insertLines(text: StageText, before: Instruction | undefined, lines: readonly string[]): TextEdit {
  const { file, eol, stage } = text;
  const written = lines.map((line) => `${line}${eol}`).join('');
  if (before !== undefined) {
    const at = aboveComments(file.text, before.lineStart);
    return { file: file.path, start: at, end: at, text: written };
  }
  const at = (stage.instructions.at(-1) ?? stage.from).after;
  const open = at > 0 && file.text[at - 1] !== '\n';
  return { file: file.path, start: at, end: at, text: open ? `${eol}${written.slice(0, -eol.length)}` : written };
}

function aboveComments(text: string, lineStart: number): number {
  let at = lineStart;
  while (at > 0) {
    const start = text.lastIndexOf('\n', at - 2) + 1;
    if (!/^[ \t]*#(?!\s*(?:syntax|escape|check)\s*=)/.test(text.slice(start, at))) break;
    at = start;
  }
  return at;
}

/** What an instruction says behind its flags. */
export function replaceArgs({ file }: StageText, { args }: Instruction, text: string): TextEdit {
  return { file: file.path, start: args.offset(0), end: args.offset(args.text.length), text };
}

export const addFlag = ({ file }: StageText, { nameSpan }: Instruction, flag: string): TextEdit => ({
  file: file.path,
  start: nameSpan.end,
  end: nameSpan.end,
  text: ` ${flag}`,
});

/** The whole instruction with its heredocs, and the comments above it. */
export function removeInstruction({ file }: StageText, one: Instruction): TextEdit {
  return { file: file.path, start: aboveComments(file.text, one.lineStart), end: one.after, text: '' };
}

/** A part of the file that ends with a line ending, whether or not it does there. */
export function linesOf({ file, eol }: StageText, start: number, end: number): string {
  const body = file.text.slice(start, end);
  return body.endsWith('\n') ? body : `${body}${eol}`;
}

/** One RUN line of these commands; several stand below each other. */
export function runText(text: StageText, commands: readonly string[]): string {
  return `${keyword('RUN', text)} ${commands.join(` ${text.mark}${text.eol}    && `)}`;
}

/** Appended to a RUN line that is there; undefined: it is none that a command can be appended to. */
export function appendToRun(text: StageText, run: Instruction, commands: readonly string[]): TextEdit | undefined {
  if (run.name !== 'RUN' || run.json !== undefined || run.heredocs.length > 0 || run.args.text.includes('<<')) return undefined;
  if (/(?:[;&|\\]|#.*)$/.test(run.args.text.trimEnd())) return undefined;
  // Only where everything before has to succeed: behind `a; b` an append would hide nothing, but read wrong.
  if (/;|\|\||\bif\b|\bfor\b|\bcase\b/.test(run.args.text)) return undefined;
  const body = text.file.text.slice(run.span.start, run.span.end);
  const indent = /\n([ \t]+)&&/.exec(body)?.[1] ?? '    ';
  const end = run.span.end;
  return {
    file: text.file.path,
    start: end,
    end,
    text: commands.map((command) => ` ${text.mark}${text.eol}${indent}&& ${command}`).join(''),
  };
}
