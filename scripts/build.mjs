// Bundles src/cli/main.ts into dist/ (or the folder given), and the workshop's page into dist/lab: one small entry, every command a chunk of its own that loads when it is asked for.
// The bundle is CommonJS: Node reads such modules at once, one after the other, where the ES module loader costs 8 ms to begin with and
// a turn of the thread pool per module. Comments and white space go (they are parsed at every start), names stay (stacks are read).
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { buildPage } from '../web/build.mjs';
import { checkInStep } from './recipes.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = process.argv[2] === undefined ? `${root}dist` : resolve(process.argv[2]);
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
const entries = { unroot: `${root}src/cli/main.ts`, demo: `${root}demo/image.ts` };
const input = Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file)));

/** Commander loads node:child_process for subcommands that are programs of their own. There are none here, and it costs every start 2 ms. */
const noSubprograms = {
  name: 'no-subprograms',
  resolveId: (source, importer) =>
    source === 'node:child_process' && /node_modules\/commander\//.test(importer ?? '') ? '\0no-subprograms' : undefined,
  load: (id) => (id === '\0no-subprograms' ? 'module.exports = {};' : undefined),
};

checkInStep();
rmSync(dist, { recursive: true, force: true });
const bundle = await rolldown({
  input,
  platform: 'node',
  // Has a binary for each machine: it is looked for when a terminal is wanted, and need not be there.
  external: ['@lydell/node-pty'],
  plugins: [noSubprograms],
  transform: { define: { __UNROOT_VERSION__: JSON.stringify(version) } },
});
await bundle.write({
  dir: dist,
  format: 'cjs',
  minify: { mangle: false, compress: true, codegen: { removeWhitespace: true } },
  banner: (chunk) => (chunk.name === 'unroot' && chunk.isEntry ? '#!/usr/bin/env node' : ''),
  chunkFileNames: 'chunks/[name]-[hash].js',
});
await bundle.close();
writeFileSync(`${dist}/package.json`, '{ "type": "commonjs" }\n');
chmodSync(`${dist}/unroot.js`, 0o755);
// The workshop's page.
await buildPage(`${dist}/lab`, version);
