/** `helm template`, and its answer as documents with the template of each. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Seconds; nothing is fetched. */
const LONGEST = 60;
const LARGEST = 64 * 1024 * 1024;

export type Rendered = { readonly text: string } | { readonly fault: string };

let known: boolean | undefined;

/** Looked for once. */
export function hasHelm(): boolean {
  known ??= spawnSync('helm', ['version', '--short'], { stdio: 'ignore', timeout: LONGEST * 1000 }).status === 0;
  return known;
}

/** `files`: of values; `texts`: more of them, which count more. */
export function helmTemplate(chart: string, files: readonly string[], texts: readonly string[] = []): Rendered {
  const folder = texts.length === 0 ? undefined : mkdtempSync(join(tmpdir(), 'unroot-values-'));
  try {
    const more = texts.map((text, index) => {
      const path = join(folder!, `${index}.yaml`);
      writeFileSync(path, text);
      return path;
    });
    const values = [...files, ...more].flatMap((path) => ['--values', path]);
    const { status, stdout, stderr, error } = spawnSync('helm', ['template', chart, ...values], {
      encoding: 'utf8',
      timeout: LONGEST * 1000,
      maxBuffer: LARGEST,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (error !== undefined) return { fault: error.message };
    if (status !== 0)
      return {
        fault:
          stderr
            .trim()
            .replace(/^Error: /, '')
            .split('\n')[0] ?? '',
      };
    return { text: stdout };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}
