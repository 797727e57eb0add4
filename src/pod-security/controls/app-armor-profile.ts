/** Baseline: AppArmor is not switched off, by field or by the annotation of old. Source: policy/check_appArmorProfile.go. */
import { type Control, containersOf, namesOf, type Offender, ofPod, type Rule, under } from '../control.ts';
import { compareBytes, goQuote, plural, quoted, setters, sortedSet } from '../words.ts';

const PREFIX = 'container.apparmor.security.beta.kubernetes.io/';

const allowedType = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';
const allowedAnnotation = (value: string): boolean =>
  value === '' || value === 'runtime/default' || value.startsWith('localhost/');

const rule: Rule = (pod) => {
  const ofWhole = pod.spec?.securityContext?.appArmorProfile;
  const podIsBad = ofWhole !== undefined && !allowedType(ofWhole.type);
  const bad = containersOf(pod).filter(({ container }) => {
    const profile = container.securityContext?.appArmorProfile;
    return profile !== undefined && !allowedType(profile.type);
  });
  const annotations = Object.entries(pod.metadata?.annotations ?? {}).filter(
    ([key, value]) => key.startsWith(PREFIX) && !allowedAnnotation(value),
  );
  const who = [
    setters(podIsBad, namesOf(bad)),
    annotations.length === 0 ? '' : plural('annotation', 'annotations', annotations.length),
  ].filter((part) => part !== '');
  if (who.length === 0) return undefined;
  const types = [...(podIsBad ? [ofWhole] : []), ...bad.map(({ container }) => container.securityContext?.appArmorProfile)];
  const values = [
    ...sortedSet(types.map((profile) => profile?.type ?? '')),
    ...annotations.map(([key, value]) => `${key}=${goQuote(value)}`).sort(compareBytes),
  ];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.length),
    detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
    offenders: [
      ...(podIsBad ? [ofPod('securityContext', 'appArmorProfile', 'type')] : []),
      ...bad.map((one) => under(one, 'securityContext', 'appArmorProfile', 'type')),
      ...annotations.map(([key]): Offender => ({ path: ['metadata', 'annotations', key], container: key.slice(PREFIX.length) })),
    ],
  };
};

export const appArmorProfile: Control = {
  id: 'appArmorProfile',
  level: 'baseline',
  summary: 'An AppArmor profile is RuntimeDefault or Localhost.',
  revisions: [{ since: 0, rule }],
};
