/** Baseline: seccomp is not switched off; by annotation until 1.18, by field since 1.19. Source: policy/check_seccompProfile_baseline.go. */

import type { Pod } from '../../workload/formats/kubernetes/pod-spec.ts';
import {
  type Control,
  containersOf,
  namesOf,
  type Offence,
  type Offender,
  ofPod,
  type PlacedContainer,
  type Rule,
  under,
} from '../control.ts';
import { goQuote, plural, quoted, setters, sortedSet } from '../words.ts';

const POD_KEY = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_KEY = 'container.seccomp.security.alpha.kubernetes.io/';

/** Unlike AppArmor's, an empty value is bad. */
const allowedAnnotation = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');

const byAnnotation: Rule = (pod) => {
  const annotations = pod.metadata?.annotations ?? {};
  const asked: readonly { readonly key: string; readonly container?: string }[] = [
    { key: POD_KEY },
    ...containersOf(pod).map(({ container: { name } }) => ({ key: CONTAINER_KEY + name, container: name })),
  ];
  const bad = asked.filter(({ key }) => Object.hasOwn(annotations, key) && !allowedAnnotation(annotations[key] ?? ''));
  if (bad.length === 0) return undefined;
  const values = sortedSet(bad.map(({ key }) => `${key}=${goQuote(annotations[key] ?? '')}`));
  return {
    reason: 'seccompProfile',
    detail: `forbidden ${plural('annotation', 'annotations', values.length)} ${values.join(', ')}`,
    offenders: bad.map(
      ({ key, container }): Offender => ({
        path: ['metadata', 'annotations', key],
        ...(container === undefined ? {} : { container }),
      }),
    ),
  };
};

/** Field `type`: an empty profile names no type and is bad too. */
export const allowedSeccomp = (type: string | undefined): boolean => type === 'Localhost' || type === 'RuntimeDefault';

const profileOf = ({ container }: PlacedContainer): { readonly type?: string } | undefined =>
  container.securityContext?.seccompProfile;

/** Profiles that are written and bad. Restricted asks this first. */
export function forbiddenSeccomp(pod: Pod): Offence | undefined {
  const ofWhole = pod.spec?.securityContext?.seccompProfile;
  const podIsBad = ofWhole !== undefined && !allowedSeccomp(ofWhole.type);
  const bad = containersOf(pod).filter((one) => profileOf(one) !== undefined && !allowedSeccomp(profileOf(one)?.type));
  if (!podIsBad && bad.length === 0) return undefined;
  const types = sortedSet([...(podIsBad ? [ofWhole.type ?? ''] : []), ...bad.map((one) => profileOf(one)?.type ?? '')]);
  return {
    reason: 'seccompProfile',
    detail: `${setters(podIsBad, namesOf(bad))} must not set securityContext.seccompProfile.type to ${quoted(types)}`,
    offenders: [
      ...(podIsBad ? [ofPod('securityContext', 'seccompProfile', 'type')] : []),
      ...bad.map((one) => under(one, 'securityContext', 'seccompProfile', 'type')),
    ],
  };
}

export const seccompProfileBaseline: Control = {
  id: 'seccompProfile_baseline',
  level: 'baseline',
  summary: 'A seccomp profile is RuntimeDefault or Localhost.',
  revisions: [
    { since: 0, rule: byAnnotation },
    { since: 19, rule: forbiddenSeccomp },
  ],
};
