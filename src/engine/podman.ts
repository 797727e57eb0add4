/** Podman, 4.2 and later, through its command line: the image stays in its store, the process waits for us between init and start. */

import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Digest, Image } from '../image/image.ts';
import { CAPABILITIES, type CapabilitySet, capabilitySet } from '../linux/capability.ts';
import { type ConfFile, containersConf } from '../platform/containers-conf.ts';
import { profile } from '../platform/profiles.ts';
import { runCommand } from './command.ts';
import type { Engine, EngineOptions, EngineStatus, PreparedImage } from './engine.ts';
import { podmanArguments } from './podman/arguments.ts';
import { type PodmanClient, podmanClient, podmanWords } from './podman/client.ts';
import { createPodmanContainer, type PodmanContext } from './podman/container.ts';
import { borrowImage } from './podman/image.ts';
import { preparedInStore } from './prepared-in-store.ts';
import { defaultLimits } from './proc.ts';
import { register, undo } from './reaper.ts';

const INSTALL = 'apt-get install -y podman runc';

/** What is read of `podman info --format json`. */
interface PodmanInfo {
  readonly host: {
    readonly cgroupVersion: string;
    readonly cgroupManager: string;
    readonly ociRuntime: { readonly name: string };
    readonly security: { readonly rootless: boolean; readonly capabilities: string };
    /** Rootless: the ids of its user namespace. */
    readonly idMappings?: { readonly uidmap?: readonly { readonly size: number }[] | null };
  };
  readonly store: { readonly graphDriverName: string };
  readonly version: { readonly Version: string };
}

interface Found {
  readonly status: EngineStatus;
  readonly info?: PodmanInfo;
  readonly runtime?: string;
  readonly flags: readonly string[];
}

/** Is podman usable here, and with which runtime? Changes nothing; one call of `podman info`. */
export async function detectPodman(): Promise<EngineStatus> {
  const found = await look();
  looks.set(found.status, found);
  return found.status;
}

/** What was found out besides a status. */
const looks = new WeakMap<EngineStatus, Found>();

/** Throws `engine.unavailable` with the reason and the line that brings it. `known` = what {@link detectPodman} said just now. */
export async function podmanEngine(known?: EngineStatus): Promise<Engine> {
  const { status, info, runtime, flags } = (known && looks.get(known)) ?? (await look());
  if (info === undefined || status.version === undefined) {
    throw new UnrootError(`podman cannot be used: ${status.reason}`, {
      code: 'engine.unavailable',
      ...(status.install === undefined ? {} : { hint: status.install }),
    });
  }
  const client = podmanClient(flags);
  const [help, runc] = await Promise.all([
    client.run(['create', '--help']),
    runtime === 'runc' ? runCommand(['runc', '--version']) : undefined,
  ]);
  const passwdFlag = /--passwd\s/.test(help.stdout);
  const defaultCapabilities = capabilitiesOf(info.host.security.capabilities);
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  // Not mkdtemp: the folder's name becomes part of an image name, which has no capitals.
  const folder = join(tmpdir(), `unroot-podman-${unique}`);
  const registration = register(undo.remove(folder));
  mkdirSync(folder, { mode: 0o700 });
  const prefix = `unroot-${unique}`;
  let count = 0;
  const context: PodmanContext = {
    client,
    facts: { defaultCapabilities, limits: defaultLimits(), passwdFlag },
    folder,
    newName: () => `${prefix}-${++count}`,
  };
  const open = new Set<() => Promise<void>>();
  const held = new Set<Digest>();
  const conf = containersConf(confFiles());
  return {
    kind: 'podman',
    version: status.version,
    profile: profile('podman', status.version, {
      ...conf,
      defaultCapabilities,
      ...(runtime === 'crun' ? { runtime } : {}),
      ...(runtime === 'runc' ? { runtime: /version 1\.[01]\./.test(runc?.stdout ?? '') ? 'runc-1.1' : 'runc' } : {}),
      source: conf?.source ?? 'podman info',
    }),
    notes: status.notes,
    stopsBeforeStart: true,
    joinsSandboxes: !info.host.security.rootless,
    async makeVolume() {
      const id = `${prefix}-volume-${++count}`;
      const made = register(undo.command(...client.argv, 'volume', 'rm', '--force', id));
      await client.need(['volume', 'create', id]);
      return {
        id,
        async remove() {
          await client.need(['volume', 'rm', '--force', id]);
          made.release();
        },
      };
    },
    differences: (launch) => podmanArguments(launch, context.facts).differences,
    async prepare(image: Image, options: EngineOptions = {}): Promise<PreparedImage> {
      const borrowed = await borrowImage(context, image, held, options);
      return preparedInStore(
        image,
        (launch, createOptions) => createPodmanContainer(context, image, borrowed.reference, launch, createOptions),
        () => borrowed.giveBack(),
        open,
      );
    },
    async close() {
      // One after the other: podman reads the names of an image, takes one away and writes the rest back, without a lock around it.
      for (const each of [...open]) await each();
      rmSync(folder, { recursive: true, force: true });
      registration.release();
    },
  };
}

