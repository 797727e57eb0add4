/** Which engines this machine has, and which one is taken. */
import { UnrootError } from '../error.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Engine, EngineKind, EngineStatus } from './engine.ts';

interface Door {
  readonly kind: EngineKind;
  detect(): Promise<EngineStatus>;
  /** `status` is what `detect` said. */
  open(profile: PlatformProfile | undefined, status: EngineStatus): Promise<Engine>;
}

/** In the order of preference for images: what people have images in comes first. */
const DOORS: readonly Door[] = [
  {
    kind: 'podman',
    detect: async () => (await import('./podman.ts')).detectPodman(),
    open: async (_profile, status) => (await import('./podman.ts')).podmanEngine(status),
  },
  {
    kind: 'docker',
    detect: async () => (await import('./docker.ts')).detectDocker(),
    open: async () => (await import('./docker.ts')).dockerEngine(),
  },
  {
    kind: 'runc',
    detect: async () => (await import('./runc.ts')).detectRunc(),
    open: async (profile) => (await import('./runc.ts')).openOciEngine('runc', profile),
  },
  {
    kind: 'crun',
    detect: async () => (await import('./runc.ts')).detectCrun(),
    open: async (profile) => (await import('./runc.ts')).openOciEngine('crun', profile),
  },
  {
    kind: 'builtin',
    detect: async () => (await import('./builtin.ts')).detectBuiltin(),
    open: async (profile) => (await import('./builtin.ts')).openBuiltinEngine(profile),
  },
];

export function detectEngines(): Promise<EngineStatus[]> {
  return Promise.all(DOORS.map((door) => door.detect()));
}

export interface EngineWish {
  /** Whose rules shall hold: podman and docker only know their own, the others take any. */
  readonly profile?: PlatformProfile;
}

/** Opens the engine asked for; `auto` takes the first that works and can realise the profile. Throws `engine.none`, or `engine.unavailable` for one by name. */
export async function chooseEngine(wanted: EngineKind | 'auto', wish: EngineWish = {}): Promise<Engine> {
  const candidates =
    wanted === 'auto' ? DOORS.filter((door) => fits(door.kind, wish.profile)) : DOORS.filter((door) => door.kind === wanted);
  const statuses: EngineStatus[] = [];
  for (const door of candidates) {
    const status = await door.detect();
    if (status.available) return door.open(wish.profile, status);
    statuses.push(status);
  }
  if (wanted === 'auto')
    for (const door of DOORS.filter((each) => !candidates.includes(each))) {
      const status = await door.detect();
      if (status.available) return door.open(wish.profile, status);
      statuses.push(status);
    }
  const reasons = statuses.map(
    ({ kind, reason, install }) => `${kind}: ${reason ?? 'not available'}${install ? ` (${install})` : ''}`,
  );
  throw new UnrootError(
    wanted === 'auto'
      ? `no container engine can be used here: ${reasons.join('; ')}`
      : (reasons[0] ?? `there is no engine ${wanted}`),
    {
      code: wanted === 'auto' ? 'engine.none' : 'engine.unavailable',
      expected:
        wanted === 'auto'
          ? 'podman, Docker, runc, or root with util-linux for the built-in engine'
          : `${wanted}, installed and usable by this user`,
      hint: hintFor(statuses),
    },
  );
}

/** What the built-in engine lacks is the least; where that is only the right to, nothing has to be installed. */
function hintFor(statuses: readonly EngineStatus[]): string {
  const builtin = statuses.find(({ kind }) => kind === 'builtin');
  const install = builtin ? builtin.install : statuses.find((status) => status.install !== undefined)?.install;
  if (install !== undefined) return install;
  return process.getuid?.() === 0
    ? 'run it outside of a container, or in a privileged one'
    : 'run it as root: the built-in engine then needs nothing but util-linux; who, check and fix --static need no root';
}

/** podman and docker apply their own rules; another platform's are realised by a runtime that does what it is told. */
const fits = (kind: EngineKind, profile: PlatformProfile | undefined): boolean =>
  profile === undefined || (kind !== 'podman' && kind !== 'docker') || kind === profile.name;
