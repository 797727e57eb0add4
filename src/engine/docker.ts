/** Docker, 20.10 and later, through the Engine API of a daemon on this machine. */

import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Digest, Image } from '../image/image.ts';
import { profile } from '../platform/profiles.ts';
import { type DockerApi, dockerApi, dockerSocket, dockerVersion } from './docker/api.ts';
import { createDockerContainer, type DockerContext } from './docker/container.ts';
import { createRequest } from './docker/create-request.ts';
import { borrowImage } from './docker/image.ts';
import type { Engine, EngineOptions, EngineStatus, PreparedImage } from './engine.ts';
import { preparedInStore } from './prepared-in-store.ts';
import { defaultLimits } from './proc.ts';
import { register, undo } from './reaper.ts';

const INSTALL = 'apt-get install -y docker.io';

export interface DockerOptions {
  /** Default: DOCKER_HOST, else /var/run/docker.sock. */
  readonly socket?: string;
}

/** What is read of `GET /info`. */
interface DockerInfo {
  readonly KernelVersion: string;
  readonly Driver: string;
  readonly SecurityOptions?: readonly string[] | null;
}

interface Found {
  readonly status: EngineStatus;
  readonly api?: DockerApi;
  readonly socket?: string;
  readonly driver?: string;
}

/** Does a daemon of this machine answer? Changes nothing. */
export async function detectDocker(options: DockerOptions = {}): Promise<EngineStatus> {
  return (await look(options)).status;
}

/** Throws `engine.unavailable` with the reason and the line that brings it. */
export async function dockerEngine(options: DockerOptions = {}): Promise<Engine> {
  const { status, api, socket, driver } = await look(options);
  if (api === undefined || socket === undefined || status.version === undefined) {
    throw new UnrootError(`Docker cannot be used: ${status.reason}`, {
      code: 'engine.unavailable',
      ...(status.install === undefined ? {} : { hint: status.install }),
    });
  }
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const folder = join(tmpdir(), `unroot-docker-${unique}`);
  const registration = register(undo.remove(folder));
  mkdirSync(folder, { mode: 0o700 });
  let count = 0;
  const own = profile('docker', status.version);
  const context: DockerContext = {
    api,
    facts: { profile: own, limits: defaultLimits() },
    folder,
    newName: () => `unroot-${unique}-${++count}`,
    // The shell that cleans up after us has no HTTP client of its own; node is what we run on.
    undo: (method, path) => undo.command(process.execPath, '-e', CALL, socket, method, `/v${api.version}${path}`),
  };
  const open = new Set<() => Promise<void>>();
  // moby image/tarexport/load.go looks for a layer in the store before it reads the archive. The containerd store (driver "overlayfs") may not.
  const held = driver === 'overlay2' ? new Set<Digest>() : undefined;
  return {
    kind: 'docker',
    version: status.version,
    profile: own,
    notes: status.notes,
    // The daemon creates and starts the process in one go: nobody can attach in between.
    stopsBeforeStart: false,
    differences: (launch) => createRequest(launch, context.facts, '', launch.image).differences,
    async prepare(image: Image, prepareOptions: EngineOptions = {}): Promise<PreparedImage> {
      const borrowed = await borrowImage(context, image, held, prepareOptions);
      return preparedInStore(
        image,
        (launch, createOptions) => createDockerContainer(context, image, borrowed, launch, createOptions),
        () => borrowed.giveBack(),
        open,
      );
    },
    async close() {
      await Promise.all([...open].map((each) => each()));
      rmSync(folder, { recursive: true, force: true });
      registration.release();
    },
  };
}

const CALL =
  "const [socketPath, method, path] = process.argv.slice(1); require('node:http').request({ socketPath, method, path }).on('error', () => {}).end();";

async function look(options: DockerOptions): Promise<Found> {
  const none = (reason: string, install?: string): Found => ({
    status: { kind: 'docker', available: false, reason, notes: [], ...(install === undefined ? {} : { install }) },
  });
  const socket = options.socket ?? dockerSocket();
  if (socket === undefined) {
    return none(
      `DOCKER_HOST is ${process.env.DOCKER_HOST}: only a daemon on this machine (unix://…) can be looked at from outside`,
    );
  }
  let version: Awaited<ReturnType<typeof dockerVersion>>;
  try {
    version = await dockerVersion(socket);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') return none(`no permission to use the Docker daemon at unix://${socket}`);
    return none(`the Docker daemon does not answer at unix://${socket}`, INSTALL);
  }
  const api = dockerApi(socket, version.ApiVersion);
  const info = (await api.need('GET', '/info')) as DockerInfo;
  // Docker Desktop and its like: the socket is here, the processes are in a virtual machine.
  if (info.KernelVersion !== release()) {
    return none(
      `the Docker daemon at unix://${socket} runs in another machine (kernel ${info.KernelVersion}): its processes cannot be seen from here`,
    );
  }
  const notes: string[] = [];
  const security = info.SecurityOptions ?? [];
  if (security.some((each) => /name=rootless/.test(each))) notes.push('rootless: ids are those of its user namespace');
  if (security.some((each) => /name=userns/.test(each))) notes.push('userns-remap: ids on the host are shifted');
  if (!/^(?:overlay2|fuse-overlayfs)$/.test(info.Driver))
    notes.push(`storage driver ${info.Driver}: changes in the root file system are not seen`);
  notes.push('a tracer cannot attach before the first instruction; runc can do that');
  return { status: { kind: 'docker', available: true, version: version.Version, notes }, api, socket, driver: info.Driver };
}
