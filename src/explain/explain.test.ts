/** The story of a decision against the decision: classes, layers, mounts, remedies; and on random trees that both end at the same place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONFIG, type Scene } from '../../test/support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import type { Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import type { AclEntry } from '../linux/inode.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { explain } from './explain.ts';
import type { Component, Explanation } from './explanation.ts';
import { instruction } from './origin.ts';
import { readQuestion } from './question.ts';

type Files = Readonly<Record<string, MemoryEntry | string>>;

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/:/bin/sh\n';
const GROUP = 'root:x:0:\napp:x:1234:\nextra:x:77:app\n';
const LAYERS = [
  { digest: 'sha256:00', createdBy: '/bin/sh -c #(nop) ADD file:1 in / ' },
  { digest: 'sha256:11', createdBy: 'COPY conf /etc/conf # buildkit' },
];

async function ask(
  files: Files,
  [what, to]: readonly [string, string?],
  settings: ContainerSettings = {},
  platform: Scene['platform'] = 'docker',
): Promise<Explanation> {
  const rootFs = memoryRootFs({ '/bin/app': { content: '', mode: 0o755 }, ...files });
  const subject = { reference: 'test', config: CONFIG, passwd: PASSWD, group: GROUP, rootFs };
  const launch = launchImage({
    image: subject,
    settings: { user: '10001:10001', ...settings },
    profile: profile(platform ?? 'docker'),
  });
  if (launch.kind === 'refusal') throw new Error(launch.message);
  return explain({ question: readQuestion(what.split(' '), to), launch: launch as Launch, subject, layers: LAYERS });
}

const at = (walk: readonly Component[], path: string): Component => {
  const found = walk.find((one) => one.path === path);
  if (found === undefined) throw new Error(`${path} is not on the way: ${walk.map((one) => one.path).join(' ')}`);
  return found;
};

describe('the way along a path', () => {
  it('names class, layer and line of the Dockerfile, and the fix', async () => {
    const { walk, decision, remedies, asRoot } = await ask({ '/etc/conf': { content: '', layer: 1 } }, ['/etc/conf', 'write']);
    expect(decision).toMatchObject({ allowed: false, errno: 'EACCES', capability: 'CAP_DAC_OVERRIDE' });
    expect(at(walk, '/etc/conf')).toMatchObject({
      modeText: '-rw-r--r--',
      class: 'other',
      granted: 'r--',
      needed: 'w',
      verdict: 'no',
      userName: 'root',
      layer: { index: 1, digest: 'sha256:11', createdBy: 'COPY conf /etc/conf' },
    });
    expect(at(walk, '/etc')).toMatchObject({ needed: 'x', verdict: 'yes', layer: { index: -1 } });
    expect(remedies.map(({ id }) => id)).toEqual(['own-path', 'cap-add']);
    expect(remedies[0]?.title).toBe('/etc/conf: 0644 0:0 → 0644 10001:10001');
    expect(asRoot).toEqual({ allowed: true, known: true, through: [] });
  });

  it('follows symlinks in sight, and stops where something is missing', async () => {
    const files: Files = { '/var/run': { target: '/run' }, '/run': {}, '/etc/none': { target: 'gone' } };
    const { walk, decision } = await ask(files, ['/var/run/app.pid', 'create']);
    expect(walk.map(({ path, verdict }) => [path, verdict])).toEqual([
      ['/', 'yes'],
      ['/var', 'yes'],
      ['/var/run', 'yes'],
      ['/run', 'no'],
      ['/run/app.pid', 'not-reached'],
    ]);
    expect(at(walk, '/var/run').target).toBe('/run');
    expect(at(walk, '/run').needed).toBe('wx');
    expect(decision.errno).toBe('EACCES');
    const missing = await ask(files, ['/etc/none', 'read']);
    expect(missing.decision.errno).toBe('ENOENT');
    expect(missing.walk.at(-1)).toMatchObject({ path: '/etc/gone', type: 'missing', verdict: 'no' });
    expect(missing.remedies).toEqual([]);
  });

  it('shows the entry of an ACL that counts, and its mask', async () => {
    const acl: AclEntry[] = [
      { tag: 'user-obj', perm: 6 },
      { tag: 'user', id: 1234, perm: 6 },
      { tag: 'group-obj', perm: 0 },
      { tag: 'mask', perm: 4 },
      { tag: 'other', perm: 0 },
    ];
    const { walk, decision } = await ask({ '/secret': { content: '', mode: 0o640, acl } }, ['/secret', 'write'], { user: 'app' });
    expect(decision.allowed).toBe(false);
    expect(at(walk, '/secret')).toMatchObject({
      class: 'acl',
      entry: 'named user 1234',
      granted: 'r--',
      modeText: '-rw-r-----+',
    });
    expect(at(walk, '/secret').acl).toContain('user:app:rw-');
  });

  it('says which capability made up for missing bits, and which was used at all', async () => {
    const files: Files = { '/mine': { mode: 0o700, uid: 1234 }, '/mine/file': { content: '', uid: 1234, mode: 0o600 } };
    const { walk, decision } = await ask(files, ['/mine/file', 'read'], { user: '0' });
    expect(decision).toMatchObject({ allowed: true, through: ['CAP_DAC_OVERRIDE'] });
    expect(at(walk, '/mine').through).toBe('CAP_DAC_OVERRIDE');
    expect(at(walk, '/').through).toBeUndefined();
  });

  it('sees mounts: a tmpfs is empty, a host folder unknown, a read-only root asks for a tmpfs', async () => {
    const volumes = [
      { kind: 'tmpfs', target: '/scratch', mode: 0o1777 },
      { kind: 'bind', target: '/host', source: '/srv' },
    ] as const;
    const files: Files = { '/scratch/covered': '', '/var/cache': {} };
    const covered = await ask(files, ['/scratch/covered', 'read'], { volumes });
    expect(covered.decision.errno).toBe('ENOENT');
    expect(at(covered.walk, '/scratch').mount).toMatchObject({ type: 'tmpfs', origin: 'settings' });
    expect((await ask(files, ['/scratch/new', 'create'], { volumes })).decision.allowed).toBe(true);
    const host = await ask(files, ['/host/x'], { volumes });
    expect(host.decision).toMatchObject({ known: false, allowed: false });
    expect(host.notes.join()).toMatch(/of the host/);
    expect(host.facts.some(({ field }) => field === 'mounts./host')).toBe(true);
    const readOnly = await ask(files, ['/var/cache/x', 'create'], { readOnly: true });
    expect(readOnly.decision.errno).toBe('EROFS');
    expect(readOnly.remedies.map(({ id }) => id)).toEqual(['tmpfs']);
    expect(readOnly.facts.map(({ field }) => field)).toContain('readOnlyRoot');
  });

  it('walks the interpreter of a script too, and says what a program becomes', async () => {
    const files: Files = {
      '/run.sh': { content: '#! /bin/shell -e\n', mode: 0o755 },
      '/bin/shell': { content: '', mode: 0o750 },
      '/bin/su': { content: '\u007fELF', mode: 0o4755 },
    };
    const script = await ask(files, ['/run.sh', 'execute']);
    expect(script.decision).toMatchObject({ errno: 'EACCES', deniedAt: { path: '/bin/shell' } });
    expect(at(script.walk, '/run.sh')).toMatchObject({ interpreter: '/bin/shell', verdict: 'yes' });
    expect(script.walk.at(-1)).toMatchObject({ part: 'interpreter', path: '/bin/shell', verdict: 'no' });
    const su = await ask(files, ['/bin/su', 'execute']);
    expect(su.becomes).toMatchObject({ uid: 0, gid: 10001 });
    expect(su.becomes?.capabilities.effective).toContain('CAP_CHOWN');
    expect((await ask(files, ['/bin/su', 'execute'], { noNewPrivileges: true })).becomes?.uid).toBe(10001);
  });
});

describe('what is asked', () => {
  it('takes what is usual for files, folders and missing things, and explains the first that is denied', async () => {
    const files: Files = { '/folder': {}, '/folder/entry': '', '/file': '', '/own': { content: '', uid: 10001 } };
    const names = async (path: string): Promise<string[]> => (await ask(files, [path])).answers.map(({ to }) => to);
    expect(await names('/folder')).toEqual(['list', 'enter', 'create', 'delete']);
    expect(await names('/file')).toEqual(['read', 'write', 'execute', 'delete']);
    expect(await names('/none')).toEqual(['create', 'mkdir']);
    expect((await ask(files, ['/folder'])).decision.to).toBe('create');
    // Nobody could execute it, so that is not what keeps the owner from its work.
    expect((await ask(files, ['/own'])).decision.to).toBe('delete');
  });

  it('asks for the deletion of what could be deleted, not of a full folder', async () => {
    const removed = async (files: Files): Promise<string | undefined> =>
      (await ask(files, ['/f'])).answers.find(({ to }) => to === 'delete')?.what;
    expect(await removed({ '/f': {}, '/f/a': {}, '/f/a/x': '', '/f/b': '' })).toContain('/f/b');
    expect(await removed({ '/f': {}, '/f/a': {}, '/f/a/x': '' })).toContain('/f/a');
  });

  it('says what is there already, what the mask took away, and that port 0 is any free one', async () => {
    const words = async (files: Files, ...asked: [string, string?]): Promise<string> =>
      JSON.stringify((await ask(files, asked)).steps);
    expect(await words({ '/tmp': { mode: 0o1777 }, '/tmp/x': '' }, '/tmp/x', 'create')).toContain('/tmp/x is there already');
    const acl = [
      { tag: 'user-obj' as const, perm: 6 },
      { tag: 'user' as const, id: 10001, perm: 6 },
      { tag: 'group-obj' as const, perm: 4 },
      { tag: 'mask' as const, perm: 4 },
      { tag: 'other' as const, perm: 0 },
    ];
    const masked = { '/m': { content: '', mode: 0o640, acl } };
    expect(await words(masked, '/m', 'write')).toContain('named user 10001 in its ACL, r-- (its mask leaves that of rw-)');
    expect(await words({}, ':0')).toContain('port 0 is open to everybody: the kernel picks a free one');
  });

  it('begins relative paths in the working directory', async () => {
    expect((await ask({ '/srv/www': {} }, ['./www/x', 'read'], { workdir: '/srv' })).asked).toBe('/srv/./www/x');
  });

  it('knows ports and calls, with the fact that decides', async () => {
    const port = await ask({}, [':80'], {}, 'podman');
    expect(port.decision).toMatchObject({ errno: 'EACCES', capability: 'CAP_NET_BIND_SERVICE', deniedAt: { need: 'port' } });
    expect(port.facts).toContainEqual(expect.objectContaining({ field: 'net.ipv4.ip_unprivileged_port_start', value: '1024' }));
    expect(port.remedies[0]?.id).toBe('unprivileged-port');
    expect((await ask({}, [':80'])).decision.allowed).toBe(true);
    expect((await ask({}, [':53/udp'], {}, 'podman')).asked).toBe(':53/udp');
    expect((await ask({}, ['setuid app'])).decision).toMatchObject({
      errno: 'EPERM',
      operation: { kind: 'setuid', ids: [1234] },
    });
    expect((await ask({}, ['setuid 33'], { user: '0' })).decision.through).toEqual(['CAP_SETUID']);
    expect((await ask({}, ['kill 1'])).decision.allowed).toBe(true);
    expect((await ask({}, ['kill 7'])).decision.known).toBe(false);
    expect((await ask({}, ['kill 7'], { user: '0' })).decision.through).toEqual(['CAP_KILL']);
    expect((await ask({}, ['ping'])).facts.map(({ field }) => field)).toContain('net.ipv4.ping_group_range');
  });

  it('a file that the kernel cannot execute is not allowed, and one nobody saw is not known', async () => {
    const files = {
      '/raw': { content: 'x', mode: 0o755 },
      '/s': { content: '#!/raw\n', mode: 0o755 },
      '/no': { content: '#!/bin/nosuch\n', mode: 0o755 },
      '/v/run': { content: '', mode: 0o755 },
    };
    expect((await ask(files, ['/raw', 'execute'])).decision).toMatchObject({ allowed: false, errno: 'ENOEXEC', known: true });
    expect((await ask(files, ['/s', 'execute'])).decision).toMatchObject({ allowed: false, errno: 'ENOEXEC' });
    expect((await ask(files, ['/no', 'execute'])).decision).toMatchObject({ allowed: false, errno: 'ENOENT' });
    const mounted = { volumes: [{ kind: 'bind' as const, target: '/v', source: '/host' }] };
    expect((await ask(files, ['/v/run', 'execute'], mounted)).decision).toMatchObject({ allowed: false, known: false });
  });

  it("does not say that Podman's seccomp profile blocks namespaces", async () => {
    const { notes, decision } = await ask({}, ['unshare user'], {}, 'podman');
    expect(decision.allowed).toBe(true);
    expect(notes.join()).toContain('Docker and containerd');
    expect(notes.join()).toContain('that of Podman leaves it to the kernel');
  });

  it('works out whether cap-add would help on this platform', async () => {
    const title = async (platform: Scene['platform']): Promise<string | undefined> =>
      (await ask({}, ['raw-socket'], {}, platform)).remedies.find(({ id }) => id === 'cap-add')?.title;
    expect(await title('podman')).toBe('cap-add NET_RAW');
    expect(await title('containerd-2')).toBe('cap-add NET_RAW alone does not help');
  });

  it.each([
    [['frobnicate'], undefined],
    [[':70000'], undefined],
    [[':80', 'x'], undefined],
    [['/x', 'y'], undefined],
    [['/x'], 'fly'],
    [['/x'], 'mkdir=3'],
    [['/x'], 'rename'],
    [['/x\0y'], undefined],
    [[''], undefined],
    [['constructor'], undefined],
    [['/x'], 'toString'],
  ] as const)('refuses %j --to %s before reading anything', (words, to) => {
    expect(() => readQuestion(words, to)).toThrow(expect.objectContaining({ code: 'explain.question', exitCode: 2 }));
  });

  it.each([['setuid nobody-knows'], ['mknod /x z'], ['kill x'], ['setgroups none'], ['sethostname x']])(
    'refuses the arguments of %s',
    async (what) => {
      await expect(ask({}, [what])).rejects.toThrow(expect.objectContaining({ code: 'explain.question' }));
    },
  );
});

describe('pieces', () => {
  it('tells a line of history as it stood in the Dockerfile', () => {
    expect(instruction('/bin/sh -c #(nop) COPY file:1 in /x ')).toBe('COPY file:1 in /x');
    expect(instruction('/bin/sh -c apt-get update')).toBe('RUN apt-get update');
    expect(instruction('RUN /bin/sh -c apt-get   update # buildkit')).toBe('RUN apt-get update');
    expect(instruction('COPY a b # buildkit')).toBe('COPY a b');
  });
});

/** Random folders, owners, modes, ACLs and symlinks under /t. */
const trees = fc.array(
  fc.record({
    depth: fc.integer({ min: 1, max: 4 }),
    name: fc.constantFrom('a', 'b'),
    kind: fc.constantFrom('directory', 'directory', 'file', 'link'),
    mode: fc.integer({ min: 0, max: 0o1777 }),
    uid: fc.constantFrom(0, 1234, 10001),
    gid: fc.constantFrom(0, 77, 1234),
    acl: fc.boolean(),
    target: fc.constantFrom('/t/a', '/t/b/a', '../b', 'a', '/none'),
  }),
  { maxLength: 14 },
);
const actions = [
  'read',
  'write',
  'create',
  'delete',
  'list',
  'enter',
  'execute',
  'mkdir',
  'chmod',
  'chown=1234',
  'touch',
  'rename=/t/b/new',
  'link=/t/b/new',
];
const people: readonly ContainerSettings[] = [
  { user: '0' },
  { user: '0', capDrop: ['ALL'] },
  { user: 'app' },
  { user: '10001:77' },
  { user: '10001:10001', readOnly: true },
  { user: '10001:10001', capAdd: ['DAC_READ_SEARCH', 'FOWNER'] },
];

