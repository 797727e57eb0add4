/**
 * What the recipient was denied for want of a capability, and the run showed that it does without it no longer: the smallest answer first. A sysctl where
 * one does, else capabilities that become effective. Only as experiments: which of several denials counted, only a run can tell.
 */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { Capability } from '../linux/capability.ts';
import type { OperationKind } from '../linux/operation.ts';
import type { FixContext } from './context.ts';
import { effectiveCapability } from './effective-capability.ts';
import { findingKey } from './need.ts';

/** Work that nothing but the call itself does. */
const WORK: ReadonlySet<OperationKind> = new Set(['socket', 'settime', 'setsockopt', 'sethostname']);
/** Programs mostly go on without; tried when nothing else has helped. */
const COMFORT: ReadonlySet<OperationKind> = new Set(['priority', 'rlimit']);
/** Those that are root by another name are handed to nobody here. */
const NEVER: ReadonlySet<Capability> = new Set(['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_RAWIO', 'CAP_SYS_PTRACE', 'CAP_BPF']);

const PING_RANGE = 'net.ipv4.ping_group_range';

/** `about`: the denials that are gone when it has helped. */
export interface CapabilityTrial {
  readonly fix: Fix;
  readonly about: readonly Finding[];
}

export interface CapabilityTrials {
  /** In the order they are tried. */
  readonly trials: readonly CapabilityTrial[];
  /** What cannot be had on this platform, and what to do instead. */
  readonly impossible: readonly string[];
}

/** `met`: what the recipient was denied. `comfort`: the second kind of calls. */
export function neededCapabilities(met: readonly Finding[], context: FixContext, comfort = false): CapabilityTrials {
  const kinds = comfort ? COMFORT : WORK;
  const asked = met.filter(
    ({ id, operation }) => id === 'capability-needed' && operation !== undefined && kinds.has(operation.kind),
  );
  const byName = new Map<Capability, Finding[]>();
  for (const finding of asked) {
    const name = finding.decision?.capability;
    if (name !== undefined && !NEVER.has(name)) byName.set(name, [...(byName.get(name) ?? []), finding]);
  }
  const trials: CapabilityTrial[] = [];
  const impossible: string[] = [];
  const ping = comfort ? undefined : pingRange(asked, context);
  if (ping !== undefined) trials.push(ping);
  const names = [...byName.keys()];
  // One alone, each; then all of them.
  for (const set of [...names.map((name) => [name]), ...(names.length > 1 ? [names] : [])]) {
    const about = set.flatMap((name) => byName.get(name) ?? []);
    const fix = capabilityFix(set, about, context);
    if (typeof fix === 'object') trials.push({ fix, about });
    else impossible.push(fix);
  }
  return { trials, impossible };
}

/** Ping sockets need no capability, where the recipient's group is let in (icmp(7)). A safe sysctl in Kubernetes, allowed by Pod Security restricted. */
function pingRange(asked: readonly Finding[], context: FixContext): CapabilityTrial | undefined {
  const raw = asked.filter(({ operation }) => operation?.kind === 'socket' && operation.type !== 'packet');
  const [low, high] = context.target.facts.pingGroupRange;
  const { gid } = context.recipient;
  if (raw.length === 0 || context.target.network === 'host' || (gid >= low && gid <= high)) return undefined;
  const range = `${gid} ${gid}`;
  const fix: Fix = {
    id: 'ping-group',
    subject: PING_RANGE,
    title: `sysctl ${PING_RANGE}="${range}": group ${gid} may open ping sockets, in this network namespace`,
    disposition: 'safe',
    answers: answersOf(raw),
    layer: [],
    run: { sysctls: { [PING_RANGE]: range } },
    note: 'enough for programs that try a ping socket before a raw one, such as ping of iputils; no capability',
  };
  return { fix, about: raw };
}

/** A string says why not. */
function capabilityFix(names: readonly Capability[], findings: readonly Finding[], context: FixContext): Fix | string {
  const programs = [...new Set(findings.map(programOf).filter((program) => program !== undefined))];
  const given = effectiveCapability(names, programs, context);
  const short = names.map((name) => name.replace(/^CAP_/, '')).join(', ');
  if ('impossible' in given)
    return `${short} cannot be made effective for uid ${context.recipient.uid} on ${context.target.platform.name}: ${given.impossible}. Instead: keep root with only that capability, let the host or another container do that work, or use a mode of the program that does without`;
  return {
    id: 'needed-capability',
    subject: names.join(','),
    title: `capability ${short}, effective in ${programs.join(', ')}`,
    disposition: 'needs-review',
    answers: answersOf(findings),
    layer: given.layer,
    run: given.run,
    note: given.how,
  };
}

const answersOf = (findings: readonly Finding[]): readonly string[] => [...new Set(findings.map(findingKey))].sort();

const programOf = ({ evidence }: Finding): string | undefined =>
  evidence.find(({ program }) => program !== undefined && program !== '')?.program;
