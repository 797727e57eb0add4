/** Restricted: every container drops ALL and adds at most NET_BIND_SERVICE. Source: policy/check_capabilities_restricted.go. */
import { type Control, containersOf, exceptWindows, namesOf, type Rule, under } from '../control.ts';
import { containersWord, quoted, sortedSet } from '../words.ts';

const rule: Rule = (pod) => {
  const containers = containersOf(pod).map((one) => {
    const { add = [], drop = [] } = one.container.securityContext?.capabilities ?? {};
    return {
      ...one,
      keeps: !drop.includes('ALL'),
      added: add.flatMap((name, index) => (name === 'NET_BIND_SERVICE' ? [] : [{ name, index }])),
    };
  });
  const keeping = containers.filter(({ keeps }) => keeps);
  const adding = containers.filter(({ added }) => added.length > 0);
  if (keeping.length === 0 && adding.length === 0) return undefined;
  const names = sortedSet(adding.flatMap(({ added }) => added.map(({ name }) => name)));
  const details = [
    ...(keeping.length === 0 ? [] : [`${containersWord(namesOf(keeping))} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0
      ? []
      : [`${containersWord(namesOf(adding))} must not include ${quoted(names)} in securityContext.capabilities.add`]),
  ];
  return {
    reason: 'unrestricted capabilities',
    detail: details.join('; '),
    offenders: containers.flatMap((one) => [
      ...(one.keeps ? [under(one, 'securityContext', 'capabilities', 'drop')] : []),
      ...one.added.slice(0, 1).map(({ index }) => under(one, 'securityContext', 'capabilities', 'add', index)),
    ]),
  };
};

const overrides = ['capabilities_baseline'];

export const capabilitiesRestricted: Control = {
  id: 'capabilities_restricted',
  level: 'restricted',
  summary: 'Every container drops ALL capabilities and adds back NET_BIND_SERVICE at most.',
  revisions: [
    { since: 22, rule, overrides },
    { since: 25, rule: exceptWindows(rule), overrides },
  ],
};
