/** The stages of a Dockerfile: what each is built from, with the arguments that may stand before the first FROM put in. */
import { type Expanded, expand, type Lookup, words } from '../../../text/dockerfile/expand.ts';
import type { Dockerfile, Instruction } from '../../../text/dockerfile/instruction.ts';
import { problemAt } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';

/** What `FROM` names. */
export type StageBase =
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'scratch' }
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Stage {
  readonly index: number;
  /** Behind `AS`, in lower case: builders compare so. */
  readonly name?: string;
  readonly from: Instruction;
  readonly base: StageBase;
  /** `linux/arm64`. */
  readonly platform?: string;
  readonly instructions: readonly Instruction[];
}

export interface Stages {
  readonly dockerfile: Dockerfile;
  readonly stages: readonly Stage[];
  /** Arguments before the first FROM, with their values; null = nobody knows it. */
  readonly globalArgs: ReadonlyMap<string, string | null>;
  readonly problems: readonly TextProblem[];
}

export interface StageOptions {
  /** `--build-arg`. */
  readonly buildArgs?: ReadonlyMap<string, string>;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
}

/** Arguments that builders set by themselves (Dockerfile reference, "Automatic platform ARGs in the global scope"). */
function platformArgs({ platform }: StageOptions): Map<string, string | null> {
  const { os = 'linux', architecture = 'amd64', variant } = platform ?? {};
  const name = `${os}/${architecture}${variant === undefined ? '' : `/${variant}`}`;
  return new Map<string, string | null>([
    ['TARGETPLATFORM', name],
    ['TARGETOS', os],
    ['TARGETARCH', architecture],
    ['TARGETVARIANT', variant ?? ''],
    ['BUILDPLATFORM', null],
    ['BUILDOS', os],
    ['BUILDARCH', null],
    ['BUILDVARIANT', null],
  ]);
}

export function readStages(dockerfile: Dockerfile, options: StageOptions = {}): Stages {
  const { file, instructions } = dockerfile;
  const problems: TextProblem[] = [...dockerfile.problems];
  const automatic = platformArgs(options);
  const globalArgs = new Map<string, string | null>();
  const lookup: Lookup = (name) => (globalArgs.has(name) ? globalArgs.get(name) : automatic.get(name));
  const open: { from: Instruction; instructions: Instruction[] }[] = [];
  for (const one of instructions) {
    if (one.name === 'FROM') open.push({ from: one, instructions: [] });
    else if (open.length > 0) open.at(-1)!.instructions.push(one);
    else if (one.name === 'ARG') {
      for (const { name, value } of argsOf(one, dockerfile.escape)) {
        const given = options.buildArgs?.get(name);
        const own = value === undefined ? undefined : textOf(expand(value, lookup, dockerfile.escape), one, problems, dockerfile);
        if (given !== undefined) globalArgs.set(name, given);
        else if (own !== undefined) globalArgs.set(name, own);
      }
    } else
      problems.push(
        problemAt(file, one.span.start, `no build stage in current context: ${one.name} stands before the first FROM`),
      );
  }
  const stages: Stage[] = [];
  for (const { from, instructions: inside } of open) stages.push(stageOf(stages, from, inside, dockerfile, lookup, problems));
  if (stages.length === 0 && !problems.some(({ severity }) => severity === 'error'))
    problems.push(problemAt(file, 0, 'the file has no FROM: nothing is built'));
  for (const [name, value] of automatic) if (!globalArgs.has(name)) globalArgs.set(name, value);
  return { dockerfile, stages, globalArgs, problems };
}

function textOf(
  outcome: Expanded,
  { span }: Instruction,
  problems: TextProblem[],
  { file }: Dockerfile,
): string | null | undefined {
  if ('text' in outcome) return outcome.text;
  if ('error' in outcome) problems.push(problemAt(file, span.start, `failed to process: ${outcome.error}`));
  return null;
}

/** `ARG a b=c`: names with their defaults, as written. */
export function argsOf({ args }: Instruction, mark: string): { readonly name: string; readonly value?: string }[] {
  return words(args.text, mark).map(({ text }) => {
    const equals = text.indexOf('=');
    return equals < 0 ? { name: text } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
  });
}

function stageOf(
  before: readonly Stage[],
  from: Instruction,
  instructions: readonly Instruction[],
  dockerfile: Dockerfile,
  lookup: Lookup,
  problems: TextProblem[],
): Stage {
  const { file, escape: mark } = dockerfile;
  const [base, as, name, ...rest] = words(from.args.text, mark);
  const bad = (text: string): void => {
    problems.push(problemAt(file, from.span.start, text));
  };
  if (rest.length > 0 || (as !== undefined && (as.text.toLowerCase() !== 'as' || name === undefined)))
    bad('FROM takes an image, or an image AS a name');
  if (name !== undefined && !/^[a-zA-Z][a-zA-Z0-9_.-]*$/.test(name.text))
    bad(`invalid name for build stage: ${JSON.stringify(name.text)}`);
  const platformFlag = from.flags.find((flag) => flag.name === 'platform')?.value;
  const platform = platformFlag === undefined ? undefined : expand(platformFlag, lookup, mark);
  return {
    index: before.length,
    ...(name === undefined ? {} : { name: name.text.toLowerCase() }),
    from,
    base: baseOf(base?.text ?? '', before, lookup, mark, bad),
    ...(platform !== undefined && 'text' in platform && platform.text !== '' ? { platform: platform.text } : {}),
    instructions,
  };
}

function baseOf(word: string, before: readonly Stage[], lookup: Lookup, mark: string, bad: (text: string) => void): StageBase {
  if (/\{\{|\}\}/.test(word)) {
    bad('FROM is a template: write the Dockerfile first, then name it');
    return { kind: 'unknown', why: 'FROM is a template' };
  }
  const outcome = expand(word, lookup, mark);
  if ('unknown' in outcome) return { kind: 'unknown', why: `FROM needs $${outcome.unknown}, which only the builder knows` };
  if ('error' in outcome) {
    bad(`failed to process ${JSON.stringify(word)}: ${outcome.error}`);
    return { kind: 'unknown', why: outcome.error };
  }
  const reference = outcome.text;
  if (reference === '') {
    bad(`base name (${word}) should not be blank: give its argument with --build-arg`);
    return { kind: 'unknown', why: `FROM ${word} is blank` };
  }
  const stage = stageNamed(before, reference);
  if (stage !== undefined) return { kind: 'stage', index: stage.index };
  if (reference === 'scratch') return { kind: 'scratch' };
  return { kind: 'image', reference };
}

/** The last one of that name counts. */
export const stageNamed = (stages: readonly Stage[], name: string): Stage | undefined =>
  stages.findLast((stage) => stage.name === name.toLowerCase());

/** `--target`, `COPY --from`: a name, or a number from 0. */
export function stageCalled(stages: readonly Stage[], text: string): Stage | undefined {
  return stageNamed(stages, text) ?? (/^\d+$/.test(text) ? stages[Number(text)] : undefined);
}