it('ends where the decision ends, and grants what it needs everywhere before', async () => {
  const question = fc.record({
    path: fc.constantFrom('/t', '/t/a', '/t/b', '/t/a/a', '/t/a/b', '/t/b/a/a', '/t/a/../b/x', '/t/a/', '/t/b/a/b/a'),
    to: fc.constantFrom(...actions),
    who: fc.constantFrom(...people),
  });
  await fc.assert(
    fc.asyncProperty(trees, question, async (entries, { path, to, who }) => {
      const files: Record<string, MemoryEntry> = { '/t': {} };
      const folders = ['/t'];
      for (const { name, kind, mode, uid, gid, acl, target, depth } of entries) {
        const place = `${folders[depth % folders.length]}/${name}`;
        if (files[place] !== undefined) continue;
        const list: AclEntry[] = [
          { tag: 'user-obj', perm: (mode >> 6) & 7 },
          { tag: 'user', id: 10001, perm: mode & 7 },
          { tag: 'group-obj', perm: 5 },
          { tag: 'mask', perm: (mode >> 3) & 7 },
          { tag: 'other', perm: mode & 7 },
        ];
        files[place] =
          kind === 'link'
            ? { target, uid, gid }
            : { ...(kind === 'file' ? { content: '' } : {}), mode, uid, gid, ...(acl ? { acl: list } : {}) };
        if (kind === 'directory') folders.push(place);
      }
      const { walk, decision } = await ask(files, [path, to], who, 'podman');
      const denied = walk.filter(({ verdict }) => verdict === 'no' || verdict === 'unknown');
      expect(denied.length).toBe(decision.allowed ? 0 : 1);
      if (decision.deniedAt?.path.startsWith('/')) expect(denied[0]?.path).toBe(decision.deniedAt.path);
      for (const one of walk) {
        if (one.verdict !== 'yes' || one.class === undefined) continue;
        const lacks = [...one.needed].filter(
          (letter) => 'rwx'.includes(letter) && !/owner|sticky/.test(one.needed) && !one.granted?.includes(letter),
        );
        // Bits of a class that the kernel never asked for, because another reason came first, are no contradiction.
        if (lacks.length > 0 && (decision.allowed || one.needed === 'x'))
          expect([one.path, one.through]).toEqual([one.path, expect.any(String)]);
      }
      if (decision.deniedAt?.need === 'mode') {
        const [at] = denied;
        expect([...(at?.needed ?? '')].some((letter) => !at?.granted?.includes(letter))).toBe(true);
      }
    }),
    // A directory that would have to be written to because its `..` changes.
    {
      numRuns: 500,
      examples: [
        [
          [
            { depth: 1, name: 'b', kind: 'directory', mode: 0o177, uid: 0, gid: 0, acl: false, target: '/t/a' },
            { depth: 1, name: 'a', kind: 'directory', mode: 0o1300, uid: 10001, gid: 0, acl: false, target: '/t/a' },
            { depth: 2, name: 'a', kind: 'directory', mode: 0, uid: 0, gid: 0, acl: false, target: '/t/a' },
          ],
          { path: '/t/b/a/a', to: 'rename=/t/b/new', who: { user: '10001:10001', capAdd: ['DAC_READ_SEARCH', 'FOWNER'] } },
        ],
      ],
    },
  );
});
