/** Recipes through `unroot fix`: small programs with the names and the habits of real ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { reportOf, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';

const engine = onPath('runc') ? 'runc' : 'builtin';
const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: recipes: ${why}`);

let folder = '';
let serial = 0;
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-recipes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 8080 -h /www\n';

/** An image that starts a script of this name; the name of the image is none of a recipe's business. */
function imageOf(program: string, script: string, more: readonly LayerItem[] = []): string {
  const spec = busyboxSpec();
  const items: LayerItem[] = [
    { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\n' },
    { path: '/etc/group', content: 'root:x:0:\n' },
    { path: program, content: `#!/bin/sh\n${script}`, mode: 0o755 },
    ...more,
  ];
  const config = { Env: ['PATH=/bin'], Cmd: [program, '-d'], WorkingDir: '/' };
  return `oci:${writeLayout(join(folder, `image${serial++}`), { layers: [...spec.layers, items], config })}:latest`;
}

async function fix(image: string, ...args: string[]): Promise<FixReport> {
  const result = await unroot(['fix', image, '--engine', engine, '--platform-profile', 'podman', '-o', 'json', '-v', ...args]);
  return reportOf<FixReport>(result, 'fix');
}

const dovecot = `name=$(sed -n 's/^default_login_user = //p' /etc/dovecot/dovecot.conf)
[ "$(id -u)" = 0 ] || [ "$(id -un)" = "$name" ] || { echo "Fatal: setuid() failed" >&2; exit 89; }
${SERVE}`;
const conf: LayerItem = { path: '/etc/dovecot/dovecot.conf', content: 'protocols = imap\n' };

describe.skipIf(why !== undefined)('recipes', () => {
  it('put a flag behind the program that insists on being root', async () => {
    const insists = '[ "$(id -u)" = 0 ] || [ "$1" = -U ] || { echo Not superuser >&2; exit 1; }';
    const report = await fix(imageOf('/usr/sbin/chronyd', `${insists}\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject])).toEqual([['recipe', 'chrony: root-check']]);
    expect([...(report.run.entrypoint ?? []), ...(report.run.command ?? [])]).toEqual(['/usr/sbin/chronyd', '-U', '-d']);
  });

  it('are dropped when they do not help', async () => {
    const insists = '[ "$(id -u)" = 0 ] || { echo Not superuser >&2; exit 1; }';
    const report = await fix(imageOf('/usr/sbin/chronyd', `${insists}\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(report.fixes).toEqual([]);
  });

  it('are not asked when the program works without', async () => {
    const report = await fix(imageOf('/usr/sbin/chronyd', SERVE));
    expect(report.verdict).toBe('proved');
    expect(report.fixes).toEqual([]);
  });

  it('say what is not done any more: nothing is proved then, unless the user’s own probe works', async () => {
    const image = imageOf('/usr/sbin/dovecot', dovecot, [conf]);
    const report = await fix(image);
    expect(report.verdict).toBe('inconclusive');
    expect(report.proof?.reasons.filter(({ kind }) => kind !== 'ok').map(({ text }) => text)).toEqual([
      expect.stringMatching(/^not done any more: logins of the system's users/),
    ]);
    expect(report.fixes.flatMap(({ layer }) => layer.map(({ path }) => path)).sort()).toEqual([
      '/etc/dovecot/dovecot.conf',
      '/etc/group',
      '/etc/passwd',
    ]);
    expect((await fix(image, '--probe', 'wget -q -O /dev/null http://127.0.0.1:8080/ || [ $? = 1 ]')).verdict).toBe('proved');
  });

  it('that know of no way say so', async () => {
    const insists = '[ "$(id -u)" = 0 ] || { echo cannot change user >&2; exit 1; }';
    const report = await fix(imageOf('/usr/sbin/crond', `${insists}\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(report.unknown.some((text) => text.startsWith('cron needs root: cron starts each job as the user'))).toBe(true);
  });
});
