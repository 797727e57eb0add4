/** One container of a pod through its life: started, probed, ended, started again as its policy and the kubelet's back-off say. */
import type { Container, PreparedImage } from '../engine/engine.ts';
import { UnrootError } from '../error.ts';
import type { Launch } from '../launch/launch.ts';
import type { Handler } from '../workload/formats/kubernetes/pod-spec.ts';
import type { Member, PodEvent } from './member.ts';
import { pause } from './pause.ts';
import { askProbe } from './probe.ts';
import { probing } from './probing.ts';

export interface ContainerState {
  readonly name: string;
  readonly role: Member['container']['role'];
  readonly state: 'waiting' | 'running' | 'terminated';
  /** `CreateContainerConfigError`, `CrashLoopBackOff`, `Completed`, `Error` … */
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
  /** Of its main process, while it runs, where the engine says it. */
  readonly pid?: number;
  readonly started: boolean;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface KeeperInput {
  readonly member: Member;
  readonly restart: 'Always' | 'OnFailure' | 'Never';
  /** The launch over the pod's own folders. */
  readonly over: (launch: Launch) => Launch;
  readonly prepare: (member: Member) => Promise<PreparedImage>;
  readonly sandbox: number;
  readonly address: string;
  readonly graceMs: number;
  readonly podLabel: string;
  readonly stopping: AbortSignal;
  onEvent(event: PodEvent): void;
  onOutput(stream: 'stdout' | 'stderr', chunk: Uint8Array): void;
  onState(state: ContainerState): void;
}

/** The kubelet's: at once, then 10 s doubled up to five minutes, forgotten after ten quiet ones (pkg/kubelet MaxContainerBackOff). */
const BACK_OFF_S = [0, 10, 20, 40, 80, 160, 300];
const QUIET_MS = 600_000;

/** Resolves with the last state when it will not be started again, or `stopping` fired and it is gone. */
export async function keep(input: KeeperInput): Promise<ContainerState> {
  const { member, stopping } = input;
  const { name, role } = member.container;
  let state: ContainerState = {
    name,
    role,
    state: 'waiting',
    reason: 'ContainerCreating',
    started: false,
    ready: false,
    restarts: 0,
  };
  const set = (change: Partial<ContainerState>): ContainerState => {
    const { reason: _, message: __, exitCode: ___, pid: ____, ...kept } = state;
    state = { ...kept, ...change };
    input.onState(state);
    return state;
  };
  const note = (change: Partial<ContainerState>): void => {
    state = { ...state, ...change };
    input.onState(state);
  };
  const refused = refusalOf(member);
  if (refused !== undefined) {
    input.onEvent({ type: 'Warning', reason: 'Failed', container: name, message: `Error: ${refused.message}` });
    return set({ state: 'waiting', ...refused });
  }
  for (let failures = 0; ; ) {
    const begun = Date.now();
    const code = await once(input, set, note);
    if (Date.now() - begun > QUIET_MS) failures = 0;
    const again = input.restart === 'Always' || (input.restart === 'OnFailure' && code !== 0);
    if (stopping.aborted || !again) return state;
    const delay = BACK_OFF_S[Math.min(failures, BACK_OFF_S.length - 1)]!;
    failures += 1;
    if (delay > 0) {
      const message = `back-off ${delay}s restarting failed container=${name} pod=${input.podLabel}`;
      input.onEvent({
        type: 'Warning',
        reason: 'BackOff',
        container: name,
        message: `Back-off restarting failed container ${name} in pod ${input.podLabel}`,
      });
      set({ state: 'waiting', reason: 'CrashLoopBackOff', message, exitCode: code, ready: false, started: false });
      await pause(delay * 1000, stopping);
      if (stopping.aborted) return state;
    }
    note({ restarts: state.restarts + 1 });
  }
}

export function refusalOf({ image, launch, spec }: Member): { readonly reason: string; readonly message: string } | undefined {
  // pkg/kubelet/images/image_manager.go EnsureImageExists
  if ('missing' in image && spec.imagePullPolicy === 'Never')
    return {
      reason: 'ErrImageNeverPull',
      message: `Container image ${JSON.stringify(spec.image ?? '')} is not present with pull policy of Never`,
    };
  if ('missing' in image) return { reason: 'ErrImagePull', message: image.missing };
  return launch?.kind === 'refusal' ? { reason: launch.reason, message: launch.message } : undefined;
}

type Change = (change: Partial<ContainerState>) => void;

/** From creation to its end; the exit code, 128 when the runtime does not start it. */
async function once(input: KeeperInput, set: Change, note: Change): Promise<number> {
  const { member, stopping } = input;
  const { name } = member.container;
  let container: Container | undefined;
  const over = new AbortController();
  let killed: Promise<unknown> | undefined;
  const end = (): void => {
    killed ??= container === undefined ? undefined : stopped(input, container);
  };
  try {
    const prepared = await input.prepare(member);
    if (stopping.aborted) return 143;
    container = await prepared.create(input.over(member.launch as Launch), { sandbox: input.sandbox, onOutput: input.onOutput });
    input.onEvent({ type: 'Normal', reason: 'Created', container: name, message: `Created container: ${name}` });
    const running = container;
    await running.start();
    input.onEvent({ type: 'Normal', reason: 'Started', container: name, message: `Started container ${name}` });
    set({ state: 'running', started: false, ready: false, ...(running.pid === undefined ? {} : { pid: running.pid }) });
    stopping.addEventListener('abort', end, { once: true });
    if (stopping.aborted) end();
    const failed = await handler(member.spec.lifecycle?.postStart, running, input);
    if (failed !== undefined) {
      input.onEvent({
        type: 'Warning',
        reason: 'FailedPostStartHook',
        container: name,
        message: `PostStartHook failed: ${failed}`,
      });
      end();
    }
    const watched = probing({
      container: running,
      spec: member.spec,
      address: input.address,
      over: over.signal,
      onStarted: () => note({ started: true }),
      onReady: (ready) => note({ ready }),
      onFailure: (message) => input.onEvent({ type: 'Warning', reason: 'Unhealthy', container: name, message }),
      onGivenUp: (message) => {
        input.onEvent({ type: 'Normal', reason: 'Killing', container: name, message });
        end();
      },
    });
    const { code, signal } = await running.exited;
    over.abort();
    await watched;
    await killed;
    set({
      state: 'terminated',
      reason: code === 0 ? 'Completed' : 'Error',
      exitCode: code,
      started: false,
      ready: false,
      ...(signal ? { message: signal } : {}),
    });
    return code;
  } catch (error) {
    if (!(error instanceof UnrootError) || error.code !== 'engine.start-refused') throw error;
    input.onEvent({ type: 'Warning', reason: 'Failed', container: name, message: `Error: ${error.message}` });
    set({ state: 'terminated', reason: 'StartError', message: error.message, exitCode: 128, started: false, ready: false });
    return 128;
  } finally {
    over.abort();
    stopping.removeEventListener('abort', end);
    await container?.remove();
  }
}

async function stopped(input: KeeperInput, container: Container): Promise<void> {
  await handler(input.member.spec.lifecycle?.preStop, container, input);
  await container.stop(input.graceMs);
}

/** Why it failed, or undefined. */
async function handler(
  hook: Handler | undefined,
  container: Container,
  { member, address }: KeeperInput,
): Promise<string | undefined> {
  if (hook === undefined || !container.running()) return undefined;
  if (hook.sleep !== undefined) {
    await Promise.race([container.exited, pause(hook.sleep.seconds * 1000)]);
    return undefined;
  }
  const { ok, message } = await askProbe({ ...hook, timeoutSeconds: 30 }, container, member.spec, address).catch(
    (error: Error) => ({
      ok: false,
      message: error.message,
    }),
  );
  return ok ? undefined : message;
}
