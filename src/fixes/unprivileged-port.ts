/** Lets the recipient bind a low port by the one setting that is about nothing else: the network namespace's first unprivileged port. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { findingKey } from './need.ts';

const SYSCTL = 'net.ipv4.ip_unprivileged_port_start';

/**
 * A pod-level safe sysctl (allowed by Pod Security restricted), `--sysctl` for Docker and Podman. The value is the lowest port needed, not 0:
 * everything below stays privileged. IPv6 obeys the same setting (Linux net/ipv6/af_inet6.c).
 */
export function unprivilegedPort(findings: readonly Finding[]): Fix[] {
  const ports = findings.filter((finding) => finding.operation?.kind === 'bind');
  if (ports.length === 0) return [];
  const lowest = Math.min(...ports.map((finding) => (finding.operation?.kind === 'bind' ? finding.operation.port : 1024)));
  return [
    {
      id: 'unprivileged-port',
      subject: `:${lowest}`,
      title: `sysctl ${SYSCTL}=${lowest}: any user may bind from port ${lowest} up, in this network namespace`,
      disposition: 'safe',
      answers: [...new Set(ports.map(findingKey))].sort(),
      layer: [],
      run: { sysctls: { [SYSCTL]: String(lowest) } },
      note: 'the port stays the same inside and outside; not possible with the host network, where the program must move to a port from 1024 up',
    },
  ];
}
