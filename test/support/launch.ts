/** Launches in one line, for tests: an image in memory, settings, a profile. */
import type { ImageConfig } from '../../src/image/image.ts';
import type { HostFacts } from '../../src/launch/input.ts';
import type { Launch, Refusal } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import type { PlatformProfile, ProfileName } from '../../src/platform/platform.ts';
import { profile } from '../../src/platform/profiles.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { type MemoryEntry, memoryRootFs } from './memory-rootfs.ts';

/** The account files of the table in field.md 1.1, so that every row can be asked of every platform. */
export const PASSWD: string = [
  'root:x:0:0:root:/root:/bin/sh',
  'toor:x:0:0:root too:/toor:/bin/sh',
  'app:x:1234:1234:app:/home/app:/bin/sh',
  '4242:x:0:0:a name that looks like a number:/:/bin/sh',
  'web:x:33:33:web:/var/www:/sbin/nologin',
  '',
].join('\n');

export const GROUP: string = ['root:x:0:', 'app:x:1234:app', 'extra:x:77:app', 'www:x:33:', ''].join('\n');

export interface Scene {
  readonly user?: string;
  readonly config?: Partial<ImageConfig>;
  readonly settings?: ContainerSettings;
  readonly platform?: ProfileName;
  readonly version?: string;
  readonly profile?: PlatformProfile;
  /** Files of the image; absent = only the account files are known, as for `who`. */
  readonly files?: Readonly<Record<string, MemoryEntry | string>>;
  /** null = the image has none. */
  readonly passwd?: string | null;
  readonly group?: string | null;
  readonly host?: HostFacts;
}

export const CONFIG: ImageConfig = {
  user: '',
  env: [],
  entrypoint: [],
  cmd: ['/bin/app'],
  workingDir: '',
  volumes: [],
  exposedPorts: [],
  labels: {},
};

/** Whatever comes out. */
export function outcomeOf(scene: Scene): Launch | Refusal {
  const passwd = scene.passwd === null ? undefined : (scene.passwd ?? PASSWD);
  const group = scene.group === null ? undefined : (scene.group ?? GROUP);
  const accounts = {
    ...(passwd !== undefined && { '/etc/passwd': passwd }),
    ...(group !== undefined && { '/etc/group': group }),
  };
  return launchImage({
    image: {
      reference: 'localhost/test',
      config: { ...CONFIG, ...scene.config, ...(scene.user === undefined ? {} : { user: scene.user }) },
      passwd,
      group,
      rootFs: scene.files === undefined ? undefined : memoryRootFs({ ...accounts, ...scene.files }),
    },
    settings: scene.settings ?? {},
    profile: scene.profile ?? profile(scene.platform ?? 'docker', scene.version),
    name: 'web',
    ...(scene.host === undefined ? {} : { host: scene.host }),
  });
}

/** A launch, or the test fails with the refusal's words. */
export function launchOf(scene: Scene): Launch {
  const outcome = outcomeOf(scene);
  if (outcome.kind === 'refusal') throw new Error(`refused: ${outcome.message}`);
  return outcome;
}

/** A refusal, or the test fails. */
export function refusalOf(scene: Scene): Refusal {
  const outcome = outcomeOf(scene);
  if (outcome.kind === 'launch') throw new Error(`starts as ${outcome.uid}:${outcome.gid}`);
  return outcome;
}

/** All sentences about one field. */
export function why(outcome: Launch | Refusal, field: string): string {
  return outcome.because
    .filter((one) => one.field === field)
    .map((one) => one.source)
    .join('\n');
}
