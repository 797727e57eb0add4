/** Folders of the host that the services of a project mount: copies of what they may write to, shared as the originals are, and files written for them. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import type { Launch, LaunchMount } from '../launch/launch.ts';
import { copyTree, refuseTooLarge } from './copy-tree.ts';
import { register, undo } from './reaper.ts';

export interface WrittenFile {
  readonly target: string;
  readonly content: string | undefined;
  readonly mode: number;
  /** Absent = root's. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface ProjectFolders {
  /** The launch over the copies, with its files. */
  over(launch: Launch, files?: readonly WrittenFile[]): Launch;
  close(): void;
}

/** What of the host no trial run is ever given, whoever asks for it. */
const NEVER: ReadonlySet<string> = new Set([
  '/',
  '/etc',
  '/proc',
  '/sys',
  '/dev',
  '/boot',
  '/run',
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
]);

/** Folders that services mount from outside the project, and why that is refused. `allowed`: what somebody agreed to. */
export function refusedBinds(launches: readonly Launch[], folder: string, allowed: readonly string[]): readonly string[] {
  const inside = [folder, ...allowed].map(real);
  const refused = new Map<string, string>();
  for (const launch of launches)
    for (const { source = '' } of launch.mounts.filter(isBind)) {
      const path = real(source);
      const by = `${launch.name} mounts ${source}`;
      if (NEVER.has(path)) refused.set(path, `${by}, which no trial run is given`);
      else if (!inside.some((one) => isBelow(path, one)))
        refused.set(
          path,
          `${by}, which is outside of ${folder}: --allow-bind ${source} agrees to it (what is written to goes to a copy)`,
        );
    }
  return [...refused.values()];
}

const isBind = ({ type, origin }: LaunchMount): boolean => type === 'bind' && origin === 'settings';

/** Without links, also where the end of it is not there yet. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(real(parent), basename(path));
  }
}

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

/** Read-only mounts, sockets and devices stay the real ones: nobody can change them, and a copy of a socket is no socket. */
export async function projectFolders(launches: readonly Launch[]): Promise<ProjectFolders> {
  const home = mkdtempSync(join(tmpdir(), 'unroot-project-'));
  const registration = register(undo.remove(home));
  const close = (): void => {
    rmSync(home, { recursive: true, force: true });
    registration.release();
  };
  // Its paths are looked up by the engine alone.
  chmodSync(home, 0o700);
  let count = 0;
  const place = (): string => join(home, String(count++));
  try {
    const binds = launches.flatMap(({ mounts }) => mounts.filter(isBind));
    const written = new Set(
      binds.filter(({ readOnly, source }) => !readOnly && copied(source)).map(({ source }) => real(source!)),
    );
    const outermost = [...written].filter((path) => ![...written].some((other) => other !== path && isBelow(path, other)));
    const copies = new Map<string, string>();
    for (const path of outermost) copies.set(path, await copyOf(path, place()));
    const fresh = new Map<string, string>();
    const standIn = (source: string): string => {
      const path = real(source);
      const outer = outermost.find((one) => isBelow(path, one));
      if (outer === undefined) {
        if (existsSync(path)) return path;
        const empty = fresh.get(path) ?? place();
        fresh.set(path, empty);
        return made(empty);
      }
      const inner = join(copies.get(outer)!, relative(outer, path));
      return existsSync(inner) ? inner : made(inner);
    };
    return {
      close,
      over(launch, files = []) {
        const mounts = launch.mounts.map((mount) =>
          isBind(mount) && mount.source !== undefined ? { ...mount, source: standIn(mount.source) } : mount,
        );
        const own = files.map(({ target, content = '', mode, uid = 0, gid = 0 }): LaunchMount => {
          const source = place();
          writeFileSync(source, content);
          if (uid !== 0 || gid !== 0) chownSync(source, uid, gid);
          chmodSync(source, mode);
          return { type: 'bind', target, source, readOnly: true, options: ['ro'], origin: 'settings' };
        });
        return { ...launch, mounts: [...mounts, ...own] };
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** A missing folder is made by the engine, root's (moby volume/mounts, CreateMountpoint). */
function made(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

function copied(source: string | undefined): boolean {
  const stat = source === undefined ? undefined : lstatSync(real(source), { throwIfNoEntry: false });
  return source !== undefined && (stat === undefined || stat.isDirectory() || stat.isFile());
}

async function copyOf(source: string, copy: string): Promise<string> {
  if (!existsSync(source)) return made(copy);
  refuseTooLarge(source, 'mount it read-only, or let the project have a smaller one');
  await copyTree(source, copy);
  return copy;
}
