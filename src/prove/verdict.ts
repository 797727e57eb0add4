/** Compares two runs and says whether the second does the same work as the first, as the user that was asked for. */

import type { Finding } from '../finding/finding.ts';
import { compareDatagrams } from './datagrams.ts';
import { type LogLine, newErrorLines } from './log-lines.ts';
import type { Observation } from './observation.ts';
import { comparePorts, type MovedPorts } from './ports.ts';
import { askedInVain, compareProbes } from './probe-reasons.ts';
import type { Reason } from './reason.ts';
import { compareReload } from './reload.ts';
import { compareServerErrors } from './server-errors.ts';
import { compareVolumeState } from './volume-state.ts';

export type VerdictName = 'proved' | 'failed' | 'inconclusive';

export interface Verdict {
  readonly verdict: VerdictName;
  readonly reasons: readonly Reason[];
}

export interface Expectation {
  /** The uid that every process must have, as the host sees it; absent = whoever it was. */
  readonly hostUid?: number;
  /** Others that it is seen talking to in both runs (`db:5432`), and those of the first run that it no longer talks to. */
  readonly talks?: { readonly kept: readonly string[]; readonly lost: readonly string[] };
  /** Where the outside port moved inside the container: before → after. */
  readonly moved: MovedPorts;
  /** Work seen in the trace of the first run and not in that of the second, in words; from `trace/compare`. */
  readonly lostEffects: readonly string[];
  /** Unix sockets that both watched runs made. */
  readonly sockets: readonly string[];
  /** Denials of the second run that nothing answered, in words, and whether work may be lost by them. */
  readonly leftDenials: readonly { readonly text: string; readonly losesWork: boolean; readonly ownership?: true }[];
  /** Why the first run did not work, where the watched one showed it. */
  readonly whyBroken?: string;
  /** What showed when it was started over the data of an earlier run. */
  readonly oldData?: readonly Reason[];
  /** Where the first run had volumes for its data. */
  readonly volumes?: readonly string[];
  /** The path that HTTP ports were asked for because somebody said so. */
  readonly askedPath?: string;
}

/** proved needs at least one thing that positively worked, nothing bad, and nothing unsure. */
export function judge(before: Observation, after: Observation, expectation: Expectation): Verdict {
  if (!worksByItself(before))
    return { verdict: 'inconclusive', reasons: [{ kind: 'unsure', text: brokenText(before, expectation.whyBroken) }] };
  const reasons: Reason[] = [
    ...compareOutcome(before, after),
    ...(expectation.hostUid === undefined ? [] : compareIdentity(after, expectation.hostUid)),
    ...comparePorts(before, after, expectation.moved),
    ...compareProbes(before.probes, after.probes, expectation.moved),
    ...askedInVain(before.probes, expectation.askedPath),
    ...compareServerErrors(before, after, expectation.moved, expectation.askedPath),
    ...compareDatagrams(before, after, expectation.moved),
    ...compareCommands(before, after),
    ...compareReload(before, after, expectation.moved),
    ...(after.outcome === 'running' ? expectation.sockets : []).map(
      (path): Reason => ({ kind: 'ok', text: `makes socket ${path}, as before` }),
    ),
    ...(expectation.talks?.kept ?? []).map((to): Reason => ({ kind: 'ok', text: `talks to ${to}, as before` })),
    ...(expectation.talks?.lost ?? []).map(
      (to): Reason => ({ kind: 'unsure', text: `was not seen talking to ${to}; before, it was` }),
    ),
    ...expectation.lostEffects.map((text): Reason => ({ kind: 'unsure', text })),
    ...distinct(expectation.leftDenials).map(({ text, losesWork }): Reason => ({ kind: losesWork ? 'unsure' : 'note', text })),
    ...(expectation.oldData ?? []),
    ...compareVolumeState(before, after, expectation.volumes ?? []),
    ...newErrorLines(before, after).map(
      (line): Reason => ({
        kind: line.denial && !isExplained(line, before, expectation) ? 'unsure' : 'note',
        text: `new in its log: ${line.text}`,
      }),
    ),
  ];
  if (reasons.some((reason) => reason.kind === 'bad')) return { verdict: 'failed', reasons };
  if (reasons.some((reason) => reason.kind === 'unsure')) return { verdict: 'inconclusive', reasons };
  if (!positive(before) && expectation.sockets.length === 0 && (expectation.talks?.kept ?? []).length === 0) {
    const text = `${before.outcome === 'exited' ? 'it ends well, says nothing and leaves nothing behind: nothing shows that it did its work' : before.ports.length > 0 ? `nothing that we know to say gets an answer from its ${before.ports.length === 1 ? 'port' : 'ports'}, and it has no health check: that it listens does not show that it works` : 'it opens no port and no socket, has no health check and does not end by itself: nothing shows that it works'}; give --probe CMD`;
    return { verdict: 'inconclusive', reasons: [...reasons, { kind: 'unsure', text }] };
  }
  return { verdict: 'proved', reasons };
}

