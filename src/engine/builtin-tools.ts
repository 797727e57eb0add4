/**
 * Host programs that must run inside the container's root: copied flat into one folder with their libraries and the dynamic loader, and run
 * by relative path through that loader, so that no file of the image has any part in them.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, chmodSync, constants, copyFileSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** How to run them, relative to the folder. */
export interface ToolBox {
  /** `./ld.so --library-path . ./env`, or `./env` when it is a static program. */
  command(name: string): readonly string[];
}

const LOADER = 'ld.so';

/** The first executable of that name on PATH or in the usual places of system programs. */
export function findProgram(name: string): string | undefined {
  const places = [
    ...(process.env.PATH ?? '').split(':').filter((part) => part.startsWith('/')),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/bin',
    '/bin',
  ];
  return places
    .map((place) => join(place, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Copies them to a new folder that any user may read. */
export function toolBox(folder: string, names: readonly string[]): ToolBox {
  mkdirSync(folder, { mode: 0o755 });
  chmodSync(folder, 0o755);
  const copy = (from: string, name: string): void => {
    copyFileSync(realpathSync(from), join(folder, name), constants.COPYFILE_FICLONE);
    chmodSync(join(folder, name), 0o755);
  };
  let loader = false;
  for (const name of names) {
    const file = findProgram(name);
    if (!file) throw new Error(`${name} is not installed`);
    copy(file, name);
    const needed = libraries(file);
    for (const { soname, path } of needed.shared) copy(path, soname);
    if (needed.loader) {
      copy(needed.loader, LOADER);
      loader = true;
    }
  }
  return { command: (name) => (loader ? [`./${LOADER}`, '--library-path', '.', `./${name}`] : [`./${name}`]) };
}

/** What ldd(1) of glibc and of musl say; nothing for a static program. */
export function libraries(file: string): {
  readonly loader: string | undefined;
  readonly shared: readonly { readonly soname: string; readonly path: string }[];
} {
  let text: string;
  try {
    text = execFileSync('ldd', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return { loader: undefined, shared: [] };
  }
  return parseLdd(text);
}

/** `name => /path (0x…)` is a library, `/path (0x…)` the loader; musl's loader also stands for its libc. */
export function parseLdd(text: string): ReturnType<typeof libraries> {
  const shared = [...text.matchAll(/^\s*(\S+) => (\/\S+) \(0x/gm)].map(([, soname = '', path = '']) => ({
    soname: soname.split('/').at(-1)!,
    path,
  }));
  const loader = /^\s*(\/\S+) \(0x/m.exec(text)?.[1];
  return { loader, shared };
}
