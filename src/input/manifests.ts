/** Reads the manifests of targets, or says that there is nothing to look at. */
import { UnrootError } from '../error.ts';
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { type KubernetesWorkload, type Manifests, scanManifests } from '../workload/formats/kubernetes/read.ts';
import { readManifestFiles } from './manifest-files.ts';

export interface LoadedManifests extends Omit<Manifests, 'workloads'> {
  /** Each is worked out when it is its turn, every time. */
  readonly workloads: Iterable<KubernetesWorkload>;
  /** Files that have nothing to do with Kubernetes. */
  readonly foreignFiles: number;
}

/**
 * Throws with exit 3 when no target holds anything that makes pods and nothing was wrong, with exit 2 when not one file could be read. What is
 * wrong beside that is for the caller: it may have no workloads.
 */
export function loadManifests(targets: readonly string[]): LoadedManifests {
  const { files, problems: unread } = readManifestFiles(targets);
  const [first] = unread;
  if (files.length === 0 && first !== undefined)
    throw new UnrootError(first.message, {
      code: 'input.unreadable',
      where: first.where,
      expected: 'a manifest, a folder of manifests, or - for standard input',
      ...(unread.length > 1 ? { hint: `nor could ${unread.length - 1} more be read` } : {}),
    });
  // What somebody named is read whatever it is; what was only found in a folder must look like it: others have YAML and JSON too.
  const named = new Set(targets);
  const looked = files.filter((file) => named.has(file.path) || looksLikeIt(file));
  const { holders, workload, ...read } = scanManifests(looked);
  const problems: readonly TextProblem[] = [...unread, ...read.problems];
  if (holders.length === 0 && !problems.some(({ severity }) => severity === 'error')) throw nothing(targets, files.length, read);
  const workloads: Iterable<KubernetesWorkload> = {
    *[Symbol.iterator]() {
      for (const holder of holders) yield workload(holder);
    },
  };
  return { ...read, workloads, problems, foreignFiles: files.length - looked.length };
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
            ? 'no document in it is a Kubernetes object'
            : 'it holds no Kubernetes object';
  return new UnrootError(`Nothing to analyse in ${names}: ${found}`, {
    code: 'input.nothing',
    ...(problem === undefined ? {} : { where: problem.where }),
    expected: 'a Pod, or something that makes pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob …',
    exitCode: 3,
  });
}
