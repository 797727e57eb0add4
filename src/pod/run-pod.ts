/** Runs a pod's containers in the order and by the rules of a kubelet: init containers, sidecars, containers; until they end or somebody stops it. */
import type { PreparedImage } from '../engine/engine.ts';
import type { Launch } from '../launch/launch.ts';
import type { Pod } from '../workload/formats/kubernetes/pod-spec.ts';
import { type ContainerState, keep } from './keeper.ts';
import type { Member, PodEvent } from './member.ts';

export interface PodRunInput {
  readonly pod: Pod;
  /** `default/web`. */
  readonly podLabel: string;
  /** In the order in which they start. */
  readonly members: readonly Member[];
  readonly over: (launch: Launch) => Launch;
  readonly prepare: (member: Member) => Promise<PreparedImage>;
  /** Whose network and IPC they join. */
  readonly sandbox: { readonly pid: number; readonly address: string };
  /** `ready`: end well as soon as every container is ready, and badly as soon as one cannot become so. */
  readonly until: 'end' | 'ready';
  readonly signal: AbortSignal;
  onEvent(event: PodEvent): void;
  onOutput(container: string, stream: 'stdout' | 'stderr', chunk: Uint8Array): void;
  onState?(states: readonly ContainerState[]): void;
}

export interface PodOutcome {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** The last state of each, and for `ready` the one that decided. */
  readonly containers: readonly ContainerState[];
  readonly ready: boolean;
  readonly interrupted: boolean;
}

/** How long it must stay ready. */
const SETTLE_MS = 1500;

/** Everything it started is gone when it resolves. */
export async function runPod(input: PodRunInput): Promise<PodOutcome> {
  const policy = input.pod.spec?.restartPolicy ?? 'Always';
  const restart = policy === 'Never' || policy === 'OnFailure' ? policy : 'Always';
  const stopMain = new AbortController();
  const stopSidecars = new AbortController();
  const states = new Map<string, ContainerState>();
  // As the kubelet says it: only init containers are waited for under that name.
  const reason = input.members.some(({ container: { role } }) => role === 'init' || role === 'sidecar')
    ? 'PodInitializing'
    : 'ContainerCreating';
  const begun = new Set<string>();
  for (const { container } of input.members)
    states.set(container.name, {
      name: container.name,
      role: container.role,
      state: 'waiting',
      reason,
      started: false,
      ready: false,
      restarts: 0,
    });
  let decided: PodOutcome | undefined;
  let wake: () => void = () => undefined;
  let settling: ReturnType<typeof setTimeout> | undefined;
  let settled = false;
  const interrupt = (): void => {
    stopMain.abort();
    wake();
  };
  input.signal.addEventListener('abort', interrupt, { once: true });
  if (input.signal.aborted) interrupt();

  const lasting = input.members.filter(({ container }) => container.role === 'container' || container.role === 'sidecar');
  const snapshot = (): ContainerState[] => [...states.values()];
  const look = (): void => {
    input.onState?.(snapshot());
    if (input.until === 'ready' && decided === undefined) {
      const all = lasting.map(({ container }) => states.get(container.name)!);
      const ready = all.length > 0 && all.every((state) => state.ready);
      const lost = snapshot().some(isLost);
      clearTimeout(settling);
      // A program that ends at once was ready too, for a moment.
      if (ready && !settled) {
        settling = setTimeout(() => {
          settled = true;
          look();
        }, SETTLE_MS);
      } else if (ready || lost) {
        decided = { phase: ready ? 'Running' : phaseOf(snapshot()), containers: snapshot(), ready, interrupted: false };
        stopMain.abort();
      }
    }
    wake();
  };
  const keeping = (member: Member): Promise<ContainerState> => {
    const { name, role } = member.container;
    return keep({
      member,
      restart: role === 'sidecar' ? 'Always' : role === 'init' ? (restart === 'Never' ? 'Never' : 'OnFailure') : restart,
      over: input.over,
      prepare: input.prepare,
      sandbox: input.sandbox.pid,
      address: input.sandbox.address,
      graceMs:
        ((input.pod.spec as { terminationGracePeriodSeconds?: number } | undefined)?.terminationGracePeriodSeconds ?? 30) * 1000,
      podLabel: input.podLabel,
      stopping: role === 'sidecar' ? stopSidecars.signal : stopMain.signal,
      onEvent: input.onEvent,
      onOutput: (stream, chunk) => input.onOutput(name, stream, chunk),
      onState: (state) => {
        states.set(name, state);
        begun.add(name);
        look();
      },
    });
  };
  /** Until the condition holds, whatever changes. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };

  const sidecars: Promise<ContainerState>[] = [];
  let broken: unknown;
  const guarded = (work: Promise<ContainerState>): Promise<ContainerState> => {
    work.catch((error: unknown) => {
      broken ??= error;
      stopMain.abort();
      wake();
    });
    return work;
  };
  try {
    let initialised = true;
    for (const member of input.members) {
      const { name, role } = member.container;
      if (stopMain.signal.aborted) initialised = false;
      if (!initialised || (role !== 'init' && role !== 'sidecar')) continue;
      const life = guarded(keeping(member));
      if (role === 'init') {
        const last = await life;
        initialised = last.state === 'terminated' && last.exitCode === 0;
      } else {
        sidecars.push(life);
        await until(
          () => states.get(name)!.started || isLost(states.get(name)!) || stopMain.signal.aborted || broken !== undefined,
        );
        initialised = states.get(name)!.started;
      }
    }
    const main: Promise<ContainerState>[] = [];
    if (initialised)
      for (const member of input.members) {
        if (member.container.role !== 'container' || stopMain.signal.aborted) continue;
        main.push(guarded(keeping(member)));
        // One after the other, as a kubelet starts them; the next does not wait for this one to be ready.
        await until(() => begun.has(member.container.name) || broken !== undefined);
      }
    await Promise.allSettled(main);
  } finally {
    clearTimeout(settling);
    stopMain.abort();
    const states = [...sidecars];
    stopSidecars.abort();
    await Promise.allSettled(states);
    input.signal.removeEventListener('abort', interrupt);
  }
  if (broken !== undefined) throw broken;
  const containers = snapshot();
  return decided ?? { phase: phaseOf(containers), containers, ready: false, interrupted: input.signal.aborted };
}

/** It will not become ready by waiting. */
const isLost = (state: ContainerState): boolean =>
  (state.state === 'waiting' && !['ContainerCreating', 'PodInitializing'].includes(state.reason ?? '')) ||
  (state.state === 'terminated' && state.role !== 'init' && state.exitCode !== undefined) ||
  (state.state === 'terminated' && state.role === 'init' && state.exitCode !== 0);

/** kubernetes pkg/kubelet getPhase, for a pod that is over. */
function phaseOf(states: readonly ContainerState[]): PodOutcome['phase'] {
  const main = states.filter(({ role }) => role === 'container');
  if (states.some(({ role, state, exitCode }) => role === 'init' && state === 'terminated' && exitCode !== 0)) return 'Failed';
  if (main.some(({ state }) => state === 'waiting')) return 'Pending';
  return main.every(({ exitCode }) => exitCode === 0) ? 'Succeeded' : 'Failed';
}
