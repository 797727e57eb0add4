/** Instructions that change the run settings of the image: ENV, USER, ENTRYPOINT and the others that make no files. */
import type { Healthcheck } from '../image/image.ts';
import { expand, type Lookup, words } from '../text/dockerfile/expand.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import { problemAt, type SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { argsOf } from '../workload/formats/dockerfile/stages.ts';
import type { ConfigDraft, StageState } from './stage-state.ts';

export interface StepContext {
  readonly file: SourceFile;
  /** What escapes: `\` or a backtick. */
  readonly mark: string;
  readonly state: StageState;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly globalArgs: ReadonlyMap<string, string | null>;
  readonly problems: TextProblem[];
}

export const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

/** Variables as instructions see them: ENV before ARG. Of a base that is not known any name may be set. */
export function lookupOf({ config, args, baseMissing }: StageState): Lookup {
  return (name) => {
    if (config.env.has(name)) return config.env.get(name);
    if (args.has(name)) return args.get(name);
    return baseMissing === undefined ? undefined : null;
  };
}

/** The text with variables put in; undefined = unknown, or wrong and told. */
export function expanded(text: string, instruction: Instruction, context: StepContext): string | undefined {
  const outcome = expand(text, lookupOf(context.state), context.mark);
  if ('text' in outcome) return outcome.text;
  if ('error' in outcome)
    context.problems.push(
      problemAt(context.file, instruction.span.start, `failed to process ${JSON.stringify(text)}: ${outcome.error}`),
    );
  return undefined;
}

export const wordsOf = (instruction: Instruction, context: StepContext): (string | undefined)[] =>
  words(instruction.args.text, context.mark).map(({ text }) => expanded(text, instruction, context));

/** `a=b c=d`, or the old `a b c`. */
function pairs(instruction: Instruction, context: StepContext): (readonly [string, string | null])[] {
  const list = words(instruction.args.text, context.mark);
  const [first] = list;
  if (first === undefined) return [];
  if (!first.text.includes('=')) {
    const rest = instruction.args.text.slice(first.end).trim();
    return [[first.text, rest === '' ? '' : (expanded(rest, instruction, context) ?? null)]];
  }
  return list.map(({ text }) => {
    const cut = text.indexOf('=');
    const name = cut < 0 ? text : text.slice(0, cut);
    return [
      expanded(name, instruction, context) ?? name,
      cut < 0 ? '' : (expanded(text.slice(cut + 1), instruction, context) ?? null),
    ];
  });
}

/** True: it was one of them. */
export function configStep(instruction: Instruction, context: StepContext): boolean {
  const { state } = context;
  const { config } = state;
  switch (instruction.name) {
    case 'ARG':
      argument(instruction, context);
      return true;
    case 'ENV':
      // All of a line see the values from before it.
      for (const [name, value] of pairs(instruction, context)) {
        config.env.set(name, value);
        state.named.set(`ENV ${name}`, instruction);
      }
      return true;
    case 'LABEL':
      for (const [name, value] of pairs(instruction, context)) if (value !== null) config.labels[name] = value;
      return true;
    case 'USER':
      config.user = expanded(instruction.args.text.trim(), instruction, context);
      break;
    case 'EXPOSE':
      for (const word of wordsOf(instruction, context)) if (word !== undefined) expose(word, instruction, config, state);
      return true;
    case 'VOLUME':
      for (const path of instruction.json ?? wordsOf(instruction, context)) {
        if (path === undefined || config.volumes.includes(path)) continue;
        config.volumes.push(path);
        state.named.set(`VOLUME ${path}`, instruction);
      }
      return true;
    case 'ENTRYPOINT':
      config.entrypoint = commandOf(instruction, config);
      if (!state.set.has('CMD') || state.set.get('CMD') === INHERITED) config.cmd = [];
      break;
    case 'CMD':
      config.cmd = commandOf(instruction, config);
      break;
    case 'SHELL':
      if (instruction.json === undefined || instruction.json.length === 0)
        context.problems.push(problemAt(context.file, instruction.span.start, 'SHELL requires the arguments to be in JSON form'));
      else config.shell = instruction.json;
      break;
    case 'STOPSIGNAL':
      config.stopSignal = expanded(instruction.args.text.trim(), instruction, context);
      break;
    case 'HEALTHCHECK':
      config.healthcheck = healthcheck(instruction, config);
      break;
    case 'ONBUILD':
      if (instruction.onbuild !== undefined) config.onbuild = [...config.onbuild, instruction.args.text];
      return true;
    case 'MAINTAINER':
      return true;
    default:
      return false;
  }
  state.set.set(instruction.name, instruction);
  return true;
}

/** Stands for an instruction of the base. */
export const INHERITED: Instruction = { name: '' } as Instruction;

function argument(instruction: Instruction, context: StepContext): void {
  const { state, buildArgs, globalArgs } = context;
  for (const { name, value } of argsOf(instruction, context.mark)) {
    const given = buildArgs.get(name);
    if (given !== undefined) state.args.set(name, given);
    else if (value !== undefined) state.args.set(name, expanded(value, instruction, context) ?? null);
    else if (globalArgs.has(name)) state.args.set(name, globalArgs.get(name) ?? null);
    // A base that is not known may set it as well, but then it is no argument's doing.
    else if (!state.args.has(name) && state.baseMissing !== undefined) state.args.set(name, '');
  }
}

function expose(word: string, instruction: Instruction, config: ConfigDraft, state: StageState): void {
  const [, first = '', last = first, protocol = 'tcp'] = /^(?:\S*:)?(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(word) ?? [];
  if (first === '' || Number(last) - Number(first) > 1000) return;
  for (let port = Number(first); port <= Number(last); port += 1) {
    const spec = `${port}/${protocol.toLowerCase()}`;
    if (!config.exposedPorts.includes(spec)) config.exposedPorts.push(spec);
    state.named.set(`EXPOSE ${spec}`, instruction);
  }
}

/** The exec form as it is, the shell form behind the shell. */
function commandOf({ json, args }: Instruction, { shell }: ConfigDraft): readonly string[] {
  if (json !== undefined) return json;
  return args.text.trim() === '' ? [] : [...(shell ?? DEFAULT_SHELL), args.text];
}

function healthcheck({ args, flags, json: _json }: Instruction, { shell }: ConfigDraft): Healthcheck | undefined {
  const [, kind = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(args.text.trim()) ?? [];
  if (kind.toUpperCase() === 'NONE') return { test: ['NONE'] };
  if (kind.toUpperCase() !== 'CMD') return undefined;
  let list: readonly string[] | undefined;
  try {
    const value: unknown = rest.startsWith('[') ? JSON.parse(rest) : undefined;
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) list = value;
  } catch {
    list = undefined; // a shell's line that begins with a bracket
  }
  void shell;
  const nanoseconds = (name: string): number | undefined => durationOf(flags.find((flag) => flag.name === name)?.value);
  const interval = nanoseconds('interval');
  const timeout = nanoseconds('timeout');
  const startPeriod = nanoseconds('start-period');
  const retries = Number(flags.find((flag) => flag.name === 'retries')?.value ?? Number.NaN);
  return {
    test: list === undefined ? ['CMD-SHELL', rest] : ['CMD', ...list],
    ...(interval === undefined ? {} : { interval }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(startPeriod === undefined ? {} : { startPeriod }),
    ...(Number.isInteger(retries) ? { retries } : {}),
  };
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!,
    0,
  );
}
