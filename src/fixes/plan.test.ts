import { describe, expect, it } from 'vitest';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { deniedFinding } from '../finding/denied.ts';
import type { Finding } from '../finding/finding.ts';
import type { ImageConfig } from '../image/image.ts';
import { fileTree } from '../launch/file-tree.ts';
import { credentialsOf, type Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { decide } from '../linux/access.ts';
import type { Operation } from '../linux/operation.ts';
import { simulate } from '../linux/simulate.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { FixContext } from './context.ts';
import { planFixes } from './plan.ts';

const CONFIG: ImageConfig = {
  user: '',
  env: [],
  entrypoint: ['/srv/app'],
  cmd: [],
  workingDir: '',
  volumes: [],
  exposedPorts: [],
  labels: {},
};
const BASE: Record<string, MemoryEntry | string> = {
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var/www:/sbin/nologin\n',
  '/etc/shadow': { content: 'root:*:::', mode: 0o600 },
  '/etc/app/app.conf': 'x',
  '/srv/app': { content: 'elf', mode: 0o755 },
  '/run': {},
  '/root': { mode: 0o700 },
  '/var/run': { target: '/run' },
  '/var/cache/app': {},
  '/var/lib/www': { uid: 33, gid: 33, mode: 0o750 },
  '/var/lib/www/old.db': { content: 'data', uid: 33, gid: 33, mode: 0o640 },
};

/** Replays operations as the recipient, the way a trace is, and plans. */
function plan(
  operations: readonly Operation[],
  options: {
    tree?: Record<string, MemoryEntry | string>;
    arbitrary?: boolean;
    config?: Partial<ImageConfig>;
    settings?: ContainerSettings;
    name?: 'podman' | 'docker';
    id?: string;
  } = {},
) {
  const rootFs = memoryRootFs({ ...BASE, ...options.tree });
  const recipient = options.arbitrary
    ? { uid: 1_000_650_000, gid: 0, arbitrary: true }
    : { uid: 10001, gid: 10001, arbitrary: false };
  const image = {
    reference: 'test',
    config: { ...CONFIG, ...options.config },
    passwd: BASE['/etc/passwd'] as string,
    group: '',
    rootFs,
  };
  const rules = profile(options.name ?? 'podman');
  const launch = (settings: ContainerSettings): Launch => {
    const result = launchImage({ image, settings, profile: rules });
    if (result.kind === 'refusal') throw new Error(result.message);
    return result;
  };
  const asIs = launch({ ...options.settings });
  const target = launch({
    ...options.settings,
    user: `${recipient.uid}:${recipient.gid}`,
    capDrop: ['ALL'],
    noNewPrivileges: true,
  });
  const world = simulate(fileTree(target, rootFs));
  const findings: Finding[] = [];
  for (const operation of operations) {
    const decision = decide(operation, credentialsOf(target), world, target.facts);
    const kind = operation.kind;
    const id =
      options.id ??
      (kind === 'bind'
        ? 'low-port'
        : kind === 'chown' || kind === 'chmod'
          ? 'ownership-change'
          : kind === 'setuid'
            ? 'identity-change'
            : 'path-not-writable');
    if (!decision.allowed)
      findings.push(
        deniedFinding({ id, severity: 'error', operation, decision, program: '/srv/app', uid: target.uid, rootFs, evidence: [] }),
      );
    world.apply(operation, credentialsOf(target), 0o022);
  }
  const context: FixContext = {
    rootFs,
    asIs,
    target,
    recipient,
    knowledge: { unwrap: () => undefined, standIn: () => undefined, directive: () => undefined },
    configs: new Map(),
    accounts: { passwd: image.passwd, group: '' },
  };
  return { ...planFixes(findings, context), findings };
}

const create = (path: string, extra: Partial<Extract<Operation, { kind: 'open' }>> = {}): Operation => ({
  kind: 'open',
  path,
  access: 'write',
  create: true,
  ...extra,
});
const layerOf = (result: { fixes: readonly { layer: readonly unknown[] }[] }): readonly unknown[] =>
  result.fixes.flatMap((fix) => fix.layer);

describe('planFixes', () => {
  it('changes nothing when nothing is denied', () => {
    expect(plan([{ kind: 'open', path: '/etc/app/app.conf', access: 'read' }]).fixes).toEqual([]);
  });

  it('hands over an empty directory as it is, not what is made inside it', () => {
    const result = plan([
      { kind: 'mkdir', path: '/var/cache/app/a', mode: 0o700 },
      { kind: 'mkdir', path: '/var/cache/app/b', mode: 0o700 },
      create('/var/cache/app/b/file'),
    ]);
    expect(layerOf(result)).toEqual([{ kind: 'own', path: '/var/cache/app', uid: 10001, gid: 10001, mode: 0o755 }]);
  });

  it('follows a symlinked parent to the directory that must change', () => {
    expect(layerOf(plan([create('/var/run/app.pid'), { kind: 'unlink', path: '/var/run/app.pid' }]))).toEqual([
      { kind: 'own', path: '/run', uid: 10001, gid: 10001, mode: 0o755 },
    ]);
  });

  it('ships a file beforehand when its directory is not the program’s', () => {
    const result = plan([create('/server.log', { append: true, mode: 0o644 })]);
    expect(layerOf(result)).toEqual([{ kind: 'file', path: '/server.log', uid: 10001, gid: 10001, mode: 0o644, content: '' }]);
    expect(result.fixes[0]?.id).toBe('make-beforehand');
  });

  it('shares a directory of others with the sticky bit when entries come and go', () => {
    const result = plan([
      create('/etc/app/app.conf.tmp', { exclusive: true }),
      { kind: 'rename', path: '/etc/app/app.conf.tmp', to: '/etc/app/state' },
    ]);
    expect(layerOf(result)).toEqual([{ kind: 'own', path: '/etc/app', uid: 0, gid: 10001, mode: 0o1775 }]);
    expect(result.fixes[0]?.disposition).toBe('needs-review');
  });

  it('hands over a service user’s directory and only the files that are used', () => {
    const result = plan([{ kind: 'open', path: '/var/lib/www/old.db', access: 'read-write' }, create('/var/lib/www/new.db')]);
    expect(layerOf(result)).toEqual([
      { kind: 'own', path: '/var/lib/www', uid: 10001, gid: 10001, mode: 0o750 },
      { kind: 'own', path: '/var/lib/www/old.db', uid: 10001, gid: 10001, mode: 0o640 },
    ]);
  });

  it('never hands over the password file', () => {
    const result = plan([{ kind: 'open', path: '/etc/shadow', access: 'read' }]);
    expect(result.fixes).toEqual([]);
    expect(result.unresolved[0]?.reason).toContain('/etc/shadow');
  });

  it('answers a low port with the lowest port that is needed, and not where any port is allowed', () => {
    const binds: Operation[] = [
      { kind: 'bind', protocol: 'tcp', address: '0.0.0.0', port: 443 },
      { kind: 'bind', protocol: 'tcp', address: '::', port: 80 },
    ];
    expect(plan(binds).fixes.map((fix) => fix.run)).toEqual([{ sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } }]);
    expect(plan(binds, { name: 'docker' }).fixes).toEqual([]);
  });

  it('uses only the group for an arbitrary uid, and only where something is written', () => {
    const result = plan([create('/var/cache/app/x'), create('/server.log')], { arbitrary: true });
    expect(layerOf(result)).toEqual([
      { kind: 'file', path: '/server.log', uid: 0, gid: 0, mode: 0o664, content: '' },
      { kind: 'own', path: '/var/cache/app', uid: 0, gid: 0, mode: 0o775 },
    ]);
  });

  it('gives a home of its own when the old one was root’s', () => {
    const result = plan([{ kind: 'mkdir', path: '/root/.cache' }, create('/root/.cache/x')]);
    expect(result.fixes.map((fix) => fix.id)).toEqual(['home-directory']);
    expect(result.fixes[0]?.run.env).toEqual({ HOME: '/home/nonroot' });
  });

  it('states the owner of a volume, and prepares the directory a fresh one copies', () => {
    const result = plan([create('/data/x')], { tree: { '/data': {} }, config: { volumes: ['/data'] } });
    expect(result.fixes.find((fix) => fix.id === 'volume-owner')?.run.volumes).toEqual([
      { path: '/data', owner: '10001:10001', mode: '0755' },
    ]);
    expect(layerOf(result)).toContainEqual({ kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o755 });
  });

  it('hands over what lies in a folder of data, tells the links that lead elsewhere, and leaves what runs as its owner', () => {
    const tree = {
      '/data': {},
      '/data/db': { content: 'x', uid: 0, gid: 0, mode: 0o640 },
      '/data/sub/mine': { content: 'x', uid: 10001, gid: 10001, mode: 0o600 },
      '/data/tool': { content: 'x', mode: 0o4755 },
      '/data/here': { target: 'sub/mine' },
      '/data/conf': { target: '/etc/app/app.conf' },
      '/data/old': { target: '/gone/data' },
      '/data/log': { target: '/dev/stdout' },
    };
    const volume = (arbitrary: boolean) =>
      plan([create('/data/.unroot-probe', { exclusive: true })], {
        tree,
        config: { volumes: ['/data'] },
        arbitrary,
        id: 'volume-not-writable',
      });
    const result = volume(false);
    expect(layerOf(result)).toEqual([
      { kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o755 },
      { kind: 'own', path: '/data/db', uid: 10001, gid: 10001, mode: 0o640 },
      { kind: 'own', path: '/data/sub', uid: 10001, gid: 10001, mode: 0o755 },
    ]);
    expect(result.unknown).toEqual([
      "/data/conf is a link to /etc/app/app.conf, which stays its owner's: through it the user may write nothing",
      '/data/old is a link to /gone/data, which the image lacks: who may write there is not known',
    ]);
    expect(layerOf(volume(true))).toContainEqual({ kind: 'own', path: '/data/db', uid: 0, gid: 0, mode: 0o660 });
    // One write with a name says nothing of the rest.
    expect(layerOf(plan([create('/data/x')], { tree, config: { volumes: ['/data'] } }))).toEqual([
      { kind: 'own', path: '/data', uid: 10001, gid: 10001, mode: 0o755 },
    ]);
  });

  it('waits and sees with identity changes', () => {
    const result = plan([
      { kind: 'setuid', call: 'setuid', ids: [33] },
      { kind: 'chown', path: '/var/cache/app', uid: 33, gid: 33 },
    ]);
    expect(result.fixes).toEqual([]);
    expect(result.unresolved).toHaveLength(2);
  });

  it('never makes anything world-writable without the sticky bit', () => {
    const paths = ['/etc/x', '/usr/bin/x', '/var/lib/www/x', '/srv/x', '/x', '/run/x', '/root/x'];
    const result = plan(
      paths.flatMap((path): Operation[] => [create(path, { exclusive: true }), { kind: 'unlink', path }]),
      { tree: { '/usr/bin/tool': { content: 'x', mode: 0o755 } } },
    );
    expect(result.fixes.length).toBeGreaterThan(4);
    for (const change of layerOf(result) as { mode: number }[])
      expect(change.mode & 0o002 ? change.mode & 0o1000 : 0o1000).toBe(0o1000);
  });
});
