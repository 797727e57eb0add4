/** `unroot fix` on manifests: decides for each container, plans the changes, and keeps only those after which `check` finds nothing new. */
import type { Diagnostic, Finding } from '../finding/finding.ts';
import { findingKey } from '../fixes/need.ts';
import { type ChangedManifests, changeManifests } from '../input/changed-manifests.ts';
import type { LoadedManifests } from '../input/manifests.ts';
import type { ChangedText } from '../input/write-texts.ts';
import { type FixedFile, SCHEMA_VERSION, type TextFix, type TextFixReport } from '../report/report.ts';
import { reported } from '../report/reported-finding.ts';
import type { SourceFile } from '../text/source-file.ts';
import { unifiedDiff } from '../text/unified-diff.ts';
import type { ContainerChange } from '../workload/change.ts';
import { planChanges } from '../workload/formats/kubernetes/changes.ts';
import type { ObjectChange } from '../workload/formats/kubernetes/object-change.ts';
import { check } from './check-manifests.ts';
import { type Decided, type DecideOptions, decide } from './fix-container.ts';
import { type AnyWorkload, containersOf, unusedImages } from './manifest-containers.ts';

export interface FixedManifests {
  readonly report: TextFixReport;
  readonly objects: readonly ObjectChange[];
  /** Of all files with objects, those that stay as they are too. */
  readonly texts: readonly ChangedText[];
}

/** `target`: what was named, in words. */
export async function fixManifests(
  target: string,
  loaded: LoadedManifests,
  options: DecideOptions & { readonly writes?: boolean },
): Promise<FixedManifests> {
  const { profile, images, signal, user } = options;
  const decided: Decided[] = [];
  const before: Finding[][] = [];
  for (const one of containersOf(loaded.workloads)) {
    signal.throwIfAborted();
    decided.push(await decide(one, options));
    before.push([...(await check(one, profile, undefined, images, signal)).findings]);
  }
  const sources = sourcesOf(loaded, decided);
  let settled = decided;
  let tried = await attempt(settled);
  // What makes something worse is taken back: first what bars capabilities, then all of it.
  for (const retreat of [withoutBars, unchangedBut]) {
    const worse = settled.map((_, index) => worseThan(before[index]!, tried.after[index]!));
    if (worse.every((found) => found === undefined)) break;
    settled = settled.map((one, index) => (worse[index] === undefined ? one : retreat(one, worse[index])));
    tried = await attempt(settled);
  }

  async function attempt(all: readonly Decided[]): Promise<Attempt> {
    const wanted = new Map<Decided['one']['workload'], ContainerChange[]>();
    for (const { one, change } of all)
      if (change !== undefined) wanted.set(one.workload, [...(wanted.get(one.workload) ?? []), change]);
    const planned = planChanges(
      [...wanted].map(([workload, changes]) => ({ workload, changes })),
      loaded,
    );
    const written = changeManifests(planned.objects, sources, loaded.groups);
    const after: Finding[][] = [];
    const sameOrder = [...containersOf(written.again.workloads)];
    for (const [index, one] of sameOrder.entries())
      after.push(
        all[index]?.change?.image === undefined ? [...(await check(one, profile, undefined, images, signal)).findings] : [],
      );
    const users = sameOrder.map(({ container: { settings } }) =>
      settings.runAsUser === undefined ? undefined : `${settings.runAsUser}:${settings.runAsGroup ?? 0}`,
    );
    return {
      objects: planned.objects,
      editsOf: written.editsOf,
      problems: [...planned.problems, ...written.problems],
      texts: written.texts,
      unwritten: written.unwritten,
      after,
      users,
    };
  }

  // What was decided and no file can say is not done.
  settled = settled.map((one) => {
    const why = one.outcome === 'changed' ? tried.unwritten.get(one.one.workload.object) : undefined;
    return why === undefined ? one : { ...one, outcome: 'left', message: why, reasons: new Map([['', why]]) };
  });
  const changedObjects = new Set(tried.objects.map(({ object }) => object));
  const fixes = fixesOf(tried, settled, before);
  const unresolved = tried.after.flatMap((findings, index) =>
    reported(findings, []).map((finding) => {
      // Of files that stay as they are, the lines are those that are there.
      const was = options.writes === true ? undefined : before[index]!.find((one) => findingKey(one) === findingKey(finding));
      return { ...finding, where: was?.where ?? finding.where, reason: reasonFor(finding, settled[index]!) };
    }),
  );
  const files: FixedFile[] = tried.texts
    .filter((one) => one.before !== one.after)
    .map((one) => ({ path: one.path, diff: unifiedDiff(one.path, one.before, one.after) }));
  const report: TextFixReport = {
    schemaVersion: SCHEMA_VERSION,
    kind: 'fix',
    target,
    platform: profile.name,
    user: user ?? 'as decided',
    containers: settled.map(({ one, outcome, message, verdict, layout }, index) => ({
      object: nameOf(one.workload),
      container: one.container.name,
      ...(one.container.image === undefined ? {} : { image: one.container.image }),
      outcome: outcome === 'changed' && !changedObjects.has(one.workload.object) ? 'as wanted' : outcome,
      ...(tried.users[index] === undefined ? {} : { user: tried.users[index] }),
      ...(message === undefined ? {} : { message }),
      ...(verdict === undefined ? {} : { verdict }),
      ...(layout === undefined ? {} : { layout }),
    })),
    fixes,
    files,
    wrote: false,
    unresolved,
    diagnostics: [...loaded.problems, ...tried.problems, ...unusedImages(images)],
    unknown: [...new Set(settled.flatMap((one) => one.unknown))],
  };
  return { report, objects: tried.objects, texts: tried.texts };
}

