/** What `check` says from scripts and configuration alone, against what a watched run of the same image says: nothing that the run contradicts. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { nginx, redis, whyNoDebianImages } from './support/images.ts';

const why =
  process.getuid?.() !== 0
    ? 'needs root'
    : (whyNoDebianImages() ?? (onPath('runc') && onPath('strace') ? undefined : 'apt-get install -y runc strace'));
if (why !== undefined) console.warn(`SKIPPED: foreseen findings beside a run: ${why}`);

beforeAll(() => freshDist());

type Finding = CheckReport['findings'][number];

/** What is denied, without what differs from run to run: the names of temporary files. */
function denied({ id, operation }: Finding): string {
  if (operation === undefined) return '';
  const path = 'path' in operation ? operation.path.replace(/sed\w{6}$/, 'sed').replace(/temp-\d+/, 'temp') : '';
  switch (operation.kind) {
    case 'bind':
      return `${id} ${operation.protocol} ${operation.port}`;
    case 'setuid':
    case 'setgid':
      return `${id} ${operation.kind} ${[...new Set(operation.ids)].join()}`;
    case 'setgroups':
      return `${id} setgroups ${operation.groups.join()}`;
    case 'chown':
      return `${id} chown ${path} ${operation.uid}`;
    default:
      return `${id} ${operation.kind} ${path}`;
  }
}

async function check(image: string, ...args: string[]): Promise<readonly Finding[]> {
  const { code, stdout, stderr } = await unroot(['check', image, '--platform-profile', 'podman', '-o', 'json', ...args], {
    timeoutMs: 100_000,
  });
  expect(code, stderr).toBe(1);
  const report = JSON.parse(stdout) as CheckReport;
  expect(schemaErrors('check', report)).toEqual([]);
  return report.findings.filter((finding) => finding.operation !== undefined);
}

const FROM_A_FILE = /^(?:\/\S+ line \d+|command line|\/\S+): /;

describe.skipIf(why !== undefined)('findings without a run', () => {
  it.each([
    ['nginx', nginx, 20],
    ['redis', redis, 10],
  ] as const)('%s: all are borne out by a run, and most of what the run shows is foreseen', async (_, build, atLeast) => {
    const image = (await build()).reference;
    const foreseen = await check(image);
    const seen = await check(image, '--trace', '--engine', 'runc');
    const known = new Set(seen.map(denied));
    expect(foreseen.map(denied).filter((one) => !known.has(one))).toEqual([]);
    const told = new Set(foreseen.map(denied));
    expect([...known].filter((one) => told.has(one)).length).toBeGreaterThanOrEqual(atLeast);

    const read = foreseen.filter(({ evidence }) => FROM_A_FILE.test(evidence[0]?.text ?? ''));
    expect(read.length).toBeGreaterThan(5);
    for (const { confidence, evidence } of read) {
      expect(['medium', 'low']).toContain(confidence);
      expect(evidence.map(({ kind }) => kind)).not.toContain('observed');
    }
  });

  it('redis: what its entrypoint does as root only is no error for another user', async () => {
    const findings = await check((await redis()).reference);
    const drop = findings.find(({ operation }) => operation?.kind === 'setuid');
    expect(drop).toMatchObject({ severity: 'info', confidence: 'low' });
    expect(drop?.evidence[0]?.text).toMatch(/docker-entrypoint\.sh line \d+: exec setpriv .*another user skips it$/);
  });
});
