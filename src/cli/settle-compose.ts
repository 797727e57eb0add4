/** What becomes of the services of a project: decided for each, written, and taken back where `check` would find more than before. */
import { resolve } from 'node:path';
import type { Finding } from '../finding/finding.ts';
import { withBoundFiles } from '../input/bound-files.ts';
import { composeFiles } from '../input/compose-files.ts';
import { applyEdits, editsByFile } from '../text/edits.ts';
import { type SourceFile, sourceFile } from '../text/source-file.ts';
import type { WrittenChange } from '../workload/change.ts';
import { composeChanges } from '../workload/formats/compose/changes.ts';
import { type ComposeProject, type ComposeWorkload, readComposeProject } from '../workload/formats/compose/read.ts';
import { mountedFiles } from '../workload/mounted-files.ts';
import { check } from './check-manifests.ts';
import type { Together } from './compose-together.ts';
import { withVolumes } from './compose-volumes.ts';
import { type Decided, type DecideOptions, decide } from './fix-container.ts';
import { unchangedBut, withoutBars, worseThan } from './fix-manifests.ts';
import { containersOf } from './manifest-containers.ts';

export type DecidedService = Decided<ComposeWorkload>;

export interface Attempt extends WrittenChange {
  /** Of the project's files, those that stay as they are too. */
  readonly texts: readonly { readonly path: string; readonly before: string; readonly after: string }[];
  readonly project: ComposeProject;
  /** Of each service, in the order of the project. */
  readonly after: readonly (readonly Finding[])[];
}

export interface SettleOptions extends DecideOptions {
  /** The services are looked at together; absent = each by itself. */
  readonly together?: Together;
}

export interface Settled {
  readonly settled: readonly DecidedService[];
  readonly tried: Attempt;
  /** Of each service as it is written. */
  readonly before: readonly (readonly Finding[])[];
  /** Writes other decisions. */
  attempt(all: readonly DecidedService[]): Promise<Attempt>;
}

export async function settleProject(project: ComposeProject, options: SettleOptions): Promise<Settled> {
  const { profile, images, signal } = options;
  const findingsIn = async (read: ComposeProject, all?: readonly DecidedService[]): Promise<Finding[][]> => {
    const out: Finding[][] = [];
    for (const one of containersOf(read.workloads)) {
      signal.throwIfAborted();
      const decided = all?.find((each) => each.one.workload.name === one.workload.name);
      // A name that somebody gives the new image stands for nothing that could be looked at.
      if (all !== undefined && (decided === undefined || decided.change?.image !== undefined)) out.push([]);
      else out.push([...(await check(one, profile, undefined, images, signal)).findings]);
    }
    return out;
  };
  const before = await findingsIn(project);
  const decided = await decideAll(project, options);
  let settled: DecidedService[] = [];
  for (const one of decided) settled.push(await withVolumes(one, decided, images));
  let tried = await attempt(project, settled, findingsIn);
  for (const retreat of [withoutBars, unchangedBut]) {
    const worse = settled.map(({ one }, index) => worseThan(before[index] ?? [], afterOf(tried, one.workload.name)));
    if (worse.every((found) => found === undefined)) break;
    settled = settled.map((one, index) => (worse[index] === undefined ? one : retreat(one, worse[index])));
    tried = await attempt(project, settled, findingsIn);
  }
  return { settled, tried, before, attempt: (all) => attempt(project, all, findingsIn) };
}

/** Together they wait for each other's runs, so they are all begun at once. */
async function decideAll(project: ComposeProject, options: SettleOptions): Promise<readonly DecidedService[]> {
  const { together } = options;
  const all = [...containersOf(project.workloads)];
  const out: DecidedService[] = [];
  if (together === undefined) for (const one of all) out.push(await decide(one, options));
  else {
    const asked: DecideOptions = { ...options, prove: (image, one) => together.prove(image, one) };
    const results = await Promise.allSettled(
      all.map((one) => decide(one, asked).finally(() => together.done(one.workload.name))),
    );
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      out.push(result.value);
    }
  }
  return out;
}

async function attempt(
  project: ComposeProject,
  all: readonly DecidedService[],
  findingsIn: (read: ComposeProject, all: readonly DecidedService[]) => Promise<Finding[][]>,
): Promise<Attempt> {
  const written = composeChanges(
    project,
    all.flatMap(({ change }) => change ?? []),
  );
  const byFile = editsByFile(written.edits);
  const ofProject = filesOf(project).map(({ path, text }) => ({
    path,
    before: text,
    after: applyEdits(text, byFile.get(path) ?? []).text,
  }));
  const texts = [...ofProject, ...configTexts(project, all)];
  const after = new Map(ofProject.map((one) => [one.path, sourceFile(one.path, one.after)]));
  const read = readComposeProject(
    project.sources.map(({ path }) => after.get(path) as SourceFile),
    composeFiles([...after.values()]),
  );
  const again = withBoundFiles(read, new Map(texts.map((one) => [resolve(one.path), one.after])));
  return { ...written, texts, project: again, after: await findingsIn(again, all) };
}

/** Bound configuration with what it must say; two services that want other things of one file get neither, and `check` finds that. */
function configTexts(project: ComposeProject, all: readonly DecidedService[]): Attempt['texts'] {
  const wanted = new Map<string, string | undefined>();
  for (const { change } of all)
    for (const { name, text } of change?.configFiles ?? [])
      wanted.set(name, wanted.has(name) && wanted.get(name) !== text ? undefined : text);
  const before = new Map(
    project.workloads.flatMap(({ containers }) =>
      containers.flatMap(({ settings }) => mountedFiles(settings).files.map(({ name, text }) => [name, text] as const)),
    ),
  );
  return [...wanted].flatMap(([path, text]) => {
    const was = before.get(path);
    return text === undefined || was === undefined ? [] : [{ path, before: was, after: text }];
  });
}

/** Those that hold services; environment files are nobody's to change. */
const filesOf = ({ sources, others }: ComposeProject): readonly SourceFile[] => [
  ...sources,
  ...others.filter(({ text }) => text.includes('services')),
];

export const afterOf = ({ project, after }: Attempt, name: string): readonly Finding[] =>
  after[project.workloads.findIndex((workload) => workload.name === name)] ?? [];
