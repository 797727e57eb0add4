import { describe, expect, it } from 'vitest';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import type { Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import type { Operation } from '../linux/operation.ts';
import { profile } from '../platform/profiles.ts';
import type { Trace } from '../trace/event.ts';
import type { FixContext } from './context.ts';
import { stateFolders } from './state-folder.ts';

const TREE = {
  '/usr/bin/player': { content: 'elf', mode: 0o755 },
  '/var/lib/player': { uid: 100, gid: 29, mode: 0o755 },
  '/var/lib/player/lists': { uid: 100, gid: 29, mode: 0o750 },
  '/var/lib/player/big.db': { content: 'x', size: 1 << 28, uid: 100, gid: 29 },
  '/var/lib/player/small.db': { content: 'x', uid: 100, gid: 29, mode: 0o600 },
  '/var/lib/other': { uid: 101, gid: 101 },
  '/var/lib/rooted/items': { mode: 0o755 },
  '/var/lib/dpkg/info': { uid: 100, gid: 100 },
  '/var/lib/odd app': { uid: 100, gid: 29 },
  '/var/lib/odd': { uid: 100, gid: 29 },
  '/var/cache/player': { uid: 100, gid: 29, mode: 0o755 },
  '/var/cache/player/page': { content: 'x', uid: 100, gid: 29 },
  '/var/log/player': { uid: 100, gid: 4, mode: 0o750 },
  '/opt/player': { uid: 100, gid: 29 },
};

/** What the last call said it leaves out. */
let lost: readonly string[] = [];

function found(
  uids: readonly number[],
  paths: readonly string[],
  { config = '', arbitrary = false, readOnly = false, volumes = [] as readonly string[] } = {},
): readonly (readonly [string, string])[] {
  const rootFs = memoryRootFs(TREE);
  const image = {
    reference: 'test',
    config: {
      user: '',
      env: [],
      entrypoint: [],
      cmd: ['/usr/bin/player'],
      workingDir: '',
      volumes,
      exposedPorts: [],
      labels: {},
    },
    rootFs,
  };
  const launch = (user: string): Launch =>
    launchImage({ image, settings: { user, readOnly }, profile: profile('docker') }) as Launch;
  const context: FixContext = {
    rootFs,
    asIs: launch('0:0'),
    target: launch('10001:10001'),
    recipient: { uid: 10001, gid: arbitrary ? 0 : 10001, arbitrary },
    accounts: { passwd: undefined, group: undefined },
    configs: new Map([['/etc/player.conf', config]]),
    knowledge: { unwrap: () => undefined, standIn: () => undefined, directive: () => undefined },
  };
  const events = paths.map((path, seq) => ({
    seq,
    time: 0,
    pid: 1,
    program: '/usr/bin/player',
    uid: 0,
    gid: 0,
    syscall: 'openat',
    operation: { kind: 'open', path, access: 'write' } as Operation,
  }));
  const trace: Trace = { tracer: 'strace', events, processes: [], blindSpots: [] };
  const fixes = stateFolders(trace, new Set(uids), context);
  lost = fixes.flatMap(({ loses }) => loses ?? []);
  return fixes.flatMap(({ layer }) =>
    layer.map(
      (change) => [change.path, 'mode' in change ? `${change.uid}:${change.gid} ${change.mode.toString(8)}` : ''] as const,
    ),
  );
}

describe('stateFolders', () => {
  it("gives what the service's account owns below a folder that was used, and says which are too large", () => {
    expect(found([100], ['/var/lib/player/tag_cache'])).toEqual([
      ['/var/lib/player', '10001:10001 755'],
      ['/var/lib/player/lists', '10001:10001 750'],
      ['/var/lib/player/small.db', '10001:10001 600'],
    ]);
    expect(lost).toEqual([expect.stringMatching(/^work with 1 more files and folders below \/var\/lib\/player \(256 MiB\)/)]);
  });

  it('takes a folder that the configuration names for one that is used', () => {
    expect(found([100], [], { config: '#music = /var/lib/player/lists\n' })).toHaveLength(3);
  });

  it('leaves alone what nothing speaks of, what is mounted, what is the base system and what is no state', () => {
    expect(found([100], ['/opt/player/x', '/var/lib/dpkg/status'])).toEqual([]);
    expect(found([100], ['/var/lib/player/x'], { volumes: ['/var/lib/player'] })).toEqual([]);
  });

  it("gives folders of root's to a program that was root all along, and to no other", () => {
    expect(found([0], ['/var/lib/rooted/x'])).toEqual([
      ['/var/lib/rooted', '10001:10001 755'],
      ['/var/lib/rooted/items', '10001:10001 755'],
    ]);
    expect(found([0, 100], ['/var/lib/rooted/x'])).toEqual([]);
  });

  it('gives folders for caches and logs too, without what is in them, where the root can be written', () => {
    const config = 'log /var/log/player/player.log\n';
    expect(found([100], ['/var/cache/player/page'], { config })).toEqual([
      ['/var/cache/player', '10001:10001 755'],
      ['/var/log/player', '10001:10001 750'],
    ]);
    expect(found([100], ['/var/cache/player/page'], { config, readOnly: true })).toEqual([]);
  });

  it('gives users without a number of their own what group 0 may do', () => {
    expect(found([100], ['/var/lib/player/x'], { arbitrary: true })[1]).toEqual(['/var/lib/player/lists', '100:0 770']);
  });

  it('takes a name with a space in it as it is', () => {
    expect(found([100], ['/var/lib/odd app/x']).map(([subject]) => subject)).toEqual(['/var/lib/odd app']);
  });
});
