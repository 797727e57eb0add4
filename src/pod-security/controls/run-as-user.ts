/** Restricted: nobody asks for uid 0. Source: policy/check_runAsUser.go. */
import { type Control, containersOf, exceptUserNamespace, namesOf, ofPod, type Rule, under } from '../control.ts';
import { setters } from '../words.ts';

const rule: Rule = (pod) => {
  const podIsBad = pod.spec?.securityContext?.runAsUser === 0;
  const bad = containersOf(pod).filter(({ container }) => container.securityContext?.runAsUser === 0);
  if (!podIsBad && bad.length === 0) return undefined;
  return {
    reason: 'runAsUser=0',
    detail: `${setters(podIsBad, namesOf(bad))} must not set runAsUser=0`,
    offenders: [
      ...(podIsBad ? [ofPod('securityContext', 'runAsUser')] : []),
      ...bad.map((one) => under(one, 'securityContext', 'runAsUser')),
    ],
  };
};

export const runAsUser: Control = {
  id: 'runAsUser',
  level: 'restricted',
  summary: 'Neither the pod nor a container sets runAsUser to 0.',
  revisions: [
    { since: 23, rule },
    { since: 35, rule: exceptUserNamespace(rule) },
  ],
};
