/**
 * Data that is there already: `fix` tries its result on what the first run left in the volumes, and says what gives it to the user. The programs
 * are scripts that treat their data the way databases do: not minding, insisting on a mode, on an owner, or quietly beginning anew.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunVolume } from '../src/finding/fix.ts';
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
    const report = await fix(image(name, PROGRAMS[name] as string));
    expect(report.verdict, reasons(report)).toBe('proved');
    expect(volumeOf(report)).toMatchObject({ owner: '10001:10001', remedy, commands: ['chown -Rh 10001:10001 /data'] });
  });
});
