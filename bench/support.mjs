// Modules of src/ and of the tests' support, bundled so that plain node can import them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const MODULES = [
  'src/image/sources/index',
  'src/engine/detect',
  'src/linux/access',
  'src/launch/launch-image',
  'src/launch/subject',
  'src/trace/tracers/strace',
  'test/support/image-builder',
  'test/support/images',
  'test/support/program',
  'test/support/registry',
  'test/support/dockerd',
];

/** Everything those modules export, in one object. */
export async function support(root) {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-bench-support-'));
  try {
    const entry = join(folder, 'entry.ts');
    writeFileSync(entry, MODULES.map((name) => `export * from '${join(root, name)}.ts';`).join('\n'));
    const build = await rolldown({ input: { all: entry }, platform: 'node', cwd: root });
    await build.write({ dir: folder, format: 'esm', entryFileNames: '[name].mjs', codeSplitting: false });
    await build.close();
    return await import(join(folder, 'all.mjs'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
