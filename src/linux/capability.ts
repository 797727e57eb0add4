/** Capability names and sets. Numbers: include/uapi/linux/capability.h. */

export const CAPABILITIES = [
  'CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_DAC_READ_SEARCH', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID',
  'CAP_SETPCAP', 'CAP_LINUX_IMMUTABLE', 'CAP_NET_BIND_SERVICE', 'CAP_NET_BROADCAST', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_IPC_LOCK',
  'CAP_IPC_OWNER', 'CAP_SYS_MODULE', 'CAP_SYS_RAWIO', 'CAP_SYS_CHROOT', 'CAP_SYS_PTRACE', 'CAP_SYS_PACCT', 'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT', 'CAP_SYS_NICE', 'CAP_SYS_RESOURCE', 'CAP_SYS_TIME', 'CAP_SYS_TTY_CONFIG', 'CAP_MKNOD', 'CAP_LEASE',
  'CAP_AUDIT_WRITE', 'CAP_AUDIT_CONTROL', 'CAP_SETFCAP', 'CAP_MAC_OVERRIDE', 'CAP_MAC_ADMIN', 'CAP_SYSLOG', 'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND', 'CAP_AUDIT_READ', 'CAP_PERFMON', 'CAP_BPF', 'CAP_CHECKPOINT_RESTORE',
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
