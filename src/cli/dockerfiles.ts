/** What the commands that take Dockerfiles share: flags, bases, the build context, and the prediction of what would be built. */
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { type PredictedBuild, type PredictedStage, predictBuild } from '../build/predict-build.ts';
import type { OpaqueStep } from '../build/stage-state.ts';
import { UnrootError } from '../error.ts';
import type { Diagnostic } from '../finding/finding.ts';
import type { Image } from '../image/image.ts';
import { readBuildContext } from '../input/build-context.ts';
import { dockerfilesIn, isFolder, manifestNamesIn, readDockerfile } from '../input/dockerfiles.ts';
import { targetKind } from '../input/target-kind.ts';
import { parseDockerfile } from '../text/dockerfile/parse-dockerfile.ts';
import type { SourceFile } from '../text/source-file.ts';
import { readStages, type Stage, stageCalled } from '../workload/formats/dockerfile/stages.ts';
import type { ContainerImages } from './container-images.ts';
import { usageError } from './usage-error.ts';

export interface DockerfileFlags {
  readonly buildArg?: readonly string[];
  readonly target?: string;
  readonly context?: string;
}

/** `--build-arg`, `--target`, `--context`. */
export function addDockerfile(command: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Dockerfiles:');
  return command
    .addOption(
      option('--build-arg <name=value>', 'value of an ARG (repeatable)').argParser(
        (value: string, before: readonly string[] | undefined) => [...(before ?? []), value],
      ),
    )
    .addOption(option('--target <stage>', 'the stage that is built, as for docker build (default: the last one)'))
    .addOption(option('--context <dir>', 'the folder that COPY takes files from (default: that of the Dockerfile)'));
}

/** Dockerfiles among the targets, and in those that are folders. */
export const dockerfilesOf = (targets: readonly string[]): readonly string[] => [
  ...new Set(
    targets.flatMap((target) => {
      const kind = targetKind(target);
      if (kind === 'dockerfile') return [target];
      return kind === 'manifests' && target !== '-' && isFolder(target) ? dockerfilesIn(target) : [];
    }),
  ),
];

export interface ReadBuild {
  readonly file: SourceFile;
  readonly build: PredictedBuild;
  /** Absent: the file says so little that there is none. */
  readonly wanted?: PredictedStage;
  readonly diagnostics: readonly Diagnostic[];
  /** How the result is called: the stage's name, else the file's. */
  readonly name: string;
}

/** Manifest targets that hold more than Dockerfiles: a folder of nothing else has no manifests to look for. */
export function manifestsBeside(manifests: readonly string[], dockerfiles: readonly string[]): readonly string[] {
  if (dockerfiles.length === 0) return manifests;
  return manifests.filter((target) => target === '-' || !isFolder(target) || manifestNamesIn(target));
}

/** A warning that no container has an image of `--image`, where a FROM has it. */
export const aboutUsedImage = (images: ContainerImages, given: readonly string[]): ((one: Diagnostic) => boolean) => {
  const unused = new Set(images.unused());
  const used = given.map((text) => text.slice(0, text.indexOf('='))).filter((name) => !unused.has(name));
  return ({ message }: Diagnostic): boolean =>
    used.some((name) => message === `--image ${name}: no container has an image of that name`);
};

/** What the file would build. `text`: instead of what is on disk. */
export async function readBuild(
  path: string,
  flags: DockerfileFlags,
  images: ContainerImages,
  text?: string,
): Promise<ReadBuild> {
  const read = readDockerfile(path);
  const file: SourceFile = text === undefined ? read : { path, text };
  const buildArgs = argumentsFrom(flags);
  const stages = readStages(parseDockerfile(file), { buildArgs });
  const stage = stageFrom(stages.stages, flags.target, path);
  const context = flags.context ?? dirname(path);
  const build = await predictBuild(stages, stage === undefined ? [] : [stage], {
    buildArgs,
    context: readBuildContext(context, path),
    base: async (reference) => {
      const found = await images.find(reference, async (image): Promise<Image> => image);
      return 'missing' in found ? found : { image: found.value };
    },
  });
  const wanted = stage === undefined ? undefined : build.built.get(stage.index);
  return {
    file,
    build,
    ...(wanted === undefined ? {} : { wanted }),
    diagnostics: [...build.problems, ...baseDiagnostics(build)],
    name: stage?.name ?? `stage ${stage?.index ?? 0}`,
  };
}

/** Bases that are not at hand, each at its FROM. */
const baseDiagnostics = ({ built }: PredictedBuild): Diagnostic[] =>
  [...built.values()].flatMap(({ stage, state }) => {
    if (state.baseMissing === undefined || stage.base.kind === 'stage') return [];
    const { file, line, column } = stage.from.span;
    return [
      {
        severity: 'warning' as const,
        message: `${state.baseMissing}: what hangs on the base is unknown (--image NAME=TARGET says where an image is)`,
        where: { file, line, column },
      },
    ];
  });

function argumentsFrom({ buildArg }: DockerfileFlags): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  for (const text of buildArg ?? []) {
    const cut = text.indexOf('=');
    // docker build takes the value of a name alone from its own environment.
    const [name, value] = cut < 0 ? [text, process.env[text]] : [text.slice(0, cut), text.slice(cut + 1)];
    if (name === '') throw usageError(`--build-arg ${text} is not understood`, 'NAME=VALUE', '--build-arg VERSION=1.27');
    if (value !== undefined) out.set(name, value);
  }
  return out;
}

function stageFrom(stages: readonly Stage[], name: string | undefined, path: string): Stage | undefined {
  if (name === undefined) return stages.at(-1);
  const stage = stageCalled(stages, name);
  if (stage === undefined)
    throw new UnrootError(`target stage "${name}" could not be found in ${path}`, {
      code: 'input.no-stage',
      where: { file: path },
      expected: stages.length === 0 ? 'a file with stages' : `one of ${stages.map((one) => one.name ?? one.index).join(', ')}`,
    });
  return stage;
}

/** What the steps that were not understood leave unknown, in words; the first of many. */
export function unknownTexts(file: SourceFile, opaque: readonly OpaqueStep[]): readonly string[] {
  const texts = [...new Set(opaque.map(textOf(file)))];
  return texts.length <= 8 ? texts : [...texts.slice(0, 8), `${texts.length - 8} more commands of RUN lines were not understood`];
}

const textOf =
  (file: SourceFile) =>
  ({ span, text, kind, path }: OpaqueStep): string => {
    const at = `${file.path}:${span.line}`;
    if (kind === 'packages') return `${at}: which files and accounts ${text} brings is not known`;
    return kind === 'content' && path !== undefined
      ? `${at}: what lies at ${path} after ${text} is not known`
      : `${at}: what ${text} changes is not known`;
  };
