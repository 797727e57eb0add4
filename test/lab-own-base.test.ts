/** Labs on a machine without mmdebstrap and without a network: their systems are copied from its own packages. */
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDist } from './support/build.ts';
import { cleanEnv } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';

/** What lab 01 cannot do without in its node and its image. */
const NODE = ['runc', 'procps', 'libcap2-bin', 'curl'];
const installed = (name: string): boolean =>
  /^Status: install ok installed$/m.test(spawnSync('dpkg-query', ['-s', name]).stdout?.toString() ?? '');
const lacking = NODE.filter((name) => !installed(name));
const why =
  process.getuid?.() !== 0
    ? 'needs root'
    : !onPath('dpkg-query')
      ? 'no Debian: dpkg-query is missing'
      : lacking.length > 0
        ? `apt-get install -y ${lacking.join(' ')}`
        : undefined;
if (why !== undefined) console.warn(`SKIPPED: labs from the machine's own files: ${why}`);

describe.skipIf(why !== undefined)('labs without mmdebstrap and without a network', () => {
  let folder = '';
  let env: Record<string, string> = {};

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'unroot-own-base-'));
    // Everything that is on the PATH but mmdebstrap.
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    for (const path of (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin'))
      for (const name of existsSync(path) ? readdirSync(path) : [])
        if (name !== 'mmdebstrap' && !existsSync(join(bin, name)) && isProgram(join(path, name)))
          symlinkSync(join(path, name), join(bin, name));
    env = { ...cleanEnv(), PATH: bin, XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') };
    const labs = join(folder, 'labs');
    const ours = fileURLToPath(new URL('../labs', import.meta.url));
    mkdirSync(join(labs, 'images/debian'), { recursive: true });
    cpSync(join(ours, readdirSync(ours).find((name) => name.startsWith('01-'))!), join(labs, '01-own'), { recursive: true });
    writeFileSync(join(labs, 'node.yaml'), `packages: [${NODE.join(', ')}]\n`);
    writeFileSync(join(labs, 'images/debian/image.yaml'), 'packages: [procps]\nconfig: { Cmd: [bash] }\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const isProgram = (path: string): boolean => {
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  };
  const unroot = (...args: string[]): { code: number | null; out: string } => {
    const { status, stdout, stderr } = spawnSync('unshare', ['--net', '--', process.execPath, freshDist(), ...args], {
      env,
      encoding: 'utf8',
      timeout: 280_000,
    });
    return { code: status, out: `${stdout}${stderr}` };
  };
  const system = (prefix: string): string => {
    const systems = join(folder, 'cache/unroot/lab/systems');
    return join(systems, readdirSync(systems).find((name) => name.startsWith(prefix) && !name.endsWith('.lock'))!, 'root');
  };

  it('plays a lab', () => {
    expect(spawnSync('mmdebstrap', ['--version'], { env: { PATH: env.PATH } }).error).toMatchObject({ code: 'ENOENT' });
    const { code, out } = unroot('lab', 'test', '01', '--labs', join(folder, 'labs'));
    expect(out).toContain('1 passed, 0 failed, 0 skipped');
    expect(code).toBe(0);
  }, 300_000);

  it('makes a system that its own dpkg and apt find whole', () => {
    const root = system('minimal-own-');
    const inside = (...command: string[]) =>
      spawnSync('unshare', ['--mount', 'chroot', root, ...command], {
        encoding: 'utf8',
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      });
    expect(inside('dpkg', '--audit').stdout).toBe('');
    const check = inside('apt-get', 'check', '-q');
    expect([check.status, check.stderr]).toEqual([0, '']);
    expect(inside('dpkg-query', '-s', 'coreutils').stdout).toMatch(/^Status: install ok installed$/m);
    expect(inside('awk', 'BEGIN { print 6 * 7 }').stdout).toBe('42\n');
    expect(inside('id').stdout).toBe('uid=0(root) gid=0(root) groups=0(root)\n');
  }, 60_000);

  it('takes nothing that somebody made on this machine: no accounts, no keys, no names', () => {
    const root = system('minimal-own-');
    const passwd = readFileSync(join(root, 'etc/passwd'), 'utf8');
    for (const line of passwd.trim().split('\n'))
      expect(Number(line.split(':')[2]) < 1000 || line.startsWith('nobody:'), line).toBe(true);
    expect(readFileSync(join(root, 'etc/shadow'), 'utf8')).not.toMatch(/:\$/);
    for (const path of ['etc/hostname', 'etc/ssh', 'etc/apt/auth.conf', 'root/.ssh', 'root/.cache', 'etc/machine-id'])
      expect(existsSync(join(root, path)), path).toBe(false);
  });

  it('says which package is missing, and how to get it', () => {
    writeFileSync(join(folder, 'labs/node.yaml'), `packages: [${NODE.join(', ')}, no-such-package]\n`);
    const { code, out } = unroot('lab', 'test', '01', '--labs', join(folder, 'labs'));
    expect(code).not.toBe(0);
    expect(out).toMatch(/installing no-such-package ended with/);
  }, 300_000);
});
