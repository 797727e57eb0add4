/** Low ports: by the one setting that is about nothing else, by a capability that becomes effective, or not here, because the program has to move. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { effectiveCapability } from './effective-capability.ts';
import { findingKey } from './need.ts';

const SYSCTL = 'net.ipv4.ip_unprivileged_port_start';
const MOVES = 'another port is the way here, and no place was found that says which one the program takes';

export interface PortPlan {
  readonly fixes: readonly Fix[];
  /** Why nothing is done about the ports: moving them is all that is left, and only a run can tell whether that works. */
  readonly left?: string;
}

/** All ports together: one answer serves TCP and UDP, IPv4 and IPv6 (Linux net/ipv6/af_inet6.c asks the same setting). */
export function unprivilegedPort(findings: readonly Finding[], context: FixContext): PortPlan {
  const ports = findings.filter((finding) => finding.operation?.kind === 'bind');
  if (ports.length === 0) return { fixes: [] };
  const strategy = context.portStrategy ?? 'auto';
  if (strategy === 'move') return { fixes: [], left: MOVES };
  const hostNetwork = context.target.network === 'host';
  if (strategy !== 'capability' && !hostNetwork) return { fixes: [bySysctl(ports)] };
  const noSysctl = `the network is the host's, and no container changes ${SYSCTL} there`;
  if (strategy === 'sysctl') return { fixes: [], left: noSysctl };
  const capability = byCapability(ports, context);
  if (typeof capability === 'object') return { fixes: [capability] };
  return { fixes: [], left: hostNetwork ? `${noSysctl}; ${capability}` : capability };
}

const lowestOf = (ports: readonly Finding[]): number =>
  Math.min(...ports.map(({ operation }) => (operation?.kind === 'bind' ? operation.port : 1024)));

const answersOf = (ports: readonly Finding[]): readonly string[] => [...new Set(ports.map(findingKey))].sort();

/**
 * A pod-level safe sysctl (allowed by Pod Security restricted), `--sysctl` for Docker and Podman. The value is the lowest port needed, not 0:
 * everything below stays privileged.
 */
function bySysctl(ports: readonly Finding[]): Fix {
  const lowest = lowestOf(ports);
  return {
    id: 'unprivileged-port',
    subject: `:${lowest}`,
    title: `sysctl ${SYSCTL}=${lowest}: any user may bind from port ${lowest} up, in this network namespace`,
    disposition: 'safe',
    answers: answersOf(ports),
    layer: [],
    run: { sysctls: { [SYSCTL]: String(lowest) } },
    note: 'the port stays the same inside and outside; not possible with the host network, where a capability or another port is the way (--port-strategy)',
  };
}

/** A string says why not. */
function byCapability(ports: readonly Finding[], context: FixContext): Fix | string {
  const programs = [...new Set(ports.map(programOf).filter((program) => program !== undefined))];
  // Nothing was run: the program that the container starts is the likeliest.
  const binders = programs.length > 0 ? programs : context.target.executable === undefined ? [] : [context.target.executable];
  const given = effectiveCapability(['CAP_NET_BIND_SERVICE'], binders, context);
  if ('impossible' in given) return given.impossible;
  return {
    id: 'port-capability',
    subject: `:${lowestOf(ports)}`,
    title: `capability NET_BIND_SERVICE, effective in ${binders.join(', ')}: it may bind any port`,
    disposition: 'needs-review',
    answers: answersOf(ports),
    layer: given.layer,
    run: given.run,
    note: given.how,
  };
}

const programOf = ({ evidence }: Finding): string | undefined =>
  evidence.find(({ program }) => program !== undefined && program !== '')?.program;
