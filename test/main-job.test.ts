/** The main job through the command line on real images: who → check → fix → prove, on every engine that is here. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildDemoImage } from '../demo/image.ts';
import type { CheckReport, FixReport, ProveReport, TraceReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type PrivateDockerd, startDockerd, whyNoDockerd } from './support/dockerd.ts';
import { nginx, redis, whyNoDebianImages } from './support/images.ts';

const isRoot = process.getuid?.() === 0;
const noDebian = whyNoDebianImages();
const needs: Readonly<Record<string, readonly string[]>> = {
  builtin: ['unshare', 'setpriv'],
  runc: ['runc'],
  podman: ['podman', 'runc'],
};
const missing = (engine: string): readonly string[] => (needs[engine] ?? []).filter((program) => !onPath(program));
for (const engine of Object.keys(needs)) {
  const lacking = missing(engine);
  if (lacking.length > 0) console.warn(`SKIPPED: with the engine ${engine}: ${lacking.join(', ')} missing`);
}

/** Skipped groups say what they miss in their own name. */
function group(name: string, why: string | undefined): ReturnType<typeof describe.skipIf> {
  if (why !== undefined) console.warn(`SKIPPED: ${name}: ${why}`);
  return describe.skipIf(why !== undefined);
}

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-main-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function json<T>(
  schema: string,
  args: readonly string[],
  codes: readonly number[] = [0],
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const { code, stdout, stderr } = await unroot([...args, '-o', 'json'], { timeoutMs: 100_000, env });
  expect(codes, stderr).toContain(code);
  const document = JSON.parse(stdout) as T;
  expect(schemaErrors(schema, document)).toEqual([]);
  return document;
}

const paths = (report: CheckReport): readonly (string | undefined)[] => report.findings.map((finding) => finding.where.path);

group('the demo image without any engine', isRoot ? undefined : 'needs root')('the demo image, built in', () => {
  it('is fixed, written whole, and proved', async () => {
    buildDemoImage(join(folder, 'demo'), new URL('../demo/server.mjs', import.meta.url).pathname);
    const out = join(folder, 'demo-fixed');
    const report = await json<FixReport>('fix', ['fix', `oci:${folder}/demo`, '--engine', 'builtin', '--out', out]);
    expect(report.verdict).toBe('proved');
    expect(report.run).toMatchObject({ user: '10001:10001', capDrop: ['ALL'], noNewPrivileges: true });
    expect(report.proof!.after.processes.every((one) => one.uids.every((uid) => uid === 10001))).toBe(true);
    expect(report.addedBytes).toBeLessThan(1000);
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['Dockerfile', 'compose.yaml', 'image', 'pod.yaml', 'report.json']));
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))).toEqual(report);

    // The result needs no further fix, and nothing of a second fix is left beside the first.
    const again = await json<CheckReport>('check', [
      'check',
      `oci:${out}/image`,
      '--trace',
      '--engine',
      'builtin',
      '--platform-profile',
      'docker',
    ]);
    expect(again.findings.filter((finding) => finding.severity === 'error')).toEqual([]);
    expect(readdirSync(folder).sort()).toEqual(['demo', 'demo-fixed']);
  });

  it('does not write over a folder of somebody else', async () => {
    const { code, stderr } = await unroot(['fix', `oci:${folder}/demo`, '--static', '--out', folder]);
    expect(code).toBe(2);
    expect(stderr).toContain('expected');
  });
});

