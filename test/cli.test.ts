/** The command line from outside: outputs, exit codes, errors, start-up. Every test starts the real bundle. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { WhoReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { cleanEnv, schemaErrors, unroot } from './support/cli.ts';
import { writeDockerArchive, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
let image = '';
let archive = '';

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n';
const layer = [
  { path: '/etc' },
  { path: '/etc/passwd', content: PASSWD },
  { path: '/etc/group', content: 'root:x:0:\napp:x:1234:\nextra:x:77:app\n' },
  { path: '/bin' },
  { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
];

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-cli-'));
  image = `oci:${writeLayout(join(folder, 'layout'), { layers: [layer], config: { Cmd: ['/bin/app'] } })}`;
  archive = `docker-archive:${writeDockerArchive(join(folder, 'app.tar'), { layers: [layer], config: { Cmd: ['/bin/app'], User: 'app' } })}`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const who = async (...args: string[]): Promise<WhoReport> =>
  JSON.parse((await unroot(['who', '-o', 'json', '--platform-profile', 'docker', ...args])).stdout) as WhoReport;

describe('who', () => {
  it('prints the contract for several images, valid by the published schema', async () => {
    const report = await who(image, archive);
    expect(schemaErrors('who', report)).toEqual([]);
    expect(
      report.containers.map(({ outcome, uid, gid, groups, isRoot, userName }) => ({
        outcome,
        uid,
        gid,
        groups,
        isRoot,
        userName,
      })),
    ).toEqual([
      { outcome: 'starts', uid: 0, gid: 0, groups: [0], isRoot: true, userName: 'root' },
      { outcome: 'starts', uid: 1234, gid: 1234, groups: expect.arrayContaining([77]), isRoot: false, userName: 'app' },
    ]);
    expect(report.containers[0]!.because.length).toBeGreaterThan(3);
  });

  it('sees root behind a set-user-ID entrypoint of a named user, and that no_new_privs stops it', async () => {
    const items = layer.map((item) => (item.path === '/bin/app' ? { ...item, content: smallestProgram(), mode: 0o4755 } : item));
    const setuid = `oci:${writeLayout(join(folder, 'setuid'), { layers: [items], config: { Cmd: ['/bin/app'], User: 'app' } })}`;
    const [one] = (await who(setuid)).containers;
    expect(one).toMatchObject({ outcome: 'starts', uid: 1234, isRoot: true });
    const [stopped] = (await who(setuid, '--security-opt', 'no-new-privileges')).containers;
    expect(stopped).toMatchObject({ uid: 1234, isRoot: false });
  });

  it('takes the flags of docker run', async () => {
    const args = [
      '--user',
      '10001:5',
      '--group-add',
      'extra',
      '--cap-drop',
      'ALL',
      '--security-opt',
      'no-new-privileges',
      '-w',
      '/etc',
      '-e',
      'HOME=/tmp',
      '--entrypoint',
      '/bin/app',
    ];
    const [one] = (await who(image, ...args, '--', '--port', '80')).containers;
    expect(one).toMatchObject({
      uid: 10001,
      gid: 5,
      noNewPrivileges: true,
      cwd: '/etc',
      home: '/tmp',
      argv: ['/bin/app', '--port', '80'],
      isRoot: false,
    });
    expect(one!.groups).toContain(77);
    expect(one!.capabilities!.bounding).toEqual([]);
  });

  it('reports a refusal in the words of the runtime, as a result and not as an error', async () => {
    const { code, stdout } = await unroot(['who', '-o', 'json', '--platform-profile', 'docker', '--user', 'nobody-here', image]);
    const report = JSON.parse(stdout) as WhoReport;
    expect(code).toBe(1);
    expect(schemaErrors('who', report)).toEqual([]);
    expect(report.containers[0]).toMatchObject({ outcome: 'refused', refusedBy: 'runtime' });
    expect(report.containers[0]!.message).toContain('unable to find user nobody-here: no matching entries in passwd file');
  });

  it('says red for root only when colour is wanted', async () => {
    expect((await unroot(['who', image])).stdout).not.toContain('\u001b');
    expect((await unroot(['who', image, '--color', 'always'])).stdout).toContain('\u001b[31muid 0');
    expect((await unroot(['who', image], { env: { UNROOT_COLOR: 'always' } })).stdout).toContain('\u001b[31muid 0');
  });
});

describe('outputs', () => {
  it('writes several formats at once, files whole', async () => {
    const out = join(folder, 'out');
    mkdirSync(out);
    const { code, stdout } = await unroot([
      'who',
      image,
      '-o',
      `json=${out}/who.json`,
      '-o',
      `yaml=${out}/who.yaml`,
      '-o',
      'ndjson',
    ]);
    expect(code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['who.json', 'who.yaml']);
    const json = JSON.parse(readFileSync(`${out}/who.json`, 'utf8')) as WhoReport;
    expect(parse(readFileSync(`${out}/who.yaml`, 'utf8'))).toEqual(json);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { kind: string }).kind),
    ).toEqual(['who', 'container']);
  });

  it('prints nothing to standard output when every format goes to a file', async () => {
    expect(await unroot(['who', image, '-o', `json=${folder}/only.json`])).toMatchObject({ code: 0, stdout: '' });
  });

  it('takes the format from the environment, a flag wins', async () => {
    const env = { UNROOT_OUTPUT: 'json', UNROOT_PLATFORM_PROFILE: 'docker' };
    expect(JSON.parse((await unroot(['who', image], { env })).stdout)).toHaveProperty('kind', 'who');
    expect((await unroot(['who', image, '-o', 'yaml'], { env })).stdout).toMatch(/^schemaVersion: 1\n/);
  });

  it('takes flags before the command', async () => {
    expect(JSON.parse((await unroot(['-o', 'json', 'who', image])).stdout)).toHaveProperty('kind', 'who');
  });

  it('ends quietly when the reader goes away', () => {
    const line = `"${process.execPath}" "${freshDist()}" who -o json ${Array(40).fill(`"${image}"`).join(' ')} | head -c 10`;
    const { stderr, stdout } = spawnSync('bash', ['-c', `set -o pipefail; ${line}; echo " \${PIPESTATUS[0]}"`], {
      env: cleanEnv(),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/ 0\n$/);
  });
});

describe('errors', () => {
  const bad: readonly (readonly [string, readonly string[], string])[] = [
    ['an unknown flag', ['who', '--frob', 'x'], 'unknown option'],
    ['an unknown command', ['frob'], 'unknown command'],
    ['no target', ['who'], 'missing required argument'],
    ['an unknown format', ['who', 'x', '-o', 'xml'], 'no output format "xml"'],
    ['two formats for standard output', ['who', 'x', '-o', 'ndjson', '-o', 'yaml'], 'cannot both go to standard output'],
    ['an unknown profile', ['who', 'x', '--platform-profile', 'rkt'], 'rkt'],
    ['an environment variable without a value', ['who', 'x', '--sysctl', 'a'], '--sysctl a has no value'],
    ['a volume without a path', ['who', 'x', '--volume', 'a:b:c:d'], '--volume a:b:c:d'],
    ['a missing image', ['who', 'oci:/does/not/exist'], 'does not exist'],
  ];
  for (const [what, args, message] of bad) {
    it(`exit 2 and one message for ${what}`, async () => {
      const { code, stdout, stderr } = await unroot(args);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toContain(message);
      expect(stderr.match(/^unroot: /gm)).toHaveLength(1);
      expect(stderr).not.toMatch(/^ +at /m);
    });
  }

  it('are a document with -o json', async () => {
    writeFileSync(join(folder, 'noise.tar'), 'this is no archive');
    for (const args of [
      ['who', '-o', 'json', `docker-archive:${folder}/noise.tar`],
      ['who', '-ojson', '--frob'],
      ['who', '--output=json', 'oci:/nope'],
    ]) {
      const { code, stdout } = await unroot(args);
      const document = JSON.parse(stdout) as { error: { code: string } };
      expect(code).toBe(2);
      expect(schemaErrors('error', document)).toEqual([]);
      expect(document.error.code).toMatch(/^(?:image|cli)\.[a-z-]+$/);
    }
  });

  it('leave no file behind when an output cannot be written', async () => {
    const { code, stderr } = await unroot(['who', image, '-o', `json=${folder}/not/there.json`]);
    expect(code).toBe(2);
    expect(stderr).toContain('Cannot write');
  });

  it('let no control character of a name through', async () => {
    const { stderr } = await unroot(['who', 'oci:/\u001b[2Jnope']);
    expect(stderr).toContain('\\x1b[2J');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('the program', () => {
  it('prints version and help', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(await unroot(['--version'])).toMatchObject({ code: 0, stdout: `unroot ${version}\n` });
    expect((await unroot(['version'])).stdout).toContain(`unroot ${version}\n`);
    const help = await unroot(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('who');
    expect(await unroot([])).toMatchObject({ code: 0, stdout: help.stdout });
    expect((await unroot(['who', '--help'])).stdout).toContain('--cap-drop');
  });

  it('ends with 130 on Ctrl-C', async () => {
    const child = spawn(
      process.execPath,
      ['--import', `data:text/javascript,setInterval(()=>{},1000)`, freshDist(), 'who', ...Array(300).fill(image)],
      { env: cleanEnv(), stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    setTimeout(() => child.kill('SIGINT'), 300);
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(130);
    expect(stderr).toBe('\nunroot: interrupted by SIGINT, cleaning up\n');
  });
});
