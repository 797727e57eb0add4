/** A project run as a whole: who finds whom, what waits for what, what is shared; and that nothing of it is left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProjectProveReport, TextFixReport } from '../../../src/report/report.ts';
import { freshDist } from '../../support/build.ts';
import { cleanEnv, schemaErrors, unroot } from '../../support/cli.ts';
import { onPath } from '../../support/debian-image.ts';
import { writeBelow } from '../../support/files.ts';
import { type LayerItem, writeLayout } from '../../support/image-builder.ts';

const missing =
  process.getuid?.() !== 0
    ? 'it needs root'
    : onPath('busybox') && onPath('ip')
      ? undefined
      : 'busybox or ip is not installed: apt-get install -y busybox-static iproute2';
if (missing !== undefined) process.stderr.write(`projects are not run: ${missing}\n`);

const home = mkdtempSync(join(tmpdir(), 'unroot-project-test-'));
let image: readonly string[] = [];
let count = 0;

/** Its own folder for whatever the program makes. */
function place(files: Readonly<Record<string, string>>): { readonly folder: string; readonly temporary: string } {
  count += 1;
  const folder = join(home, `p${count}`);
  for (const [path, text] of Object.entries(files)) writeBelow(folder, path, text);
  const temporary = join(home, `t${count}`);
  mkdirSync(temporary);
  return { folder, temporary };
}

const TOOLS = ['sh', 'httpd', 'wget', 'cat', 'sleep', 'echo', 'true', 'chown', 'grep', 'nslookup', 'id'];

