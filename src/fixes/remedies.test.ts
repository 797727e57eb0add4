import { describe, expect, it } from 'vitest';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import type { Finding } from '../finding/finding.ts';
import type { ImageConfig } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import type { Operation } from '../linux/operation.ts';
import { profile } from '../platform/profiles.ts';
import { accessAsked } from './access-asked.ts';
import { passwdEntry, serviceUser } from './accounts.ts';
import { configLine } from './config-line.ts';
import type { FixContext } from './context.ts';
import { handedOver } from './handed-over.ts';
import { identityArguments } from './identity-arguments.ts';
import { mergeLayer } from './merge.ts';
import { privilegeDrop } from './privilege-drop.ts';

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:999:999:the app:/data:/sbin/nologin\n';
const TREE = {
  '/etc/passwd': PASSWD,
  '/etc/group': 'root:x:0:\napp:x:999:\n',
  '/etc/app.conf': { content: 'listen 80\nuser app\nchroot /var/empty\n', mode: 0o640, gid: 999 },
  '/data': {},
  '/data/old': { content: 'rows', mode: 0o600 },
  '/data/link': { target: 'old' },
  '/etc/shadow': { content: 'x', mode: 0o600 },
  '/bin/sh': { content: 'elf', mode: 0o755 },
  '/usr/bin/drop': { content: 'elf', mode: 0o755 },
};
const CONFIG: ImageConfig = {
  user: '',
  env: [],
  entrypoint: [],
  cmd: ['/usr/bin/drop', 'app', 'serve', '-x'],
  workingDir: '',
  volumes: [],
  exposedPorts: [],
  labels: {},
};

function context(recipient = { uid: 10001, gid: 10001, arbitrary: false }): FixContext {
  const rootFs = memoryRootFs(TREE);
  const image = { reference: 'test', config: CONFIG, passwd: PASSWD, group: TREE['/etc/group'], rootFs };
  const launch = (user: string): Launch => launchImage({ image, settings: { user }, profile: profile('docker') }) as Launch;
  return {
    rootFs,
    asIs: launch('0:0'),
    target: launch(`${recipient.uid}:${recipient.gid}`),
    recipient,
    accounts: { passwd: PASSWD, group: TREE['/etc/group'] },
    configs: new Map([['/etc/app.conf', TREE['/etc/app.conf'].content]]),
    knowledge: {
      unwrap: (argv) => (argv[0] === '/usr/bin/drop' ? argv.slice(2) : undefined),
      standIn: (program) => (program === '/usr/bin/drop' ? '#!/bin/sh\n' : undefined),
      directive: (line) => (line.startsWith('user ') ? 'identity' : line.startsWith('chroot ') ? 'chroot' : undefined),
    },
  };
}

const met = (operation: Operation, program = '/usr/bin/drop'): Finding => ({
  id: operation.kind === 'chown' ? 'ownership-change' : operation.kind === 'chroot' ? 'capability-needed' : 'identity-change',
  severity: 'warning',
  confidence: 'high',
  message: 'denied',
  where: {},
  evidence: [{ kind: 'observed', text: 'failed with EPERM', program }],
  operation,
});
const setuid = met({ kind: 'setuid', call: 'setuid', ids: [999] });

describe('privilegeDrop', () => {
  it('starts the program directly when the container’s own command is the wrapper', () => {
    expect(privilegeDrop([setuid], context())[0]?.run).toEqual({ entrypoint: ['serve'], command: ['-x'] });
  });

  it('puts a stand-in where a script calls the wrapper', () => {
    const inScript = { ...context(), target: { ...context().target, executable: '/start.sh' } };
    expect(privilegeDrop([setuid], inScript)[0]?.layer).toEqual([
      { kind: 'file', path: '/usr/bin/drop', uid: 0, gid: 0, mode: 0o755, content: '#!/bin/sh\n' },
    ]);
  });

  it('leaves programs alone that are no wrappers', () => {
    expect(privilegeDrop([met({ kind: 'setgroups', groups: [] }, '/usr/sbin/server')], context())).toEqual([]);
  });
});

describe('configLine', () => {
  it('switches off what was denied, and only that, keeping owner and mode', () => {
    const [fix] = configLine([setuid], context());
    expect(fix?.layer).toEqual([
      {
        kind: 'file',
        path: '/etc/app.conf',
        uid: 0,
        gid: 999,
        mode: 0o640,
        content: 'listen 80\n#user app\nchroot /var/empty\n',
      },
    ]);
    const both = configLine([setuid, met({ kind: 'chroot', path: '/var/empty' })], context());
    expect(both[0]?.layer[0]).toMatchObject({ content: 'listen 80\n#user app\n#chroot /var/empty\n' });
  });

  it('leaves a line that is about somebody else’s identity: none of the image’s accounts, no number, no variable', () => {
    const lines = 'username = %{User-Name}\nuser = "app"\nuser 33\nuser $RUN_USER\n';
    const [fix] = configLine([setuid], { ...context(), configs: new Map([['/etc/app.conf', lines]]) });
    expect(fix?.layer[0]).toMatchObject({ content: 'username = %{User-Name}\n#user = "app"\n#user 33\n#user $RUN_USER\n' });
  });

  it('does nothing when nothing of the kind was denied', () => {
    expect(configLine([met({ kind: 'chown', path: '/data', uid: 999, gid: -1 })], context())).toEqual([]);
  });
});

