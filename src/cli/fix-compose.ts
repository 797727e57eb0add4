/** `unroot fix` on compose projects, behind the pods: the same decisions for each service, written into the files of its project. */
import type { Diagnostic, Finding } from '../finding/finding.ts';
import { findingKey } from '../fixes/need.ts';
import type { LoadedManifests } from '../input/manifests.ts';
import type { FixedContainer, TextFix, TextFixReport } from '../report/report.ts';
import { reported } from '../report/reported-finding.ts';
import { positionAt, type SourceFile, sourceFile } from '../text/source-file.ts';
import { unifiedDiff } from '../text/unified-diff.ts';
import { keyText, resolved } from '../text/yaml/node.ts';
import { locate } from '../text/yaml/path.ts';
import { readYaml } from '../text/yaml/read.ts';
import { sameValue } from '../text/yaml/value-change.ts';
import type { WrittenChange } from '../workload/change.ts';
import { composeChanges } from '../workload/formats/compose/changes.ts';
import { isRaw } from '../workload/formats/compose/raw-service.ts';
import type { ComposeProject } from '../workload/formats/compose/read.ts';
import type { Together } from './compose-together.ts';
import { type FixedManifests, nameOf, reasonFor } from './fix-manifests.ts';
import { unusedImages } from './manifest-containers.ts';
import { proofReport, sharedNotes } from './project-proof.ts';
import { type Proved, provedTogether } from './proved-together.ts';
import { type Attempt, afterOf, type DecidedService, type SettleOptions, settleProject } from './settle-compose.ts';

/** What was found for the pods, with the services behind it. */
export async function fixCompose(
  pods: FixedManifests,
  { compose, formats }: LoadedManifests,
  options: SettleOptions & {
    readonly openTogether?: (project: ComposeProject) => Promise<Together | string | undefined>;
    readonly writes?: boolean;
  },
): Promise<FixedManifests> {
  let { report, texts } = pods;
  const unusedBefore = unusedImages(options.images);
  const platforms = formats.includes('kubernetes') ? `${report.platform}, ${options.profile.name}` : options.profile.name;
  report = { ...report, platform: platforms };
  for (const project of compose.projects) {
    const together = await options.openTogether?.(project);
    const fixed = await fixProject(
      project,
      typeof together === 'object' ? { ...options, profile: together.profile, together } : options,
    ).finally(() => (typeof together === 'object' ? together.close() : undefined));
    report = joined(report, fixed.part);
    if (typeof together === 'string') report = { ...report, unknown: [...report.unknown, together] };
    texts = [...texts, ...fixed.texts];
  }
  // Only now it is known which images nobody asked for.
  const early = new Set(unusedBefore.map(({ message }) => message));
  const diagnostics = [...report.diagnostics.filter(({ message }) => !early.has(message)), ...unusedImages(options.images)];
  report = { ...report, diagnostics };
  return { ...pods, report, texts };
}

type Part = Pick<TextFixReport, 'proofs' | 'containers' | 'fixes' | 'files' | 'unresolved' | 'unknown' | 'diagnostics'>;

const joined = (report: TextFixReport, part: Part): TextFixReport => ({
  ...report,
  containers: [...report.containers, ...part.containers],
  ...((part.proofs ?? []).length === 0 ? {} : { proofs: [...(report.proofs ?? []), ...(part.proofs ?? [])] }),
  fixes: [...report.fixes, ...part.fixes],
  files: [...report.files, ...part.files],
  unresolved: [...report.unresolved, ...part.unresolved],
  diagnostics: [...report.diagnostics, ...part.diagnostics],
  unknown: [...new Set([...report.unknown, ...part.unknown])],
});

