/** Where unpacked layers and running containers live on this machine. */
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UnrootError } from '../../error.ts';

const DEFAULT_LIMIT = 5 * 2 ** 30;

/** `$UNROOT_CACHE`, else `unroot` below `$XDG_CACHE_HOME` or `~/.cache`; made when it is not there, for its owner only. */
export function cacheFolder(): string {
  const { UNROOT_CACHE: own, XDG_CACHE_HOME: xdg } = process.env;
  // The XDG specification has relative values ignored.
  const folder =
    own && isAbsolute(own) ? own : xdg && isAbsolute(xdg) ? join(xdg, 'unroot') : join(homedir(), '.cache', 'unroot');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    // What is unpacked there is run as root later: nobody else may put things in.
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) throw new Error(`${folder} is not a directory of our own`);
    if ((stat.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  } catch (error) {
    throw new UnrootError(`the cache folder ${folder} cannot be used: ${(error as Error).message}`, {
      code: 'engine.cache',
      where: { file: folder },
      hint: 'name another folder in UNROOT_CACHE',
      cause: error,
    });
  }
  return folder;
}

/** Bytes of unpacked layers kept: `$UNROOT_CACHE_LIMIT` as `5000000000`, `500M`, `5G`; 5 GiB unless told. */
export function cacheLimit(): number {
  const text = process.env.UNROOT_CACHE_LIMIT;
  if (!text) return DEFAULT_LIMIT;
  const match = /^(\d+)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) {
    throw new UnrootError(`UNROOT_CACHE_LIMIT is ${JSON.stringify(text)}`, {
      code: 'engine.cache-limit',
      expected: 'a number of bytes, or one with K, M, G or T: 5G',
    });
  }
  return Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] || ' ').toLowerCase());
}
