/** One pod of the cluster: a manifest of its own, and `unroot run` on it in a process of its own, which keeps a file on how it stands. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NetworkDoor, networkDoor } from '../../engine/port-forward.ts';
import type { ContainerState } from '../../pod/keeper.ts';
import type { ClusterObject } from './objects.ts';

export interface PodEventLine {
  readonly time: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What stands before a line of a container: in a pod with several, their names in a column of their own. */
export function logMark(names: readonly string[], name: string): string {
  return names.length < 2 ? '' : `${name.padEnd(Math.max(...names.map(({ length }) => length)))} | `;
}

/** What `unroot run --status` keeps. */
export interface PodState {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly ready: boolean;
  readonly network?: { readonly pid: number; readonly address?: string };
  readonly containers: readonly ContainerState[];
  readonly events: readonly PodEventLine[];
}

export interface ClusterPod {
  readonly object: ClusterObject;
  /** Name of the ReplicaSet that wanted it. */
  readonly owner?: string;
  readonly since: number;
  state(): PodState;
  /** Since when it is to end. */
  deleted(): number | undefined;
  logs(): string;
  /** How many characters it said since its start: more than `logs` keeps. */
  said(): number;
  /** Its program ended, and everything of it. */
  over(): boolean;
  /** Into its network, while it has one. */
  door(): Promise<NetworkDoor | undefined>;
  /** Ends it as a kubelet does; resolves when nothing of it is left. */
  delete(): Promise<void>;
}

export interface PodOptions {
  /** A folder of the cluster's own. */
  readonly folder: string;
  readonly program: string;
  readonly hostRoot: string;
  /** What its volumes may come from. */
  readonly beside: readonly ClusterObject[];
  readonly owner?: string;
  onChange(): void;
}

const LOOK_MS = 60;
const LOG = 256 * 1024;
const NOTHING: PodState = { phase: 'Pending', ready: false, containers: [], events: [] };

/** Starts it. */
export function startPod(object: ClusterObject, options: PodOptions): ClusterPod {
  const folder = join(options.folder, `${object.metadata.namespace ?? 'default'}_${object.metadata.name}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [manifest, status] = [join(folder, 'pod.yaml'), join(folder, 'status')];
  // JSON is YAML.
  writeFileSync(manifest, [object, ...options.beside].map((one) => JSON.stringify(one)).join('\n---\n'));
  rmSync(status, { force: true });
  const since = Date.now();
  let [state, text, log, said] = [NOTHING, '', '', 0];
  let deleted: number | undefined;
  let opened: { readonly pid: number; readonly door: Promise<NetworkDoor | undefined> } | undefined;
  const child: ChildProcess = spawn(
    process.execPath,
    [
      options.program,
      'run',
      `${manifest}#Pod/${object.metadata.name}`,
      '-q',
      '--host-root',
      options.hostRoot,
      '--status',
      status,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' },
  );
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      const text = chunk.toString();
      said += text.length;
      log = (log + text).slice(-LOG);
    });
  const look = (): void => {
    let now = '';
    try {
      now = readFileSync(status, 'utf8');
    } catch {
      return; // Not written yet.
    }
    if (now === text) return;
    text = now;
    state = JSON.parse(now) as PodState;
    options.onChange();
  };
  const looking = setInterval(look, LOOK_MS);
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      log += `${error.message}\n`;
      resolve();
    });
    child.once('exit', () => resolve());
  }).then(async () => {
    clearInterval(looking);
    look();
    state = { ...state, ready: false };
    await (await opened?.door)?.close();
    options.onChange();
  });
  return {
    object,
    ...(options.owner === undefined ? {} : { owner: options.owner }),
    since,
    state: () => state,
    deleted: () => deleted,
    logs: () => log,
    said: () => said,
    over: () => child.exitCode !== null || child.signalCode !== null,
    door() {
      const { network } = state;
      if (network === undefined || child.exitCode !== null) return Promise.resolve(undefined);
      if (opened?.pid !== network.pid) {
        const door = networkDoor(network.pid, [network.address ?? '127.0.0.1']).catch(() => undefined);
        opened = { pid: network.pid, door };
      }
      return opened.door;
    },
    async delete() {
      if (deleted === undefined) {
        deleted = Date.now();
        child.kill('SIGTERM');
        options.onChange();
      }
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
