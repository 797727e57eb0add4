/** Capability names and sets. Numbers: include/uapi/linux/capability.h. */

export const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** A capability by its kernel name, `CAP_` prefix included. Its number is its index in {@link CAPABILITIES}. */
export type Capability = (typeof CAPABILITIES)[number];

/** A set of capabilities as a sorted (by number), duplicate-free list, so that it is plain JSON data. */
export type CapabilitySet = readonly Capability[];

/** The five per-thread sets of capabilities(7), as `/proc/PID/status` shows them (CapInh, CapPrm, CapEff, CapBnd, CapAmb). */
export interface CapabilityState {
  readonly bounding: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly effective: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly ambient: CapabilitySet;
}

/** `security.capability` of a file. `rootId` is set for revision 3 only. */
export interface FileCapabilities {
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly effective: boolean;
  readonly rootId?: number;
}

/** Sorted by number, without duplicates. */
export function capabilitySet(names: Iterable<Capability>): CapabilitySet {
  const wanted = new Set(names);
  return CAPABILITIES.filter((name) => wanted.has(name));
}

/** The set for a mask as in `/proc/PID/status` (hexadecimal there); bits above the last known capability are dropped. */
export function capabilitiesFromMask(mask: bigint): CapabilitySet {
  return CAPABILITIES.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

/** The mask of a set; bit n is capability number n. */
export function capabilityMask(set: CapabilitySet): bigint {
  return set.reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES.indexOf(name))), 0n);
}

/** Every capability the tool knows: what `ALL` means and what root starts with where nothing limits it. */
export const ALL_CAPABILITIES: CapabilitySet = [...CAPABILITIES];

/** No capability at all: an ordinary non-root process. */
export const NO_CAPABILITIES: CapabilityState = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] };

/** A name as people write it (`NET_ADMIN`, `cap_net_admin`, `all`); undefined when there is no such capability, which `CAP_ALL` is to no engine. */
export function parseCapability(text: string): Capability | 'ALL' | undefined {
  const upper = text.trim().toUpperCase();
  if (upper === 'ALL') return 'ALL';
  const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  return CAPABILITIES.find((known) => known === name);
}

/** Why bytes are no `security.capability`, and what an execve of such a file fails with. */
export interface InvalidFileCapabilities {
  readonly invalid: string;
  /** ERANGE: more bytes than the kernel's buffer, which is as long as the longest revision. */
  readonly errno: 'EINVAL' | 'ERANGE';
}

const REVISIONS: Readonly<Record<number, { readonly size: number; readonly words: number }>> = {
  1: { size: 12, words: 1 },
  2: { size: 20, words: 2 },
  3: { size: 24, words: 2 },
};

/** Decodes the `security.capability` attribute, revisions 1 to 3 (include/uapi/linux/capability.h, struct vfs_ns_cap_data). */
export function decodeFileCapabilities(bytes: Uint8Array): FileCapabilities | InvalidFileCapabilities {
  const invalid = (why: string): InvalidFileCapabilities => ({ invalid: why, errno: bytes.length > 24 ? 'ERANGE' : 'EINVAL' });
  if (bytes.length < 4) return invalid(`${bytes.length} bytes, at least 12 expected`);
  if (bytes.length > 24) return invalid(`${bytes.length} bytes, at most 24 expected`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0, true);
  const revision = magic >>> 24;
  const layout = REVISIONS[revision];
  if (layout === undefined) return invalid(`unknown revision ${revision}, expected 1, 2 or 3`);
  if (bytes.length !== layout.size) return invalid(`${bytes.length} bytes, revision ${revision} has ${layout.size}`);
  let permitted = 0n;
  let inheritable = 0n;
  for (let word = 0; word < layout.words; word += 1) {
    permitted |= BigInt(view.getUint32(4 + 8 * word, true)) << BigInt(32 * word);
    inheritable |= BigInt(view.getUint32(8 + 8 * word, true)) << BigInt(32 * word);
  }
  const capabilities = {
    permitted: capabilitiesFromMask(permitted),
    inheritable: capabilitiesFromMask(inheritable),
    effective: (magic & 1) === 1,
  };
  return revision === 3 ? { ...capabilities, rootId: view.getUint32(20, true) } : capabilities;
}

/** The attribute's bytes: revision 2, or 3 when a root id is set. */
export function encodeFileCapabilities(capabilities: FileCapabilities): Uint8Array {
  const bytes = new Uint8Array(capabilities.rootId === undefined ? 20 : 24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (capabilities.rootId === undefined ? 0x02000000 : 0x03000000) | (capabilities.effective ? 1 : 0), true);
  const permitted = capabilityMask(capabilities.permitted);
  const inheritable = capabilityMask(capabilities.inheritable);
  for (const word of [0, 1]) {
    view.setUint32(4 + 8 * word, Number(BigInt.asUintN(32, permitted >> BigInt(32 * word))), true);
    view.setUint32(8 + 8 * word, Number(BigInt.asUintN(32, inheritable >> BigInt(32 * word))), true);
  }
  if (capabilities.rootId !== undefined) view.setUint32(20, capabilities.rootId, true);
  return bytes;
}