async function prove(
  { folder, temporary }: ReturnType<typeof place>,
  ...flags: readonly string[]
): Promise<ProjectProveReport & { readonly code: number | null }> {
  const args = ['prove', '-o', 'json', join(folder, 'compose.yaml'), '--engine', 'builtin', ...image, ...flags];
  const { stdout, stderr, code } = await unroot(args, { env: { TMPDIR: temporary, TOKEN: 'abc' }, timeoutMs: 300_000 });
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as ProjectProveReport;
  expect(schemaErrors('prove', report)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
  return { ...report, code };
}

const PROJECT = `name: whole
services:
  app:
    image: box:1
    container_name: the-app
    command:
      - sh
      - -c
      - >-
        wget -qO /tmp/x http://store:7000/made && grep -q first /tmp/x && wget -qO /dev/null http://kept:7000/ready &&
        grep -q abc /run/secrets/token && grep -q words /conf/text && grep -q there /etc/hosts && echo x > /bind/new && echo x > /cache/new &&
        exec httpd -f -p 8080 -h /tmp
    ports: ["80:8080"]
    secrets: [token]
    configs: [{source: text, target: /conf/text}]
    extra_hosts: ["there:198.51.100.7"]
    read_only: true
    tmpfs: [/tmp, /cache]
    volumes: ["./bind:/bind"]
    depends_on:
      store: {condition: service_healthy}
      ready: {condition: service_completed_successfully}
  store:
    image: box:1
    command: sh -c 'echo first > /data/made; exec httpd -f -p 7000 -h /data'
    volumes: [data:/data]
    networks: {default: {aliases: [kept]}}
    healthcheck:
      test: ["CMD", "wget", "-qO", "/dev/null", "http://127.0.0.1:7000/made"]
      interval: 1s
  ready:
    image: box:1
    command: sh -c 'grep -q first /data/made && echo done > /data/ready'
    volumes: [data:/data]
    depends_on: {store: {condition: service_healthy}}
  idle:
    image: nowhere:1
    profiles: [debug]
volumes: {data: }
secrets: {token: {environment: TOKEN}}
configs: {text: {content: words}}
`;

if (missing !== undefined) console.warn(`SKIPPED: compose projects as a whole: ${missing}`);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.skipIf(missing !== undefined)('a project', () => {
  beforeAll(() => {
    freshDist();
    const base: readonly LayerItem[] = [
      { path: '/bin' },
      { path: '/bin/busybox', content: readFileSync('/bin/busybox'), mode: 0o755 },
      ...TOOLS.map((name) => ({ path: `/bin/${name}`, hardlink: '/bin/busybox', mode: 0o755 })),
      { path: '/etc' },
      { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
      { path: '/data' },
      { path: '/tmp', mode: 0o1777 },
    ];
    const layout = writeLayout(join(home, 'box'), { layers: [base], config: { Cmd: ['/bin/sh'] } });
    image = ['--image', `box:1=oci:${layout}`];
  });

  it('is proved as a whole, and its folders stay as they were', async () => {
    const here = place({ 'compose.yaml': PROJECT, 'bind/there': 'x' });
    chmodSync(join(here.folder, 'bind'), 0o777);
    const probes = ['app=wget -qO- http://127.0.0.1:8080/x | grep -q first'];
    const report = await prove(here, '--probe', probes[0]!);
    const open = report.services.flatMap(({ name, reasons }) =>
      reasons.filter(({ kind }) => kind === 'bad').map(({ text }) => `${name}: ${text}`),
    );
    expect(open).toEqual([]);
    const by = new Map(report.services.map((service) => [service.name, service]));
    expect([...by.keys()]).toEqual(['app', 'store', 'ready']);
    for (const name of ['app', 'store', 'ready']) {
      expect([name, by.get(name)?.before.user, by.get(name)?.after.user]).toEqual([name, '0:0', '10001:10001']);
      expect([name, by.get(name)?.after.outcome]).toEqual([name, name === 'ready' ? 'exited' : 'running']);
    }
    expect(by.get('app')?.after.talksTo).toEqual(['store:7000']);
    expect(by.get('app')?.after.published[0]).toMatchObject({ port: 8080, outcome: 'http' });
    expect(by.get('app')?.verdict).toBe('proved');
    expect(by.get('ready')?.verdict).toBe('proved');
    expect(by.get('store')?.after.probes.find(({ kind }) => kind === 'healthcheck')?.ok).toBe(true);
    expect(report.reasons).toEqual([
      expect.objectContaining({ kind: 'ok', text: expect.stringContaining('volumes-init') as string }),
      ...report.reasons.slice(1),
    ]);
    expect(readdirSync(join(here.folder, 'bind'))).toEqual(['there']);
    expect(readFileSync(join(here.folder, 'compose.yaml'), 'utf8')).toBe(PROJECT);
  }, 300_000);

  it('is fixed as far as the whole bears it out', async () => {
    const text = `services:
  app:
    image: box:1
    command: ["sh", "-c", "wget -qO /tmp/x http://store:7000/ready && exec httpd -f -p 80 -h /tmp"]
    depends_on: {store: {condition: service_healthy}}
  store:
    image: box:1
    command: ["sh", "-c", "echo yes > /tmp/ready; exec httpd -f -p 7000 -h /tmp"]
    healthcheck: {test: ["CMD", "wget", "-qO", "/dev/null", "http://127.0.0.1:7000/ready"]}
  stubborn:
    image: box:1
    command: ["sh", "-c", "id -u | grep -qx 0 && exec httpd -f -p 90 -h /tmp"]
`;
    const { folder, temporary } = place({ 'compose.yaml': text });
    const file = join(folder, 'compose.yaml');
    const args = ['fix', file, '--prove', '--write', '-o', 'json', '--engine', 'builtin', ...image];
    const { stdout, stderr } = await unroot(args, { env: { TMPDIR: temporary }, timeoutMs: 300_000 });
    expect(stdout, stderr).not.toBe('');
    const report = JSON.parse(stdout) as TextFixReport;
    expect(schemaErrors('fix', report)).toEqual([]);
    const told = (name: string) => report.containers.find(({ container }) => container === name);
    expect([told('app')?.outcome, told('app')?.user, told('app')?.verdict]).toEqual(['changed', '10001:10001', 'proved']);
    expect([told('store')?.outcome, told('store')?.verdict]).toEqual(['changed', 'proved']);
    expect([told('stubborn')?.outcome, told('stubborn')?.message]).toEqual(['left', expect.stringContaining('failed') as string]);
    expect(report.proofs?.map(({ verdict, services }) => [verdict, services.map(({ name }) => name)])).toEqual([
      ['proved', ['app', 'store', 'stubborn']],
    ]);
    const written = readFileSync(file, 'utf8');
    expect(written.match(/user: "10001:10001"/g)).toHaveLength(2);
    expect(written.slice(written.indexOf('stubborn'))).not.toContain('user:');
    expect(readdirSync(temporary)).toEqual([]);
  }, 300_000);

  it('says which service kept the others from starting', async () => {
    const text = `services:
  first: {image: "box:1", command: ["sh", "-c", "exit 3"]}
  second:
    image: box:1
    command: ["sleep", "1000"]
    depends_on: {first: {condition: service_completed_successfully}}
  alone: {image: "box:1", user: "5:5", command: ["httpd", "-f", "-p", "80", "-h", "/tmp"]}
`;
    const report = await prove(place({ 'compose.yaml': text }));
    expect([report.verdict, report.code]).toEqual(['inconclusive', 1]);
    const [first, second, alone] = report.services;
    expect([first?.before.exit?.code, first?.verdict]).toEqual([3, 'inconclusive']);
    expect(second?.before.refusal).toBe('dependency failed to start: service "first" didn\'t complete successfully: exit 3');
    expect([alone?.verdict, alone?.before.user]).toEqual(['proved', '5:5']);
  });

  it('refuses what a disabled service is needed for', async () => {
    const text = 'services:\n  a: {image: "box:1", depends_on: [b]}\n  b: {image: "box:1", profiles: [x]}\n';
    const { folder } = place({ 'compose.yaml': text });
    const { code, stderr } = await unroot(['prove', join(folder, 'compose.yaml'), ...image]);
    expect(code).toBe(2);
    expect(stderr.replace(/\s+/g, ' ')).toContain('service b is required by a but is disabled. Can be enabled by profiles [x]');
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('leaves nothing behind at %s', async (signal) => {
    const here = place({ 'compose.yaml': PROJECT, 'bind/there': 'x' });
    const args = ['prove', '-v', join(here.folder, 'compose.yaml'), '--engine', 'builtin', ...image];
    const child: ChildProcess = spawn(process.execPath, [freshDist(), ...args], {
      env: { ...cleanEnv(), TMPDIR: here.temporary, TOKEN: 'abc' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    while (!said.includes('starting app') && child.exitCode === null) await sleep(50);
    expect(processesIn(here.temporary)).not.toEqual([]);
    child.kill(signal);
    expect(await ended).toBe(signal === 'SIGKILL' ? null : 130);
    for (
      let turn = 0;
      turn < 100 && (readdirSync(here.temporary).length > 0 || processesIn(here.temporary).length > 0);
      turn += 1
    )
      await sleep(100);
    expect([readdirSync(here.temporary), processesIn(here.temporary)]).toEqual([[], []]);
  });
});

/** Those whose command line names a path below. */
function processesIn(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return line.includes(folder) ? [line] : [];
    } catch {
      return []; // it has ended
    }
  });
}
