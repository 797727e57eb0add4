import { describe, expect, it } from 'vitest';
import { launchOf, refusalOf, type Scene, why } from '../../test/support/launch.ts';
import { profile } from '../platform/profiles.ts';

const portStart = (scene: Scene): number => launchOf({ user: '1000', ...scene }).facts.unprivilegedPortStart;

/** reference semantics 9.6: may a non-root process bind :80? */
describe('low ports', () => {
  it.each<[Scene, number]>([
    [{ platform: 'docker' }, 0],
    [{ platform: 'docker', version: '20.10.0' }, 0],
    [{ platform: 'docker', version: '19.03.15' }, 1024],
    [{ platform: 'docker', settings: { network: 'none' } }, 0],
    [{ platform: 'docker', settings: { network: 'host' } }, 1024],
    [{ platform: 'containerd-2' }, 0],
    [{ platform: 'containerd-1' }, 1024],
    [{ platform: 'crio' }, 1024],
    [{ platform: 'openshift-restricted-v2' }, 1024],
    [{ platform: 'podman' }, 1024],
    [{ platform: 'podman', settings: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } } }, 80],
    [{ platform: 'crio', settings: { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' } } }, 0],
  ])('%j', (scene, expected) => expect(portStart(scene)).toBe(expected));

  it("follow the host's value on the host network", () => {
    const host = { kernel: { unprivilegedPortStart: 80, pingGroupRange: [0, 5] as const } };
    expect(launchOf({ settings: { network: 'host' }, host }).facts).toMatchObject({
      unprivilegedPortStart: 80,
      pingGroupRange: [0, 5],
    });
    expect(launchOf({ platform: 'podman', host }).facts.unprivilegedPortStart).toBe(80 - 80 + 1024);
  });
  it('are explained', () => {
    expect(why(launchOf({}), 'net.ipv4.ip_unprivileged_port_start')).toContain('dae652e2e5');
    expect(why(launchOf({ platform: 'podman' }), 'net.ipv4.ip_unprivileged_port_start')).toBe(
      "podman leaves the kernel's default",
    );
  });
});

describe('ping', () => {
  it('is for everyone on Docker and containerd 2, for nobody elsewhere', () => {
    expect(launchOf({}).facts.pingGroupRange).toEqual([0, 2147483647]);
    expect(launchOf({ platform: 'containerd-2' }).facts.pingGroupRange).toEqual([0, 2147483647]);
    expect(launchOf({ platform: 'podman' }).facts.pingGroupRange).toEqual([1, 0]);
    expect(launchOf({ platform: 'crio' }).facts.pingGroupRange).toEqual([1, 0]);
  });
  it('follows containers.conf of a distribution', () => {
    const debian = profile('podman', '4.3.1', {
      sysctls: { 'net.ipv4.ping_group_range': '0 0' },
      source: '/usr/share/containers/containers.conf',
    });
    const launch = launchOf({ profile: debian });
    expect(launch.facts.pingGroupRange).toEqual([0, 0]);
    expect(why(launch, 'net.ipv4.ping_group_range')).toContain('/usr/share/containers/containers.conf');
  });
  it('is left alone in a user namespace', () => {
    expect(launchOf({ platform: 'containerd-2', settings: { hostUsers: false } }).facts).toMatchObject({
      pingGroupRange: [1, 0],
      unprivilegedPortStart: 0,
    });
  });
});

it('sysctls of the host network are refused', () => {
  const settings = { network: 'host' as const, sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' } };
  expect(refusalOf({ settings, version: '20.10.24' }).message).toBe(
    'failed to create shim task: OCI runtime create failed: runc create failed: sysctl "net.ipv4.ip_unprivileged_port_start" not allowed in host network namespace: unknown',
  );
  expect(refusalOf({ settings, platform: 'containerd-2' }).message).toContain(
    'sysctl "net.ipv4.ip_unprivileged_port_start" not allowed in host network namespace',
  );
});
