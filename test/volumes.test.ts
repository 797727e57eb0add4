/**
 * Data that is there already: `fix` tries its result on what the first run left in the volumes, and says what gives it to the user. The programs
 * are scripts that treat their data the way databases do: not minding, insisting on a mode, on an owner, or quietly beginning anew.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { RunVolume } from '../src/finding/fix.ts';
import { evaluate } from '../src/pod-security/evaluate.ts';
import { readPod } from '../src/pod-security/read-pod.ts';
import type { FixReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type LayerItem, temporaryFolder, writeLayout } from './support/image-builder.ts';

const lacking = ['runc', 'strace'].filter((program) => !onPath(program));
const why =
  whyNoBusyboxImage ??
  (process.getuid?.() !== 0 ? 'needs root' : lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : undefined);
if (why !== undefined) console.warn(`SKIPPED: volumes with old data: ${why}`);

/** Serves what it stored; `check` runs when there is something already. */
const program = (check: string, make = 'mkdir -p store'): string => `#!/bin/sh
cd /data || exit 1
if [ -d store ]; then
${check}
else
  ${make}
  echo stored > store/index.html || exit 1
  echo $(id -u) > store/maker
fi
date > store/last.new && mv store/last.new store/last || exit 1
exec httpd -f -p 8080 -h /data/store
`;

const PROGRAMS: Readonly<Record<string, string>> = {
  tolerant: program('  cat store/index.html >/dev/null || exit 1'),
  mode: program(
    '  [ "$(stat -c %a store)" = 700 ] || { echo "FATAL: data directory has group or world access" >&2; exit 1; }',
    'mkdir -m 700 store',
  ),
  owner: program('  [ "$(stat -c %u store)" = "$(id -u)" ] || { echo "FATAL: data directory has wrong ownership" >&2; exit 1; }'),
  anew: program(
    '  [ "$(stat -c %u store)" = "$(id -u)" ] || { rm -rf store/*; echo stored > store/index.html; echo $(id -u) > store/maker; }',
  ),
  never: program('  [ "$(cat store/maker)" = "$(id -u)" ] || { echo "FATAL: made by somebody else" >&2; exit 1; }'),
  once: program('  [ ! -e store/maker ] || { echo "FATAL: store was not closed" >&2; exit 1; }'),
};

const APPLETS = ['stat', 'id', 'date', 'mkdir', 'mv', 'rm', 'cat', 'httpd', 'sh', 'chown', 'chmod', 'cp', '['];

let folder = '';
beforeAll(() => {
  freshDist();
  folder = temporaryFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `more`: entries over those of the test image, `volume`: the VOLUME it declares. */
function image(name: string, script: string, more: readonly LayerItem[] = [], volume: string | undefined = '/data'): string {
  const base = (busyboxSpec().layers[0] as readonly LayerItem[]).filter(
    ({ path }) => path === '/' || /^\/(?:bin|etc|tmp|run)(?:\/|$)/.test(path),
  );
  const links = APPLETS.filter((applet) => !base.some(({ path }) => path === `/bin/${applet}`)).map(
    (applet): LayerItem => ({ path: `/bin/${applet}`, target: 'busybox' }),
  );
  const layout = writeLayout(join(folder, name), {
    layers: [[...base, ...links, { path: '/data' }, { path: '/start', content: script, mode: 0o755 }, ...more]],
    config: { Env: ['PATH=/bin'], Cmd: ['/start'], ...(volume === undefined ? {} : { Volumes: { [volume]: {} } }) },
  });
  return `oci:${layout}:latest`;
}

async function fix(reference: string, ...flags: readonly string[]): Promise<FixReport> {
  const { stdout, stderr } = await unroot(['fix', reference, '--engine', 'runc', '-o', 'json', ...flags], { timeoutMs: 100_000 });
  expect(stdout, stderr).toMatch(/^\{/);
  const report = JSON.parse(stdout) as FixReport;
  expect(schemaErrors('fix', report)).toEqual([]);
  return report;
}

const volumeOf = (report: FixReport): RunVolume | undefined => report.run.volumes.find(({ path }) => path === '/data');
const reasons = (report: FixReport): string =>
  (report.proof?.reasons ?? []).map(({ kind, text }) => `${kind} ${text}`).join('\n');

describe.skipIf(why !== undefined)('old data', () => {
  it.each([
    ['tolerant', 'fsGroup'],
    ['mode', 'migrate'],
    ['owner', 'migrate'],
    ['anew', 'migrate'],
  ] as const)('a program that minds %s: %s', async (name, remedy) => {
    const out = join(folder, `${name}-out`);
    const report = await fix(image(name, PROGRAMS[name] as string), '--out', out);
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(reasons(report)).toMatch(/ok works over what the first run left in \/data \(3 files, of uid 0\)/);
    expect(volumeOf(report)).toMatchObject({ owner: '10001:10001', remedy, commands: ['chown -Rh 10001:10001 /data'] });
    expect(report.fixes.find(({ id }) => id === 'volume-owner')?.note).toContain(
      { tolerant: 'OnRootMismatch', mode: 'group or world access', owner: 'wrong ownership', anew: '/data/store/index.html' }[
        name
      ],
    );
    expect(existsSync(join(out, 'migrate.yaml'))).toBe(remedy === 'migrate');
    const pod = parse(readFileSync(join(out, 'pod.yaml'), 'utf8'));
    expect(evaluate(readPod(pod).pod, { level: 'restricted', version: 'latest' })).toEqual([]);
    expect(pod.spec.securityContext.fsGroup).toBe(remedy === 'fsGroup' ? 10001 : undefined);
  });

  it.each(['podman', 'builtin'])('on %s as well', async (engine) => {
    const { stdout, stderr } = await unroot([
      'fix',
      image(`on-${engine}`, PROGRAMS.mode as string),
      '--engine',
      engine,
      '-o',
      'json',
    ]);
    expect(stdout, stderr).toMatch(/^\{/);
    const report = JSON.parse(stdout) as FixReport;
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ remedy: 'migrate' });
  });

  it('what nobody can be given is not called proved', async () => {
    const report = await fix(image('never', PROGRAMS.never as string));
    expect(report.verdict).toBe('inconclusive');
    expect(reasons(report)).toMatch(/unsure over what the first run left in \/data .* made by somebody else/);
    expect(volumeOf(report)).not.toHaveProperty('remedy');
  });

  it('a program that does not start twice even as root says nothing about old data', async () => {
    const report = await fix(image('once', PROGRAMS.once as string));
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(report.unknown.join()).toContain('does not start again even as it is');
  });

  it('without a proof nothing is tried on old data, and the note says so', async () => {
    const report = await fix(image('unproved', PROGRAMS.tolerant as string), '--no-prove');
    expect(volumeOf(report)).not.toHaveProperty('remedy');
    expect(report.fixes.find(({ id }) => id === 'volume-owner')?.note).toContain('not tried');
  });

  it('a folder of the host keeps its data and its owner; a copy is handed over', async () => {
    const host = join(folder, 'host');
    mkdirSync(join(host, 'store'), { recursive: true });
    chmodSync(join(host, 'store'), 0o700);
    for (const name of ['index.html', 'maker']) writeFileSync(join(host, 'store', name), 'stored\n', { mode: 0o600 });
    const report = await fix(image('bound', PROGRAMS.mode as string, [], undefined), '--volume', `${host}:/data`);
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ remedy: 'migrate', commands: ['chown -Rh 10001:10001 /data'] });
    expect(report.fixes.find(({ id }) => id === 'volume-owner')?.note).toContain(`chown -Rh 10001:10001 ${host}`);
    expect([statSync(host).uid, statSync(join(host, 'store')).uid, readdirSync(join(host, 'store'))]).toEqual([
      0,
      0,
      ['index.html', 'maker'],
    ]);
  });

  it('for any uid only the group is used, and what insists on its own user is not called proved', async () => {
    const reference = image('any', PROGRAMS.tolerant as string);
    const flags = ['--user', 'arbitrary', '--platform-profile', 'containerd-2', '--volume', 'data:/data'];
    const report = await fix(reference, ...flags);
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ owner: '0:0', remedy: 'fsGroup' });
    expect(report.fixes.find(({ id }) => id === 'volume-owner')?.note).toContain('fsGroup 1000680000');
    const strict = await fix(image('any-owner', PROGRAMS.owner as string), ...flags);
    expect(strict.verdict, reasons(strict)).not.toBe('proved');
  });
});

