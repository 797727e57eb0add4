/**
 * Copies of the host folders that a container would write to, so that trying something out changes nothing of the user's. A copy can also be
 * given the owner that a fix asks the real folder to have.
 */
import { chmodSync, chownSync, lstatSync, mkdtempSync, opendirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Launch } from '../launch/launch.ts';
import { runCommand } from './command.ts';
import { register, undo } from './reaper.ts';

/** More than this is not copied for an experiment. */
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_ENTRIES = 100_000;

export interface VolumeOwner {
  readonly path: string;
  /** `uid:gid`. */
  readonly owner: string;
  /** Octal. */
  readonly mode: string;
}

export interface ScratchBinds {
  /** The same launch over the copies. */
  readonly launch: Launch;
  remove(): void;
}

/** Read-only binds, sockets and devices stay what they are: a container cannot change those folders, and a copy of a socket is no socket. */
export async function scratchBinds(launch: Launch, owners: readonly VolumeOwner[] = []): Promise<ScratchBinds> {
  const sources = new Map<string, string>();
  const removals: (() => void)[] = [];
  const remove = (): void => {
    for (const each of removals.splice(0)) each();
  };
  try {
    for (const mount of launch.mounts) {
      if (mount.type !== 'bind' || mount.origin !== 'settings' || mount.readOnly || mount.source === undefined) continue;
      const stat = lstatSync(mount.source, { throwIfNoEntry: false });
      if (!stat || !(stat.isDirectory() || stat.isFile())) continue;
      const copy = await copyOf(mount.source, stat.isDirectory(), removals);
      const wanted = owners.find((each) => each.path === mount.target);
      if (wanted) {
        const [uid, gid] = wanted.owner.split(':').map(Number) as [number, number];
        chownSync(copy, uid, gid);
        chmodSync(copy, Number.parseInt(wanted.mode, 8));
      }
      sources.set(mount.source, copy);
    }
  } catch (error) {
    remove();
    throw error;
  }
  if (sources.size === 0) return { launch, remove };
  const swap = <T extends { readonly source?: string }>(item: T): T => {
    const copy = item.source === undefined ? undefined : sources.get(item.source);
    return copy === undefined ? item : { ...item, source: copy };
  };
  const volumes = launch.settings.volumes?.map(swap);
  return {
    launch: { ...launch, mounts: launch.mounts.map(swap), settings: { ...launch.settings, ...(volumes ? { volumes } : {}) } },
    remove,
  };
}

async function copyOf(source: string, directory: boolean, removals: (() => void)[]): Promise<string> {
  measure(source);
  const folder = mkdtempSync(join(tmpdir(), 'unroot-bind-'));
  const written = register(undo.remove(folder));
  removals.push(() => {
    rmSync(folder, { recursive: true, force: true });
    written.release();
  });
  const copy = join(folder, 'copy');
  const result = await runCommand(['cp', '-a', '--reflink=auto', '--', source, copy], { timeoutMs: 120_000 });
  if (result.code !== 0)
    throw new UnrootError(`cannot copy the ${directory ? 'folder' : 'file'} ${source} for a trial run: ${result.stderr.trim()}`, {
      code: 'engine.bind-copy',
      where: { file: source },
      hint: 'trial runs never write to your folders; leave the volume out, or mount it read-only',
    });
  return copy;
}

/** Refuses what would take too long or fill the disk. */
function measure(source: string): void {
  let bytes = 0;
  let entries = 0;
  const visit = (path: string): void => {
    const stat = lstatSync(path);
    bytes += stat.size;
    entries++;
    if (bytes > MAX_BYTES || entries > MAX_ENTRIES)
      throw new UnrootError(`${source} is too large to copy for a trial run`, {
        code: 'engine.bind-too-large',
        where: { file: source },
        expected: `at most ${MAX_BYTES / 1024 / 1024} MiB and ${MAX_ENTRIES} files`,
        hint: 'trial runs never write to your folders; give a smaller folder with the same owners, or mount it read-only',
      });
    if (!stat.isDirectory()) return;
    const folder = opendirSync(path);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) visit(join(path, entry.name));
    } finally {
      folder.closeSync();
    }
  };
  visit(source);
}
