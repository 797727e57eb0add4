/** Builds Dockerfiles for real, with buildah in a store of its own, and reads what came out: settings, and every file's owner and mode. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPath } from './debian-image.ts';

export interface BuiltEntry {
  readonly type: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly target: string;
}

export interface RealBuild {
  readonly config: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Volumes?: Readonly<Record<string, object>>;
  };
  readonly entries: ReadonlyMap<string, BuiltEntry>;
  /** `getcap`'s words by path. */
  readonly capabilities: ReadonlyMap<string, string>;
}

export interface Buildah {
  /** Takes an OCI layout into the store under a name. */
  pull(reference: string, name: string): void;
  /** Throws with buildah's words when the build breaks. */
  build(dockerfile: string, context: string, flags?: readonly string[]): string;
  /** What a built image is, and all its files. */
  read(image: string): RealBuild;
  /** Writes an image as an OCI layout. */
  save(image: string, folder: string): void;
  close(): void;
}

/** What keeps this machine from building, with the line that helps. */
export function whyNoBuildah(): string | undefined {
  if (process.getuid?.() !== 0) return 'building with buildah needs root here';
  const missing = ['buildah', 'getcap'].filter((program) => !onPath(program));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed: apt-get install -y buildah libcap2-bin`;
}

/** Builders without a runtime: chroot isolation, the network of the host, one layer. */
export function openBuildah(): Buildah {
  const home = mkdtempSync(join(tmpdir(), 'unroot-buildah-'));
  const common = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'overlay'];
  let count = 0;
  const run = (args: readonly string[], input?: string): string =>
    execFileSync('buildah', [...common, ...args], {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    });
  return {
    pull: (reference, name) => {
      const id = run(['pull', '-q', reference]).trim();
      run(['tag', id, name]);
    },
    build: (dockerfile, context, flags = []) => {
      const file = join(home, `Dockerfile.${count++}`);
      writeFileSync(file, dockerfile);
      return run([
        'bud',
        '-q',
        '--isolation',
        'chroot',
        '--network',
        'host',
        '--pull-never',
        '--layers=false',
        ...flags,
        '-f',
        file,
        context,
      ])
        .trim()
        .split('\n')
        .at(-1)!;
    },
    read: (image) => {
      const container = run(['from', '--pull-never', image]).trim();
      try {
        const { OCIv1 } = JSON.parse(run(['inspect', '--type', 'image', image])) as { OCIv1: { config?: RealBuild['config'] } };
        const root = run(['mount', container]).trim();
        const list = execFileSync('find', [root, '-xdev', '-printf', '%P\\t%y\\t%U\\t%G\\t%m\\t%l\\0'], {
          encoding: 'utf8',
          maxBuffer: 256 * 1024 * 1024,
        });
        const entries = new Map<string, BuiltEntry>();
        for (const line of list.split('\0')) {
          const [path = '', type = '', uid, gid, mode, target = ''] = line.split('\t');
          if (type !== '')
            entries.set(`/${path}`, { type, uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode!, 8), target });
        }
        const capabilities = new Map<string, string>();
        for (const line of execFileSync('getcap', ['-r', root], { encoding: 'utf8' }).split('\n')) {
          const cut = line.lastIndexOf(' ');
          if (cut > 0) capabilities.set(line.slice(root.length, cut), line.slice(cut + 1));
        }
        return { config: OCIv1.config ?? {}, entries, capabilities };
      } finally {
        run(['rm', container]);
      }
    },
    save: (image, folder) => {
      mkdirSync(folder, { recursive: true });
      run(['push', '-q', '-D', image, `oci:${folder}:latest`]);
    },
    close: () => {
      try {
        run(['rm', '--all']);
      } catch {
        // none is left
      }
      // Its storage mounts this folder on itself, and leaves that to the end of the machine.
      spawnSync('umount', ['--quiet', '--lazy', join(home, 'root/overlay')]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
