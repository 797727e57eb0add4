/**
 * Real server software, unattended: `unroot fix` on an image that starts as root, then the result under podman with nothing but what
 * report.json says, asked by a client of its own. Slow, so it is a command of its own: `npm run test:services`, which writes docs/services.md.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../../src/report/report.ts';
import { freshDist } from '../support/build.ts';
import { unroot } from '../support/cli.ts';
import { debianImage, onPath, whyNoDebianImages } from '../support/debian-image.ts';
import { SERVICES, type Service } from './services.ts';

const lacking = ['podman', 'runc', 'skopeo', 'strace'].filter((program) => !onPath(program));
const why = whyNoDebianImages() ?? (lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : undefined);
if (why !== undefined) console.warn(`SKIPPED: services: ${why}`);

const only = process.env.UNROOT_SERVICES?.split(/[ ,]+/);
const chosen = SERVICES.filter(({ name }) => only === undefined || only.includes(name));

interface Row {
  readonly name: string;
  readonly verdict: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly fixes: readonly string[];
}
const rows: Row[] = [];

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-services-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (process.env.UPDATE === '1' && only === undefined && rows.length === chosen.length) writeFileSync(PAGE, page(rows));
});

describe.skipIf(why !== undefined)('services', () => {
  it.each(chosen)('$name works as uid 10001 after one command', { timeout: 600_000 }, async (service) => {
    const image = await debianImage(service);
    const out = join(folder, service.name);
    const started = performance.now();
    const result = await unroot(
      [
        'fix',
        image.reference,
        '--engine',
        'runc',
        '--platform-profile',
        'podman',
        '--user',
        '10001',
        '--out',
        out,
        '-o',
        'json',
      ].concat(service.flags ?? []),
      { timeoutMs: 400_000 },
    );
    const seconds = (performance.now() - started) / 1000;
    expect(result.stdout, result.stderr).toMatch(/^\{/);
    const report = JSON.parse(result.stdout) as FixReport;
    const bad = report.proof?.reasons.filter((reason) => reason.kind === 'bad' || reason.kind === 'unsure');
    expect(bad, report.proof?.after.log.join('\n')).toEqual([]);
    expect(report.verdict).toBe('proved');
    rows.push({
      name: service.name,
      verdict: report.verdict!,
      rounds: report.proof?.rounds ?? 0,
      seconds,
      bytes: report.addedBytes ?? 0,
      fixes: report.fixes.map((fix) => `${fix.id} ${fix.subject}`),
    });
    await works(out, service);
  });
});

/** Started by podman from the files in `out` alone. */
async function works(out: string, service: Service): Promise<void> {
  const { run } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as FixReport;
  const tag = `localhost/unroot-service-${service.name}:${process.pid}`;
  const name = `unroot-service-${service.name}-${process.pid}`;
  execFileSync('skopeo', ['copy', '-q', `oci:${out}/image`, `containers-storage:${tag}`], { stdio: 'pipe' });
  const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  const program = run.entrypoint?.[0];
  try {
    const started = podman(
      'run',
      '--detach',
      `--name=${name}`,
      '--runtime=runc',
      '--network=none',
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=1000:1000',
      `--user=${run.user}`,
      ...(run.noNewPrivileges ? ['--security-opt=no-new-privileges'] : []),
      ...each('--cap-drop', run.capDrop),
      ...each('--cap-add', run.capAdd),
      ...each(
        '--env',
        Object.entries(run.env).map((pair) => pair.join('=')),
      ),
      ...each(
        '--sysctl',
        Object.entries(run.sysctls).map((pair) => pair.join('=')),
      ),
      ...each('--tmpfs', run.tmpfs),
      ...(run.workdir === undefined ? [] : [`--workdir=${run.workdir}`]),
      ...(program === undefined ? [] : [`--entrypoint=${program}`]),
      tag,
      ...(run.entrypoint?.slice(1) ?? []),
      ...(run.command ?? []),
    );
    expect(started.trim(), 'podman run').toMatch(/^[0-9a-f]{64}$/);
    let said = '';
    for (let attempt = 0; attempt < 30 && !service.client.says.test(said); attempt++) {
      await sleep(500);
      said = podman('exec', name, ...service.client.argv);
    }
    expect(said, podman('logs', name)).toMatch(service.client.says);
    const pids = podman('top', name, 'huser').trim().split('\n').slice(1);
    expect(new Set(pids)).toEqual(new Set(['10001']));
  } finally {
    podman('rm', '--force', '--time=2', '--volumes', name);
    podman('rmi', '--force', tag);
  }
}

function podman(...args: readonly string[]): string {
  const result = spawnSync('podman', args, { encoding: 'utf8', timeout: 60_000 });
  return result.stdout + result.stderr;
}

const PAGE: string = new URL('../../docs/services.md', import.meta.url).pathname;

function page(results: readonly Row[]): string {
  const table = results.map(
    ({ name, verdict, rounds, seconds, bytes, fixes }) =>
      `| ${name} | ${verdict} | ${rounds} | ${seconds.toFixed(1)} s | ${bytes} B | ${fixes.map((fix) => `\`${fix}\``).join(', ') || 'none'} |`,
  );
  return [
    '# Real services, unattended',
    '',
    'Images made of Debian packages that start as root, given to `unroot fix IMAGE --user 10001 --out DIR`. Afterwards each is started by',
    'podman with nothing but what `report.json` says, all capabilities dropped, and asked by a client of its own; every process must have',
    'uid 10001. Written by `UPDATE=1 npm run test:services`; time is from command to verdict, traced runs included.',
    '',
    '| service | verdict | rounds | time | added | fixes |',
    '| --- | --- | ---: | ---: | ---: | --- |',
    ...table,
    '',
  ].join('\n');
}
