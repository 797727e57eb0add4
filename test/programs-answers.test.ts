/** Programs whose page fails as they are, that miss a name for their user, or that will not be root at all: what their proof says. Through `unroot fix`. */
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

describe.skipIf(why !== undefined)('a program that misses its name', () => {
  const CONF = 'chroot /srv\n';
  const conf: readonly LayerItem[] = [
    { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\n' },
    { path: '/etc/svc.conf', content: CONF },
  ];
  const WWW = 'exec httpd -f -p 8080 -h /www\n';
  const ids = (report: FixReport): string[] => report.fixes.map(({ id }) => id);

  it('and ends over it keeps the line of its configuration that had nothing to do with it', async () => {
    const script = `cat /etc/svc.conf >/dev/null\nchroot / /bin/true 2>/dev/null\necho $$ >/run/svc.pid\nwhoami >/dev/null || exit 1\n${WWW}`;
    const report = await fixProgram(imageOf(script, conf));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(ids(report).sort()).toEqual(['own-path', 'passwd-entry']);
  });

  it('and ends at that line too is left without it', async () => {
    const script = `if grep -q ^chroot /etc/svc.conf; then chroot / /bin/true || exit 1; fi\nwhoami >/dev/null || exit 1\n${WWW}`;
    const report = await fixProgram(imageOf(script, conf));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(ids(report).sort()).toEqual(['config-line', 'passwd-entry']);
  });

  it('and goes on, and says so, gets it', async () => {
    const report = await fixProgram(imageOf(`whoami || true\n${WWW}`, conf));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(ids(report)).toEqual(['passwd-entry']);
  });
});

describe.skipIf(why !== undefined)('a program that will not be root', () => {
  const refuses = (code: number): string => `[ "$(id -u)" != 0 ] || { echo 'svc: do not run me as root' >&2; exit ${code}; }\n`;
  const WWW = 'exec httpd -f -p 8080 -h /www\n';
  const told = (report: FixReport): string => report.unknown.find((text) => text.startsWith('there is no run as root')) ?? '';

  it('and takes anybody else is proved by the runs as the user alone, which is said', async () => {
    const report = await fixProgram(imageOf(`${refuses(1)}${WWW}`));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.fixes).toEqual([]);
    expect(told(report)).toBe(
      'there is no run as root to compare with: as root it ends by itself (it says: svc: do not run me as root); "before" is a run as uid 10001 with the capabilities of root, to whom nothing is denied',
    );
  });

  it('and says so with exit 0 as well', async () => {
    const report = await fixProgram(imageOf(`${refuses(0)}${WWW}`));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(told(report)).not.toBe('');
  });

  it('gets the folder that its users are denied all the same', async () => {
    const script = `${refuses(1)}mkdir -p /var/lib/svc/db || exit 1\necho row >>/var/lib/svc/db/rows || exit 1\n${WWW}`;
    const report = await fixProgram(imageOf(script, [{ path: '/var/lib/svc/', mode: 0o755 }]));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.fixes.flatMap(({ layer }) => layer.map(({ path }) => path))).toContain('/var/lib/svc');
  });

  it('and is broken for anybody is told to be broken', async () => {
    const report = await fixProgram(imageOf(`${refuses(1)}exit 3\n`));
    expect(report.verdict).toBe('inconclusive');
    expect(told(report)).toBe('');
  });
});