interface Attempt {
  readonly objects: readonly ObjectChange[];
  readonly editsOf: ChangedManifests['editsOf'];
  readonly problems: readonly Diagnostic[];
  readonly texts: readonly ChangedText[];
  readonly unwritten: ChangedManifests['unwritten'];
  /** Of each container, in the order of the files. */
  readonly after: readonly (readonly Finding[])[];
  readonly users: readonly (string | undefined)[];
}

/** Every file that holds an object, in the order in which they were read; those of overlays and charts are not written in one place. */
function sourcesOf({ others, groups }: LoadedManifests, decided: readonly Decided[]): readonly SourceFile[] {
  const made = new Set(groups.map(({ source }) => source));
  return [...new Set([...decided.map(({ one }) => one.workload.object.source), ...others.map(({ source }) => source)])].filter(
    (source) => !made.has(source),
  );
}

/** The first finding that was not there before and is no mere information. */
export function worseThan(before: readonly Finding[], after: readonly Finding[]): Finding | undefined {
  const known = new Set(before.map(findingKey));
  return after.find((one) => one.severity !== 'info' && !known.has(findingKey(one)));
}

/** What bars capabilities is taken back. */
export function withoutBars<W extends AnyWorkload>(one: Decided<W>, worse: Finding | undefined): Decided<W> {
  if (one.change === undefined) return one;
  const { capDrop: _drop, noNewPrivileges: _bar, ...change } = one.change;
  return {
    ...one,
    change,
    message: `capabilities and escalation stay as they are: without them ${worse?.message ?? 'it does not work'}`,
  };
}

/** All of it is taken back. */
export function unchangedBut<W extends AnyWorkload>(one: Decided<W>, worse: Finding | undefined): Decided<W> {
  const message = `it stays as it is: otherwise ${worse?.message ?? 'it does not work'}`;
  const { change: _, ...rest } = one;
  return {
    ...rest,
    outcome: 'left',
    message,
    reasons: new Map([['', message]]),
  };
}

/** `Deployment/web`. */
export const nameOf = ({ kind, name }: { readonly kind: string; readonly name: string }): string => `${kind}/${name}`;

/** Why a finding is left. */
export const reasonFor = (finding: Finding, { reasons, message }: Pick<Decided, 'reasons' | 'message'>): string =>
  reasons.get(findingKey(finding)) ??
  reasons.get(finding.id) ??
  reasons.get('') ??
  message ??
  'no change of the manifest answers it';

/** One for each object that changes, with the edits in it. */
function fixesOf(
  { objects, editsOf, after }: Attempt,
  settled: readonly Decided[],
  before: readonly (readonly Finding[])[],
): readonly TextFix[] {
  const order = [...new Set(objects.map(({ object }) => object.source))];
  const inOrder = order.flatMap((source) => objects.filter(({ object }) => object.source === source));
  return inOrder.flatMap(({ object }): readonly TextFix[] => {
    const placed = editsOf(object);
    if (placed.length === 0) return [];
    const containers = settled.flatMap((one, index) =>
      one.one.workload.object === object && one.change !== undefined ? [{ one, index }] : [],
    );
    const answers = containers.flatMap(({ index }) => {
      const left = new Set(after[index]!.map(findingKey));
      return before[index]!.map(findingKey).filter((key) => !left.has(key));
    });
    const names = containers.map(({ one }) => one.one.container.name);
    return [
      {
        id: containers.length === 0 ? 'port-follows' : 'pod-security-context',
        subject: nameOf(object),
        object: nameOf(object),
        title:
          containers.length === 0
            ? `${nameOf(object)}: follows a port that moves`
            : `${nameOf(object)}: settings of ${names.join(', ')}`,
        disposition: containers.every(
          ({ one }) => one.outcome === 'changed' && (one.verdict === 'proved' || one.change?.user === undefined),
        )
          ? 'safe'
          : 'needs-review',
        answers: [...new Set(answers)],
        layer: [],
        run: {},
        edits: placed,
      },
    ];
  });
}
