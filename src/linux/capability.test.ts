import { expect, test } from 'vitest';
import {
  CAPABILITIES,
  capabilitiesFromMask,
  capabilityMask,
  capabilitySet,
  decodeFileCapabilities,
  encodeFileCapabilities,
  parseCapability,
} from './capability.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hex = (data: Uint8Array): string => Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');

test('names as people write them', () => {
  expect(parseCapability('NET_ADMIN')).toBe('CAP_NET_ADMIN');
  expect(parseCapability('cap_net_admin')).toBe('CAP_NET_ADMIN');
  expect(parseCapability('all')).toBe('ALL');
  expect(parseCapability('CAP_ALL')).toBeUndefined();
  expect(parseCapability('NET-ADMIN')).toBeUndefined();
  expect(parseCapability('')).toBeUndefined();
  expect(parseCapability('CAP_')).toBeUndefined();
});

test('masks, numbered as in the kernel', () => {
  expect(CAPABILITIES.indexOf('CAP_CHECKPOINT_RESTORE')).toBe(40);
  expect(capabilityMask(capabilitySet(['CAP_NET_BIND_SERVICE', 'CAP_CHOWN', 'CAP_CHOWN']))).toBe(0x401n);
  const docker = capabilitiesFromMask(0xa80425fbn);
  expect(docker).toHaveLength(14);
  expect(capabilityMask(docker)).toBe(0xa80425fbn);
  expect(capabilitiesFromMask(1n << 60n)).toEqual([]);
});

test('security.capability as setcap writes it: cap_net_bind_service=+ep', () => {
  const attribute = bytes('0100000200040000000000000000000000000000');
  const value = { permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true };
  expect(decodeFileCapabilities(attribute)).toEqual(value);
  expect(hex(encodeFileCapabilities({ permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true }))).toBe(
    hex(attribute),
  );
});

test('revisions 1 and 3, high capabilities, inheritable', () => {
  expect(decodeFileCapabilities(bytes('000000010004000001000000'))).toEqual({
    permitted: ['CAP_NET_BIND_SERVICE'],
    inheritable: ['CAP_CHOWN'],
    effective: false,
  });
  const third = { permitted: ['CAP_BPF'], inheritable: ['CAP_SYSLOG'], effective: false, rootId: 100000 } as const;
  const encoded = encodeFileCapabilities(third);
  expect(encoded).toHaveLength(24);
  expect(decodeFileCapabilities(encoded)).toEqual(third);
});

test('anything else is invalid, with the reason', () => {
  expect(decodeFileCapabilities(new Uint8Array())).toMatchObject({ invalid: '0 bytes, at least 12 expected' });
  expect(decodeFileCapabilities(bytes('01000002'))).toMatchObject({ invalid: '4 bytes, revision 2 has 20' });
  expect(decodeFileCapabilities(bytes('0100000400040000'))).toEqual({
    invalid: 'unknown revision 4, expected 1, 2 or 3',
    errno: 'EINVAL',
  });
  expect(decodeFileCapabilities(new Uint8Array(28))).toEqual({ invalid: '28 bytes, at most 24 expected', errno: 'ERANGE' });
});
