#!/usr/bin/env node
/**
 * npm run reality:pod-security [-- PODS [SEED]]: src/pod-security against upstream's own Go package, 100,000 random pods unless told
 * otherwise. Needs Go and its module proxy; the test that does the work says so when they are missing, and then this fails.
 */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const record = `${root}.cache/conformance/pod-security.json`;
const [pods = '100000', seed] = process.argv.slice(2);
const before = statSync(record, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/reality/pod-security.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, UNROOT_PODS: pods, ...(seed === undefined ? {} : { UNROOT_SEED: seed }) },
});
const compared = (statSync(record, { throwIfNoEntry: false })?.mtimeMs ?? 0) > before;
if (status === 0 && !compared) console.error('Nothing was compared: see what was skipped above.');
process.exit(status === 0 && compared ? 0 : 1);
