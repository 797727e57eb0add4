/** Dockerfiles through the real command line: who, check and fix; folders of all kinds; what is no Dockerfile. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport, WhoReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-dockerfile-'));
const base = join(folder, 'base-image');
const given = ['--image', `base:1=oci:${base}`, '--platform-profile', 'containerd-1'];

beforeAll(() => {
  freshDist();
  writeLayout(base, {
    layers: [
      [
        { path: '/bin/sh', content: smallestProgram(), mode: 0o755 },
        { path: '/bin/server', content: smallestProgram(), mode: 0o755 },
        { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n' },
        { path: '/etc/group', content: 'root:x:0:\nweb:x:33:\n' },
        { path: '/srv' },
        { path: '/tmp', mode: 0o1777 },
      ],
    ],
    config: { Env: ['PATH=/bin'], Cmd: ['server'] },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};

describe('who', () => {
  it.each([
    ['FROM base:1\n', 0, 0, true],
    ['FROM base:1\nUSER web\n', 33, 33, false],
    ['FROM base:1\nUSER 33\nFROM base:1\n', 0, 0, true],
    ['FROM base:1\nRUN echo "own:x:77:88::/:/bin/sh" >> /etc/passwd\nUSER own\n', 77, 88, false],
    // The kubelet takes the uid of an image's USER and leaves the group alone.
    ['ARG U=web\nFROM base:1\nARG U\nUSER $U:0\n', 33, 33, false],
  ])('%j', async (text, uid, gid, isRoot) => {
    const path = write('who/Dockerfile', text);
    const { stdout, stderr } = await unroot(['who', path, ...given, '-o', 'json']);
    const report = JSON.parse(stdout) as WhoReport;
    expect(schemaErrors('who', report), stderr).toEqual([]);
    expect(report.containers).toHaveLength(1);
    expect(report.containers[0]).toMatchObject({
      outcome: 'starts',
      uid,
      gid,
      isRoot,
      workload: { kind: 'Dockerfile', file: path },
    });
    const because = report.containers[0]!.because.find(({ field }) => field === 'uid');
    const line = text.split('\n').findLastIndex((one) => /^(?:USER|FROM)/.test(one)) + 1;
    expect(because?.where).toMatchObject({ file: path, line });
  });

  it('refuses in the words of the runtime a USER that no line makes', async () => {
    const path = write('ghost/Dockerfile', 'FROM base:1\nUSER ghost\n');
    const { stdout, code } = await unroot(['who', path, ...given, '-o', 'json']);
    const [container] = (JSON.parse(stdout) as WhoReport).containers;
    expect(container).toMatchObject({ outcome: 'refused', message: expect.stringContaining('no users found') });
    expect(code).toBe(1);
  });

  it('says unknown where the base is not at hand, and what is sure all the same', async () => {
    const path = write('gone/web.Dockerfile', 'FROM gone.example/x:1\nUSER 12\n');
    const { stdout } = await unroot(['who', path, '-o', 'json', '--offline']);
    const report = JSON.parse(stdout) as WhoReport;
    expect(report.containers[0]).toMatchObject({ outcome: 'unknown', uid: 12 });
    expect(report.diagnostics?.[0]).toMatchObject({ severity: 'warning', where: { line: 1, column: 1 } });
  });

  it('takes --target, --build-arg and --user', async () => {
    const path = write('stages/Containerfile', 'ARG U=1\nFROM base:1 AS one\nARG U\nUSER $U\nFROM one AS two\nUSER 2\n');
    const uidOf = async (...flags: string[]): Promise<unknown> =>
      (JSON.parse((await unroot(['who', path, ...given, ...flags, '-o', 'json'])).stdout) as WhoReport).containers[0]?.uid;
    expect(await uidOf()).toBe(2);
    expect(await uidOf('--target', 'one')).toBe(1);
    expect(await uidOf('--target', '0', '--build-arg', 'U=9')).toBe(9);
    expect(await uidOf('--user', '5')).toBe(5);
    const { stderr, code } = await unroot(['who', path, ...given, '--target', 'three']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('target stage "three" could not be found')]);
  });
});

describe('check', () => {
  it('finds what is wrong at line and column', async () => {
    write('check/start.sh', '#!/bin/sh\necho x > /srv/log\nexec server\n');
    const path = write(
      'check/Dockerfile',
      'FROM base:1\nCOPY --chmod=755 start.sh /start\nEXPOSE 80 8080\nRUN mkdir /data \\\n && chmod 777 /data\nUSER web\nRUN touch /etc/late\nENTRYPOINT ["/start"]\n',
    );
    const { stdout, code } = await unroot(['check', path, ...given, '-o', 'json']);
    const report = JSON.parse(stdout) as CheckReport;
    expect(schemaErrors('check', report)).toEqual([]);
    const warned = report.findings.filter(({ severity }) => severity !== 'info');
    expect(warned.map(({ id, where }) => [id, where.line, where.column]).sort()).toEqual(
      [
        ['build-needs-root', 7, 5],
        ['world-writable', 5, 5],
        ['named-user', 6, 1],
        ['low-port', 3, 1],
        ['path-not-writable', 8, 1],
      ].sort(),
    );
    expect(code).toBe(1);
  });

  it('takes folders with manifests and Dockerfiles together, and each alone', async () => {
    write('mono/a/Dockerfile', 'FROM base:1\nUSER 0\n');
    write('mono/b/Dockerfile.web', 'FROM base:1\nUSER 33\n');
    write('mono/b/notes.dockerignore', '*');
    write('mono/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "base:1"}]}\n');
    const { stdout, stderr } = await unroot(['check', join(folder, 'mono'), '--image', `base:1=oci:${base}`, '-o', 'json']);
    const report = JSON.parse(stdout) as CheckReport;
    const files = [...new Set(report.findings.filter(({ id }) => id === 'runs-as-root').map(({ where }) => where.file))].sort();
    expect(files, stderr).toEqual([join(folder, 'mono/a/Dockerfile'), join(folder, 'mono/pod.yaml')]);
    const alone = JSON.parse((await unroot(['check', join(folder, 'mono/b'), ...given, '-o', 'json'])).stdout) as CheckReport;
    expect(alone.findings.map(({ id }) => id)).not.toContain('runs-as-root');
  });

  it.each([
    ['FROM base:1\nFOO x\n', 'unknown instruction: FOO'],
    ['RUN x\n', 'no build stage in current context'],
    ['FROM base:1\nCOPY <<EOF /x\nabc\n', 'unterminated heredoc'],
    ['{{ define "x" }}\nFROM base:1\n', "is a template's"],
    ['', 'no FROM'],
    ['\u0000\u0001binary', 'unknown instruction'],
  ])('says what is wrong with %j, and exits 2', async (text, message) => {
    const path = write('bad/Dockerfile', text);
    const { stdout, stderr, code } = await unroot(['check', path, ...given]);
    expect([code, `${stdout}${stderr}`.replace(/\s+/g, ' ')]).toEqual([2, expect.stringContaining(message)]);
  });

  it('says that a file is not there, or no text', async () => {
    const missing = await unroot(['check', join(folder, 'nowhere/Dockerfile')]);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('there is no such file')]);
    writeFileSync(join(folder, 'latin.Dockerfile'), Buffer.from([0x46, 0xe4, 0xff]));
    const latin = await unroot(['check', join(folder, 'latin.Dockerfile')]);
    expect([latin.code, latin.stderr]).toEqual([2, expect.stringContaining('no UTF-8')]);
  });
});

describe('fix', () => {
  const changed = async (name: string, text: string, ...flags: string[]): Promise<readonly string[]> => {
    const path = write(`${name}/Dockerfile`, text);
    const { stdout } = await unroot(['fix', path, '--diff', ...given, ...flags]);
    return stdout.split('\n').filter((line) => /^[+-](?![+-])/.test(line));
  };

  it('changes of a command, a health check and a variable only the port', async () => {
    const podman = ['--platform-profile', 'podman'];
    expect(
      await changed(
        'words',
        'FROM base:1\nENV A=1 PORT="80"\nEXPOSE 80\nHEALTHCHECK --interval=1s \\\n  CMD nc -z 127.0.0.1 80\nUSER 33\nCMD ["server",  "-p","80", \\\n  "-h", "/www"]\n',
        ...podman,
      ),
    ).toEqual([
      '-EXPOSE 80',
      '+EXPOSE 8080',
      '-  CMD nc -z 127.0.0.1 80',
      '+  CMD nc -z 127.0.0.1 8080',
      '-CMD ["server",  "-p","80", \\',
      '+CMD ["server",  "-p","8080", \\',
    ]);
    expect(await changed('shell-form', 'FROM base:1\nUSER 33\nEXPOSE 80\nCMD exec server --port 80\n', ...podman)).toEqual([
      '-EXPOSE 80',
      '-CMD exec server --port 80',
      '+EXPOSE 8080',
      '+CMD exec server --port 8080',
    ]);
    expect(
      await changed('variable', 'FROM base:1\nENV A=1 PORT="80"\nEXPOSE $PORT\nUSER 33\nCMD ["server"]\n', ...podman),
    ).toEqual(['-ENV A=1 PORT="80"', '+ENV A=1 PORT="8080"']);
  });

  it('says an account by its number alone when nobody asked for a group', async () => {
    expect(await changed('alone', 'FROM base:1\nUSER web\n')).toEqual(['-USER web', '+USER 33']);
    expect(await changed('with-group', 'FROM base:1\nUSER web:web\n')).toEqual(['-USER web:web', '+USER 33:33']);
    expect(await changed('other-group', 'FROM base:1\nUSER web:root\n')).toEqual(['-USER web:root', '+USER 33:0']);
  });

  it.each([
    ['an account that a package brings', 'FROM base:1\nRUN apt-get install -y memcached\nUSER memcache\nCMD ["server"]\n'],
    ['an account of a base that is not here', 'FROM elsewhere:1\nUSER app\nCMD ["server"]\n'],
    ['the user of a base that is not here', 'FROM elsewhere:1\nRUN mkdir /x\nCMD ["server"]\n'],
  ])('does not make somebody else of %s', async (_, text) => {
    const path = write('unknown-user/Dockerfile', text);
    const { stdout, stderr } = await unroot(['fix', path, ...given, '-o', 'json']);
    const report = JSON.parse(stdout) as TextFixReport;
    expect(schemaErrors('fix', report), stderr).toEqual([]);
    expect(report.containers).toMatchObject([{ outcome: 'unknown', message: expect.stringContaining('--image built=IMAGE') }]);
    expect(report.files).toEqual([]);
    const asked = await unroot(['fix', path, ...given, '--user', '4242', '--diff']);
    expect(asked.stdout).toContain('+USER 4242:4242\n');
  });

  it('changes nothing where COPY gives files to somebody whom nothing makes', async () => {
    write('nobody/x', 'x');
    const path = write('nobody/Dockerfile', 'FROM base:1\nCOPY --chown=ghost x /x\nCOPY --chown=web:ghosts x /y\n');
    const { stdout, code } = await unroot(['fix', path, ...given, '-o', 'json']);
    const report = JSON.parse(stdout) as TextFixReport;
    expect([code, report.files, report.diagnostics.map(({ message, where }) => [message, where?.line])]).toEqual([
      2,
      [],
      [
        ['COPY --chown: no user ghost in /etc/passwd: the build stops here', 2],
        ['COPY --chown: no group ghosts in /etc/group: the build stops here', 3],
      ],
    ]);
  });

  it('shows a difference that git takes, writes it, and has nothing more to do', async () => {
    const text =
      '# syntax=docker/dockerfile:1\nfrom base:1\n\n# files\ncopy app /srv/app\nrun chown -R web /srv/app\n\nexpose 80\n';
    mkdirSync(join(folder, 'fix/app'), { recursive: true });
    writeFileSync(join(folder, 'fix/app/index.html'), 'hello\n');
    const path = write('fix/Dockerfile', text);
    const cwd = join(folder, 'fix');
    execFileSync('git', ['init', '-q', '.'], { cwd });
    const diff = await unroot(['fix', 'Dockerfile', ...given, '--diff'], { cwd });
    expect(diff.code, diff.stderr).toBe(0);
    execFileSync('git', ['apply', '--check', '-'], { cwd, input: diff.stdout });
    expect(readFileSync(path, 'utf8')).toBe(text);
    const json = JSON.parse((await unroot(['fix', 'Dockerfile', ...given, '-o', 'json'], { cwd })).stdout) as TextFixReport;
    expect(schemaErrors('fix', json)).toEqual([]);
    expect(json.fixes.map(({ id }) => id)).toEqual(['copy-chown', 'numeric-user']);

    execFileSync('git', ['add', 'Dockerfile'], { cwd });
    const refused = await unroot(['fix', 'Dockerfile', ...given, '--write'], { cwd });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('not committed')]);
    await unroot(['fix', 'Dockerfile', ...given, '--write', '--force'], { cwd });
    expect(readFileSync(path, 'utf8')).toBe(
      '# syntax=docker/dockerfile:1\nfrom base:1\n\n# files\ncopy --chown=web:0 app /srv/app\n\nexpose 80\nuser 10001:10001\n',
    );
    const again = await unroot(['fix', 'Dockerfile', ...given, '--diff'], { cwd });
    expect(again.stdout).toBe('');
  });

  it('takes a folder of Dockerfiles, and moves a port with its configuration where the platform bars it', async () => {
    write('many/a/Dockerfile', 'FROM base:1\nUSER web\n');
    write(
      'many/b/Dockerfile',
      'FROM base:1\nCOPY <<EOF /etc/nginx/nginx.conf\nhttp {\n  server {\n    listen 80;\n  }\n}\nEOF\nRUN cp /bin/server /bin/nginx\nEXPOSE 80/tcp 443\nCMD ["nginx", "-c", "/etc/nginx/nginx.conf"]\n',
    );
    const { stdout } = await unroot(['fix', join(folder, 'many'), ...given, '-o', 'json']);
    const report = JSON.parse(stdout) as TextFixReport;
    expect(schemaErrors('fix', report)).toEqual([]);
    expect(report.files.map(({ path }) => path)).toEqual([join(folder, 'many/a/Dockerfile'), join(folder, 'many/b/Dockerfile')]);
    const [a, b] = report.files.map(({ diff }) => diff.split('\n').filter((line) => /^[-+][^-+]/.test(line)));
    expect(a).toEqual(['-USER web', '+USER 33']);
    expect(b).toContain('+EXPOSE 8080/tcp 443');
    // What a heredoc brings is changed where it is written.
    expect(b).toContain('+    listen 8080;');
    expect(b?.join('\n')).not.toContain('sed -i');
    expect(b).toContain('+USER 10001:10001');
  });

  it('says that what runs an image takes no Dockerfile', async () => {
    const path = write('plain/Dockerfile', 'FROM base:1\n');
    const { stderr, code } = await unroot(['prove', path]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('is a Dockerfile, and this needs an image')]);
  });

  it('changes nothing in a file that is wrong', async () => {
    const path = write('fix-bad/Dockerfile', 'FROM base:1\nFOO\n');
    const { stdout, code } = await unroot(['fix', path, ...given, '--diff']);
    expect([code, stdout]).toEqual([2, '']);
  });
});
