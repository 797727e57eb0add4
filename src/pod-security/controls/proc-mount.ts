/** Baseline: /proc keeps its masks, unless the pod has its own user namespace (1.35). Source: policy/check_procMount_baseline.go. */
import { type Control, containersOf, exceptUserNamespace, namesOf, type Rule, under } from '../control.ts';
import { containersWord, quoted, sortedSet } from '../words.ts';

/** The question without any exception: restricted asks it too. */
export const procMountIsDefault: Rule = (pod) => {
  const bad = containersOf(pod).filter(({ container }) => (container.securityContext?.procMount ?? 'Default') !== 'Default');
  if (bad.length === 0) return undefined;
  const types = sortedSet(bad.map(({ container }) => container.securityContext?.procMount ?? ''));
  return {
    reason: 'procMount',
    detail: `${containersWord(namesOf(bad))} must not set securityContext.procMount to ${quoted(types)}`,
    offenders: bad.map((one) => under(one, 'securityContext', 'procMount')),
  };
};

export const procMount: Control = {
  id: 'procMount',
  level: 'baseline',
  summary: 'The masks over /proc stay, except in a user namespace of its own.',
  revisions: [
    { since: 0, rule: procMountIsDefault },
    { since: 35, rule: exceptUserNamespace(procMountIsDefault) },
  ],
};
