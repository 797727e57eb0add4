/** Where in a pod a field of the security context goes: at the pod when it is right for all its containers, else at the container. */
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { Path } from '../../../text/yaml/path.ts';
import { sameValue } from '../../../text/yaml/value-change.ts';
import type { ContainerChange } from '../../change.ts';
import { isMapping } from './objects.ts';
import type { PodContainer, PodSpec } from './pod-spec.ts';

/** Fields that both levels have; the container's counts. */
const FIELDS = ['runAsNonRoot', 'runAsUser', 'runAsGroup', 'seccompProfile'] as const;
type Field = (typeof FIELDS)[number];
const OF_USER: ReadonlySet<Field> = new Set(['runAsUser', 'runAsGroup']);

/** A container with the path from the object to it, and what is asked for it. */
export interface ChangedContainer {
  readonly path: Path;
  readonly container: PodContainer;
  readonly change?: ContainerChange;
}

/** What a change asks of a field; undefined = nothing. */
function askedOf(field: Field, change: ContainerChange | undefined): unknown {
  switch (field) {
    case 'runAsNonRoot':
      return change?.runAsNonRoot;
    case 'runAsUser':
      return change?.user?.uid;
    case 'runAsGroup':
      return change?.user?.gid;
    case 'seccompProfile':
      return change?.seccompProfile === undefined ? undefined : { type: change.seccompProfile };
  }
}

const fieldsOf = (context: unknown): Readonly<Record<string, unknown>> => (isMapping(context) ? context : {});

/** New keys stand before these. */
export const BEFORE_CONTAINERS: readonly string[] = ['initContainers', 'containers'];

/** `spec` is the path from the object to the pod's spec. */
export function identityChanges(spec: Path, pod: PodSpec, all: readonly ChangedContainer[]): readonly YamlChange[] {
  const shared = fieldsOf(pod.securityContext);
  const atPod: YamlChange[] = [];
  const atContainer: YamlChange[] = [];
  let user = (shared.runAsUser ?? undefined) !== undefined;
  // What a container that stays as it is would take from the pod goes to the others, and all of it, so that it stands in one place.
  const apart = all.some(
    ({ change, container }) =>
      change === undefined && FIELDS.some((field) => (fieldsOf(container.securityContext)[field] ?? undefined) === undefined),
  );
  // Users of their own are said where they are, with their groups.
  const final = (field: Field, { change, container }: ChangedContainer): unknown =>
    askedOf(field, change) ?? fieldsOf(container.securityContext)[field] ?? shared[field];
  const alike = (['runAsUser', 'runAsGroup'] as const).every((field) =>
    all.every((one) => sameValue(final(field, one) ?? 0, final(field, all[0]!) ?? 0)),
  );
  for (const field of FIELDS) {
    const given = shared[field] ?? undefined;
    const of = all.map((one) => {
      const context = fieldsOf(one.container.securityContext);
      const own = context[field] ?? undefined;
      const asked = askedOf(field, one.change);
      const now = own ?? given;
      // A profile that is set is not replaced.
      const wanted =
        asked === undefined || sameValue(asked, now) || (field === 'seccompProfile' && now !== undefined) ? undefined : asked;
      return { ...one, own, now, wanted };
    });
    const lacking = of.filter(({ wanted }) => wanted !== undefined);
    const inherited = of.filter(({ own }) => own === undefined);
    const [first] = inherited;
    const value = first?.wanted;
    // containerd makes no sandbox for a pod that has a group and no user (internal/cri/server: "user group … is specified without user").
    const alone = field === 'runAsGroup' && !user;
    const forAll =
      value !== undefined &&
      !alone &&
      !apart &&
      (alike || !OF_USER.has(field)) &&
      inherited.every(({ wanted }) => wanted !== undefined && sameValue(wanted, value));
    if (field === 'runAsUser') user ||= forAll;
    // Where every container says the same as the pod, they change together: what is left there would be for nobody but the next one.
    const repeated =
      of.length > 0 && given !== undefined && of.every((one) => sameValue(one.own, given) && one.wanted !== undefined);
    const common = repeated && of.every(({ wanted }) => sameValue(wanted, of[0]?.wanted)) ? of[0]?.wanted : undefined;
    const put = forAll ? value : common;
    if (put !== undefined) {
      const also = of.map(({ path }) => [...path, 'securityContext', field]);
      atPod.push({ op: 'set', path: [...spec, 'securityContext', field], value: put, before: BEFORE_CONTAINERS, also });
    }
    for (const { path, own, wanted } of lacking)
      if (own !== undefined || !forAll) atContainer.push({ op: 'set', path: [...path, 'securityContext', field], value: wanted });
  }
  return [...atPod, ...atContainer];
}
