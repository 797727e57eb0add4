/** ENTRYPOINT, CMD, HEALTHCHECK, ENV and WORKDIR as a fix wants them, with as few words changed as possible. */
import type { StageState } from '../../build/stage-state.ts';
import type { Healthcheck } from '../../image/image.ts';
import { words } from '../../text/dockerfile/expand.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import { changedWords } from './changed-words.ts';
import type { StageChange, WantedStage } from './stage-change.ts';
import { insertLines, keyword, replaceArgs, type StageText } from './stage-text.ts';

type Argv = readonly string[];

const same = (a: Argv = [], b: Argv = []): boolean => JSON.stringify(a) === JSON.stringify(b);
const jsonText = (argv: Argv): string => `[${argv.map((word) => JSON.stringify(word)).join(', ')}]`;
const own = (text: StageText, line: Instruction | undefined): line is Instruction =>
  line !== undefined && text.stage.instructions.includes(line);

export function commandLines(text: StageText, state: StageState, wanted: WantedStage): readonly StageChange[] {
  return [
    ...startLines(text, state, wanted),
    ...healthLine(text, state, wanted),
    ...variableLines(text, state, wanted),
    ...workdirLine(text, state, wanted),
  ];
}

/** The same words, divided between ENTRYPOINT and CMD as they were. */
function divided(
  { run }: WantedStage,
  entrypoint: Argv,
  cmd: Argv,
): { readonly entrypoint: Argv | undefined; readonly cmd: Argv | undefined } {
  if (run.entrypoint === undefined) return { entrypoint: undefined, cmd: run.command };
  const all = [...run.entrypoint, ...(run.command ?? [])];
  if (entrypoint.length === 0) return { entrypoint: undefined, cmd: all };
  if (all.length === entrypoint.length + cmd.length)
    return { entrypoint: all.slice(0, entrypoint.length), cmd: all.slice(entrypoint.length) };
  if (same(all.slice(0, entrypoint.length), entrypoint)) return { entrypoint, cmd: all.slice(entrypoint.length) };
  return { entrypoint: run.entrypoint, cmd: run.command };
}

function startLines(text: StageText, { config, set }: StageState, wanted: WantedStage): readonly StageChange[] {
  const out: StageChange[] = [];
  const put = (name: string, argv: Argv | undefined, old: Argv | undefined): boolean => {
    if (argv === undefined || same(argv, old)) return false;
    const line = set.get(name);
    const mine = own(text, line);
    const edits = mine
      ? (smallEdits(text, line, old ?? [], argv) ?? [replaceArgs(text, line, jsonText(argv))])
      : [insertLines(text, undefined, [`${keyword(name, text)} ${jsonText(argv)}`])];
    out.push({ id: name === 'CMD' ? 'command' : 'entrypoint', subject: name, title: `${name} ${jsonText(argv)}`, edits });
    return !mine;
  };
  const { entrypoint, cmd } = divided(wanted, config.entrypoint ?? [], config.cmd ?? []);
  const added = put('ENTRYPOINT', entrypoint, config.entrypoint);
  // A new ENTRYPOINT forgets the CMD of the base.
  put('CMD', cmd ?? (added && (config.cmd?.length ?? 0) > 0 ? config.cmd : undefined), added ? undefined : config.cmd);
  return out;
}

/** Of a shell form only the text can change: the shell stays. */
function smallEdits(text: StageText, line: Instruction, old: Argv, argv: Argv): readonly TextEdit[] | undefined {
  if (line.json !== undefined) return changedWords(text, line, 0, old, argv);
  if (old.length !== argv.length || !same(old.slice(0, -1), argv.slice(0, -1))) return undefined;
  return changedWords(text, line, 0, old.slice(-1), argv.slice(-1));
}

