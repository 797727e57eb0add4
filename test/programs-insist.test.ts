/** Programs that insist on what root had: folders that only root makes, a home and a name, being root. Through `unroot fix`. */
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
if (why !== undefined) console.warn(`SKIPPED: programs that insist: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-insist-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 8080 -h /www\n';
const ROOT = 'root:x:0:0::/root:/bin/sh\n';
const imageOf = (script: string, more: readonly LayerItem[] = [], config: Readonly<Record<string, unknown>> = {}): string =>
  scriptImage(folder, script, more, config);
const changes = (report: FixReport): string[] =>
  report.fixes.flatMap((one) => one.layer.map((change) => `${one.id} ${change.kind} ${change.path}`)).sort();
const doubts = (report: FixReport): string[] =>
  (report.proof?.reasons ?? []).filter(({ kind }) => kind === 'bad' || kind === 'unsure').map(({ text }) => text);

describe.skipIf(why !== undefined)('programs that insist', () => {
  it('on a folder that their start makes only as root find it in the image', async () => {
    const script = `if [ "$(id -u)" = 0 ]; then mkdir -p /run/svc/in /run/unneeded; fi\necho $$ >/run/svc/in/pid || exit 1\n${SERVE}`;
    const report = await fixProgram(imageOf(script));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['make-beforehand directory /run/svc', 'make-beforehand directory /run/svc/in']);
  });

  it('on a home get one where the image sets it to root’s, and passwd says the same', async () => {
    const passwd: readonly LayerItem[] = [
      { path: '/etc/passwd', content: ROOT },
      { path: '/root/', mode: 0o700 },
    ];
    const script = `H=$(eval echo "~$(id -un)")\nwhoami && mkdir -p "$HOME/.cache" && echo x >"$H/.state" || exit 1\n${SERVE}`;
    const report = await fixProgram(imageOf(script, passwd, { Env: ['PATH=/bin', 'HOME=/root'] }));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.run.env).toEqual({ HOME: '/home/nonroot' });
    expect(JSON.stringify(report.fixes)).toContain('nonroot:x:10001:10001:made by unroot:/home/nonroot:');
  });

  it('on giving their volume away, and go on, are proved over old data too', async () => {
    const script = `chown 5 /run\n[ -e /data/rows ] || echo row >/data/rows || exit 1\ncat /data/rows\n${SERVE}`;
    const report = await fixProgram(imageOf(script, [{ path: '/data/', mode: 0o755 }], { Volumes: { '/data': {} } }));
    expect(doubts(report)).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.run.volumes[0]?.remedy).toBeDefined();
  });

  it('on being root are told to need it, in their own words, and what of root is enough', async () => {
    const script = `[ "$(id -u)" = 0 ] || { echo 'svc: must be started as root' >&2; exit 1; }\nchown 5 /srv/x || exit 1\n${SERVE}`;
    const report = await fixProgram(imageOf(script, [{ path: '/srv/x', content: '' }]));
    expect(report.verdict).toBe('failed');
    expect(report.smallerRoot).toMatchObject({ works: true, run: { capAdd: ['CHOWN'] } });
    expect(report.smallerRoot?.why).toEqual([
      'it looks whether it is root, and ends when it is not; it says: svc: must be started as root',
    ]);
  });
});
