/** Broken images and settings through the command line: the answer is what the real runtime would do, or says what was read, where, and what was expected. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openImage } from '../src/image/sources/index.ts';
import { launchImage } from '../src/launch/launch-image.ts';
import { containersConf } from '../src/platform/containers-conf.ts';
import type { PlatformProfile } from '../src/platform/platform.ts';
import { profile } from '../src/platform/profiles.ts';
import type { WhoReport } from '../src/report/report.ts';
import { unroot } from './support/cli.ts';
import { recordConformance } from './support/conformance.ts';
import {
  type BuildSpec,
  buildImage,
  buildLayer,
  layoutFiles,
  temporaryFolder,
  writeDockerArchive,
  writeFiles,
  writeLayout,
} from './support/image-builder.ts';
import { CONFIG } from './support/launch.ts';
import { smallestProgram } from './support/program.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** Numbers, lines and names that no useradd writes. */
const PASSWD = [
  'root:x:0:0::/:/bin/sh',
  'big:x:3000000000:5::/:',
  'huge:x:4294967296:6::/:',
  'huge1:x:4294967297:4294967298::/:',
  'max:x:99999999999999999999:7::/:',
  'neg:x:-1:8::/:',
  'word:x:one:two::/:',
  'garbage',
  ':x:0:0::/:',
  '  spaced:x:45:45::/:',
  'cr:x:47:47::/:/bin/sh\r',
  'plus:x:+48:048::/:',
  '#hash:x:49:49::/:',
  'many:x:50:50:a:b:c:d:e:f',
  'twice:x:51:51::/:',
  'twice:x:52:52::/:',
  '',
].join('\n');
const GROUP = [
  'root:x:0:',
  'bigg:x:3000000000:',
  'hugeg:x:4294967296:',
  'wordg:x:abc:',
  '#c:x:9:cr',
  'short',
  'members:x:60:,cr,,many',
  '',
].join('\n');

