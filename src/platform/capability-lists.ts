/** The capability lists that platforms give by default. */
import { type CapabilitySet, capabilitySet } from '../linux/capability.ts';

/** Docker, containerd and Podman up to 4.3.1: fourteen, mask a80425fb (moby oci/caps/defaults.go; containerd pkg/oci/spec.go). */
export const FOURTEEN: CapabilitySet = capabilitySet([
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SYS_CHROOT',
  'CAP_MKNOD',
  'CAP_AUDIT_WRITE',
  'CAP_SETFCAP',
]);

const DROPPED_BY_PODMAN = new Set(['CAP_NET_RAW', 'CAP_MKNOD', 'CAP_AUDIT_WRITE']);

/** Podman 4.5 and later: fourteen without NET_RAW, MKNOD, AUDIT_WRITE (containers/common pkg/config/default.go). */
export const ELEVEN: CapabilitySet = FOURTEEN.filter((name) => !DROPPED_BY_PODMAN.has(name));

/** Podman 4.4: eleven without SYS_CHROOT, which 4.5 brought back. */
export const TEN: CapabilitySet = ELEVEN.filter((name) => name !== 'CAP_SYS_CHROOT');

/** CRI-O: nine (internal/config/capabilities/capabilities_linux.go). */
export const NINE: CapabilitySet = TEN.filter((name) => name !== 'CAP_SETFCAP');
