import { describe, expect, it } from 'vitest';
import { capabilityMask } from '../linux/capability.ts';
import type { PlatformProfile, ProfileName } from './platform.ts';
import { PROFILE_NAMES, PROFILES, profile, profileName, profileOfAnyVersion, withOverrides, withRuntime } from './profiles.ts';
import { compareVersions, inRanges, versionNumbers } from './versions.ts';

const mask = (one: PlatformProfile): string => capabilityMask(one.defaultCapabilities).toString(16);

describe('choice by version', () => {
  it.each<[ProfileName, string | undefined, string]>([
    ['docker', undefined, 'permitted'],
    ['docker', '29.0.1', 'permitted'],
    ['docker', '24.0.6', 'permitted'],
    ['docker', '24.0.5', 'bounding-only'],
    ['docker', '24.0', 'bounding-only'],
    ['docker', '23.0.7', 'permitted'],
    ['docker', '23.0.6', 'bounding-only'],
    ['docker', '20.10.24+dfsg1', 'bounding-only'],
    ['docker', '20.10.5', 'bounding-only'],
    ['docker', 'dev', 'permitted'],
    ['podman', '4.3.1+ds1-8', 'added-as-ambient'],
    ['containerd-1', '1.7.2', 'permitted'],
    ['crio', '1.36.3', 'permitted'],
  ])('%s %s', (name, version, expected) => expect(profile(name, version).nonRootCapabilities).toBe(expected));

  it('capabilities by version', () => {
    expect(['4.3.1', '4.4.0', '4.4.9', '4.5.0', '5.8.2', undefined].map((v) => mask(profile('podman', v)))).toEqual([
      'a80425fb',
      '800005fb',
      '800005fb',
      '800405fb',
      '800405fb',
      '800405fb',
    ]);
    expect(mask(profile('docker', '20.10.24'))).toBe('a80425fb');
    expect(mask(profile('crio'))).toBe('5fb');
    expect(profile('docker', '20.10.13').inheritableCapabilities).toBe(true);
    expect(profile('docker', '20.10.14').inheritableCapabilities).toBe(false);
    expect(profile('docker', '19.03.15').sysctls).toEqual({});
  });
});

describe('every variant', () => {
  const all = PROFILE_NAMES.flatMap((name) => PROFILES[name].map((variant) => [name, variant] as const));
  it('has the name it is listed under, a date, and a range', () => {
    for (const [name, { profile: one, ranges }] of all) {
      expect(one.name).toBe(name);
      expect(one.asOf).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(ranges.length).toBeGreaterThan(0);
    }
  });
  it('says where each of its facts comes from', () => {
    const without = new Set(['name', 'versions', 'asOf', 'refusals', 'sources']);
    for (const [name, { profile: one }] of all) {
      const facts = Object.entries(one)
        .filter(([field, value]) => !without.has(field) && !(field === 'kubelet' && value === false))
        .map(([field]) => field)
        // Facts that say "not so" need none.
        .filter(
          (field) =>
            !['skipsGroupNamedLikeUser', 'inheritableCapabilities', 'arbitraryUid'].includes(field) ||
            one.sources[field] !== undefined,
        );
      for (const field of facts) expect(one.sources[field], `${name} ${one.versions}: ${field}`).toBeTruthy();
      for (const field of Object.keys(one.sources)) expect(Object.keys(one), `${name}: source of ${field}`).toContain(field);
    }
  });
  it('covers every version exactly once', () => {
    const versions = [
      '19.3',
      '20.10.0',
      '20.10.13',
      '20.10.14',
      '23.0.6',
      '23.0.7',
      '23.5',
      '24.0.0',
      '24.0.5',
      '24.0.6',
      '25',
      '30',
      '1.6',
      '2.0',
      '4.3',
      '4.4',
      '4.5',
    ];
    for (const name of ['docker', 'podman', 'crio', 'openshift-restricted-v2'] as const) {
      for (const text of versions) {
        const hits = PROFILES[name].filter(({ ranges }) => inRanges(versionNumbers(text) ?? [], ranges));
        expect(hits, `${name} ${text}`).toHaveLength(1);
      }
    }
  });
});

describe('overrides', () => {
  it('replace the fact and its source, nothing else', () => {
    const changed = profile('podman', '4.3.1', {
      sysctls: { 'net.ipv4.ping_group_range': '0 0' },
      source: '/usr/share/containers/containers.conf',
    });
    expect(changed.sysctls).toEqual({ 'net.ipv4.ping_group_range': '0 0' });
    expect(changed.sources.sysctls).toBe('/usr/share/containers/containers.conf');
    expect(changed.sources.defaultCapabilities).toBe(profile('podman', '4.3.1').sources.defaultCapabilities);
    expect(profile('podman', '4.3.1').sysctls).toEqual({});
  });
  it('may leave no difference between versions', () => {
    expect(profileOfAnyVersion('podman')).toBeUndefined();
    expect(profileOfAnyVersion('docker', { defaultCapabilities: ['CAP_CHOWN'], source: 'x' })).toBeUndefined();
    const configured = { defaultCapabilities: ['CAP_CHOWN'], source: 'x' } as const;
    const any = profileOfAnyVersion('podman', configured);
    for (const version of ['4.3.1', '4.4', '5.0']) {
      expect({ ...any, versions: '' }).toEqual({ ...profile('podman', version, configured), versions: '' });
    }
  });
  it('of the runtime decide what an empty HOME becomes', () => {
    const podman = profile('podman');
    expect(podman.home.emptyCountsAsUnset).toBe(false);
    expect(withOverrides(podman, { runtime: 'runc', source: 'x' }).home.emptyCountsAsUnset).toBe(true);
  });
});

describe('the runtime at hand', () => {
  it.each([
    ['1.1.5+ds1', 'runc-1.1', true],
    ['runc version 1.1.12\nspec: 1.0.2', 'runc-1.1', undefined],
    ['1.2.0', 'runc', undefined],
    ['', 'runc', undefined],
  ])('runc %j', (version, runtime, lost) => {
    const one = withRuntime(profile('podman'), 'runc', version);
    expect(one.runtime).toBe(runtime);
    expect(one.tmpfs.explicitModeLost).toBe(lost);
    expect(one.home.emptyCountsAsUnset).toBe(true);
  });
  it('crun', () =>
    expect(withRuntime(profile('docker'), 'crun', 'crun version 1.8.1')).toMatchObject({
      runtime: 'crun',
      home: { emptyCountsAsUnset: false },
    }));
});

describe('names', () => {
  it('are checked', () => {
    expect(profileName('crio')).toBe('crio');
    expect(() => profileName('lxc')).toThrow(
      expect.objectContaining({ code: 'platform.unknown-profile', expected: expect.stringContaining('containerd-2') }),
    );
  });
});

describe('versions', () => {
  it('are read as distributions write them', () => {
    expect(versionNumbers('4.3.1+ds1-8+deb12u1')).toEqual([4, 3, 1]);
    expect(versionNumbers('v2.0.0-rc.1')).toEqual([2, 0, 0]);
    expect(versionNumbers(' 24 ')).toEqual([24]);
    expect(versionNumbers('library-import')).toBeUndefined();
  });
  it('compare by number', () => {
    expect(compareVersions([24, 0, 10], [24, 0, 9])).toBeGreaterThan(0);
    expect(compareVersions([24], [24, 0, 0])).toBe(0);
    expect(compareVersions([9], [10])).toBeLessThan(0);
  });
});
