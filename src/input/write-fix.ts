/** Writes what `fix --out DIR` promises: all of it or nothing. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { DerivedImage } from '../image/derive.ts';
import { writeOciLayout } from '../image/sinks/index.ts';
import { publish } from '../image/sinks/publish.ts';
import { writeTar } from '../image/tar-writer.ts';
import type { ArtifactInput } from '../report/artifacts/artifact.ts';
import { composeYaml } from '../report/artifacts/compose.ts';
import { dockerfile, LAYER_ARCHIVE } from '../report/artifacts/dockerfile.ts';
import { migrateYaml } from '../report/artifacts/migrate.ts';
import { podYaml } from '../report/artifacts/pod.ts';

/** Everything a fix may write; anything else in the folder is the user's. */
const OURS = new Set(['image', 'Dockerfile', 'pod.yaml', 'migrate.yaml', 'compose.yaml', 'report.json', LAYER_ARCHIVE]);

/** Before any work is done: the folder must be absent, empty, or hold nothing but an earlier result. */
export function requireOutDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  const foreign = statSync(directory).isDirectory() ? readdirSync(directory).filter((name) => !OURS.has(name)) : [directory];
  if (foreign.length === 0) return;
  throw new UnrootError(`${directory} holds other things: ${foreign.slice(0, 3).join(', ')}`, {
    code: 'output.not-empty',
    where: { file: directory },
    expected: 'a new folder, an empty one, or one that an earlier fix wrote',
    hint: 'give another folder with --out',
  });
}

/** Names of what was written, relative to the folder. `report` gets the names and answers the text of report.json. */
export async function writeFix(
  directory: string,
  image: DerivedImage,
  input: ArtifactInput,
  report: (files: readonly string[]) => string,
): Promise<readonly string[]> {
  requireOutDirectory(directory);
  const withArchive = !input.hasShell && image.addedEntries.length > 0;
  const migrate = migrateYaml(input.smallerRoot ?? input);
  const files = [
    'image',
    'Dockerfile',
    ...(withArchive ? [LAYER_ARCHIVE] : []),
    'pod.yaml',
    ...(migrate === undefined ? [] : ['migrate.yaml']),
    'compose.yaml',
    'report.json',
  ];
  await publish(directory, undefined, async (folder) => {
    await writeOciLayout(image, join(folder, 'image'), { tag: 'latest' });
    await writeFile(join(folder, 'Dockerfile'), dockerfile(input));
    if (withArchive) await writeFile(join(folder, LAYER_ARCHIVE), [...writeTar(image.addedEntries)]);
    await writeFile(join(folder, 'pod.yaml'), podYaml(input.smallerRoot ?? input));
    if (migrate !== undefined) await writeFile(join(folder, 'migrate.yaml'), migrate);
    await writeFile(join(folder, 'compose.yaml'), composeYaml(input.smallerRoot ?? input));
    await writeFile(join(folder, 'report.json'), report(files));
  });
  return files;
}
