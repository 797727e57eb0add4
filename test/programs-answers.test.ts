/** Programs whose page fails as they are, and programs that will not be root at all: what their proof says. Through `unroot fix`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../src/report/report.ts';
import { whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { fixProgram, scriptImage } from './support/fix-program.ts';
import type { LayerItem } from './support/image-builder.ts';

const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: programs and their answers: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-answers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const imageOf = (script: string, more: readonly LayerItem[] = []): string => scriptImage(folder, script, more);
const doubts = (report: FixReport): string[] =>
  (report.proof?.reasons ?? []).filter(({ kind }) => kind === 'bad' || kind === 'unsure').map(({ text }) => text);

/** Answers `/` with what this script says: busybox httpd runs it where there is no index.html. */
const page = (script: string): readonly LayerItem[] => [
  { path: '/srv/cgi-bin/index.cgi', content: `#!/bin/sh\n${script}`, mode: 0o755 },
];
const SERVE = 'echo $$ >/run/app.pid\nexec httpd -f -p 8080 -h /srv\n';
const answer = (status: string, words: string): string =>
  `printf 'Status: ${status}\\r\\nContent-Type: text/plain\\r\\n\\r\\n${words}\\n'\n`;

describe.skipIf(why !== undefined)('a page that fails as it is', () => {
  it('for want of a table is no proof, and it is said what would be', async () => {
    const report = await fixProgram(imageOf(SERVE, page(answer('500 Oops', 'no such table: posts'))));
    expect(report.verdict).toBe('inconclusive');
    expect(doubts(report)).toEqual([
      'port 8080 answers HTTP 500 in both runs: "no such table: posts". It failed before it came to its work; give --probe-http PATH with a page that works, or --probe CMD',
    ]);
  });

  it('by a gateway that misses what stands behind it is as before, in words', async () => {
    const report = await fixProgram(imageOf(SERVE, page(answer('503 Not now', 'nobody is there'))));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.proof?.reasons.map(({ text }) => text)).toContain(
      'port 8080 answers HTTP 503 in both runs: what stands behind it was not there, and was not asked; --probe-http PATH asks for another page',
    );
  });
});
