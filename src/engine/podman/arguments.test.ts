import { describe, expect, it } from 'vitest';
import type { ImageConfig } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import { launchImage } from '../../launch/launch-image.ts';
import { type Capability, capabilitySet } from '../../linux/capability.ts';
import { profile } from '../../platform/profiles.ts';
import type { ContainerSettings } from '../../workload/container.ts';
import { createRequest } from '../docker/create-request.ts';
import { podmanArguments } from './arguments.ts';

const config: ImageConfig = {
  user: '',
  env: ['PATH=/bin', 'KEPT=1'],
  entrypoint: [],
  cmd: ['serve', 'a b'],
  workingDir: '/srv',
  volumes: ['/data'],
  exposedPorts: [],
  labels: {},
};
const facts = {
  defaultCapabilities: profile('podman', '5.0.0').defaultCapabilities,
  limits: { nofile: 1024, nproc: 1000 },
  passwdFlag: true,
};
const dockerFacts = { profile: profile('docker'), limits: { nofile: 1024, nproc: 1000 } };

function launchOf(settings: ContainerSettings, platform = profile('podman', '5.0.0')): Launch {
  const launch = launchImage({
    image: { reference: 'image', config, passwd: 'root:x:0:0::/:/bin/sh\napp:x:1234:1234::/:/bin/sh\n', group: '' },
    settings,
    profile: platform,
  });
  if (launch.kind !== 'launch') throw new Error(launch.message);
  return launch;
}
const plan = (settings: ContainerSettings, platform = profile('podman', '5.0.0')) =>
  podmanArguments(launchOf(settings, platform), facts, { user: '', workdir: '/srv', volumes: ['/data'] });
const having = (flags: readonly string[], start: string): string[] => flags.filter((flag) => flag.startsWith(start));

describe('podmanArguments', () => {
  it('says user, limits, network and command explicitly', () => {
    const { flags, differences } = plan({ user: 'app', network: 'none' });
    expect(differences).toEqual([]);
    for (const flag of [
      '--user=1234:1234',
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=1000:1000',
      '--network=none',
      '--pull=never',
      '--unsetenv-all',
      '--entrypoint=["serve","a b"]',
      '--env=KEPT=1',
    ]) {
      expect(flags).toContain(flag);
    }
    // The image's own working directory is left to podman, which makes it when it is missing.
    expect(having(flags, '--workdir')).toEqual([]);
    expect(having(plan({ workdir: '/elsewhere' }).flags, '--workdir')).toEqual(['--workdir=/elsewhere']);
    expect(having(flags, '--cap-')).toEqual([]);
  });

  it('drops and adds for root, adds as ambient for others, and asks for a list of its own when nothing else reaches it', () => {
    expect(having(plan({ capDrop: ['ALL'] }).flags, '--cap-')).toEqual(['--cap-drop=ALL']);
    expect(having(plan({ capAdd: ['NET_ADMIN'], capDrop: ['KILL'] }).flags, '--cap-')).toEqual([
      '--cap-drop=CAP_KILL',
      '--cap-add=CAP_NET_ADMIN',
    ]);
    const added = plan({ user: '10001', capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] });
    expect(added.differences).toEqual([]);
    expect(added.flags).toContain('--cap-add=CAP_NET_BIND_SERVICE');
    expect(added.defaultCapabilities).toBeUndefined();
    // Docker's fourteen in the bounding set of a non-root process: three of them podman could only add as ambient.
    const docker = plan({ user: '10001' }, profile('docker', '20.10.24'));
    expect(docker.defaultCapabilities).toEqual(profile('docker').defaultCapabilities);
    expect(having(docker.flags, '--cap-')).toEqual([]);
    expect(docker.differences).toEqual([]);
  });

  it('tells what it cannot do, in words', () => {
    const newest = plan({ user: '10001' }, profile('docker'));
    expect(newest.differences.join('\n')).toMatch(
      /^podman starts the program without CAP_CHOWN, .* in its permitted set\npodman .* effective set$/,
    );
    const old = podmanArguments(launchOf({ user: '4242' }, profile('docker', '20.10.24')), { ...facts, passwdFlag: false });
    // What no flag says, a mount does: see own-accounts.
    expect(old.differences).toEqual([]);
    expect(old.flags).not.toContain('--passwd=false');
    expect(podmanArguments({ ...launchOf({ user: '0' }), groups: [] }, facts).differences).toEqual([
      'podman also puts the primary group 0 among the supplementary groups',
    ]);
  });

  it('leaves the user unsaid when nobody said one, because 0:0 would bring a group and a passwd line', () => {
    const launch = { ...launchOf({}), groups: [] };
    expect(having(podmanArguments(launch, facts).flags, '--user')).toEqual([]);
    expect(podmanArguments(launch, facts).differences).toEqual([]);
    expect(having(podmanArguments({ ...launch, groups: [0] }, facts).flags, '--user')).toEqual(['--user=0:0']);
  });

  it('is uid 0 and yet not root for podman when the Launch says so', () => {
    const bounding = capabilitySet(['CAP_CHOWN'] as Capability[]);
    const launch = {
      ...launchOf({}),
      runtimeCapabilities: { bounding, permitted: [], effective: [], inheritable: [], ambient: [] },
    };
    expect(podmanArguments(launch, facts).flags).toContain('--user=00:0');
  });

  it('mounts what was asked for and leaves to podman what is its own', () => {
    const { flags, volumes, ownerships } = plan({
      readOnly: true,
      volumes: [
        { kind: 'bind', source: '/a:b', target: '/x' },
        { kind: 'bind', source: '/plain', target: '/y', readOnly: true },
        { kind: 'tmpfs', target: '/t', mode: 0o700, uid: 7, sizeLimit: 4096 },
        { kind: 'named', source: 'n', target: '/n', readOnly: true, uid: 5 },
      ],
    });
    expect(having(flags, '--mount')).toEqual(['--mount=type=bind,source=/a:b,target=/x']);
    expect(having(flags, '--volume')).toEqual(['--volume=/plain:/y:ro']);
    expect(having(flags, '--tmpfs').map((flag) => flag.split(':')[0])).toEqual(
      expect.arrayContaining(['--tmpfs=/t', '--tmpfs=/run', '--tmpfs=/tmp']),
    );
    expect(having(flags, '--tmpfs=/t:')[0]).toMatch(/mode=0700/);
    expect(having(flags, '--tmpfs=/t:')[0]).not.toMatch(/uid=/);
    expect(flags).toContain('--read-only-tmpfs=false');
    expect(volumes.map(({ target }) => target)).toEqual(['/n']);
    expect(ownerships.map(({ target, uid }) => [target, uid])).toEqual(
      expect.arrayContaining([
        ['/t', 7],
        ['/n', 5],
      ]),
    );
  });

  it('leaves the network of the host as it is', () => {
    expect(having(plan({ network: 'host' }).flags, '--sysctl')).toEqual([]);
    expect(having(plan({ network: 'none' }).flags, '--sysctl')).toContain('--sysctl=net.ipv4.ip_unprivileged_port_start=1024');
  });
});

