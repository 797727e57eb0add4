/** Small programs with one habit each, through `unroot fix`: what is granted, what is refused, and that no wrong "proved" comes out. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, reportOf, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';

const engine = onPath('runc') ? 'runc' : 'builtin';
const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: programs: ${why}`);

let folder = '';
let serial = 0;
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-programs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 80 -h /www\n';

/** An image whose entrypoint is this script, over busybox. */
function imageOf(script: string, more: readonly LayerItem[] = [], config: Readonly<Record<string, unknown>> = {}): string {
  const spec = busyboxSpec();
  const items: LayerItem[] = [{ path: '/start', content: `#!/bin/sh\n${script}`, mode: 0o755 }, ...more];
  const settings = { Env: ['PATH=/bin'], Cmd: ['/start'], WorkingDir: '/', ...config };
  return `oci:${writeLayout(join(folder, `image${serial++}`), { layers: [...spec.layers, items], config: settings })}:latest`;
}

async function fix(image: string, ...args: string[]): Promise<{ report: FixReport; result: CliResult }> {
  const result = await unroot(['fix', image, '--engine', engine, '--platform-profile', 'podman', '-o', 'json', ...args]);
  return { report: reportOf<FixReport>(result, 'fix'), result };
}

const changes = (report: FixReport): string[] =>
  report.fixes.flatMap((one) => one.layer.map((change) => `${change.kind} ${change.path}`)).sort();

