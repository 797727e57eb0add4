/** A bundle that matches the sources, for tests of the command line: built once per state of the sources, never into dist/. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** Everything the bundle is made of, as one hash. */
function sourceHash(): string {
  const hash = createHash('sha256');
  const folders = ['src', 'scripts', 'demo', 'web'].filter((folder) => existsSync(join(root, folder)));
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const file of [...files, join(root, 'package.json'), join(root, 'package-lock.json')].sort()) {
    hash.update(`${file}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Path of `unroot.js` built from the sources as they are now. Two tests asking at once get the same folder. */
export function freshDist(): string {
  const cache = join(root, '.cache');
  const wanted = join(cache, `dist-${sourceHash()}`);
  const entry = join(wanted, 'unroot.js');
  if (existsSync(entry)) return entry;
  mkdirSync(cache, { recursive: true });
  for (const name of readdirSync(cache)) {
    const old = join(cache, name);
    if (name.startsWith('dist-') && Date.now() - statSync(old).mtimeMs > 3_600_000) rmSync(old, { recursive: true, force: true });
  }
  const building = `${wanted}.${process.pid}`;
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), building], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    renameSync(building, wanted);
  } catch {
    rmSync(building, { recursive: true, force: true }); // another test was faster
  }
  return entry;
}