async function fixProject(
  project: ComposeProject,
  options: SettleOptions & { readonly writes?: boolean },
): Promise<{ readonly part: Part; readonly texts: Attempt['texts'] }> {
  const { before, ...made } = await settleProject(project, options);
  const { settled, tried, proof }: Proved = options.together === undefined ? made : await provedTogether(made, options.together);
  const edited = editedServices(tried);
  const containers = settled.map(({ one, outcome, message, verdict, layout, change }): FixedContainer => {
    const now = tried.project.workloads.find(({ name }) => name === one.workload.name)?.containers[0]?.settings.user;
    return {
      object: nameOf(one.workload),
      container: one.container.name,
      ...(one.container.image === undefined ? {} : { image: one.container.image }),
      outcome: outcome === 'changed' && !edited.has(one.workload.name) ? 'as wanted' : outcome,
      ...(change?.user === undefined || now === undefined ? {} : { user: now }),
      ...(message === undefined ? {} : { message }),
      ...(verdict === undefined ? {} : { verdict }),
      ...(layout === undefined ? {} : { layout }),
    };
  });
  const diagnostics: readonly Diagnostic[] = tried.problems;
  return {
    texts: tried.texts,
    part: {
      containers,
      proofs:
        proof === undefined || options.together === undefined
          ? []
          : [proofReport(project, proof, tried, settled, options.together)],
      fixes: fixesOf(project, tried, settled, before),
      files: tried.texts
        .filter((one) => one.before !== one.after)
        .map((one) => ({ path: one.path, diff: unifiedDiff(one.path, one.before, one.after) })),
      unresolved: settled.flatMap((one, index) =>
        reported(afterOf(tried, one.one.workload.name), []).map((finding) => {
          // Of files that stay as they are, the lines are those that are there.
          const was =
            options.writes === true ? undefined : before[index]?.find((each) => findingKey(each) === findingKey(finding));
          return { ...finding, where: was?.where ?? finding.where, reason: reasonFor(finding, one) };
        }),
      ),
      diagnostics,
      unknown: options.together === undefined ? settled.flatMap((one) => one.unknown) : sharedNotes(settled, options.together),
    },
  };
}

/** The edits of each service that is another one afterwards: of the last one whose name stands before them. */
function editedServices({ edits, texts }: Attempt): ReadonlyMap<string, readonly WrittenChange['edits'][number][]> {
  const out = new Map<string, WrittenChange['edits'][number][]>();
  for (const { path, before, after } of texts) {
    const own = edits.filter(({ file }) => file === path);
    if (own.length === 0) continue;
    const was = servicesOf(sourceFile(path, before));
    const is = servicesOf(sourceFile(path, after));
    const nameAt = (start: number): string | undefined => was.names.findLast((one) => one.start <= start)?.name;
    // A service that is new stands behind another one, which stays; what is merged in stands before all of them.
    for (const [name, value] of was.values)
      if (!sameValue(value, is.values.get(name)))
        out.set(name, [...(out.get(name) ?? []), ...own.filter(({ start }) => nameAt(start) === name)]);
  }
  return out;
}

interface WrittenServices {
  readonly names: readonly { readonly name: string; readonly start: number }[];
  readonly values: ReadonlyMap<string, unknown>;
}

function servicesOf(file: SourceFile): WrittenServices {
  const { documents } = readYaml(file, '1.2');
  return {
    names: documents.flatMap(({ root }) => {
      const services = locate(root, ['services'])?.node;
      const map = services === undefined ? undefined : resolved(services);
      return map?.kind === 'map' ? map.entries.map(({ key }) => ({ name: keyText(key), start: key.start })) : [];
    }),
    values: new Map(
      documents.flatMap(({ value }) => (isRaw(value) && isRaw(value.services) ? Object.entries(value.services) : [])),
    ),
  };
}

/** One for each service that changes, whole: applied alone, what it leaves is a project. */
function fixesOf(
  project: ComposeProject,
  tried: Attempt,
  settled: readonly DecidedService[],
  before: readonly (readonly Finding[])[],
): readonly TextFix[] {
  const sources = new Map(tried.texts.map(({ path, before: text }) => [path, sourceFile(path, text)]));
  return [...editedServices(tried)].flatMap(([name, placed]): readonly TextFix[] => {
    const index = settled.findIndex(({ one }) => one.workload.name === name);
    const one = settled[index];
    const left = new Set(afterOf(tried, name).map(findingKey));
    const object = one === undefined ? `service/${name}` : nameOf(one.one.workload);
    // Others that follow it, and the service that hands its volumes over, are written somewhere else.
    const alone = one?.change === undefined ? [] : composeChanges(project, [one.change]).edits;
    const follows = alone.length === 0;
    const edits = follows ? placed : alone;
    const sure = one?.outcome === 'changed' && (one.verdict === 'proved' || one.change?.user === undefined);
    if (edits.length === 0) return [];
    return [
      {
        id: follows ? 'port-follows' : 'service-settings',
        subject: object,
        object,
        title: follows ? `${object}: follows a port that moves` : `${object}: its user, and what it may do`,
        disposition: sure ? 'safe' : 'needs-review',
        answers: [...new Set((before[index] ?? []).map(findingKey).filter((key) => !left.has(key)))],
        layer: [],
        run: {},
        edits: edits.map((edit) => ({ ...edit, ...positionAt(sources.get(edit.file) as SourceFile, edit.start) })),
      },
    ];
  });
}