group('nginx and redis', noDebian)('nginx and redis', () => {
  let image = '';
  beforeAll(async () => {
    image = (await nginx()).reference;
  });

  it('without a run, only what follows from the image is said', async () => {
    const report = await json<CheckReport>('check', ['check', image, '--platform-profile', 'podman'], [0, 1]);
    expect(report.traced).toBe(false);
    expect(report.findings.map((finding) => finding.id)).toEqual(expect.arrayContaining(['runs-as-root', 'low-port']));
    expect(report.findings.flatMap((finding) => finding.evidence).every((evidence) => evidence.kind !== 'observed')).toBe(true);
    expect(report.unknown.join()).toContain('--trace');
  });

  it.skipIf(missing('runc').length > 0)('one trace shows the three walls: cache, port, pid file', async () => {
    const report = await json<CheckReport>(
      'check',
      ['check', image, '--trace', '--engine', 'runc', '--platform-profile', 'podman'],
      [1],
    );
    expect(paths(report)).toEqual(expect.arrayContaining(['/var/cache/nginx/client_temp', '/var/run/nginx.pid']));
    expect(report.findings.find((finding) => finding.id === 'low-port')).toMatchObject({
      severity: 'error',
      evidence: expect.arrayContaining([expect.objectContaining({ kind: 'observed' })]),
    });
    const trace = await json<TraceReport>('trace', ['trace', image, '--engine', 'runc']);
    expect(trace.events.map((event) => event.what)).toEqual(
      expect.arrayContaining(['binds tcp port 80', 'makes directory /var/cache/nginx/client_temp']),
    );
  });

  for (const engine of ['builtin', 'runc', 'podman']) {
    for (const profile of ['docker', 'podman']) {
      it.skipIf(missing(engine).length > 0)(`${engine} with the rules of ${profile}: nginx is fixed in one go`, async () => {
        const out = join(folder, `${engine}-${profile}`);
        const report = await json<FixReport>('fix', [
          'fix',
          image,
          '--engine',
          engine,
          '--platform-profile',
          profile,
          '--out',
          out,
        ]);
        expect(report.verdict).toBe('proved');
        expect(report.proof!.rounds).toBe(1);
        expect(report.proof!.after.probes).toEqual([
          expect.objectContaining({ port: 80, ok: true, answer: expect.stringContaining('HTTP 200') }),
        ]);
        expect(Object.keys(report.run.sysctls)).toEqual(profile === 'podman' ? ['net.ipv4.ip_unprivileged_port_start'] : []);
        expect(report.fixes.flatMap((fix) => fix.layer).every((change) => !('mode' in change) || change.mode % 8 < 6)).toBe(true);
        const pod = parse(readFileSync(join(out, 'pod.yaml'), 'utf8')) as {
          spec: { securityContext: object; containers: [{ securityContext: object }] };
        };
        expect(pod.spec.securityContext).toMatchObject({
          runAsNonRoot: true,
          runAsUser: 10001,
          seccompProfile: { type: 'RuntimeDefault' },
        });
        expect(pod.spec.containers[0].securityContext).toEqual({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
      });
    }
  }

  it.skipIf(missing('runc').length > 0)('redis, whose entrypoint drops root by itself, is proved', async () => {
    const report = await json<ProveReport>('prove', ['prove', (await redis()).reference, '--engine', 'runc']);
    expect(report.verdict).toBe('proved');
    expect(report.after.processes.map((one) => one.uids[0])).toEqual([10001]);
  });

  // Once podman goes on by itself, the name appears only after it was looked for.
  it.skipIf(missing('podman').length > 0)('killed while podman takes the image in, it leaves no image', async () => {
    const child = spawn(process.execPath, [freshDist(), 'fix', image, '--engine', 'podman'], { stdio: 'ignore' });
    const gone = new Promise((resolve) => child.on('exit', resolve));
    const pulling = (): boolean =>
      readdirSync('/proc').some((name) => {
        try {
          const line = readFileSync(`/proc/${name}/cmdline`, 'utf8');
          return line.startsWith('podman\0') && line.includes('\0pull\0') && line.includes(`-${child.pid}-`);
        } catch {
          return false; // no process, or gone again
        }
      });
    while (!pulling() && child.exitCode === null) await sleep(10);
    expect(child.exitCode).toBeNull();
    await sleep(400);
    child.kill('SIGKILL');
    await gone;
    await sleep(3000);
    const names = execFileSync('podman', ['images', '--all', '--format', '{{.Repository}}'], { encoding: 'utf8' });
    expect(names.split('\n').filter((name) => name.includes(`-${child.pid}-`))).toEqual([]);
  });

  it.skipIf(missing('runc').length > 0)('a proof that fails is exit 4', async () => {
    const { code, stdout } = await unroot(['prove', image, '--engine', 'runc', '--probe', 'test "$(id -u)" = 0', '-o', 'json'], {
      timeoutMs: 100_000,
    });
    expect(code).toBe(4);
    const report = JSON.parse(stdout) as ProveReport;
    expect(schemaErrors('prove', report)).toEqual([]);
    expect(report.verdict).toBe('failed');
  });
});

group('docker', noDebian ?? whyNoDockerd)('docker', () => {
  let daemon: PrivateDockerd;
  beforeAll(async () => {
    daemon = await startDockerd();
  });
  afterAll(async () => daemon?.stop());

  it('fixes nginx out of the daemon and back', async () => {
    const archive = (await nginx()).dockerArchive();
    const env = { ...process.env, ...daemon.environment };
    execFileSync('docker', ['load', '-q', '-i', archive], { env });
    const target = 'docker-daemon:localhost/nginx:latest';
    const report = await json<FixReport>('fix', ['fix', target, '--engine', 'docker'], [0], daemon.environment);
    expect(report.verdict).toBe('proved');
    expect(report.proof!.after.processes.every((one) => one.uids.every((uid) => uid === 10001))).toBe(true);
    expect(execFileSync('docker', ['ps', '-aq'], { env, encoding: 'utf8' })).toBe('');
    expect(execFileSync('docker', ['images', '-q'], { env, encoding: 'utf8' }).trim().split('\n')).toHaveLength(1);
  });

  it('says why it runs no project, and what does so by its rules', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unroot-docker-project-'));
    const file = join(folder, 'compose.yaml');
    writeFileSync(file, 'services: {web: {image: "web:1"}}\n');
    const { reference } = await nginx();
    const args = ['prove', file, '--engine', 'docker', '--image', `web:1=${reference}`];
    const { code, stderr } = await unroot(args, { env: daemon.environment });
    rmSync(folder, { recursive: true });
    expect([code, stderr.replace(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringMatching(
        /its daemon puts a container into no network but those it makes.* try Leave --engine out: Docker's rules hold/,
      ),
    ]);
  });
});