describe.skipIf(why !== undefined)('programs', () => {
  it('get a log in / beforehand, /run as their own, and the port by the sysctl', async () => {
    const { report, result } = await fix(imageOf(`echo start >>/app.log\necho $$ >/run/app.pid\n${SERVE}`));
    expect(result.code).toBe(0);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /app.log', 'own /run']);
    expect(report.run.sysctls).toEqual({ 'net.ipv4.ip_unprivileged_port_start': '80' });
  });

  it('that hide a failed write get it granted all the same', async () => {
    const { report } = await fix(imageOf(`echo x >/etc/state 2>/dev/null || true\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /etc/state']);
  });

  it('that insist on being root are failed, with exit 4', async () => {
    const { report, result } = await fix(imageOf(`[ "$(id -u)" = 0 ] || { echo must be root >&2; exit 1; }\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(result.code).toBe(4);
    expect(report.proof?.reasons.some((reason) => reason.text.includes('must be root'))).toBe(true);
  });

  it('that lose a device node, and say nothing, are not proved', async () => {
    const { report } = await fix(imageOf(`mknod /run/special c 1 3 2>/dev/null\n${SERVE}`), '--cap-add', 'MKNOD');
    expect(report.verdict).toBe('inconclusive');
    expect(report.proof?.reasons.some((reason) => reason.kind === 'unsure' && reason.text.includes('/run/special'))).toBe(true);
  });

  it('get a home of their own when they wrote to root’s', async () => {
    const { report } = await fix(imageOf(`mkdir -p "$HOME/.cache/x" && echo 1 >"$HOME/.cache/x/f" || exit 1\n${SERVE}`));
    expect(report.verdict).toBe('proved');
    expect(report.run.env).toEqual({ HOME: '/home/nonroot' });
  });

  it('read what only root could through the group, and may not write it', async () => {
    const secret: LayerItem = { path: '/etc/app.key', content: 'secret\n', mode: 0o600 };
    const { report } = await fix(imageOf(`cat /etc/app.key >/dev/null || exit 1\n${SERVE}`, [secret]));
    expect(report.verdict).toBe('proved');
    expect(report.fixes.flatMap((one) => one.layer)).toEqual([
      { kind: 'own', path: '/etc/app.key', uid: 0, gid: 10001, mode: 0o640 },
    ]);
    expect(report.fixes.find((one) => one.subject === '/etc/app.key')?.disposition).toBe('needs-review');
  });

  it('that hand their data to a service user without asking who they are find it theirs', async () => {
    const data: LayerItem[] = [
      { path: '/data/', mode: 0o755 },
      { path: '/data/old', content: 'rows\n', mode: 0o600 },
    ];
    const accounts: LayerItem[] = [
      { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:999:999::/:/bin/sh\n' },
      { path: '/etc/group', content: 'root:x:0:\napp:x:999:\n' },
    ];
    const script = 'set -e\nchown -R app:app /data\necho row >>/data/old\nexec httpd -f -p 8080 -h /www\n';
    const { report } = await fix(imageOf(script, [...data, ...accounts]));
    expect(report.proof?.reasons.filter((reason) => reason.kind !== 'ok')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(
      expect.arrayContaining(['file /etc/group', 'file /etc/passwd', 'own /data', 'own /data/old']),
    );
  });

  it('whose health check writes get that granted too, though no tracer follows it', async () => {
    const { report } = await fix(
      imageOf('exec httpd -f -p 8080 -h /www\n', [{ path: '/srv/keep', content: '' }], {
        Healthcheck: { Test: ['CMD-SHELL', 'touch /srv/healthy'] },
      }),
    );
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /srv/healthy']);
  });

  // The shell waits for its background job, so that the trap runs at once.
  const onHangup = (job: string): string => `trap '${job}' HUP\nhttpd -f -p 8080 -h /www &\nwhile kill -0 $!; do wait $!; done\n`;

  it('that open their log anew on SIGHUP get that granted, and still work after it', async () => {
    const { report } = await fix(imageOf(onHangup('echo reopened >>/app.log || exit 1')));
    expect(report.proof?.reasons.filter((reason) => reason.kind !== 'ok')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /app.log']);
    expect(report.proof?.reasons.some((reason) => reason.text === 'still works after SIGHUP')).toBe(true);
  });

  it('that want to be root again on SIGHUP are failed, though they start and answer', async () => {
    const { report } = await fix(imageOf(onHangup('[ "$(id -u)" = 0 ] || exit 1')));
    expect(report.verdict).toBe('failed');
    expect(report.proof?.reasons.filter((reason) => reason.kind === 'bad')).toEqual([
      { kind: 'bad', text: 'ends when it is told to reload (SIGHUP); before, it went on' },
    ]);
  });

  const APP: readonly LayerItem[] = [
    { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\napp:x:999:999::/:/bin/sh\n' },
    { path: '/etc/group', content: 'root:x:0:\napp:x:999:\n' },
  ];

  it('that are told on the command line to become somebody are started without these words', async () => {
    const asks = '[ "$1" != --user ] || [ "$(id -u)" = 0 ] || { echo cannot change user >&2; exit 1; }';
    const { report } = await fix(
      imageOf(`${asks}\nexec httpd -f -p 8080 -h /www\n`, APP, { Cmd: ['/start', '--user', 'app', '--verbose'] }),
    );
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id }) => id)).toEqual(['identity-arguments']);
    expect([...(report.run.entrypoint ?? []), ...(report.run.command ?? [])]).toEqual(['/start', '--verbose']);
  });

  it('that are told in a file to become somebody, and only look who they are, lose that line', async () => {
    const asks = 'if grep -q "^user" /etc/app.conf; then [ "$(id -u)" = 0 ] || { echo not root >&2; exit 1; }; fi';
    const conf: LayerItem = { path: '/etc/app.conf', content: 'port = 8080\nuser = app\n' };
    const { report } = await fix(imageOf(`${asks}\nexec httpd -f -p 8080 -h /www\n`, [...APP, conf]));
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject])).toEqual([['config-line', '/etc/app.conf']]);
  });

  it('that refuse to be root are compared with a run as the owner of what they need', async () => {
    const refuses = '[ "$(id -u)" != 0 ] || { echo never as root >&2; exit 1; }\necho x >>/data/log || exit 2';
    const data: LayerItem = { path: '/data/', mode: 0o755, uid: 999, gid: 999 };
    const { report } = await fix(imageOf(`${refuses}\nexec httpd -f -p 8080 -h /www\n`, [...APP, data]));
    expect(report.verdict).toBe('proved');
    expect(report.unknown.some((text) => text.includes('"before" is a run as uid 999'))).toBe(true);
    expect(changes(report)).toEqual(['own /data']);
  });

  it('that keep a dot file in the home of whoever they are get a home, not files in /', async () => {
    const keeps = '[ "$(id -u)" = 0 ] || echo x >"$HOME/.cookie" || exit 1';
    const { report } = await fix(imageOf(`${keeps}\nexec httpd -f -p 8080 -h /www\n`));
    expect(report.verdict).toBe('proved');
    expect(report.run.env).toEqual({ HOME: '/home/nonroot' });
  });

  it('behind a gateway that is up before them are waited for', async () => {
    const page = `#!/bin/sh\n[ -e /tmp/up ] || printf 'Status: 503 Not yet\\r\\n'\nprintf 'Content-Type: text/plain\\r\\n\\r\\nhi\\n'\n`;
    const cgi: LayerItem = { path: '/www/cgi-bin/index.cgi', content: page, mode: 0o755 };
    const script = 'rm -f /tmp/up\n(sleep 2; : >/tmp/up) &\nexec httpd -f -p 8080 -h /www\n';
    const { report } = await fix(imageOf(script, [cgi]), '--probe-path', '/cgi-bin/index.cgi');
    expect(report.proof?.reasons.some((reason) => reason.text.includes('HTTP 200 text/plain'))).toBe(true);
    expect(report.verdict).toBe('proved');
  });

  it('that write only at a later request are asked more than once', async () => {
    const page = `#!/bin/sh
echo . >>/tmp/asked
if [ "$(wc -l </tmp/asked)" -ge 2 ] && ! echo row >>/srv/db; then printf 'Status: 500 No\\r\\n'; fi
printf 'Content-Type: text/plain\\r\\n\\r\\nhello\\n'
`;
    const items: LayerItem[] = [
      { path: '/tmp/', mode: 0o1777 },
      { path: '/srv/keep', content: '' },
      { path: '/www/cgi-bin/page', content: page, mode: 0o755 },
    ];
    const { report } = await fix(imageOf('exec httpd -f -p 8080 -h /www\n', items), '--probe-http', '/cgi-bin/page');
    expect(report.proof?.before.probes[0]?.answer).toContain('200');
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /srv/db']);
  });

  it('that fail for no reason an account entry could mend do not get one', async () => {
    const { report } = await fix(imageOf('id -u | grep -qx 0 || exit 1\nexec httpd -f -p 8080 -h /www\n'));
    expect(report.verdict).toBe('failed');
    expect(report.fixes).toEqual([]);
  });

  it('get run settings that start them without unroot, those given on the command line too, and an image without these', async () => {
    const out = join(folder, 'given');
    const { report } = await fix(
      imageOf(`[ "$WORD" = told ] && [ "$1" = go ] && echo x >/scratch/y || exit 1\n${SERVE}`),
      ...['--sysctl', 'net.ipv4.ip_unprivileged_port_start=80', '--env', 'WORD=told', '--tmpfs', '/scratch:mode=1777'],
      ...['--out', out, '--', '/start', 'go'],
    );
    expect(report.verdict).toBe('proved');
    expect(report.run).toMatchObject({
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
      env: { WORD: 'told' },
      tmpfs: ['/scratch:mode=1777'],
      command: ['/start', 'go'],
    });
    expect(report.dockerfile).not.toContain('told');
    expect(readFileSync(join(out, 'Dockerfile'), 'utf8')).not.toContain('told');
  });

  it('that only run to their end are compared by their exit code', async () => {
    const good = await fix(imageOf('echo done >/run/result\n'));
    expect(good.report.verdict).toBe('proved');
    const bad = await fix(imageOf('exit 3\n'));
    expect(bad.report.verdict).toBe('inconclusive');
    expect(bad.result.code).toBe(1);
  });

  it('whose image already names a user that cannot work are compared with a run as root', async () => {
    const { report } = await fix(imageOf(`echo $$ >/run/app.pid || exit 1\n${SERVE}`, [], { User: '4242' }));
    expect(report.verdict).toBe('proved');
    expect(report.unknown.some((text) => text.includes('4242'))).toBe(true);
  });

  it('need nothing more once they are fixed, and the same image gives the same bytes', async () => {
    const image = imageOf(`echo start >>/app.log\necho $$ >/run/app.pid\nexec httpd -f -p 8080 -h /www\n`);
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    await fix(image, '--out', one);
    await fix(image, '--out', two);
    expect(readFileSync(join(one, 'image/index.json'))).toEqual(readFileSync(join(two, 'image/index.json')));
    const again = await fix(`oci:${one}/image`);
    expect(again.report.verdict).toBe('proved');
    expect(again.report.fixes).toEqual([]);
  });

  it('get the uids that the platform gives out, and no other, when it gives out uids', async () => {
    const image = imageOf(`echo start >>/app.log || exit 1\n${SERVE}`);
    const openshift = ['--engine', engine, '--platform-profile', 'openshift-restricted-v2'];
    const given = await unroot(['check', image, '--platform-profile', 'openshift-restricted-v2', '-o', 'json']);
    expect((JSON.parse(given.stdout) as { user: string }).user).toBe('arbitrary');
    const refused = await unroot(['prove', image, ...openshift, '--user', '10001']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('must be in the ranges');
    expect(refused.stderr).not.toContain('should not have happened');
  });

  it('serve any uid of group 0 when that is asked for', async () => {
    const { report } = await fix(
      imageOf(`echo start >>/app.log || exit 1\necho $$ >/run/app.pid || exit 1\n${SERVE}`),
      '--user',
      'arbitrary',
    );
    expect(report.verdict).toBe('proved');
    for (const change of report.fixes.flatMap((one) => one.layer))
      if (change.kind !== 'symlink') expect([change.gid, change.mode & 0o060]).toEqual([0, 0o060 & change.mode]);
    expect(report.proof?.reasons.some((reason) => /tried as \d+:0, \d+:0, \d+:0/.test(reason.text))).toBe(true);
  });
});

describe.skipIf(why !== undefined)('run', () => {
  it('hands through output and exit code', async () => {
    const { code, stdout, stderr } = await unroot([
      'run',
      '-q',
      '--engine',
      engine,
      '--user',
      '10001:10001',
      imageOf('id -u; echo told >&2; exit 7\n'),
    ]);
    expect([code, stdout, stderr]).toEqual([7, '10001\n', 'told\n']);
  });

  it('refuses a pair of ports that is none', async () => {
    const { code, stderr } = await unroot(['run', '-p', '80', imageOf('true\n')]);
    expect(code).toBe(2);
    expect(stderr).toContain('HOST:CONTAINER');
  });
});
