/** Sysctls of the container's network namespace, and what follows from them. */
import type { KernelFacts } from '../linux/decision.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type HostFacts, phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';
import { specRefused } from './spec-refused.ts';

export interface Network {
  readonly kind: 'network';
  readonly network: 'none' | 'host' | 'bridge';
  readonly sysctls: Readonly<Record<string, string>>;
  readonly facts: KernelFacts;
  readonly because: readonly Derivation[];
}

const PORT_START = 'net.ipv4.ip_unprivileged_port_start';
const PING_RANGE = 'net.ipv4.ping_group_range';

/** What systemd sets at boot (sysctl.d/50-default.conf); Debian's procps raises protected_regular to 2. */
const HOST_WIDE: Pick<KernelFacts, 'protectedRegular' | 'protectedFifos' | 'protectedHardlinks' | 'protectedSymlinks'> = {
  protectedRegular: 1,
  protectedFifos: 1,
  protectedHardlinks: 1,
  protectedSymlinks: 1,
};

export function networkOf(settings: ContainerSettings, profile: PlatformProfile, host: HostFacts | undefined): Network | Stopped {
  const network = settings.network ?? 'bridge';
  const ofNetwork = Object.keys(settings.sysctls ?? {}).find((name) => name.startsWith('net.'));
  if (network === 'host' && ofNetwork !== undefined) {
    const because: Derivation[] = [
      {
        field: 'sysctls',
        value: ofNetwork,
        source: 'runc libcontainer/configs/validate: the host network namespace is not changed',
      },
    ];
    const own = profile.refusals?.hostNetworkSysctl;
    if (own !== undefined)
      return stopped('runtime', phaseReason(profile, 'create'), `${ofNetwork}=${settings.sysctls?.[ofNetwork]}`, because, own);
    return specRefused(profile, `sysctl "${ofNetwork}" not allowed in host network namespace`, because);
  }
  const fromPlatform =
    network === 'host' ? {} : Object.fromEntries(Object.entries(profile.sysctls).filter(([name]) => !leftOut(name, settings)));
  const sysctls = { ...fromPlatform, ...settings.sysctls };

  // A new network namespace starts with 1024 and "1 0" (Documentation/networking/ip-sysctl.rst); the host's own may differ.
  const kernel = host?.kernel ?? {};
  const start = sysctls[PORT_START] ?? (network === 'host' ? kernel.unprivilegedPortStart?.toString() : undefined);
  const ping = sysctls[PING_RANGE] ?? (network === 'host' ? kernel.pingGroupRange?.join(' ') : undefined);
  const facts: KernelFacts = {
    ...HOST_WIDE,
    ...kernel,
    unprivilegedPortStart: numberOr(start, 1024),
    pingGroupRange: rangeOr(ping, [1, 0]),
  };
  const said = (name: string): string => {
    if (settings.sysctls?.[name] !== undefined) return 'the settings set it';
    if (network === 'host') return "host networking: the host's own value, and no platform changes that";
    return fromPlatform[name] !== undefined
      ? `${profile.name} sets it: ${profile.sources.sysctls ?? ''}`
      : `${profile.name} leaves the kernel's default`;
  };
  return {
    kind: 'network',
    network,
    sysctls,
    facts,
    because: [
      { field: PORT_START, value: String(facts.unprivilegedPortStart), source: said(PORT_START) },
      { field: PING_RANGE, value: facts.pingGroupRange.join(' '), source: said(PING_RANGE) },
    ],
  };
}

/** The ping range would name gids the pod's user namespace does not map; containerd and Docker leave it out there. */
function leftOut(name: string, settings: ContainerSettings): boolean {
  return name === PING_RANGE && settings.hostUsers === false;
}

function numberOr(text: string | undefined, fallback: number): number {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isNaN(value) ? fallback : value;
}

function rangeOr(text: string | undefined, fallback: readonly [number, number]): readonly [number, number] {
  const match = /^\s*(\d+)\s+(\d+)\s*$/.exec(text ?? '');
  return match === null ? fallback : [Number(match[1]), Number(match[2])];
}
