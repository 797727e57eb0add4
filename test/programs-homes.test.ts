/** Programs whose HOME is made by what drops root, through `unroot fix`: their state stays where it was, in the volume. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../src/report/report.ts';
import { whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { reportOf, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { fixProgram, scriptImage } from './support/fix-program.ts';

const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: programs with homes: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-homes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 8080 -h /www\n';
const VOLUME = { Volumes: { '/data': {} } };

const imageOf = (script: string, config: Readonly<Record<string, unknown>> = {}): string =>
  scriptImage(
    folder,
    script,
    [
      { path: '/data/', mode: 0o755 },
      { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\n' },
    ],
    config,
  );
const fix = fixProgram;

describe.skipIf(why !== undefined)('programs with homes', () => {
  it('that get one from the part that only root runs keep it, and their state stays in the volume', async () => {
    const script = `if [ "$(id -u)" = 0 ]; then mkdir -p /data/app; export HOME=/data/app; fi\necho x >>"$HOME/.state" || exit 1\n${SERVE}`;
    const report = await fix(imageOf(script, VOLUME));
    expect(report.proof?.reasons.filter((reason) => reason.kind !== 'ok' && reason.kind !== 'note')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.run.env).toEqual({ HOME: '/data/app' });
    expect(report.fixes.flatMap((one) => one.layer.map(({ path }) => path))).toContain('/data/app');
  });

  it('that write elsewhere as a user than in the volume are not proved, and it is said where', async () => {
    const script = `if [ "$(id -u)" = 0 ]; then D=/data; else D=/tmp; fi\necho x >>"$D/state" || exit 1\n${SERVE}`;
    const report = await fix(imageOf(script, VOLUME));
    expect(report.verdict).toBe('inconclusive');
    expect(report.proof?.reasons).toContainEqual({
      kind: 'unsure',
      text: 'its state leaves the volume /data: it writes /tmp/state, which is lost with the container; before, /data/state',
    });
  });

  it('that keep writing into the volume are proved', async () => {
    const report = await fix(imageOf(`echo x >>/data/state || exit 1\n${SERVE}`, VOLUME));
    expect(report.proof?.reasons.filter((reason) => reason.kind !== 'ok' && reason.kind !== 'note')).toEqual([]);
    expect(report.verdict).toBe('proved');
  });

  it.skipIf(!onPath('podman'))('that look their user up get a name, where podman would lend them one', async () => {
    const image = imageOf(`whoami || exit 1\n${SERVE}`);
    const result = await unroot(['fix', image, '--engine', 'podman', '-o', 'json']);
    const report = reportOf<FixReport>(result, 'fix');
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id }) => id)).toContain('passwd-entry');
  });
});
