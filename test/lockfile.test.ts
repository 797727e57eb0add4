// `npm ci` is the first command of the README: the lock file must name every package that npm will look for.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Locked {
  readonly version?: string;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  packages: Record<string, Locked>;
};

/** Where node (and npm) would find `name` from the package at `from`: the nearest node_modules that holds it. */
const resolve = (from: string, name: string): Locked | undefined => {
  for (let base = from; ; ) {
    const found = lock.packages[`${base === '' ? '' : `${base}/`}node_modules/${name}`];
    if (found !== undefined || base === '') return found;
    base = base.slice(0, Math.max(0, base.lastIndexOf('node_modules/') - 1));
  }
};

// npm 11 refuses a lock file that leaves out the builds of another platform ("Missing: … from lock file"); npm writes such a
// file when the registry it asked did not have them.
test('the lock file holds every package that a locked package asks for, builds for other platforms too', () => {
  const missing: string[] = [];
  for (const [path, locked] of Object.entries(lock.packages)) {
    for (const name of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies })) {
      const found = resolve(path, name);
      const exact = locked.optionalDependencies?.[name];
      const other = exact !== undefined && /^\d/.test(exact) && found?.version !== exact;
      if (found === undefined || other) missing.push(`${name} for ${path}`);
    }
  }
  expect(Object.keys(lock.packages).length).toBeGreaterThan(50);
  expect(missing).toEqual([]);
});
