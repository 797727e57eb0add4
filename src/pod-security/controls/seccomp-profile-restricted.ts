/** Restricted: a seccomp profile is there, for every container. Source: policy/check_seccompProfile_restricted.go. */
import { type Control, containersOf, exceptWindows, namesOf, type Rule, under } from '../control.ts';
import { containersWord } from '../words.ts';
import { allowedSeccomp, forbiddenSeccomp } from './seccomp-profile-baseline.ts';

/** Those that say nothing are told only when nobody says something bad. */
const rule: Rule = (pod) => {
  const forbidden = forbiddenSeccomp(pod);
  if (forbidden !== undefined) return forbidden;
  if (allowedSeccomp(pod.spec?.securityContext?.seccompProfile?.type)) return undefined;
  const silent = containersOf(pod).filter(({ container }) => container.securityContext?.seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `pod or ${containersWord(namesOf(silent))} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
    offenders: silent.map((one) => under(one, 'securityContext', 'seccompProfile', 'type')),
  };
};

const overrides = ['seccompProfile_baseline'];

export const seccompProfileRestricted: Control = {
  id: 'seccompProfile_restricted',
  level: 'restricted',
  summary: 'The pod or every container sets a seccomp profile, RuntimeDefault or Localhost.',
  revisions: [
    { since: 19, rule, overrides },
    { since: 25, rule: exceptWindows(rule), overrides },
  ],
};
