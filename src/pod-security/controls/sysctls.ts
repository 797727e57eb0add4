/** Baseline: only sysctls that reach no further than the pod. Source: policy/check_sysctls.go. */
import { type Control, ofPod, type Rule } from '../control.ts';

/** What each version added. */
const ADDED: readonly { readonly since: number; readonly names: readonly string[] }[] = [
  {
    since: 0,
    names: [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  },
  { since: 27, names: ['net.ipv4.ip_local_reserved_ports'] },
  {
    since: 29,
    names: [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  },
  { since: 32, names: ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'] },
  { since: 37, names: ['net.ipv4.tcp_slow_start_after_idle', 'net.ipv4.tcp_notsent_lowat'] },
];

/** The names as they are written, in their order, as often as they are there. */
const allowing =
  (allowed: ReadonlySet<string>): Rule =>
  ({ spec }) => {
    const bad = (spec?.securityContext?.sysctls ?? []).flatMap(({ name }, index) => (allowed.has(name) ? [] : [{ name, index }]));
    if (bad.length === 0) return undefined;
    return {
      reason: 'forbidden sysctls',
      detail: bad.map(({ name }) => name).join(', '),
      offenders: bad.map(({ index }) => ofPod('securityContext', 'sysctls', index, 'name')),
    };
  };

export const sysctls: Control = {
  id: 'sysctls',
  level: 'baseline',
  summary: 'Sysctls are among those that Kubernetes calls safe.',
  revisions: ADDED.map(({ since }) => ({
    since,
    rule: allowing(new Set(ADDED.filter((one) => one.since <= since).flatMap(({ names }) => names))),
  })),
};