describe('createRequest', () => {
  const request = (settings: ContainerSettings, platform = profile('docker'), env: readonly string[] = config.env) =>
    createRequest(launchOf(settings, platform), dockerFacts, 'name', 'image', env);
  const host = (body: Readonly<Record<string, unknown>>): Record<string, unknown> => body.HostConfig as Record<string, unknown>;

  it('gives the exact list, takes away what the image has too much, and runs no health check', () => {
    const { body, differences } = request({ user: '10001:10001', capDrop: ['ALL'], capAdd: ['CHOWN'] }, profile('docker'), [
      ...config.env,
      'GONE=1',
    ]);
    expect(differences).toEqual([]);
    expect(body).toMatchObject({ User: '10001:10001', Entrypoint: ['serve', 'a b'], Cmd: [], Healthcheck: { Test: ['NONE'] } });
    expect(body.Env).toEqual(expect.arrayContaining(['KEPT=1', 'GONE']));
    expect(host(body)).toMatchObject({ CapDrop: ['ALL'], CapAdd: ['CAP_CHOWN'], SecurityOpt: ['no-new-privileges=false'] });
  });

  it('says that it gives no ambient capability and copies nothing into a tmpfs', () => {
    const { differences } = request({ user: 'app', capAdd: ['NET_BIND_SERVICE'] }, profile('podman', '5.0.0'));
    expect(differences.join('\n')).toMatch(/without CAP_NET_BIND_SERVICE in its ambient set/);
    const launch = launchOf({ volumes: [{ kind: 'tmpfs', target: '/t' }] }, profile('docker'));
    const mounts = launch.mounts.map((mount) => (mount.target === '/t' ? { ...mount, copiesImageContent: true } : mount));
    expect(createRequest({ ...launch, mounts, umask: 0o077 }, dockerFacts, 'n', 'image').differences).toEqual([
      'Docker starts it with umask 0022, not 0077',
      "Docker leaves the tmpfs at /t empty instead of copying the image's content into it",
    ]);
  });

  it('names a read-only volume, because an anonymous one may not be read-only', () => {
    const { body, namedVolumes } = request({
      volumes: [
        { kind: 'named', source: 'a', target: '/a' },
        { kind: 'named', source: 'b', target: '/b', readOnly: true },
      ],
    });
    expect(namedVolumes).toEqual(['name-0']);
    expect(host(body).Mounts).toMatchObject([{ Target: '/a' }, { Target: '/b', Source: 'name-0', ReadOnly: true }]);
    expect(body.Volumes).toEqual({ '/data': {} });
  });
});
