/** Baseline: no container without walls. Source: policy/check_privileged.go. */
import { type Control, containersOf, namesOf, type Rule, under } from '../control.ts';
import { containersWord } from '../words.ts';

const rule: Rule = (pod) => {
  const bad = containersOf(pod).filter(({ container }) => container.securityContext?.privileged === true);
  if (bad.length === 0) return undefined;
  return {
    reason: 'privileged',
    detail: `${containersWord(namesOf(bad))} must not set securityContext.privileged=true`,
    offenders: bad.map((one) => under(one, 'securityContext', 'privileged')),
  };
};

export const privileged: Control = {
  id: 'privileged',
  level: 'baseline',
  summary: 'No container is privileged.',
  revisions: [{ since: 0, rule }],
};
