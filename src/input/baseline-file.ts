/** Baselines on disk. */
import { UnrootError } from '../error.ts';
import type { Baseline, BaselineEntry } from '../finding/baseline.ts';
import { readManifestFiles } from './manifest-files.ts';
import { writeWhole } from './write-whole.ts';

/** Reads one; throws `baseline.unreadable`. */
export function readBaseline(path: string): Baseline {
  const { files, problems } = readManifestFiles([path]);
  const wrong = (message: string, cause?: unknown): UnrootError =>
    new UnrootError(message, {
      code: 'baseline.unreadable',
      where: { file: path },
      expected: 'a file that --write-baseline has written',
      hint: `unroot check … --write-baseline ${path}`,
      ...(cause === undefined ? {} : { cause }),
    });
  const [file] = files;
  if (file === undefined) throw wrong(problems[0]?.message ?? `Cannot read ${path}`);
  let value: unknown;
  try {
    value = JSON.parse(file.text);
  } catch (error) {
    throw wrong(`${path} is no baseline: it is no JSON`, error);
  }
  if (!isBaseline(value)) throw wrong(`${path} is no baseline`);
  return value;
}

function isBaseline(value: unknown): value is Baseline {
  const { schemaVersion, kind, findings } = (value ?? {}) as Partial<Record<keyof Baseline, unknown>>;
  return schemaVersion === 1 && kind === 'baseline' && Array.isArray(findings) && findings.every(isEntry);
}

function isEntry(value: unknown): value is BaselineEntry {
  const { fingerprint, count } = (value ?? {}) as Partial<Record<keyof BaselineEntry, unknown>>;
  return typeof fingerprint === 'string' && typeof count === 'number' && count > 0;
}

/** Writes it whole or not at all. */
export function writeBaseline(path: string, baseline: Baseline): void {
  try {
    writeWhole(path, `${JSON.stringify(baseline, null, 2)}\n`);
  } catch (error) {
    throw new UnrootError(`Cannot write ${path}`, {
      code: 'baseline.output',
      where: { file: path },
      expected: 'a path in an existing, writable folder',
      cause: error,
    });
  }
}
