/** The sysctls to set for a Launch, so that no default of engine or distribution is left over. */
import type { Launch } from '../launch/launch.ts';

/**
 * In a network namespace of its own the two that decide permissions are always said, from the Launch's facts: engines and distributions
 * preset them (Docker both, Debian's containers.conf the ping range). The host's namespace is left as it is.
 */
export function sysctlsOf(launch: Launch): Readonly<Record<string, string>> {
  if (launch.network === 'host') {
    return Object.fromEntries(Object.entries(launch.sysctls).filter(([key]) => !key.startsWith('net.')));
  }
  return {
    'net.ipv4.ip_unprivileged_port_start': String(launch.facts.unprivilegedPortStart),
    'net.ipv4.ping_group_range': launch.facts.pingGroupRange.join(' '),
    ...launch.sysctls,
  };
}
