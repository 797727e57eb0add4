/** The root file system of one container: an overlay over the unpacked layers, or a copy of them where overlayfs cannot be used. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { UnrootError } from '../../error.ts';
import type { Image } from '../../image/image.ts';
import { folderChanges, overlayChanges, type Snapshot, snapshot } from '../changes.ts';
import { runCommand } from '../command.ts';
import type { FileChange } from '../engine.ts';
import { type Registration, register, undo } from '../reaper.ts';
import { cacheFolder } from './locate.ts';
import { isWhiteout } from './merged.ts';
import { opaqueDirectories } from './opaque.ts';

/** Mounted, or copied. */
export interface ContainerRoot {
  readonly path: string;
  readonly kind: 'overlay' | 'copy';
  /** Call when all that the engine itself puts there is there: only what comes after is a change. */
  baseline(): void;
  changes(): Promise<readonly FileChange[]>;
  unmount(): Promise<void>;
}

/** Why overlayfs cannot be used, once that is known: it is the machine's property, not the container's. */
let noOverlay: string | undefined;

/** The reason this machine needs copies, as far as it is known by now. */
export function whyNoOverlay(): string | undefined {
  return noOverlay;
}

/** `layers`: folders in overlayfs form, bottom first. `home`: the container's own folder, where `root` and its like are made. */
export async function containerRoot(
  image: Pick<Image, 'rootFs'>,
  layers: readonly string[],
  home: string,
): Promise<ContainerRoot> {
  const path = join(home, 'root');
  const upper = join(home, 'upper');
  mkdirSync(path, { mode: 0o700 });
  const registration = register(undo.unmount(path));
  const overlay =
    noOverlay === undefined && process.env.UNROOT_NO_OVERLAY !== '1' && (await mountOverlay(layers, home, path, upper));
  if (!overlay) {
    registration.release();
    copyLayers(layers, path);
  }
  return overlay ? overlayRoot(image, path, upper, registration) : copiedRoot(path);
}

async function mountOverlay(layers: readonly string[], home: string, path: string, upper: string): Promise<boolean> {
  const [work, empty] = [join(home, 'work'), join(home, 'empty')];
  for (const folder of [upper, work, empty]) mkdirSync(folder, { mode: 0o755 });
  // The root of the mount is the upper directory's own inode: it has to look as the image's does.
  const top = layers.at(-1);
  if (top) {
    const stat = statSync(top);
    chownSync(upper, stat.uid, stat.gid);
    chmodSync(upper, stat.mode & 0o7777);
  }
  // Short, and free of the `:` and `,` that a path of the user's may hold: all folders must fit one page (mount(2)).
  const cwd = top ? join(top, '..', '..') : home;
  const short = (folder: string): string => relative(cwd, folder);
  const lower = top ? layers.toReversed() : [empty];
  const folders = `lowerdir=${lower.map(short).join(':')},upperdir=${short(upper)},workdir=${short(work)}`;
  if (folders.length > 4000) return false;
  // Plain copies in the upper directory, so that it can be read as the list of changes; and no waiting for the disk.
  let words = '';
  for (const features of [',redirect_dir=off,metacopy=off,index=off,volatile', ',redirect_dir=off', '']) {
    const run = await runCommand(['mount', '-t', 'overlay', '-o', folders + features, 'overlay', path], {
      cwd,
      timeoutMs: 20_000,
    });
    if (run.code === 0) return true;
    words = run.stderr.trim();
  }
  const said = words.split('\n')[0]!.replace(/^mount: [^:]*: /, '');
  noOverlay = `overlayfs cannot be used below ${cacheFolder()} (${said || 'mount failed'})`;
  return false;
}

function overlayRoot(image: Pick<Image, 'rootFs'>, path: string, upper: string, registration: Registration): ContainerRoot {
  let before: Snapshot = new Map();
  return {
    path,
    kind: 'overlay',
    baseline() {
      before = snapshot(upper);
    },
    async changes() {
      const rootFs = await image.rootFs();
      const hidden = opaqueDirectories(upper).flatMap((folder) =>
        rootFs.list(folder).flatMap((name) => {
          const child = folder === '/' ? `/${name}` : `${folder}/${name}`;
          return lstatSync(upper + child, { throwIfNoEntry: false }) ? [] : [child];
        }),
      );
      return overlayChanges(upper, before, rootFs, hidden);
    },
    async unmount() {
      const run = await runCommand(['umount', path], { timeoutMs: 20_000 });
      // Somebody still looks into it (a dying process, a curious shell): it goes when they do.
      if (run.code !== 0) await runCommand(['umount', '-l', path], { timeoutMs: 20_000 });
      registration.release();
    },
  };
}

function copiedRoot(path: string): ContainerRoot {
  let before: Snapshot = snapshot(path);
  return {
    path,
    kind: 'copy',
    baseline() {
      before = snapshot(path);
    },
    changes: async () => folderChanges('/', before, snapshot(path)),
    unmount: async () => {},
  };
}

/** Lays the layers over each other by hand; `cp -a` keeps owners, modes, times, hard links and extended attributes. */
function copyLayers(layers: readonly string[], path: string): void {
  for (const layer of layers) {
    const whiteouts: string[] = [];
    const clear = (below: string): void => {
      for (const entry of readdirSync(join(layer, below), { withFileTypes: true })) {
        const child = below === '' ? entry.name : `${below}/${entry.name}`;
        const whiteout = entry.isCharacterDevice() && isWhiteout(lstatSync(join(layer, child)));
        if (whiteout) whiteouts.push(child);
        const there = lstatSync(join(path, child), { throwIfNoEntry: false });
        const merges = entry.isDirectory() && there?.isDirectory();
        if (there && !merges) rmSync(join(path, child), { recursive: true, force: true });
        if (merges) clear(child);
      }
    };
    // Nothing of the layer lies below a path that was not there before, except whiteouts inside its own new folders: none are made.
    clear('');
    try {
      execFileSync('cp', ['-a', '--reflink=auto', `${layer}/.`, path], { stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      throw new UnrootError(
        `the image cannot be copied to ${path}: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`,
        {
          code: 'engine.copy-failed',
          cause: error,
        },
      );
    }
    for (const child of whiteouts) rmSync(join(path, child), { force: true });
  }
}
