/** Programs whose files have other names in the next run, or need their owner, through `unroot fix`: nothing is shipped that only today's run finds. */
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
if (why !== undefined) console.warn(`SKIPPED: programs whose names move: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-names-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 8080 -h /www\n';
const FULL: readonly LayerItem[] = [
  { path: '/var/log/other.log', content: 'somebody else’s\n' },
  { path: '/var/lib/other/keep', content: 'x' },
];

const imageOf = (script: string, more: readonly LayerItem[] = FULL, config: Readonly<Record<string, unknown>> = {}): string =>
  scriptImage(folder, script, more, config);
const fix = fixProgram;

const changes = (report: FixReport): string[] =>
  report.fixes.flatMap((one) => one.layer.map((change) => `${one.id} ${change.kind} ${change.path}`)).sort();

describe.skipIf(why !== undefined)('programs whose names move', () => {
  it('with a date in the name of their log may make files in the folder, and nothing is shipped', async () => {
    const report = await fix(imageOf(`echo start >>"/var/log/svc-$(date +%Y-%m-%d).log" || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['share-directory own /var/log']);
    expect(report.fixes[0]?.layer[0]).toMatchObject({ uid: 0, gid: 10001, mode: 0o1775 });
  });

  it('with the day’s name in it too, which no pattern tells from a word', async () => {
    const report = await fix(imageOf(`echo start >>"/var/log/svc-$(date +%a).log" || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['share-directory own /var/log']);
  });

  it('with host name, pid and time in them need no more than two rounds, and the same fixes each time', async () => {
    const script = `set -e\necho id >/var/log/node-$(hostname).id\nmkdir /var/lib/session-$$-$(date +%s)\n${SERVE}`;
    const image = imageOf(script);
    const [first, second] = [await fix(image), await fix(image)];
    expect(first.verdict).toBe('proved');
    expect(changes(first)).toEqual(['share-directory own /var/lib', 'share-directory own /var/log']);
    expect(first.proof?.rounds ?? 0).toBeLessThanOrEqual(2);
    expect(JSON.stringify(second.fixes)).toBe(JSON.stringify(first.fixes));
  });

  it('whose names the image says get the file and not the folder, even if there is a year in it', async () => {
    const report = await fix(imageOf(`echo a >>/var/log/svc.log || exit 1\necho b >>/var/log/svc-2024.log || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['make-beforehand file /var/log/svc-2024.log', 'make-beforehand file /var/log/svc.log']);
  });

  it('with a date in a name in / are not proved: nobody can own that folder', async () => {
    const report = await fix(imageOf(`echo start >>"/svc-$(date +%Y-%m-%d).log" || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(JSON.stringify(report.unresolved)).toContain('a name that never changes');
  });

  it('that set the mode of a folder which root filled become its owner', async () => {
    const app: readonly LayerItem[] = [{ path: '/app/public/index', content: 'x' }];
    const report = await fix(imageOf(`chmod 755 /app/public || exit 1\n${SERVE}`, app));
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['own-path own /app/public']);
    expect(report.fixes[0]?.disposition).toBe('needs-review');
  });

  it('that set the mode of everybody’s folder are not given that', async () => {
    const report = await fix(imageOf(`chmod 755 /var/log || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(changes(report)).toEqual([]);
  });
});