describe('serviceUser', () => {
  it('moves the name to the recipient’s uid and keeps the rest of the line', () => {
    const [fix] = serviceUser([met({ kind: 'chown', path: '/data', uid: 999, gid: -1 })], context());
    expect(fix?.layer).toEqual([
      {
        kind: 'file',
        path: '/etc/passwd',
        uid: 0,
        gid: 0,
        mode: 0o644,
        content: 'root:x:0:0::/root:/bin/sh\napp:x:10001:10001:the app:/data:/sbin/nologin\n',
      },
    ]);
  });

  it('moves the group as well where the program asks for it by number', () => {
    const [fix] = serviceUser([met({ kind: 'chown', path: '/data', uid: 999, gid: 999 })], context());
    expect(fix?.layer[1]).toMatchObject({ path: '/etc/group', content: 'root:x:0:\napp:x:10001:\n' });
  });

  it('moves several names in one file, since only one version of it can be in the layer', () => {
    const other = { ...context(), accounts: { passwd: `${PASSWD}log:x:998:998::/:/x\n`, group: undefined } };
    const asked = [setuid, met({ kind: 'setuid', call: 'setuid', ids: [998] })];
    const [layer] = mergeLayer(serviceUser(asked, other));
    expect(layer).toMatchObject({ content: expect.stringContaining('app:x:10001:') });
    expect(layer).toMatchObject({ content: expect.stringContaining('log:x:10001:') });
  });

  it('never for root, for a uid without a name, or for arbitrary uids', () => {
    expect(serviceUser([met({ kind: 'chown', path: '/data', uid: 0, gid: 0 })], context())).toEqual([]);
    expect(serviceUser([met({ kind: 'setuid', call: 'setuid', ids: [4711] })], context())).toEqual([]);
    expect(serviceUser([setuid], context({ uid: 1_000_650_000, gid: 0, arbitrary: true }))).toEqual([]);
  });
});

describe('passwdEntry', () => {
  it('adds a line for a uid that has none, once', () => {
    const layer = passwdEntry(context())?.layer ?? [];
    expect(layer.map((change) => change.path)).toEqual(['/etc/passwd', '/etc/group']);
    expect(layer[0]).toMatchObject({ content: `${PASSWD}nonroot:x:10001:10001:made by unroot:/:/sbin/nologin\n` });
    expect(passwdEntry(context({ uid: 999, gid: 999, arbitrary: false }))).toBeUndefined();
  });
});

describe('handedOver', () => {
  const to = (path: string, uid = 10001, gid = -1, noFollow = true): Finding =>
    met({ kind: 'chown', path, uid, gid, noFollow }, '/bin/chown');

  it('ships what the program insists on giving to itself, and nothing beside it', () => {
    const fixes = handedOver([to('/data/old'), to('/data'), to('/data/link'), to('/etc/app.conf', 10001, 10001)], context());
    expect(fixes.map((fix) => [fix.subject, fix.disposition])).toEqual([
      ['/data', 'needs-review'],
      ['/etc/app.conf', 'needs-review'],
    ]);
    expect(fixes[0]?.layer).toEqual([
      { kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o755 },
      { kind: 'symlink', path: '/data/link', target: 'old', uid: 10001, gid: 10001 },
      { kind: 'own', path: '/data/old', uid: 10001, gid: 10001, mode: 0o600 },
    ]);
  });

  it('not to others, not to a group it is not in, never the password file, and not for arbitrary uids', () => {
    expect(handedOver([to('/data', 999), to('/data', 0), to('/data', 10001, 5), to('/etc/shadow')], context())).toEqual([]);
    expect(handedOver([to('/data')], context({ uid: 10001, gid: 0, arbitrary: true }))).toEqual([]);
  });

  it('leaves the owner the bits that another fix gave it', () => {
    const other = { id: 'own-path', subject: '/data', title: '', disposition: 'safe', answers: [], run: {} } as const;
    const writes = { ...other, layer: [{ kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o700 }] as const };
    const reads = { ...other, layer: [{ kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o550 }] as const };
    expect(mergeLayer([writes, reads])).toMatchObject([{ mode: 0o750 }]);
  });
});

describe('accessAsked', () => {
  it('grants what was only asked for: a folder to add to, a file to write, a file to read', () => {
    const asked = (path: string, want: number): Finding => met({ kind: 'access', path, want });
    const fixes = accessAsked(
      [asked('/data', 2), asked('/etc/app.conf', 4), asked('/data/old', 6), asked('/none', 2)],
      context(),
    );
    expect(mergeLayer(fixes)).toEqual([
      { kind: 'own', path: '/data', uid: 0, gid: 10001, mode: 0o1775 },
      { kind: 'own', path: '/data/old', uid: 10001, gid: 10001, mode: 0o600 },
      { kind: 'own', path: '/etc/app.conf', uid: 0, gid: 10001, mode: 0o640 },
    ]);
  });
});

describe('identityArguments', () => {
  const denied = [met({ kind: 'setuid', call: 'setuid', ids: [999] })];
  const rest = (...words: string[]): readonly string[] | undefined =>
    identityArguments(denied, context(), ['serve', ...words])[0]?.run.command;

  it.each([
    [['-u', 'app', '-x'], ['-x']],
    [['--user=app', '--group=app'], []],
    [['-uapp'], []],
    [
      ['-f', '/c', '--user', 'app:app'],
      ['-f', '/c'],
    ],
    [['-u', '999'], []],
  ])('%j → %j', (words, kept) => {
    const knowing = context();
    const knows: FixContext = {
      ...knowing,
      knowledge: { ...knowing.knowledge, directive: (line) => (/^(?:user|group) /.test(line) ? 'identity' : undefined) },
    };
    expect(identityArguments(denied, knows, ['serve', ...words])[0]?.run.command).toEqual(kept);
  });

  it('leaves what is no account, and everything when nothing was denied', () => {
    expect(rest('-u', 'http://x', '-g', 'daemon off;', '-unbuffered')).toBeUndefined();
    expect(identityArguments([], context(), ['serve', '-u', 'app'])).toEqual([]);
  });
});
