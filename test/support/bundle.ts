/** Makes one TypeScript file, with all it imports, into a program that plain Node 20 can run. */
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** Returns the path of the program, inside `folder`. */
export async function bundleProgram(source: string, folder: string): Promise<string> {
  const bundle = await rolldown({ input: source, platform: 'node', logLevel: 'silent' });
  await bundle.write({ dir: folder, format: 'esm', entryFileNames: 'program.mjs', chunkFileNames: 'chunks/[hash].mjs' });
  await bundle.close();
  return join(folder, 'program.mjs');
}