/** A complaint about what was seen to be denied, and to matter to nobody: giving up root, or handing on files that are the user's already. */
const isExplained = (line: LogLine, before: Observation, { leftDenials }: Expectation): boolean =>
  (line.identity && gaveUpRoot(before)) ||
  (line.ownership &&
    leftDenials.some(({ ownership }) => ownership) &&
    leftDenials.every((one) => !(one.ownership && one.losesWork)));

/** Whether the first run is something to compare with. */
export const worksByItself = (before: Observation): boolean =>
  before.outcome === 'running' || (before.outcome === 'exited' && before.exit?.code === 0);

const brokenText = (before: Observation, why?: string): string =>
  before.outcome === 'refused'
    ? `the image does not start as it is: ${before.refusal}`
    : `as it is, it ends by itself with ${exitText(before)}: ${why ?? 'it needs something that this run did not give it'}, so nothing can be compared${lastLine(before)}`;

/** Denied, these leave a program as able as before: slower, less confined, with a smaller table of files. */
const GOES_WITHOUT: ReadonlySet<string> = new Set(['priority', 'rlimit', 'setsockopt', 'chroot', 'capset', 'bounding-drop']);

/**
 * A denial that nothing answers and that may cost work. A change of identity costs none when the program only gave up root by it; one that stays
 * root and changes identity all the same does it for others (logins, mail, jobs), which no probe of ours has asked for.
 */
export function mayLoseWork(finding: Finding, before: Observation): boolean {
  if (finding.severity === 'error') return true;
  if (finding.id === 'capability-needed') return !GOES_WITHOUT.has(finding.operation?.kind ?? '');
  return finding.id === 'identity-change' && !gaveUpRoot(before);
}

/**
 * Some process of the first run was not root: changing identity was how the program stopped being root. One whose real uid is still root's only put on
 * another for a while, to be whoever logs in later.
 */
const gaveUpRoot = (before: Observation): boolean =>
  before.processes.some(({ uids: [real, effective] }) => real !== 0 && effective !== 0);

/** The second run visibly does less: what makes a further remedy worth trying. */
export const worksLess = (before: Observation, after: Observation, moved: MovedPorts = new Map()): boolean =>
  lostBy(before, after, moved).length > 0;

/** What it visibly does less, in words. */
export function lostBy(before: Observation, after: Observation, moved: MovedPorts = new Map()): readonly string[] {
  const reasons = [
    ...compareOutcome(before, after),
    ...comparePorts(before, after, moved),
    ...compareProbes(before.probes, after.probes, moved),
    ...compareDatagrams(before, after, moved),
    ...compareCommands(before, after),
    ...compareReload(before, after, moved),
  ];
  return reasons.filter((reason) => reason.kind === 'bad').map(({ text }) => text);
}

/** A script that finds nothing to do, or not what it needs, ends just as well. */
const leftSomething = ({ stdout, stderr, changes, healthcheck, command }: Observation): boolean =>
  `${stdout}${stderr}`.trim() !== '' || changes.length > 0 || healthcheck?.code === 0 || command?.code === 0;

