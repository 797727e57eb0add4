/** One container of podman: created and initialised (its process waits before the first instruction), started, watched, removed. */
import { chmodSync, chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../error.ts';
import type { Image } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import { overlayChanges, snapshot } from '../changes.ts';
import { deferred } from '../command.ts';
import { containerSockets } from '../container-sockets.ts';
import type { Container, CreateOptions, ExecOptions, ExecResult, ExitStatus, FileChange } from '../engine.ts';
import { exitStatus } from '../exit-status.ts';
import { tmpfsOf, type WatchedMount, watchMounts } from '../mount-watch.ts';
import { forwardPorts, type PortForward } from '../port-forward.ts';
import { containerProcesses, processAlive, processStartTime, runInNetwork, signalProcess } from '../proc.ts';
import { register, undo } from '../reaper.ts';
import { runLog } from '../run-log.ts';
import { startRefused } from '../start-refused.ts';
import { graceFor, signalName } from '../stop-signal.ts';
import { isRuntimesOwn, type Ownership, type PodmanFacts, podmanArguments } from './arguments.ts';
import { interrupted, type PodmanClient, podmanWords } from './client.ts';
import { inSandbox } from './in-sandbox.ts';
import { followLogFile } from './log-file.ts';
import { ownAccounts } from './own-accounts.ts';
import { refusedBy, removedAtLast, triedAgain } from './own-failure.ts';

/** The log on disk; conmon begins a new file at this size. */
const LOG_FILE_LIMIT = '64mb';
const POLL_MS = 40;

export interface PodmanContext {
  readonly client: PodmanClient;
  readonly facts: PodmanFacts;
  /** Ours alone, for logs and configuration. */
  readonly folder: string;
  /** Unique on this machine. */
  readonly newName: () => string;
}

interface Inspected {
  readonly State: { readonly Pid: number; readonly ExitCode: number; readonly Status: string };
  readonly GraphDriver: { readonly Name: string; readonly Data?: { readonly UpperDir?: string } };
  readonly Mounts: readonly { readonly Type: string; readonly Source: string; readonly Destination: string }[];
}

/** `reference` is what podman knows the image by. */
export async function createPodmanContainer(
  context: PodmanContext,
  image: Image,
  reference: string,
  launch: Launch,
  options: CreateOptions = {},
): Promise<Container> {
  const { client } = context;
  const name = context.newName();
  const plan = podmanArguments(launch, context.facts, {
    user: image.config.user,
    workdir: image.config.workingDir,
    volumes: image.config.volumes,
  });
  const logPath = join(context.folder, `${name}.log`);
  const confPath = join(context.folder, `${name}.conf`);
  const shared = options.volumes ?? new Map<string, string>();
  // Of the image's own volumes the plan says nothing: podman makes them, unless somebody brings one.
  const own = launch.mounts.filter(({ type, target }) => type === 'volume' && shared.has(target));
  const brought = own.map(({ target, readOnly }) => `--volume=${shared.get(target)}:${target}${readOnly ? ':ro' : ''}`);
  const volumes = plan.volumes
    .filter(({ target }) => !shared.has(target))
    .map((volume, index) => ({ ...volume, name: `${name}-${index}` }));
  const flags = options.sandbox === undefined ? plan.flags : inSandbox(plan.flags, options.sandbox, options.names);

  const removal = ['rm', '--force', '--ignore', '--volumes', '--time=0', name];
  const volumeRemoval = ['volume', 'rm', '--force', ...volumes.map((volume) => volume.name)];
  const registrations = [
    ...(volumes.length > 0 ? [register(undo.command(...client.argv, ...volumeRemoval))] : []),
    register(undo.command(...client.argv, ...removal)),
  ];
  let removed: Promise<void> | undefined;
  let forward: PortForward | undefined;
  const log = runLog(options.logLimit, options.onOutput);
  const logFile = followLogFile(logPath, log);
  const remove = (): Promise<void> => {
    removed ??= (async () => {
      options.signal?.removeEventListener('abort', onAbort);
      await forward?.close();
      logFile.read();
      const gone = await removedAtLast(() => client.run(removal));
      // `volume rm --force` of a volume that was never made says so; that is fine.
      if (volumes.length > 0) await client.run(volumeRemoval);
      logFile.close();
      for (const path of [logPath, confPath]) rmSync(path, { force: true });
      // What could not be taken away now stays on the list of what is taken away when we end.
      if (gone) for (const registration of registrations) registration.release();
    })();
    return removed;
  };
  let init = { pid: 0, started: 0 };
  const kill = (): void => {
    signalProcess(init.pid, 'SIGKILL', init.started);
  };
  // An aborted run is removed, not only ended.
  const onAbort = (): void => {
    kill();
    void remove().catch(() => {});
  };

  const call = options.signal ? { signal: options.signal } : {};
  let inspected: Inspected;
  try {
    for (const volume of volumes) await client.need(['volume', 'create', volume.name], call);
    if (plan.defaultCapabilities) {
      const names = plan.defaultCapabilities.map((capability) => JSON.stringify(capability.replace(/^CAP_/, '')));
      writeFileSync(confPath, `[containers]\ndefault_capabilities = [${names.join(', ')}]\n`, { mode: 0o600 });
    }
    const create = [
      'create',
      `--name=${name}`,
      '--log-driver=k8s-file',
      `--log-opt=path=${logPath}`,
      `--log-opt=max-size=${LOG_FILE_LIMIT}`,
      ...flags,
      ...brought,
      ...(await ownAccounts(context, image, launch, name)),
      ...volumes.map(
        (volume) =>
          `--volume=${[volume.name, volume.target, ...volume.options.slice(0, 1)].join(':')}${volume.options
            .slice(1)
            .map((each) => `,${each}`)
            .join('')}`,
      ),
      reference,
    ];
    const made = { ...call, ...(plan.defaultCapabilities ? { env: { CONTAINERS_CONF: confPath } } : {}) };
    const created = await triedAgain(
      () => client.run(create, made),
      async () => {
        await client.run(['tag', image.configDigest.replace(/^sha256:/, ''), reference], call);
        await client.run(removal);
      },
    );
    if (created.code !== 0) throw refusedBy('create', created, launch);
    const initialised = await client.run(['init', name], call);
    if (initialised.code !== 0) throw refusedBy('init', initialised, launch);
    inspected = (JSON.parse(await client.need(['container', 'inspect', name], call)) as Inspected[])[0] as Inspected;
    const started = processStartTime(inspected.State.Pid);
    if (started === undefined) throw startRefused('podman', launch.image, launch.argv, 'the process ended before it was started');
    init = { pid: inspected.State.Pid, started };
    for (const ownership of plan.ownerships) setOwnership(ownership, inspected, init.pid);
  } catch (error) {
    await remove();
    throw error;
  }

  const upper = inspected.GraphDriver.Data?.UpperDir;
  const baseline = upper === undefined ? new Map() : snapshot(upper);
  const mounts = watchMounts(watched(launch, inspected, init.pid));
  const { promise: exited, resolve: resolveExit } = deferred<ExitStatus>();
  let ended: ExitStatus | undefined;
  let startedAt = false;

  const poll = async (): Promise<void> => {
    while (processAlive(init.pid, init.started)) {
      logFile.read();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    const waited = removed ? undefined : await client.run(['wait', name], { timeoutMs: 20_000 });
    logFile.read();
    const code = Number.parseInt(waited?.stdout ?? '', 10);
    // Removed under way: podman rm --force is a SIGKILL.
    ended = exitStatus(Number.isNaN(code) ? 137 : code);
    resolveExit(ended);
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();

  const signal = async (wanted: string): Promise<void> => {
    if (ended || !processAlive(init.pid, init.started)) return;
    const result = await client.run(['kill', `--signal=${wanted}`, name]);
    if (result.code !== 0 && processAlive(init.pid, init.started)) {
      throw new UnrootError(`podman kill failed: ${podmanWords(result)}`, { code: 'engine.failed' });
    }
  };

  return {
    id: name,
    pid: init.pid,
    exited,
    async start() {
      if (startedAt) throw new UnrootError(`${name} was started before`, { code: 'engine.state' });
      if (removed) throw interrupted();
      startedAt = true;
      if (options.publish && options.publish.size > 0 && launch.network !== 'host')
        forward = await forwardPorts(init.pid, options.publish);
      const result = await client.run(['start', name], call);
      if (result.code !== 0) throw refusedBy('start', result, launch);
      void poll();
    },
    running: () => startedAt && ended === undefined && processAlive(init.pid, init.started),
    stdout() {
      logFile.read();
      return log.stdout();
    },
    stderr() {
      logFile.read();
      return log.stderr();
    },
    log() {
      logFile.read();
      return log.both();
    },
    signal,
    async stop(graceMs = 5000) {
      if (!startedAt) {
        kill();
        return exitStatus(137);
      }
      const stopSignal = signalName(image.config.stopSignal);
      const patience = graceFor(init.pid, stopSignal, graceMs);
      await signal(stopSignal);
      const timer = setTimeout(() => void signal('SIGKILL').catch(kill), patience);
      const status = await exited;
      clearTimeout(timer);
      return status;
    },
    exec: (argv, execOptions) => exec(client, name, init.pid, argv, execOptions),
    processes: async () => containerProcesses(init.pid),
    listening: async () => (processAlive(init.pid, init.started) ? containerSockets(init.pid) : []),
    inNetwork: (argv, networkOptions) => runInNetwork(init.pid, argv, networkOptions),
    async changes(): Promise<readonly FileChange[]> {
      const diff = await client.run(['diff', '--format=json', name]);
      const { deleted = [] } = diff.code === 0 ? (JSON.parse(diff.stdout || '{}') as { deleted?: string[] }) : {};
      const root = upper === undefined ? [] : overlayChanges(upper, baseline, await image.rootFs(), deleted);
      return [...root, ...mounts.changes()].sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    volumes: () => foldersOf(inspected),
    remove,
  };
}

/**
 * At the timeout the program inside is ended, and the client with it. The other way round the program would go on, as an orphan that looks
 * like a child of the container's own init.
 */
async function exec(
  client: PodmanClient,
  name: string,
  init: number,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const before = new Set(containerProcesses(init).map(({ pid }) => pid));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    for (const pid of joinedSince(init, before)) signalProcess(pid, 'SIGKILL', processStartTime(pid));
  }, timeoutMs);
  const environment = (options.env ?? []).map((line) => `--env=${line}`);
  const result = await client.run(['exec', ...environment, name, ...argv], { timeoutMs: timeoutMs + 5_000 });
  clearTimeout(timer);
  return { code: result.code, stdout: result.stdout, stderr: result.stderr, timedOut: timedOut || result.timedOut };
}

/** Processes whose parent is outside the container, other than init: they came in through exec; and what they started. */
function joinedSince(init: number, before: ReadonlySet<number>): ReadonlySet<number> {
  const now = containerProcesses(init);
  const inside = new Set(now.map(({ pid }) => pid));
  const joined = new Set(
    now.filter(({ pid, ppid }) => pid !== init && !before.has(pid) && !inside.has(ppid)).map(({ pid }) => pid),
  );
  for (let size = -1; size !== joined.size; ) {
    size = joined.size;
    for (const { pid, ppid } of now) if (joined.has(ppid)) joined.add(pid);
  }
  return joined;
}

/** Between create and start, when nothing of the image has run yet that could put a link in the way. */
function setOwnership(ownership: Ownership, inspected: Inspected, pid: number): void {
  const folder =
    ownership.kind === 'tmpfs'
      ? tmpfsOf(pid, ownership.target)
      : inspected.Mounts.find(({ Type, Destination }) => Type === 'volume' && Destination === ownership.target)?.Source;
  if (folder === undefined) throw new UnrootError(`podman mounted nothing at ${ownership.target}`, { code: 'engine.failed' });
  const now = statSync(folder);
  chownSync(folder, ownership.uid ?? now.uid, ownership.gid ?? now.gid);
  if (ownership.mode !== undefined) chmodSync(folder, ownership.mode);
}

const foldersOf = ({ Mounts }: Inspected): ReadonlyMap<string, string> =>
  new Map(Mounts.filter(({ Source }) => Source !== '').map(({ Destination, Source }) => [Destination, Source]));

function watched(launch: Launch, inspected: Inspected, pid: number): WatchedMount[] {
  const mounts = [...foldersOf(inspected)].map(([target, folder]) => ({ target, folder }));
  for (const mount of launch.mounts) {
    const folder = mount.type === 'tmpfs' && !isRuntimesOwn(mount) ? tmpfsOf(pid, mount.target) : undefined;
    if (folder !== undefined) mounts.push({ target: mount.target, folder });
  }
  return mounts;
}
