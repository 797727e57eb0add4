/** `fix --out DIR`: the image and the files around it, all of them or none. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UnrootError } from '../error.ts';
import { writeOciLayout } from '../image/sinks/index.ts';
import { composeYaml } from '../report/artifacts/compose.ts';
import { dockerfile, LAYER_ARCHIVE } from '../report/artifacts/dockerfile.ts';
import { podYaml } from '../report/artifacts/pod.ts';
import type { FixReport } from '../report/report.ts';
import type { FixedImage } from './fixed-image.ts';

/** Before any work: the folder must be new, empty, or the result of an earlier fix. */
export function requireWritableFolder(directory: string): void {
  if (!existsSync(directory)) return;
  let entries: readonly string[];
  try {
    entries = readdirSync(directory);
  } catch (cause) {
    throw refused(directory, 'is no folder that can be read', cause);
  }
  if (entries.length > 0 && !isEarlierResult(directory)) throw refused(directory, 'holds something else');
}

function isEarlierResult(directory: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as { kind?: unknown }).kind === 'fix';
  } catch {
    return false; // no report, or not ours: not to be replaced
  }
}

const refused = (directory: string, why: string, cause?: unknown): UnrootError =>
  new UnrootError(`Cannot write to ${directory}: it ${why}`, {
    code: 'cli.out-folder',
    where: { file: directory },
    expected: 'a new or empty folder, or the result of an earlier fix',
    ...(cause === undefined ? {} : { cause }),
  });

/** Grows the folder under another name beside its place and renames it when it is complete. Gives back the report that was written. */
export async function writeFixed(directory: string, fixed: FixedImage, signal: AbortSignal): Promise<FixReport> {
  const final = resolve(directory);
  mkdirSync(dirname(final), { recursive: true });
  const growing = mkdtempSync(join(dirname(final), `.${basename(final)}.`));
  try {
    await writeOciLayout(fixed.result.image, join(growing, 'image'), { tag: 'latest', signal });
    const texts: Record<string, string> = {
      Dockerfile: dockerfile(fixed.artifacts),
      'pod.yaml': podYaml(fixed.artifacts),
      'compose.yaml': composeYaml(fixed.artifacts),
    };
    const files = ['image/', ...Object.keys(texts), 'report.json'];
    if (texts.Dockerfile?.includes(LAYER_ARCHIVE)) {
      writeFileSync(join(growing, LAYER_ARCHIVE), await topLayer(fixed));
      files.push(LAYER_ARCHIVE);
    }
    const report: FixReport = { ...fixed.report, written: { directory, files } };
    texts['report.json'] = `${JSON.stringify(report, null, 2)}\n`;
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(growing, name), text);
    signal.throwIfAborted();
    rmSync(final, { recursive: true, force: true });
    renameSync(growing, final);
    return report;
  } finally {
    rmSync(growing, { recursive: true, force: true });
  }
}

/** The added layer as a plain tar, for a Dockerfile that cannot run chown. */
async function topLayer({ result }: FixedImage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of result.image.openLayer(result.image.layers.length - 1)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