/** Something that can only be there when the program did its work. */
function positive(before: Observation): boolean {
  if (before.outcome === 'exited') return before.exit?.code === 0 && leftSomething(before);
  return (
    before.probes.some((probe) => probe.outcome !== 'refused' && probe.outcome !== 'silent') ||
    before.healthcheck?.code === 0 ||
    (before.datagrams ?? []).some(({ to }) => to.length > 0) ||
    before.command?.code === 0
  );
}

function compareOutcome(before: Observation, after: Observation): Reason[] {
  if (after.outcome === 'refused') return [{ kind: 'bad', text: `refused to start: ${after.refusal}` }];
  if (before.outcome === 'running' && after.outcome === 'exited')
    return [{ kind: 'bad', text: `ended by itself with ${exitText(after)}; before, it kept running${lastLine(after)}` }];
  if (before.outcome === 'exited' && after.outcome === 'running')
    return [{ kind: 'unsure', text: `keeps running; before, it ended with ${exitText(before)}` }];
  if (before.outcome === 'exited') {
    if (before.exit?.code !== after.exit?.code)
      return [{ kind: 'bad', text: `ended with ${exitText(after)}; before, with ${exitText(before)}${lastLine(after)}` }];
    return [{ kind: 'ok', text: `ended with ${exitText(after)} in both runs` }];
  }
  const reasons: Reason[] = [
    { kind: 'ok', text: `keeps running, ready after ${after.readyMs} ms (before: ${before.readyMs} ms)` },
  ];
  if (before.exit && after.exit && before.exit.code !== after.exit.code)
    reasons.push({
      kind: after.exit.code === 137 ? 'unsure' : 'note',
      text: `stopped with ${exitText(after)}; before, with ${exitText(before)}`,
    });
  return reasons;
}

function compareIdentity(after: Observation, hostUid: number): Reason[] {
  if (after.outcome === 'refused' || after.processes.length === 0) return [];
  const strangers = after.processes.filter((process) => process.uids.some((uid) => uid !== hostUid));
  if (strangers.length > 0)
    return strangers.map((process) => ({
      kind: process.uids.includes(0) ? ('bad' as const) : ('unsure' as const),
      text: `process ${process.command} runs as uid ${process.uids.join('/')}, not ${hostUid}`,
    }));
  const count = after.processes.length;
  return [
    {
      kind: 'ok',
      text: `${count === 1 ? 'its one process has' : `all ${count} processes have`} uid ${hostUid}, seen from the host`,
    },
  ];
}

function compareCommands(before: Observation, after: Observation): Reason[] {
  const reasons: Reason[] = [];
  const pairs = [
    ['health check', before.healthcheck, after.healthcheck],
    ['probe command', before.command, after.command],
  ] as const;
  for (const [what, was, is] of pairs) {
    if (!was) continue;
    if (was.code !== 0)
      // A health check may want what no run here has; a probe command is what somebody said must work.
      reasons.push({
        kind: was === before.command ? 'unsure' : 'note',
        text: `the ${what} fails before as well (exit ${was.code})${was === before.command ? `: nothing shows that what it asks for works${lastWords(was.output)}` : ''}`,
      });
    else if (is?.code === 0) reasons.push({ kind: 'ok', text: `the ${what} succeeds in both runs` });
    else
      reasons.push({
        kind: 'bad',
        text: `the ${what} fails${is ? ` with exit ${is.code}: ${is.output.trim().split('\n').at(-1) ?? ''}` : ''}`,
      });
  }
  return reasons;
}

const lastWords = (output: string): string => {
  const line = output.trim().split('\n').at(-1)?.trim();
  return line ? `; it said: ${line.slice(0, 200)}` : '';
};

const distinct = <T extends { readonly text: string }>(items: readonly T[]): T[] => [
  ...new Map(items.map((item) => [item.text, item])).values(),
];

const exitText = (observation: Observation): string =>
  observation.exit?.signal
    ? `${observation.exit.signal} (exit ${observation.exit.code})`
    : `exit ${observation.exit?.code ?? '?'}`;

function lastLine(observation: Observation): string {
  const line = (observation.stderr || observation.stdout).trim().split('\n').at(-1)?.trim();
  return line ? `; it said: ${line.slice(0, 200)}` : '';
}
