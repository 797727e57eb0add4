/** `unroot run pod.yaml --status FILE`: how the pod stands, as one JSON document that is replaced whenever that changes. */
import { writeWhole } from '../input/write-whole.ts';
import type { ContainerState } from '../pod/keeper.ts';
import type { PodEvent } from '../pod/member.ts';
import type { PodOutcome } from '../pod/run-pod.ts';

/** What the file holds. */
export interface PodStatusDocument {
  readonly schemaVersion: 1;
  readonly kind: 'pod-status';
  /** `default/web`. */
  readonly pod: string;
  readonly phase: PodOutcome['phase'];
  /** Every container that lasts is ready. */
  readonly ready: boolean;
  /** Whose network namespace is the pod's, and its address in there; absent before it is made and after its end. */
  readonly network?: { readonly pid: number; readonly address?: string };
  readonly containers: readonly ContainerState[];
  /** The last hundred, oldest first. */
  readonly events: readonly (PodEvent & { readonly time: string })[];
}

export interface PodStatusFile {
  network(network: PodStatusDocument['network']): void;
  states(states: readonly ContainerState[]): void;
  event(event: PodEvent): void;
  ended(phase: PodOutcome['phase'], states: readonly ContainerState[]): void;
}

const EVENTS = 100;

/** Begins with a pod of which nothing has started. */
export function podStatusFile(file: string, pod: string): PodStatusFile {
  let now: PodStatusDocument = {
    schemaVersion: 1,
    kind: 'pod-status',
    pod,
    phase: 'Pending',
    ready: false,
    containers: [],
    events: [],
  };
  const change = (next: Partial<PodStatusDocument>): void => {
    now = { ...now, ...next };
    writeWhole(file, `${JSON.stringify(now)}\n`);
  };
  change({});
  return {
    network: (network) => {
      const { network: _, ...rest } = now;
      now = rest;
      change(network === undefined ? {} : { network });
    },
    states: (containers) => change({ containers, phase: phaseOf(containers), ready: isReady(containers) }),
    event: (event) => change({ events: [...now.events, { ...event, time: new Date().toISOString() }].slice(-EVENTS) }),
    ended: (phase, containers) => change({ phase, containers, ready: false }),
  };
}

function isReady(states: readonly ContainerState[]): boolean {
  const lasting = states.filter(({ role }) => role === 'container' || role === 'sidecar');
  return lasting.length > 0 && lasting.every(({ ready }) => ready);
}

/** kubernetes pkg/kubelet getPhase, while the pod lives: Pending until a container of it has been started. */
const phaseOf = (states: readonly ContainerState[]): PodOutcome['phase'] =>
  states.some(({ role, state, restarts }) => role === 'container' && (state !== 'waiting' || restarts > 0))
    ? 'Running'
    : 'Pending';