describe.skipIf(why !== undefined)('new claims', () => {
  const claim = ['--platform-profile', 'containerd-2', '--volume', 'data:/data'];

  it('fsGroup opens an empty one', async () => {
    const report = await fix(image('claim', PROGRAMS.tolerant as string, [], undefined), ...claim);
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ remedy: 'fsGroup' });
    expect(volumeOf(report)).not.toHaveProperty('commands');
  });

  it('a program that must own the folder itself needs it prepared, once', async () => {
    const script = `#!/bin/sh
[ "$(stat -c %u /data)" = "$(id -u)" ] || { echo "FATAL: wrong owner" >&2; exit 1; }
[ -e /data/index.html ] || echo stored > /data/index.html
exec httpd -f -p 8080 -h /data
`;
    const out = join(folder, 'own-claim');
    const report = await fix(image('own', script, [], undefined), ...claim, '--out', out);
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ remedy: 'migrate', commands: ['chown -Rh 10001:10001 /data'] });

    // What the job runs, on an empty claim and on one with data.
    const [, job] = parseAllDocuments(readFileSync(join(out, 'migrate.yaml'), 'utf8')).map((document) => document.toJS());
    const [{ command }] = job.spec.template.spec.containers;
    const [empty, full] = ['empty', 'full'].map((name) => join(folder, `claim-${name}`)) as [string, string];
    for (const one of [empty, full]) mkdirSync(join(one, 'lost+found'), { recursive: true });
    writeFileSync(join(full, 'kept'), 'rows', { mode: 0o600 });
    chmodSync(full, 0o700);
    for (const one of [empty, full]) execFileSync(command[0], [command[1], (command[2] as string).replaceAll('/volumes/0', one)]);
    const of = (path: string): string => `${statSync(path).uid} ${(statSync(path).mode & 0o7777).toString(8)}`;
    expect([of(empty), of(full), of(join(full, 'kept'))]).toEqual(['10001 755', '10001 700', '10001 600']);
  });

  it('content of the image is hidden: no proof, and what is needed is said', async () => {
    const script = '#!/bin/sh\n[ -e /data/store/seed ] || exit 1\nexec httpd -f -p 8080 -h /data/store\n';
    const shipped: LayerItem[] = [{ path: '/data/store' }, { path: '/data/store/seed', content: 'rows' }];
    const reference = image('shipped', script, shipped);
    const hidden = await fix(reference, ...claim);
    expect(hidden.verdict).toBe('inconclusive');
    expect(hidden.unknown.join()).toContain('a new claim at /data is empty and hides what the image has there (store)');
    const copied = await fix(reference);
    expect(copied.verdict, reasons(copied)).toBe('proved');
  });
});
