/** One container of Docker: created, attached to before it starts so that nothing it says is lost, watched, removed. */
import { chmodSync, chownSync, statSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { UnrootError } from '../../error.ts';
import type { Image } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import { overlayChanges, snapshot } from '../changes.ts';
import { deferred } from '../command.ts';
import { containerSockets } from '../container-sockets.ts';
import type { Container, CreateOptions, ExecOptions, ExecResult, ExitStatus, FileChange } from '../engine.ts';
import { exitStatus } from '../exit-status.ts';
import { type MountWatch, tmpfsOf, type WatchedMount, watchMounts } from '../mount-watch.ts';
import { forwardPorts, type PortForward } from '../port-forward.ts';
import { containerProcesses, processAlive, processStartTime, runInNetwork, signalProcess } from '../proc.ts';
import { register } from '../reaper.ts';
import { runLog } from '../run-log.ts';
import { startRefused } from '../start-refused.ts';
import { graceFor, signalName } from '../stop-signal.ts';
import type { DockerApi } from './api.ts';
import { createRequest, type DockerFacts, type VolumeOwnership } from './create-request.ts';
import { demultiplex } from './streams.ts';

export interface DockerContext {
  readonly api: DockerApi;
  readonly facts: DockerFacts;
  /** Ours alone, for archives. */
  readonly folder: string;
  /** Unique on this machine. */
  readonly newName: () => string;
  /** The shell line that makes this call without us, for the clean-up list. */
  readonly undo: (method: 'DELETE', path: string) => string;
}

interface Inspected {
  readonly State: { readonly Pid: number; readonly ExitCode: number; readonly Running: boolean };
  readonly GraphDriver?: { readonly Name: string; readonly Data?: { readonly UpperDir?: string } | null };
  readonly Mounts: readonly { readonly Type: string; readonly Source: string; readonly Destination: string }[];
}

/** Kinds of `GET /containers/ID/changes`. */
const DELETED = 2;

/** `reference` is what the daemon knows the image by. */
export async function createDockerContainer(
  context: DockerContext,
  image: Image,
  borrowed: { readonly reference: string; readonly env: readonly string[] },
  launch: Launch,
  options: CreateOptions = {},
): Promise<Container> {
  const { api } = context;
  const name = context.newName();
  const at = `/containers/${name}`;
  const removal = `${at}?force=1&v=1`;
  const request = createRequest(launch, context.facts, name, borrowed.reference, borrowed.env);
  const log = runLog(options.logLimit, options.onOutput);
  const refused = (words: string): UnrootError => startRefused('docker', launch.image, launch.argv, words);
  const registrations = [
    ...request.namedVolumes.map((volume) => register(context.undo('DELETE', `/volumes/${volume}?force=1`))),
    register(context.undo('DELETE', removal)),
  ];
  let removed: Promise<void> | undefined;
  let forward: PortForward | undefined;
  let attached: Duplex | undefined;
  let main = { pid: 0, started: 0 };
  const remove = (): Promise<void> => {
    removed ??= (async () => {
      options.signal?.removeEventListener('abort', onAbort);
      await forward?.close();
      const answer = await api.call('DELETE', removal);
      if (answer.status >= 400 && answer.status !== 404) {
        throw new UnrootError(`Docker does not remove ${name}: ${answer.message}`, { code: 'engine.failed' });
      }
      for (const volume of request.namedVolumes) await api.call('DELETE', `/volumes/${volume}?force=1`);
      attached?.destroy();
      for (const registration of registrations) registration.release();
    })();
    return removed;
  };
  const onAbort = (): void => void remove().catch(() => {});
  const stopIfAborted = (): void => {
    if (options.signal?.aborted) throw new UnrootError('Interrupted', { code: 'engine.interrupted', exitCode: 130 });
  };

  let baseline: ReturnType<typeof snapshot>;
  let upper: string | undefined;
  let drained: Promise<void>;
  let created: Inspected;
  try {
    stopIfAborted();
    const answer = await api.call('POST', `/containers/create?name=${name}`, { body: request.body });
    if (answer.status >= 400) throw refused(answer.message);
    stopIfAborted();
    created = (await api.need('GET', `${at}/json`)) as Inspected;
    for (const ownership of request.ownerships) setOwnership(ownership, created);
    upper = created.GraphDriver?.Data?.UpperDir;
    baseline = upper === undefined ? new Map() : snapshot(upper);
    attached = await api.upgrade(`${at}/attach?stream=1&stdout=1&stderr=1`);
    drained = demultiplex(attached, (stream, chunk) => log.push(stream, chunk));
  } catch (error) {
    await remove();
    throw error;
  }

  const { promise: exited, resolve: resolveExit } = deferred<ExitStatus>();
  let ended: ExitStatus | undefined;
  let state: 'created' | 'started' = 'created';
  let mounts: MountWatch = watchMounts(volumesOf(created));
  options.signal?.addEventListener('abort', onAbort, { once: true });

  /** Ends when the container does; also when it is removed, or the daemon goes away. */
  const wait = async (answer: Promise<{ status: number; body: unknown }>): Promise<void> => {
    const result = await answer.catch(() => undefined);
    const code = (result?.body as { StatusCode?: number } | undefined)?.StatusCode;
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
    ended = exitStatus(code ?? 137);
    resolveExit(ended);
  };
  const signal = async (wanted: string): Promise<void> => {
    if (state !== 'started' || ended) return;
    const answer = await api.call('POST', `${at}/kill?signal=${encodeURIComponent(wanted)}`);
    // 409: it is not running any more.
    if (answer.status >= 400 && answer.status !== 409 && answer.status !== 404) {
      throw new UnrootError(`Docker does not signal ${name}: ${answer.message}`, { code: 'engine.failed' });
    }
  };

  const container: Container = {
    id: name,
    get pid() {
      return main.pid || undefined;
    },
    exited,
    async start() {
      if (state !== 'created') throw new UnrootError(`${name} was started before`, { code: 'engine.state' });
      stopIfAborted();
      const waiting = api.call('POST', `${at}/wait?condition=next-exit`, { timeoutMs: 0 });
      const answer = await api.call('POST', `${at}/start`);
      if (answer.status >= 400) {
        waiting.catch(() => {});
        await remove();
        throw refused(answer.message);
      }
      state = 'started';
      void wait(waiting);
      const { State } = (await api.need('GET', `${at}/json`)) as Inspected;
      const started = State.Pid > 0 ? processStartTime(State.Pid) : undefined;
      if (started !== undefined) {
        main = { pid: State.Pid, started };
        mounts = watchTmpfs(launch, main.pid, mounts);
        if (options.publish && options.publish.size > 0 && launch.network !== 'host')
          forward = await forwardPorts(main.pid, options.publish);
      }
    },
    running: () => state === 'started' && ended === undefined && (main.pid === 0 || processAlive(main.pid, main.started)),
    stdout: () => log.stdout(),
    stderr: () => log.stderr(),
    log: () => log.both(),
    signal,
    async stop(graceMs = 5000) {
      if (state === 'created') {
        await remove();
        return exitStatus(137);
      }
      const stopSignal = signalName(image.config.stopSignal);
      const patience = graceFor(main.pid, stopSignal, graceMs);
      await signal(stopSignal);
      const timer = setTimeout(() => void signal('SIGKILL').catch(() => {}), patience);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
    exec: (argv, execOptions) => exec(api, at, argv, execOptions),
    processes: async () => (main.pid === 0 || !processAlive(main.pid, main.started) ? [] : containerProcesses(main.pid)),
    listening: async () => (main.pid !== 0 && processAlive(main.pid, main.started) ? containerSockets(main.pid) : []),
    inNetwork(argv, networkOptions) {
      if (main.pid === 0)
        throw new UnrootError(`${name} is not running: its network cannot be entered`, { code: 'engine.state' });
      return runInNetwork(main.pid, argv, networkOptions);
    },
    async changes(): Promise<readonly FileChange[]> {
      const listed = ((await api.need('GET', `${at}/changes`)) as { Path: string; Kind: number }[] | null) ?? [];
      const deleted = listed.filter(({ Kind }) => Kind === DELETED).map(({ Path }) => Path);
      const root =
        upper === undefined
          ? []
          : overlayChanges(upper, baseline, await image.rootFs(), deleted).filter(
              ({ path, change }) => change !== 'added' || !isDaemons(path, launch),
            );
      return [...root, ...mounts.changes()].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    volumes: () => new Map(volumesOf(created).map(({ target, folder }) => [target, folder])),
    remove,
  };
  return container;
}

/** At the timeout the program inside is ended: nothing else would, when only the connection closed. */
async function exec(api: DockerApi, at: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { Id } = (await api.need('POST', `${at}/exec`, {
    body: { Cmd: argv, Env: options.env ?? [], AttachStdout: true, AttachStderr: true },
  })) as { Id: string };
  const log = runLog();
  let timedOut = false;
  let stream: Duplex;
  try {
    stream = await api.upgrade(`/exec/${Id}/start`, { Detach: false, Tty: false });
  } catch (error) {
    // A program that cannot be executed: newer daemons refuse, older ones say it in the stream.
    if (error instanceof UnrootError && error.code === 'engine.failed')
      return { code: 126, stdout: '', stderr: error.message, timedOut: false };
    throw error;
  }
  const inspect = async (): Promise<{ Pid: number; ExitCode: number | null; Running: boolean }> =>
    (await api.need('GET', `/exec/${Id}/json`)) as { Pid: number; ExitCode: number | null; Running: boolean };
  const end = async (): Promise<void> => {
    timedOut = true;
    const { Pid, Running } = await inspect();
    if (Running && Pid > 0) for (const pid of treeOf(Pid)) signalProcess(pid, 'SIGKILL', processStartTime(pid));
    setTimeout(() => stream.destroy(), 1_000).unref();
  };
  const timer = setTimeout(() => void end().catch(() => stream.destroy()), options.timeoutMs ?? 60_000);
  await demultiplex(stream, (which, chunk) => log.push(which, chunk));
  clearTimeout(timer);
  let state = await inspect();
  for (let tries = 0; state.Running && tries < 50; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    state = await inspect();
  }
  return { code: state.ExitCode ?? 137, stdout: log.stdout(), stderr: log.stderr(), timedOut };
}

function treeOf(pid: number): ReadonlySet<number> {
  const processes = containerProcesses(pid);
  const tree = new Set([pid]);
  for (let size = 0; size !== tree.size; ) {
    size = tree.size;
    for (const { pid: child, ppid } of processes) if (tree.has(ppid)) tree.add(child);
  }
  return tree;
}

/** Before the start, so nothing of the image has run yet. */
function setOwnership(ownership: VolumeOwnership, inspected: Inspected): void {
  const folder = inspected.Mounts.find(({ Type, Destination }) => Type === 'volume' && Destination === ownership.target)?.Source;
  if (!folder) throw new UnrootError(`Docker made no volume for ${ownership.target}`, { code: 'engine.failed' });
  const now = statSync(folder);
  chownSync(folder, ownership.uid ?? now.uid, ownership.gid ?? now.gid);
  if (ownership.mode !== undefined) chmodSync(folder, ownership.mode);
}

function volumesOf(inspected: Inspected): WatchedMount[] {
  return inspected.Mounts.filter(({ Source }) => Source !== '').map(({ Source, Destination }) => ({
    target: Destination,
    folder: Source,
  }));
}

/** A tmpfs exists only from the start on, and is empty then. */
function watchTmpfs(launch: Launch, pid: number, earlier: MountWatch): MountWatch {
  const found = launch.mounts.flatMap((mount): WatchedMount[] => {
    const folder = mount.type === 'tmpfs' && mount.origin === 'settings' ? tmpfsOf(pid, mount.target) : undefined;
    return folder === undefined ? [] : [{ target: mount.target, folder }];
  });
  const later = watchMounts(found, 'root-only');
  return { changes: () => [...earlier.changes(), ...later.changes()] };
}

/** Mount points that dockerd and runc make in the container's own layer when it starts; the image has none of them. */
function isDaemons(path: string, launch: Launch): boolean {
  if (
    ['/.dockerenv', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/etc/mtab', '/proc', '/dev', '/sys', '/etc'].includes(
      path,
    )
  )
    return true;
  if (/^\/(?:dev|proc|sys)\//.test(path)) return true;
  return launch.mounts.some(({ target }) => target === path || target.startsWith(`${path}/`)) || path === launch.cwd;
}