const image = (passwd: string, config: Record<string, unknown> = {}, group = GROUP): BuildSpec => ({
  layers: [
    [
      { path: '/bin' },
      { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
      { path: '/etc' },
      { path: '/etc/passwd', content: passwd },
      { path: '/etc/group', content: group },
    ],
  ],
  config: { Cmd: ['/bin/app'], ...config },
});
const layout = (spec: BuildSpec): string => `oci:${writeLayout(join(folder, `image${++count}`), spec)}`;

async function who(
  target: string,
  ...args: string[]
): Promise<{ code: number | null; stderr: string; one: WhoReport['containers'][0] }> {
  const { code, stdout, stderr } = await unroot(['who', target, '-o', 'json', ...args], {
    env: {
      NODE_OPTIONS:
        "--import \"data:text/javascript,process.on('exit',()=>console.error('maxRSS',process.resourceUsage().maxRSS))\"",
    },
  });
  const containers = stdout === '' ? undefined : (JSON.parse(stdout) as WhoReport).containers;
  return { code, stderr, one: containers?.[0] as WhoReport['containers'][0] };
}

describe('account files', () => {
  let odd = '';
  beforeAll(() => {
    odd = layout(image(PASSWD));
  });

  const launch = (platform: PlatformProfile, user: string) =>
    launchImage({
      image: { reference: 'test', config: { ...CONFIG, cmd: ['/bin/app'] }, passwd: PASSWD, group: GROUP },
      settings: { user },
      profile: platform,
    });

  it.each([
    ['a line without fields is root', profile('docker'), 'garbage', { uid: 0, gid: 0 }],
    ['a uid that is no number is root', profile('containerd-2'), 'word', { uid: 0, gid: 0 }],
    ['2^32 in passwd wraps to root (CVE-2024-40635)', profile('docker'), 'huge', { uid: 0, gid: 6 }],
    ['2^32 in group wraps to root’s group', profile('docker'), '45:hugeg', { uid: 45, gid: 0 }],
    ['above 2^31 in passwd it is taken', profile('docker'), 'big', { uid: 3_000_000_000, gid: 5 }],
    ['older libraries take a number that passwd lists', profile('docker', '20.10.24'), '4294967296', { uid: 0, gid: 6 }],
    ['and one that group lists', profile('docker', '20.10.24'), '0:3000000000', { uid: 0, gid: 3_000_000_000 }],
    ['a carriage return is no part of the line', profile('docker'), 'cr', { uid: 47, gid: 47, groups: [47, 60] }],
    ['the first of two lines counts', profile('docker'), 'twice', { uid: 51, gid: 51 }],
  ])('%s', (_, platform, user, expected) => {
    expect(launch(platform, user)).toMatchObject({ kind: 'launch', ...expected });
  });

  const RANGE = 'uids and gids must be in range 0-2147483647';
  it.each([
    ['docker', undefined, '2147483648', RANGE],
    ['strict', undefined, '4294967296', RANGE],
    ['strict', undefined, '99999999999999999999', RANGE],
    ['strict', undefined, '0:4294967296', RANGE],
    ['docker', undefined, 'neg', 'cannot setuid to unmapped uid 4294967295 in user namespace'],
    ['docker', undefined, 'nobody', 'unable to find user nobody: no matching entries in passwd file'],
    ['docker', '20.10.24', '2147483648', RANGE],
    ['docker', '20.10.24', '0:3000000001', RANGE],
    ['docker', '20.10.24', 'neg', `unable to setup user: ${RANGE}`],
    [
      'docker',
      '20.10.24',
      '99999999999999999999',
      'unable to find user 99999999999999999999: no matching entries in passwd file',
    ],
    ['containerd-2', undefined, '2147483648', 'invalid USER value "2147483648": uid out of range'],
  ] as const)('%s %s refuses the user %s', (name, version, user, words) => {
    // moby/sys/user 0.4.1 refuses before it looks anything up, whichever engine comes to use it first.
    const platform = name === 'strict' ? { ...profile('docker'), rangeCheckedLate: false } : profile(name, version);
    expect(launch(platform, user)).toMatchObject({ kind: 'refusal', message: expect.stringContaining(words) });
  });

  it('the same through the command line: a refusal is exit 1', async () => {
    const root = await who(odd, '--user', 'garbage', '--platform-profile', 'docker');
    expect(root).toMatchObject({ code: 0, one: { outcome: 'starts', uid: 0, isRoot: true } });
    const refused = await who(odd, '--user', '2147483648', '--platform-profile', 'docker');
    expect(refused).toMatchObject({ code: 1, one: { outcome: 'refused', message: expect.stringContaining(RANGE) } });
  });

  it('a refusal fails nothing with --fail-on none', async () => {
    const { code, one } = await who(odd, '--user', 'nobody', '--platform-profile', 'docker', '--fail-on', 'none');
    expect(one).toMatchObject({ outcome: 'refused' });
    expect(code).toBe(0);
  });

  it('a line of 64 KiB stops every runtime', async () => {
    const long = layout(image(`root:x:0:0:${'x'.repeat(70_000)}:/:\n`, { User: 'root' }));
    const { one } = await who(long, '--platform-profile', 'docker');
    expect(one).toMatchObject({ message: expect.stringContaining('unable to find user root: bufio.Scanner: token too long') });
  });

  it('11 MiB of good lines: containerd refuses them, for the others the end would have to be known', async () => {
    const line = 'someone:x:1000:1000:a comment to make it longer:/home/someone:/bin/sh\n';
    const large = layout(image(`root:x:0:0::/:\n${line.repeat(Math.ceil((11 << 20) / line.length))}`));
    const { one, code } = await who(large, '--platform-profile', 'containerd-2');
    expect(one).toMatchObject({ outcome: 'refused', message: expect.stringContaining('"etc/passwd" exceeds 10485760 bytes') });
    expect(code).toBe(1);
    const unknown = await who(large, '--platform-profile', 'docker');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('/etc/passwd');
    expect(unknown.stderr).toContain('more than 10485760 bytes');
  });

  it('2 GB of passwd cost neither memory nor time', async () => {
    const target = `oci:${writeSparseLayout(join(folder, 'sparse'), 2 ** 31)}`;
    const started = Date.now();
    for (const [name, words] of [
      ['docker', 'unable to find user app: bufio.Scanner: token too long'],
      ['containerd-1', 'bufio.Scanner: token too long'],
    ] as const) {
      const { one, stderr } = await who(target, '--user', 'app', '--platform-profile', name);
      expect(one).toMatchObject({ outcome: 'refused', message: expect.stringContaining(words) });
      expect(Number(/maxRSS (\d+)/.exec(stderr)?.[1])).toBeLessThan(250_000);
    }
    const check = await unroot(['check', target, '--platform-profile', 'docker', '-o', 'json']);
    expect(check.code, check.stderr).toBe(1);
    expect(check.stdout).toContain('unable to find user 10001: bufio.Scanner: token too long');
    expect(Date.now() - started).toBeLessThan(30_000);
  });
});

/** An OCI layout whose only layer holds /etc/passwd of that many NUL bytes, as a sparse file. */
function writeSparseLayout(dir: string, size: number): string {
  const small = buildLayer([
    { path: '/bin' },
    { path: '/bin/app', content: 'x', mode: 0o755 },
    { path: '/etc/passwd', content: 'x' },
  ]);
  const built = buildImage({ layers: [small], compression: 'none', config: { Cmd: ['/bin/app'] } });
  const header = small.length - 1024 - 512 - 512;
  const tar = small.slice(0, header + 512);
  tar.set(new TextEncoder().encode(`${size.toString(8).padStart(11, '0')}\0`), header + 124);
  tar.fill(0x20, header + 148, header + 156);
  const sum = tar.subarray(header).reduce((a, b) => a + b, 0);
  tar.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0 `), header + 148);
  const length = tar.length + size + 1024;
  const hash = createHash('sha256').update(tar);
  const zeros = new Uint8Array(1 << 24);
  for (let left = length - tar.length; left > 0; left -= zeros.length)
    hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
  const digest = `sha256:${hash.digest('hex')}`;
  const old = built.layers[0]!;
  const swap = (bytes: Uint8Array): string =>
    new TextDecoder().decode(bytes).replaceAll(old.digest, digest).replaceAll(`"size":${old.blob.length}`, `"size":${length}`);
  const config = new TextEncoder().encode(swap(built.config));
  const configDigest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
  const manifest = new TextEncoder().encode(
    swap(built.manifest)
      .replace(built.configDigest, configDigest)
      .replace(`"size":${built.config.length}`, `"size":${config.length}`),
  );
  const manifestDigest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  writeFiles(dir, layoutFiles({ ...built, config, configDigest, manifest, manifestDigest, layers: [] }));
  const blob = openSync(join(dir, 'blobs/sha256', digest.slice(7)), 'w');
  writeSync(blob, tar);
  ftruncateSync(blob, length);
  closeSync(blob);
  return dir;
}

const word = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);
const acl = (...entries: [tag: number, perm: number, id: number][]): Uint8Array =>
  Uint8Array.from([
    2,
    0,
    0,
    0,
    ...entries.flatMap(([tag, perm, id]) => [
      ...new Uint8Array(Uint16Array.of(tag, perm).buffer),
      ...new Uint8Array(Int32Array.of(id).buffer),
    ]),
  ]);
const GOOD = acl([1, 6, -1], [2, 4, 1234], [4, 4, -1], [16, 4, -1], [32, 4, -1]);
const CAP = 'security.capability';
const ACL = 'system.posix_acl_access';

/** `undefined` = engines take it. */
const ATTRIBUTES: readonly (readonly [what: string, name: string, value: Uint8Array, words: string | undefined])[] = [
  ['good capabilities', CAP, word(0x02000001, 1 << 10, 0, 0, 0), undefined],
  ['capabilities of another root', CAP, word(0x03000001, 1 << 10, 0, 0, 0, 100_000), undefined],
  ['capabilities of revision 1', CAP, word(0x01000001, 1 << 10, 0), 'revision 1, which can no longer be set'],
  ['capabilities of an unknown revision', CAP, word(0x04000001, 1 << 10, 0, 0, 0), 'unknown revision 4'],
  ['capabilities of the wrong size', CAP, word(0x02000001, 1 << 10, 0), '12 bytes, revision 2 has 20'],
  ['a good list', ACL, GOOD, undefined],
  ['a list of another version', ACL, GOOD.with(0, 3), undefined],
  ['an empty list', ACL, acl(), undefined],
  ['a truncated list', ACL, GOOD.slice(0, -3), '41 bytes, expected 4 + 8 per entry'],
  ['an unsorted list', ACL, acl([32, 4, -1], [1, 6, -1], [4, 4, -1]), 'entry 0 is other, expected user-obj'],
  [
    'a list without the mask it needs',
    ACL,
    acl([1, 6, -1], [2, 4, 1234], [4, 4, -1], [32, 4, -1]),
    'named entries without a mask',
  ],
  ['a list with an unknown tag', ACL, acl([1, 6, -1], [3, 6, -1], [4, 4, -1], [32, 4, -1]), 'unknown entry tag 3'],
];
const withAttribute = (name: string, value: Uint8Array): BuildSpec => ({
  ...image('root:x:0:0::/:\n'),
  layers: [...image('root:x:0:0::/:\n').layers, [{ path: '/f', content: 'x', xattrs: { [name]: value } }]],
});

const isRoot = process.getuid?.() === 0;
const noPodman = !isRoot
  ? 'needs root'
  : spawnSync('podman', ['--version']).status === 0
    ? undefined
    : 'podman is missing: apt-get install -y podman runc';
if (noPodman !== undefined) console.warn(`SKIPPED: bad input given to podman: ${noPodman}`);

describe('extended attributes', () => {
  it.each(ATTRIBUTES)('%s', async (_, name, value, words) => {
    const opened = await openImage(layout(withAttribute(name, value)));
    // The quick search for the account files sees it too.
    for (const read of [() => opened.readFiles(['/etc/passwd']), () => opened.rootFs()]) {
      if (words === undefined) await expect(read()).resolves.toBeDefined();
      else await expect(read()).rejects.toMatchObject({ code: 'image.bad-attribute', message: expect.stringContaining(words) });
    }
    await opened.close();
  });

  it('end who and check with exit code 2, naming layer, entry and reason', async () => {
    for (const [, name, value, words] of ATTRIBUTES.filter(([what]) => /unknown revision|truncated/.test(what))) {
      for (const command of ['who', 'check']) {
        const { code, stderr } = await unroot([command, layout(withAttribute(name, value)), '--platform-profile', 'docker']);
        expect(code).toBe(2);
        expect(stderr.replace(/\s+/g, ' ')).toContain(`"f" has a damaged ${name}: ${words}`);
      }
    }
  });

  it.skipIf(noPodman !== undefined)('podman takes and refuses the same images', () => {
    const outcome = ATTRIBUTES.map(([what, name, value]) => {
      const tag = `localhost/unroot-attribute-${process.pid}:1`;
      const file = writeDockerArchive(join(folder, `attribute${++count}.tar`), withAttribute(name, value), [tag]);
      const load = spawnSync('podman', ['load', '--quiet', '--input', file], { encoding: 'utf8' });
      if (load.status === 0) execFileSync('podman', ['rmi', '--force', tag], { stdio: 'ignore' });
      return [what, load.status === 0 ? 'taken' : /lsetxattr \/f: invalid argument/.test(load.stderr) ? 'refused' : load.stderr];
    });
    expect(outcome).toEqual(ATTRIBUTES.map(([what, , , words]) => [what, words === undefined ? 'taken' : 'refused']));
  });
});

describe('capability names', () => {
  it.each([
    ['docker', 'CAP_CAP_NET_ADMIN', 'unknown capability: "CAP_CAP_NET_ADMIN"'],
    ['docker', 'NET_ADMINISTRATOR', 'unknown capability: "CAP_NET_ADMINISTRATOR"'],
    ['podman', 'CAP_CAP_NET_ADMIN', '"CAP_CAP_NET_ADMIN": unknown capability'],
    ['crio', 'NOPE', 'unknown capability "CAP_NOPE" to add'],
  ] as const)('%s refuses %s', (name, capability, words) => {
    const config = { ...CONFIG, cmd: ['/bin/app'] };
    const settings = { capAdd: [capability] };
    const outcome = launchImage({ image: { reference: 'test', config }, settings, profile: profile(name) });
    expect(outcome).toMatchObject({ kind: 'refusal', message: expect.stringContaining(words) });
  });

  it('containerd doubles CAP_ and loses the capability in silence; we say it', async () => {
    const { one } = await who(layout(image(PASSWD)), '--platform-profile', 'containerd-2', '--cap-add', 'CAP_NET_ADMIN');
    expect(one).toMatchObject({ outcome: 'starts' });
    expect(one.outcome === 'starts' && one.capabilities?.bounding).not.toContain('CAP_NET_ADMIN');
    expect(one.because.map(({ source }) => source).join('\n')).toContain('becomes CAP_CAP_NET_ADMIN, which runc ignores');
  });
});

/** A static busybox says who it is; without one podman has nothing to run. */
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'].find((path) => spawnSync(path, ['true']).status === 0);
const noAccounts = noPodman ?? (BUSYBOX === undefined ? 'busybox is missing: apt-get install -y busybox-static' : undefined);
if (noAccounts !== undefined && noAccounts !== noPodman) console.warn(`SKIPPED: odd accounts given to podman: ${noAccounts}`);

describe.skipIf(noAccounts !== undefined)('odd accounts, as podman with runc really starts them', () => {
  const USERS = [
    ...['big', 'huge', 'huge1', 'neg', 'word', 'spaced', 'plus', '#hash'],
    ...['3000000000', '2147483648', '4294967296', '18446744073709551616', '0:hugeg', '0:3000000000', '0:short'],
  ];

  it('uid, gid, groups or the refusal', () => {
    const tag = `localhost/unroot-accounts-${process.pid}:1`;
    const root = join(folder, 'accounts');
    for (const name of ['bin', 'etc']) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, 'bin/busybox'), readFileSync(BUSYBOX!), { mode: 0o755 });
    writeFileSync(join(root, 'etc/passwd'), PASSWD);
    writeFileSync(join(root, 'etc/group'), GROUP);
    execFileSync('tar', ['-C', root, '-cf', join(folder, 'accounts.tar'), '.']);
    execFileSync('podman', ['import', '--quiet', join(folder, 'accounts.tar'), tag], { stdio: 'ignore' });
    const version = execFileSync('podman', ['version', '--format', '{{.Client.Version}}'], { encoding: 'utf8' }).trim();
    const runc = execFileSync('runc', ['--version'], { encoding: 'utf8' });
    const platform = profile('podman', version, {
      ...containersConf([]),
      runtime: /version 1\.[01]\./.test(runc) ? 'runc-1.1' : 'runc',
      source: 'this test',
    });
    const counts = { starts: 0, refused: 0 };
    try {
      for (const user of USERS) {
        const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];
        const flags = [
          '--rm',
          '--runtime',
          'runc',
          '--cgroup-manager',
          'cgroupfs',
          '--network',
          'none',
          ...limits,
          '--user',
          user,
        ];
        const run = spawnSync('podman', ['run', ...flags, tag, '/bin/busybox', 'cat', '/proc/self/status'], { encoding: 'utf8' });
        const model = launchImage({
          image: { reference: tag, config: { ...CONFIG, cmd: ['/bin/busybox'] }, passwd: PASSWD, group: GROUP },
          settings: { user },
          profile: platform,
        });
        const numbers = (name: string) =>
          new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(run.stdout)?.[1]?.trim().split(/\s+/).map(Number);
        if (model.kind === 'refusal') {
          counts.refused += 1;
          expect(run.status, `${user}: ${model.message}\n${run.stdout}`).not.toBe(0);
          expect(run.stderr, user).toContain(model.message);
        } else {
          counts.starts += 1;
          expect(run.status, `${user}: ${run.stderr}`).toBe(0);
          const groups = [...model.groups].sort((a, b) => a - b);
          expect([user, numbers('Uid')![0], numbers('Gid')![0], numbers('Groups')]).toEqual([user, model.uid, model.gid, groups]);
        }
      }
    } finally {
      execFileSync('podman', ['rmi', '--force', tag], { stdio: 'ignore' });
    }
    recordConformance({
      id: 'bad-accounts',
      title: 'corrupt passwd and group files, ids out of range: the Launch against what podman starts or says',
      against: `podman ${version}, ${runc.split('\n')[0]}`,
      compared: USERS.length,
      mismatches: 0,
      counts,
    });
  });
});
