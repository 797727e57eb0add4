/** The program listens on a port below the first unprivileged one of its network namespace. */
import type { Finding } from '../finding/finding.ts';
import type { Launch } from '../launch/launch.ts';
import type { Check, CheckContext } from './check.ts';
import { findingOf, kinds } from './family.ts';

const SEEN = { id: 'low-port', severity: 'error', confidence: 'high' } as const;

interface Declared {
  /** `80/tcp`. */
  readonly spec: string;
  readonly claim: string;
  readonly says: string;
}

/** What image, pod or compose file say that it listens on. */
function declaredPorts({ image, target }: CheckContext): readonly Declared[] {
  const { settings, name } = target as Launch;
  const spec = settings.pod?.object?.spec;
  const own = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find((one) => one.name === (settings.name ?? name));
  const said = [
    ...image.config.exposedPorts.map((one) => ({ spec: one, claim: 'the image declares', says: `EXPOSE ${one}` })),
    ...(own?.ports ?? []).map(({ containerPort = 0, protocol = 'TCP' }) => ({
      spec: `${containerPort}/${protocol.toLowerCase()}`,
      claim: 'its ports name',
      says: `containerPort ${containerPort}`,
    })),
    ...(settings.ports ?? []).map(({ port, protocol }) => ({
      spec: `${port}/${protocol}`,
      claim: 'its ports lead to',
      says: `ports: …:${port}/${protocol}`,
    })),
  ];
  const normal = (one: string): string => (one.includes('/') ? one : `${one}/tcp`);
  return said.filter((one, at) => said.findIndex((other) => normal(other.spec) === normal(one.spec)) === at);
}

/** What is declared, when neither a run nor a configuration has shown what it really binds. */
function declared(context: CheckContext): Finding[] {
  const { target } = context;
  if (target.kind === 'refusal') return [];
  if (target.capabilities.effective.includes('CAP_NET_BIND_SERVICE')) return [];
  return declaredPorts(context).flatMap(({ spec, claim, says }) => {
    const port = Number.parseInt(spec, 10);
    if (!(port > 0) || port >= target.facts.unprivilegedPortStart || spec.endsWith('/sctp')) return [];
    return [
      {
        id: 'low-port',
        severity: 'warning' as const,
        confidence: 'medium' as const,
        message: `${claim} port ${spec}; uid ${target.uid} may bind only ports from ${target.facts.unprivilegedPortStart} on ${target.platform.name} (${target.platform.versions})`,
        container: target.name,
        where: { path: `:${port}` },
        evidence: [
          {
            kind: 'derived' as const,
            text: `${says}; net.ipv4.ip_unprivileged_port_start is ${target.facts.unprivilegedPortStart}`,
          },
        ],
        operation: {
          kind: 'bind' as const,
          protocol: spec.endsWith('/udp') ? ('udp' as const) : ('tcp' as const),
          address: '0.0.0.0',
          port,
        },
      },
    ];
  });
}

const samePort = ({ operation: a }: Finding, { operation: b }: Finding): boolean =>
  a?.kind === 'bind' && b?.kind === 'bind' && a.port === b.port && a.protocol === b.protocol;

export const lowPort: Check = {
  id: 'low-port',
  summary: 'The program listens on a port that only a privileged process may bind.',
  severity: 'error',
  authority: 'ip(7); net.ipv4.ip_unprivileged_port_start in Linux Documentation/networking/ip-sysctl.rst',
  run: (context) => {
    const bound = context.denied.filter(kinds('bind')).map((denied) => findingOf(SEEN, denied, context));
    return context.trace ? bound : [...bound, ...declared(context).filter((one) => !bound.some((other) => samePort(one, other)))];
  },
};
