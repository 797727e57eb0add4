/** Ignores, baselines and `.unroot.yaml` through the command line. Every test starts the real bundle. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freshDist } from './support/build.ts';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { junitErrors, parseXml } from './support/junit-shape.ts';
import { sarifErrors } from './support/sarif.ts';

const top = mkdtempSync(join(tmpdir(), 'unroot-ignores-'));
let folder = '';
let count = 0;
beforeAll(() => void freshDist());
afterAll(() => rmSync(top, { recursive: true, force: true }));
beforeEach(() => {
  count += 1;
  folder = join(top, String(count));
  mkdirSync(join(folder, 'deploy'), { recursive: true });
  // As far up as anybody looks.
  mkdirSync(join(folder, '.git'));
});
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const run = (...args: readonly string[]): Promise<CliResult> => unroot(args, { cwd: folder });

const pod = (one: string, more = ''): string => `${more}apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: nowhere/app:1
      securityContext: {runAsUser: 0} ${one}
`;
const IGNORED = pod('# unroot-ignore runs-as-root until=2999-12-31: the next release');

interface Shown {
  readonly findings: readonly { readonly id: string; readonly suppressed?: { readonly by: string; readonly reason: string } }[];
  readonly diagnostics: readonly {
    readonly severity: string;
    readonly message: string;
    readonly where: { readonly line?: number };
  }[];
}
const json = ({ stdout }: CliResult): Shown => {
  const document = JSON.parse(stdout) as Shown;
  expect(schemaErrors('check', document)).toEqual([]);
  return document;
};

describe('an ignore', () => {
  it('stays in every document and counts for no exit code', async () => {
    write('pod.yaml', IGNORED);
    const shown = await run(
      'check',
      'pod.yaml',
      '--fail-on',
      'warning',
      '-o',
      'json',
      '-o',
      'sarif=out.sarif',
      '-o',
      'junit=out.xml',
    );
    expect(shown.code, shown.stderr).toBe(0);
    expect(json(shown).findings).toMatchObject([
      { id: 'runs-as-root', suppressed: { by: 'comment', reason: 'the next release', until: '2999-12-31', where: { line: 9 } } },
    ]);
    const sarif = readFileSync(join(folder, 'out.sarif'), 'utf8');
    expect(sarifErrors(sarif)).toEqual([]);
    expect(JSON.parse(sarif).runs[0].results[0].suppressions).toMatchObject([
      { kind: 'inSource', status: 'accepted', location: { physicalLocation: { region: { startLine: 9 } } } },
    ]);
    const xml = readFileSync(join(folder, 'out.xml'), 'utf8');
    expect(junitErrors(xml)).toEqual([]);
    expect(parseXml(xml).children[0]!.attributes).toMatchObject({ failures: '0', skipped: '2' });
    const table = await run('check', 'pod.yaml');
    expect(table.stdout).toContain('1 finding not counted: 1 ignored');
    expect((await run('check', 'pod.yaml', '-v')).stdout).toContain('ignored by a comment until 2999-12-31: the next release');
  });

  it('without a reason, over, or unused is told where it stands', async () => {
    write('pod.yaml', pod('# unroot-ignore runs-as-root', '# unroot-ignore runs-as-root until=2001-01-01: old\n'));
    write('deploy/other.yaml', pod('# unroot-ignore low-port: none here'));
    const shown = await run('check', '.', '--fail-on', 'warning', '-o', 'json');
    expect(shown.code).toBe(1);
    const said = json(shown).diagnostics.filter(({ message }) => message.includes('ignore'));
    expect(said.map(({ severity, where }) => [severity, where.line])).toEqual([
      ['warning', 10],
      ['info', 9],
      ['warning', 1],
    ]);
  });

  it('holds for Pod Security and from standard input', async () => {
    write('pod.yaml', pod('', '# unroot-ignore pod-security-*: another time\n'));
    const shown = await run('check', 'pod.yaml', '--pod-security', 'restricted', '-o', 'json');
    expect(shown.code, shown.stderr).toBe(0);
    expect(json(shown).findings.length).toBeGreaterThan(3);
    expect((await run('check', 'pod.yaml', '--pod-security', 'restricted')).stdout).toContain('known, see below');
  });
});

describe('a baseline', () => {
  it('lets what was known pass after lines have moved, and nothing new', async () => {
    write('pod.yaml', pod(''));
    const made = await run('check', 'pod.yaml', '--write-baseline', 'known.json', '--fail-on', 'warning');
    expect(made.code, made.stderr).toBe(0);
    expect(schemaErrors('baseline', JSON.parse(readFileSync(join(folder, 'known.json'), 'utf8')))).toEqual([]);
    write('pod.yaml', pod('', '# one\n# two\n'));
    const args = ['check', 'pod.yaml', '--baseline', 'known.json', '-o', 'json'];
    const same = await run(...args, '--fail-on', 'info');
    expect(same.code, same.stderr).toBe(0);
    expect(json(same).findings).toMatchObject([{ suppressed: { by: 'baseline' } }]);
    write('pod.yaml', `${pod('')}    - {name: new, image: nowhere/new, securityContext: {runAsUser: 0}}\n`);
    expect((await run(...args)).code).toBe(0);
    expect((await run(...args, '--fail-on-new')).code).toBe(1);
  });

  it('that is none, or is missing, is told', async () => {
    write('pod.yaml', pod(''));
    write('bad.json', '{"schemaVersion":1}');
    for (const [file, words] of [
      ['bad.json', 'bad.json is no baseline'],
      ['none.json', 'there is no such file'],
    ]) {
      const { code, stderr } = await run('check', 'pod.yaml', '--baseline', file!);
      expect([code, stderr.includes(words!)], stderr).toEqual([2, true]);
    }
    expect((await run('check', 'pod.yaml', '--fail-on-new')).code).toBe(2);
  });
});

describe('.unroot.yaml', () => {
  const CONFIG = `fail-on: warning
platform-profile: crio
ignore:
  - id: runs-as-*
    files: ["deploy/**"]
    containers: [app]
    reason: known
    until: 2999-01-01
`;

  it('is found above the target, and outranked by the environment and the command line', async () => {
    write('.unroot.yaml', CONFIG);
    write('pod.yaml', pod(''));
    write('deploy/pod.yaml', pod(''));
    expect(
      schemaErrors('config', { 'fail-on': 'warning', ignore: [{ id: 'x', files: ['deploy/**'], reason: 'known' }] }),
    ).toEqual([]);
    expect(schemaErrors('config', { ignore: [{ id: 'x' }] })).not.toEqual([]);
    const inside = await unroot(['check', 'pod.yaml', '-o', 'json'], { cwd: join(folder, 'deploy') });
    expect([inside.code, json(inside).findings[0]?.suppressed?.by], inside.stderr).toEqual([0, 'file']);
    const outside = await run('check', 'pod.yaml');
    expect([outside.code, outside.stdout.includes('crio')]).toEqual([1, true]);
    expect((await run('check', 'pod.yaml', '--no-config')).code).toBe(0);
    const env = { UNROOT_FAIL_ON: 'error', UNROOT_PLATFORM_PROFILE: 'containerd-1' };
    const byEnv = await unroot(['check', 'pod.yaml'], { cwd: folder, env });
    expect([byEnv.code, byEnv.stdout.includes('containerd-1')]).toEqual([0, true]);
    expect((await run('check', 'pod.yaml', '--fail-on', 'none')).code).toBe(0);
    const shown = await unroot(['config', 'pod.yaml', '--platform-profile', 'containerd-2', '-o', 'json'], {
      cwd: folder,
      env: { UNROOT_ENGINE: 'runc' },
    });
    const { settings } = JSON.parse(shown.stdout) as {
      settings: { name: string; value?: unknown; from: string; where?: string }[];
    };
    expect(settings.filter(({ name }) => ['fail-on', 'platform-profile', 'engine', 'color'].includes(name))).toEqual([
      { name: 'platform-profile', value: 'containerd-2', from: 'flag' },
      { name: 'fail-on', value: 'warning', from: 'file', where: '.unroot.yaml:1:1' },
      { name: 'engine', value: 'runc', from: 'environment', where: 'UNROOT_ENGINE' },
      { name: 'color', value: 'auto', from: 'default' },
    ]);
  });

  it.each([
    ['fail-on: sometimes', ':1:1', 'one of none, info, warning, error'],
    ['user: 1\nvolume: x', ':2:1', 'one of user,'],
    ['output: json=/etc/passwd', ':1:1', 'formats without =FILE'],
    ['offline: maybe', ':1:1', 'true or false'],
    ['ignore:\n  - id: low-port', ':2:5', 'reason'],
    ['ignore:\n  - {id: low-port, reason: r, until: tomorrow}', ':2:38', 'YYYY-MM-DD'],
    ['ignore:\n  - {id: low-port, reason: r, line: 7}', ':2:31', 'one of id, ids'],
    ['- a', ':1:1', 'a mapping'],
    ['a: [', ':', undefined],
  ])('%s is refused with its place', async (text, place, expected) => {
    write('.unroot.yaml', `${text}\n`);
    write('pod.yaml', pod(''));
    const { code, stderr } = await run('check', 'pod.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain(`.unroot.yaml${place}`);
    if (expected !== undefined) expect(stderr).toContain(expected);
  });
});
