/** The proof of a project with what led to it, as its document. */
import type { ProjectProof } from '../compose/prove-project.ts';
import { projectReport } from '../report/project-documents.ts';
import type { ProjectProveReport } from '../report/report.ts';
import { unifiedDiff } from '../text/unified-diff.ts';
import type { ComposeProject } from '../workload/formats/compose/read.ts';
import type { Together } from './compose-together.ts';
import type { Attempt, DecidedService } from './settle-compose.ts';

/** What is the same for all services is said once; the network is the project's. */
export function sharedNotes(settled: readonly DecidedService[], together: Together): readonly string[] {
  const own = settled.flatMap(({ one, unknown }) => {
    const before = `${one.container.name}: `;
    return unknown.map((text) => (text.startsWith(before) ? { before, text: text.slice(before.length) } : { before: '', text }));
  });
  const everywhere = new Set(
    own.filter(({ text, before }) => own.some((other) => other.text === text && other.before !== before)).map(({ text }) => text),
  );
  const all = new Set([
    ...own.map(({ before, text }) => (everywhere.has(text) ? text : `${before}${text}`)),
    ...together.notes(),
  ]);
  return [...all].filter((text) => !/^(?:[\w.-]+: )?network: loopback only/.test(text));
}

export function proofReport(
  project: ComposeProject,
  proof: ProjectProof,
  tried: Attempt,
  settled: readonly DecidedService[],
  together: Together,
): ProjectProveReport {
  const changes = new Map(settled.map(({ one, change }) => [one.workload.name, change]));
  return projectReport(proof, {
    target: project.sources.map(({ path }) => (path === '-' ? 'standard input' : path)).join(', '),
    project: project.name,
    platform: together.profile.name,
    engine: together.engine,
    images: new Map(
      project.workloads.flatMap(({ name, containers: [one] }) => (one?.image === undefined ? [] : [[name, one.image]])),
    ),
    moved: (name) => (changes.get(name)?.ports ?? []).map(({ from, to }) => ({ from, to })),
    rounds: (name) => together.rounds(name),
    files: tried.texts
      .filter((one) => one.before !== one.after)
      .map((one) => ({ path: one.path, diff: unifiedDiff(one.path, one.before, one.after) })),
    unknown: sharedNotes(settled, together),
  });
}
