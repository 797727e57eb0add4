// Bundles src/cli/main.ts into dist/: one small entry, every command a chunk of its own that loads when it is asked for.
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
rmSync(`${root}dist`, { recursive: true, force: true });
const bundle = await rolldown({
  input: { unroot: `${root}src/cli/main.ts` },
  platform: 'node',
  transform: { define: { __UNROOT_VERSION__: JSON.stringify(version) } },
});
await bundle.write({
  dir: `${root}dist`,
  format: 'esm',
  banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
  chunkFileNames: 'chunks/[name]-[hash].js',
});
await bundle.close();
chmodSync(`${root}dist/unroot.js`, 0o755);
