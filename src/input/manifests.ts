/** Reads the manifests of targets, or says that there is nothing to look at. */
import { getHeapStatistics } from 'node:v8';
import { UnrootError } from '../error.ts';
import { type IgnoresOfFiles, ignoresIn } from '../finding/ignores-in.ts';
import { unknownFieldProblems } from '../pod-security/unknown-field-problems.ts';
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import type { ComposeWorkload } from '../workload/formats/compose/read.ts';
import { isTemplateProblem } from '../workload/formats/kubernetes/chart-template.ts';
import { type KubernetesWorkload, type Manifests, scanManifests } from '../workload/formats/kubernetes/read.ts';
import { type ComposeProjects, composeProjects, isComposeFile } from './compose-projects.ts';
import { findGroups, type GroupOptions } from './find-groups.ts';
import { readManifestFiles } from './manifest-files.ts';
import type { RenderedGroup } from './rendered-group.ts';

const MIB = 1024 * 1024;

export interface LoadedManifests extends Omit<Manifests, 'workloads'> {
  /** Each is worked out when it is its turn, every time. */
  readonly workloads: Iterable<KubernetesWorkload>;
  /** Of compose projects. */
  readonly services: readonly ComposeWorkload[];
  /** What they are written in. */
  readonly formats: readonly ('kubernetes' | 'compose')[];
  readonly compose: ComposeProjects;
  /** Files that have nothing to do with Kubernetes or compose. */
  readonly foreignFiles: number;
  /** What their comments and annotations decide about findings. */
  readonly ignores: IgnoresOfFiles;
  /** Overlays and charts: their objects are among the others. */
  readonly groups: readonly RenderedGroup[];
}

/**
 * Throws with exit 3 when no target holds anything that makes pods and nothing was wrong, with exit 2 when not one file could be read. What is
 * wrong beside that is for the caller: it may have no workloads.
 */
export function loadManifests(targets: readonly string[], options: GroupOptions = {}): LoadedManifests {
  const { files: all, problems: unread } = readManifestFiles(targets);
  const { groups, rest: files, problems: ofGroups } = findGroups(all, options);
  const [first] = unread;
  if (all.length === 0 && first !== undefined)
    throw new UnrootError(first.message, {
      code: 'input.unreadable',
      where: first.where,
      expected: 'a manifest, a folder of manifests, or - for standard input',
      ...(unread.length > 1 ? { hint: `nor could ${unread.length - 1} more be read` } : {}),
    });
  // What somebody named is read whatever it is; what was only found in a folder must look like it: others have YAML and JSON too.
  const named = new Set(targets);
  const ofCompose = files.filter(isComposeFile);
  const compose = composeProjects(ofCompose, named);
  const others = ofCompose.length === 0 ? files : files.filter((file) => !ofCompose.includes(file));
  const looked = others.filter((file) => named.has(file.path) || looksLikeIt(file));
  requireSize(targets, looked);
  const { holders, workload, ...read } = scanManifests([...looked, ...groups.map(({ source }) => source)]);
  // Of a chart that nothing renders one word is enough.
  const unrendered = ofGroups.map(({ where }) => where.file.replace(/Chart\.yaml$/, 'templates/'));
  const services = compose.projects.flatMap(({ workloads }) => workloads);
  const problems: readonly TextProblem[] = [
    ...unread,
    ...ofGroups,
    ...groups.flatMap((group) => group.problems),
    ...read.problems.filter(
      ({ message, where }) => !isTemplateProblem(message) || !unrendered.some((chart) => where.file.startsWith(chart)),
    ),
    ...[...new Set(holders.map(({ object }) => object))].flatMap(unknownFieldProblems),
    ...compose.problems,
    ...compose.projects.flatMap((project) => project.problems),
  ];
  if (holders.length === 0 && services.length === 0 && !problems.some(({ severity }) => severity === 'error'))
    throw nothing(targets, all.length, { ...read, problems });
  const workloads: Iterable<KubernetesWorkload> = {
    *[Symbol.iterator]() {
      for (const holder of holders) yield workload(holder);
    },
  };
  const formats = [
    ...(holders.length > 0 ? (['kubernetes'] as const) : []),
    ...(services.length > 0 ? (['compose'] as const) : []),
  ];
  const foreignFiles = others.length - looked.length;
  return {
    ...read,
    workloads,
    services,
    formats,
    compose,
    problems,
    foreignFiles,
    ignores: ignoresIn([...looked, ...ofCompose, ...new Set(groups.flatMap((group) => group.files))]),
    groups,
  };
}

/** All documents are in memory together: forty times their text, with what is said of them. Real collections are a tenth of the least of this. */
const TIMES_TEXT = 48;
const LEAST_TOGETHER = 32 * MIB;
const largestTogether = (): number => Math.max(LEAST_TOGETHER, getHeapStatistics().heap_size_limit / TIMES_TEXT);

function requireSize(targets: readonly string[], files: readonly SourceFile[]): void {
  const size = files.reduce((sum, { text }) => sum + text.length, 0);
  const largest = largestTogether();
  if (size <= largest) return;
  const mib = (bytes: number): number => Math.floor(bytes / MIB);
  const split =
    files.length > 1
      ? 'Name the folders one by one'
      : 'Split it where a line is ---: csplit -z -f part- -b %06d.yaml FILE "/^---/" "{*}", and name some of the parts at a time';
  const heap = Math.ceil((size * TIMES_TEXT) / MIB / 1024) * 1024;
  throw new UnrootError(
    `There are ${mib(size)} MiB of manifests in ${targets.map((one) => (one === '-' ? 'standard input' : one)).join(', ')}`,
    {
      code: 'input.too-large',
      expected: `${mib(largest)} MiB at most in one go`,
      hint: `${split}; or let node have more memory: NODE_OPTIONS=--max-old-space-size=${heap}`,
    },
  );
}

const looksLikeIt = ({ text }: SourceFile): boolean => text.includes('apiVersion') && text.includes('kind');

function nothing(
  targets: readonly string[],
  files: number,
  { others, foreign, problems }: Omit<Manifests, 'workloads'>,
): UnrootError {
  const names = targets.map((one) => (one === '-' ? 'standard input' : one)).join(', ');
  const kinds = [...new Set(others.map(({ kind }) => kind))];
  const [problem] = problems;
  const found =
    files === 0
      ? 'there is no .yaml, .yml or .json file in it'
      : problem !== undefined
        ? problem.message
        : kinds.length > 0
          ? `what is there makes no pods (${kinds.slice(0, 5).join(', ')}${kinds.length > 5 ? ' …' : ''})`
          : foreign > 0
            ? 'no document in it is a Kubernetes object, and it is no compose file'
            : 'it holds no Kubernetes object, and it is no compose file';
  return new UnrootError(`Nothing to analyse in ${names}: ${found}`, {
    code: 'input.nothing',
    ...(problem === undefined ? {} : { where: problem.where }),
    expected:
      'a Pod, or something that makes pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob …; or a compose file with services',
    exitCode: 3,
  });
}
