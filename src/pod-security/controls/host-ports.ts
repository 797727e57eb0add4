/** Baseline: no port of the node. Source: policy/check_hostPorts.go. */
import { type Control, containersOf, namesOf, type Rule, under } from '../control.ts';
import { containersWord, plural, sortedSet } from '../words.ts';

const rule: Rule = (pod) => {
  const found = containersOf(pod).map((one) => ({
    ...one,
    taken: (one.container.ports ?? []).flatMap(({ hostPort = 0 }, index) => (hostPort === 0 ? [] : [{ hostPort, index }])),
  }));
  const bad = found.filter(({ taken }) => taken.length > 0);
  if (bad.length === 0) return undefined;
  // Sorted as texts: 12345 stands before 80.
  const ports = sortedSet(bad.flatMap(({ taken }) => taken.map(({ hostPort }) => String(hostPort))));
  return {
    reason: 'hostPort',
    detail: `${containersWord(namesOf(bad))} ${plural('uses', 'use', bad.length)} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`,
    offenders: bad.flatMap((one) => one.taken.map(({ index }) => under(one, 'ports', index, 'hostPort'))),
  };
};

export const hostPorts: Control = {
  id: 'hostPorts',
  level: 'baseline',
  summary: 'No container takes a port of its node.',
  revisions: [{ since: 0, rule }],
};