function healthLine(text: StageText, { config, set }: StageState, { run }: WantedStage): readonly StageChange[] {
  const { healthcheck: test } = run;
  const old = config.healthcheck;
  if (test === undefined || old === undefined || same(test, old.test)) return [];
  const line = set.get('HEALTHCHECK');
  const title = `HEALTHCHECK asks the new port: ${test.slice(1).join(' ')}`;
  const change = (edits: readonly TextEdit[]): readonly StageChange[] => [
    { id: 'healthcheck', subject: 'HEALTHCHECK', title, edits },
  ];
  const said = test[0] === 'CMD-SHELL' ? test.slice(1).join(' ') : jsonText(test.slice(1));
  if (!own(text, line)) {
    const options = optionsOf(old).map((one) => ` ${one}`);
    return change([
      insertLines(text, text.before, [`${keyword('HEALTHCHECK', text)}${options.join('')} ${keyword('CMD', text)} ${said}`]),
    ]);
  }
  const from = /^\s*\S+\s*/.exec(line.args.text)?.[0].length ?? 0;
  const edits = changedWords(text, line, from, old.test.slice(1), test.slice(1));
  return change(edits ?? [replaceArgs(text, line, `${line.args.text.slice(0, from)}${said}`)]);
}

/** As HEALTHCHECK takes them; the image has nanoseconds. */
function optionsOf({ interval, timeout, startPeriod, retries }: Healthcheck): readonly string[] {
  const times = Object.entries({ interval, timeout, 'start-period': startPeriod });
  return [
    ...times.flatMap(([name, value]) => (value === undefined || value === 0 ? [] : [`--${name}=${value / 1e9}s`])),
    ...(retries === undefined || retries === 0 ? [] : [`--retries=${retries}`]),
  ];
}

function variableLines(text: StageText, { config, named }: StageState, { run }: WantedStage): readonly StageChange[] {
  const variables = Object.entries(run.env).filter(([name, value]) => config.env.get(name) !== value);
  return variables.map(([name, value]): StageChange => {
    const title = `${keyword('ENV', text)} ${name}=${/^[\w./:-]+$/.test(value) ? value : JSON.stringify(value)}`;
    const line = named.get(`ENV ${name}`);
    const inPlace = own(text, line) ? valueEdit(text, line, name, config.env.get(name) ?? undefined, value) : undefined;
    const before = text.user !== undefined && !text.worksAfterUser ? text.user : text.before;
    return { id: 'environment', subject: name, title, edits: [inPlace ?? insertLines(text, before, [title])] };
  });
}

/** The value where the line says it in so many letters. */
function valueEdit(
  { file, mark }: StageText,
  { args }: Instruction,
  name: string,
  old: string | undefined,
  value: string,
): TextEdit | undefined {
  if (old === undefined || old === '' || !/^[\w./:+*-]+$/.test(old) || !/^[\w./:+*-]+$/.test(value)) return undefined;
  const list = words(args.text, mark);
  const [first, second] = list;
  const alone = first !== undefined && second !== undefined && list.length === 2 && first.text === name;
  const word = alone ? second : list.find(({ text }) => text.startsWith(`${name}=`));
  if (word === undefined) return undefined;
  const said = alone ? word.text : word.text.slice(name.length + 1);
  const quote = /^["']/.exec(said)?.[0] ?? '';
  if (said !== `${quote}${old}${quote}`) return undefined;
  const start = word.end - said.length + quote.length;
  return { file: file.path, start: args.offset(start), end: args.offset(start + old.length - 1) + 1, text: value };
}

function workdirLine(text: StageText, { config, set }: StageState, { run }: WantedStage): readonly StageChange[] {
  if (run.workdir === undefined || run.workdir === config.workingDir) return [];
  const line = set.get('WORKDIR');
  const edit = own(text, line)
    ? replaceArgs(text, line, run.workdir)
    : insertLines(text, text.before, [`${keyword('WORKDIR', text)} ${run.workdir}`]);
  return [{ id: 'workdir', subject: run.workdir, title: `WORKDIR ${run.workdir}`, edits: [edit] }];
}
