/** Reads the first line of scripts, which the kernel reads too when it executes them. */
import type { RootFs } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { absolute } from './path-actions.ts';
import { fromImage } from './seen-tree.ts';

/** BINPRM_BUF_SIZE of include/uapi/linux/binfmts.h: what lies beyond is not seen. */
const HEAD = 256;
/** Scripts are small; a program above this is none. */
const LARGEST = 1 << 20;
/** Interpreters that are scripts themselves: the kernel gives up behind the fifth. */
const MOST = 6;

/** The word behind `#!`; undefined = no script (fs/binfmt_script.c). */
export function interpreterOf(content: Uint8Array): string | undefined {
  if (content[0] !== 0x23 || content[1] !== 0x21) return undefined;
  const line = new TextDecoder().decode(content.subarray(2, HEAD)).split('\n')[0] as string;
  const word = /^[ \t]*([^ \t\0]+)/.exec(line)?.[1];
  return word;
}

/** The script at `path` and the scripts that interpret it: path → interpreter, both absolute and free of symlinks on the left. */
export async function scriptsFrom(path: string, launch: Launch, rootFs: RootFs): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let next: string | undefined = path;
  for (let depth = 0; next !== undefined && depth < MOST; depth += 1) {
    const { entry } = rootFs.resolve(next);
    if (entry?.type !== 'file' || entry.size > LARGEST || found.has(entry.path) || !fromImage(entry.path, launch.mounts)) break;
    const content = await rootFs.readFile(entry.path, { limit: LARGEST });
    const word: string | undefined = content === undefined ? undefined : interpreterOf(content);
    if (word === undefined) break;
    next = absolute(word, launch.cwd);
    found.set(entry.path, next);
  }
  return found;
}
