/** Baseline: SELinux labels stay those of containers. Source: policy/check_seLinuxOptions.go. */
import type { SeLinuxOptions } from '../../workload/formats/kubernetes/pod-spec.ts';
import { type Control, containersOf, namesOf, type Offender, ofPod, type Rule, under } from '../control.ts';
import { plural, quoted, setters, sortedSet } from '../words.ts';

const TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

/** Which of the three fields are bad. */
const badFields = (options: SeLinuxOptions | undefined, types: readonly string[]): readonly ('type' | 'user' | 'role')[] =>
  options === undefined
    ? []
    : [
        ...(types.includes(options.type ?? '') ? [] : (['type'] as const)),
        ...((options.user ?? '') === '' ? [] : (['user'] as const)),
        ...((options.role ?? '') === '' ? [] : (['role'] as const)),
      ];

const allowing =
  (types: readonly string[]): Rule =>
  (pod) => {
    const ofWhole = pod.spec?.securityContext?.seLinuxOptions;
    const podFields = badFields(ofWhole, types);
    const bad = containersOf(pod)
      .map((one) => ({ ...one, fields: badFields(one.container.securityContext?.seLinuxOptions, types) }))
      .filter(({ fields }) => fields.length > 0);
    if (podFields.length === 0 && bad.length === 0) return undefined;
    const all = [
      { options: ofWhole, fields: podFields },
      ...bad.map(({ container, fields }) => ({ options: container.securityContext?.seLinuxOptions, fields })),
    ];
    const badTypes = sortedSet(all.filter(({ fields }) => fields.includes('type')).map(({ options }) => options?.type ?? ''));
    const data = [
      ...(badTypes.length === 0 ? [] : [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`]),
      ...(all.some(({ fields }) => fields.includes('user')) ? ['user may not be set'] : []),
      ...(all.some(({ fields }) => fields.includes('role')) ? ['role may not be set'] : []),
    ];
    const steps = ['securityContext', 'seLinuxOptions'];
    return {
      reason: 'seLinuxOptions',
      detail: `${setters(podFields.length > 0, namesOf(bad))} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
      offenders: [
        ...podFields.map((field): Offender => ofPod(...steps, field)),
        ...bad.flatMap((one) => one.fields.map((field) => under(one, ...steps, field))),
      ],
    };
  };

export const seLinuxOptions: Control = {
  id: 'seLinuxOptions',
  level: 'baseline',
  summary: 'The SELinux type is one of containers, and user and role are not set.',
  revisions: [
    { since: 0, rule: allowing(TYPES) },
    { since: 31, rule: allowing([...TYPES, 'container_engine_t']) },
  ],
};
