/** The three probes of a running container, over time: startup first, then readiness and liveness (kubernetes pkg/kubelet/prober/worker.go). */
import type { Container } from '../engine/engine.ts';
import type { PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';
import { pause } from './pause.ts';
import { askProbe, type Probe } from './probe.ts';

export interface Probing {
  readonly container: Container;
  readonly spec: PodContainer;
  readonly address: string;
  /** Fires when the container is being stopped or has ended. */
  readonly over: AbortSignal;
  onStarted(): void;
  onReady(ready: boolean): void;
  /** `Readiness probe failed: …` */
  onFailure(message: string): void;
  /** Startup or liveness gave up: the container is to be killed. */
  onGivenUp(message: string): void;
}

const KINDS = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

/** Resolves when the container is over. Never throws. */
export async function probing(input: Probing): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = input.spec as PodContainer & Record<string, Probe | undefined>;
  const begun = Date.now();
  if (startupProbe !== undefined && !(await startup(startupProbe, input))) return;
  input.onStarted();
  if (readinessProbe === undefined) input.onReady(true);
  await Promise.all([
    readinessProbe === undefined
      ? undefined
      : series(readinessProbe, 'readiness', input, begun, (ready) => {
          input.onReady(ready);
          return undefined;
        }),
    livenessProbe === undefined
      ? undefined
      : series(livenessProbe, 'liveness', input, begun, (alive) => {
          if (!alive) input.onGivenUp(`Container ${input.spec.name} failed liveness probe, will be restarted`);
          return undefined;
        }),
  ]);
}

async function startup(probe: Probe, input: Probing): Promise<boolean> {
  let passed: boolean | undefined;
  await series(probe, 'startup', input, Date.now(), (ok) => {
    passed = ok;
    if (!ok) input.onGivenUp(`Container ${input.spec.name} failed startup probe, will be restarted`);
    return 'enough';
  });
  return passed === true;
}

/** Asks again and again; tells each change of mind after as many answers as the thresholds want. */
async function series(
  probe: Probe,
  kind: keyof typeof KINDS,
  { container, spec, address, over, onFailure }: Probing,
  begun: number,
  decided: (ok: boolean) => 'enough' | undefined,
): Promise<void> {
  const wait = async (ms: number): Promise<boolean> => {
    await pause(ms, over);
    return over.aborted || !container.running();
  };
  // The very first readiness is asked for without delay, so that a quick program is ready quickly.
  if (await wait(Math.max(0, (probe.initialDelaySeconds ?? 0) * 1000 - (Date.now() - begun)))) return;
  let current: boolean | undefined = kind === 'liveness' ? true : undefined;
  let run = 0;
  let last: boolean | undefined;
  for (;;) {
    const { ok, message } = await askProbe(probe, container, spec, address).catch((error: Error) => ({
      ok: false,
      message: error.message,
    }));
    if (over.aborted || !container.running()) return;
    if (!ok) onFailure(`${KINDS[kind]} probe failed: ${message.slice(0, 1000)}`);
    run = ok === last ? run + 1 : 1;
    last = ok;
    const needed = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (run >= needed && ok !== current) {
      current = ok;
      if (decided(ok) === 'enough') return;
      if (kind === 'liveness' && !ok) return;
    }
    if (await wait(Math.max(1, probe.periodSeconds ?? 10) * 1000)) return;
  }
}