async function look(): Promise<Found> {
  const client: PodmanClient = podmanClient();
  const result = await client.run(['info', '--format=json'], { timeoutMs: 20_000, limit: 4 * 1024 * 1024 });
  const none = (reason: string, install?: string, version?: string): Found => ({
    status: {
      kind: 'podman',
      available: false,
      reason,
      notes: [],
      ...(install === undefined ? {} : { install }),
      ...(version === undefined ? {} : { version }),
    },
    flags: [],
  });
  if (result.missing) return none('podman is not installed', INSTALL);
  if (result.code !== 0) return none(`podman info fails: ${podmanWords(result)}`);
  const info = JSON.parse(result.stdout) as PodmanInfo;
  const version = info.version.Version;
  const configured = info.host.ociRuntime.name;
  const notes: string[] = [];
  const flags: string[] = [];
  let runtime = configured;
  if (configured === 'crun' && crunRefuses()) {
    if (!onPath('runc')) {
      return none(
        "crun refuses this machine's hybrid control groups, and runc is not installed",
        'apt-get install -y runc',
        version,
      );
    }
    runtime = 'runc';
    flags.push('--runtime=runc');
    notes.push('podman runs containers with runc here, because crun refuses hybrid control groups (v1 and v2 mixed)');
  }
  // newuidmap(1): without ranges of its own a user has one id there, and an image with a file of anybody else cannot be unpacked.
  const uids = info.host.idMappings?.uidmap?.reduce((sum, range) => sum + range.size, 0);
  if (info.host.security.rootless && uids === 1) {
    return none(
      'rootless podman has a single id here (no range for this user in /etc/subuid and /etc/subgid), so nobody but root exists in its containers',
      'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER" && podman system migrate',
      version,
    );
  }
  // The systemd manager needs the unified hierarchy or a running systemd; said explicitly, podman does not try it first.
  if (info.host.cgroupManager === 'cgroupfs') flags.push('--cgroup-manager=cgroupfs');
  if (info.host.security.rootless)
    notes.push('rootless: ids are those of its user namespace, files it owns may not be readable to changes()');
  if (info.store.graphDriverName !== 'overlay')
    notes.push(`storage driver ${info.store.graphDriverName}: changes in the root file system are not seen`);
  return { status: { kind: 'podman', available: true, version, notes }, info, runtime, flags };
}

/** crun src/libcrun/cgroup-utils.c: "cgroups in hybrid mode not supported" when the v2 side has controllers of its own. */
function crunRefuses(): boolean {
  try {
    return readFileSync('/sys/fs/cgroup/unified/cgroup.controllers', 'utf8').trim() !== '';
  } catch {
    return false;
  }
}

function onPath(program: string): boolean {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function capabilitiesOf(list: string): CapabilitySet {
  const names = new Set(list.split(',').map((name) => name.trim().toUpperCase()));
  return capabilitySet(CAPABILITIES.filter((name) => names.has(name) || names.has(name.slice(4))));
}

/** In the order in which later ones win, containers.conf(5). */
function confFiles(): readonly ConfFile[] {
  const home = process.env.XDG_CONFIG_HOME ?? (process.env.HOME ? join(process.env.HOME, '.config') : undefined);
  const given = process.env.CONTAINERS_CONF;
  const paths = given
    ? [given]
    : [
        '/usr/share/containers/containers.conf',
        '/etc/containers/containers.conf',
        ...(home === undefined ? [] : [join(home, 'containers/containers.conf')]),
      ];
  return paths.flatMap((path) => {
    try {
      return [{ path, text: readFileSync(path, 'utf8') }];
    } catch {
      return [];
    }
  });
}
