/** Baseline from 1.34: the kubelet probes only the pod itself, not hosts of the author's choice. Source: policy/check_hostProbesAndhostLifecycle.go. */
import { type Control, containersOf, type PlacedContainer, type Rule, under } from '../control.ts';
import { containersWord, plural, quoted, sortedSet } from '../words.ts';

const WHERE = [['livenessProbe'], ['readinessProbe'], ['startupProbe'], ['lifecycle', 'postStart'], ['lifecycle', 'preStop']];
const HOW = ['httpGet', 'tcpSocket'] as const;

/** Every host that one container has the kubelet talk to. */
function hostsOf({ container }: PlacedContainer): readonly { readonly host: string; readonly path: readonly string[] }[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers.flatMap((handler, index) =>
    HOW.flatMap((how) => {
      const host = handler?.[how]?.host ?? '';
      return host === '' ? [] : [{ host, path: [...(WHERE[index] ?? []), how, 'host'] }];
    }),
  );
}

const rule: Rule = (pod) => {
  const bad = containersOf(pod).flatMap((one) => hostsOf(one).map((found) => ({ one, ...found })));
  if (bad.length === 0) return undefined;
  // Here, unlike in other controls, the names are a set as well.
  const names = sortedSet(bad.map(({ one }) => one.container.name));
  const hosts = sortedSet(bad.map(({ host }) => host));
  return {
    reason: 'probe or lifecycle host',
    detail: `${containersWord(names)} ${plural('uses', 'use', names.length)} ${plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length)} ${quoted(hosts)}`,
    offenders: bad.map(({ one, path }) => under(one, ...path)),
  };
};

export const hostProbesAndHostLifecycle: Control = {
  id: 'hostProbesAndHostLifecycle',
  level: 'baseline',
  summary: 'Probes and lifecycle hooks name no host.',
  revisions: [{ since: 34, rule }],
};
