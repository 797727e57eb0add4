/** Restricted: every container says that its processes gain no privileges. Source: policy/check_allowPrivilegeEscalation.go. */
import { type Control, containersOf, exceptWindows, namesOf, type Rule, under } from '../control.ts';
import { containersWord } from '../words.ts';

/** Not written counts as true, and there is no field of the pod to inherit from. */
const explicitlyFalse: Rule = (pod) => {
  const bad = containersOf(pod).filter(({ container }) => container.securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersWord(namesOf(bad))} must set securityContext.allowPrivilegeEscalation=false`,
    offenders: bad.map((one) => under(one, 'securityContext', 'allowPrivilegeEscalation')),
  };
};

export const allowPrivilegeEscalation: Control = {
  id: 'allowPrivilegeEscalation',
  level: 'restricted',
  summary: 'Every container sets allowPrivilegeEscalation to false.',
  // The field exists since 1.8.
  revisions: [
    { since: 8, rule: explicitlyFalse },
    { since: 25, rule: exceptWindows(explicitlyFalse) },
  ],
};
