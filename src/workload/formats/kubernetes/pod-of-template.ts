/** The pod that a template would make: its metadata with what the controller adds, as far as that is known before it exists. */
import { isMapping, type KubernetesObject } from './objects.ts';
import type { ObjectMeta, Pod, PodSpec } from './pod-spec.ts';

/** What the name of a pod made from it looks like; `<hash>` and the like stand for what the controllers draw. */
export function podNameOf(kind: string, name: string): string {
  switch (kind) {
    case 'Pod':
      return name;
    case 'StatefulSet':
      return `${name}-0`;
    case 'Deployment':
      return `${name}-<hash>-<id>`;
    case 'CronJob':
      return `${name}-<time>-<id>`;
    default:
      return `${name}-<id>`;
  }
}

/** `template` is the mapping that holds the pod's metadata and spec. */
export function podOfTemplate(object: KubernetesObject, template: unknown): Pod {
  if (!isMapping(template)) return { apiVersion: 'v1', kind: 'Pod' };
  const { kind, name, namespace } = object;
  const metadata = isMapping(template.metadata) ? (template.metadata as ObjectMeta) : {};
  if (template === object.value) return template as Pod;
  const known = kind === 'StatefulSet' && name !== '' ? { name: podNameOf(kind, name) } : {};
  const generated = name === '' ? {} : { generateName: `${name}-` };
  // A name in a template is not taken over by any controller.
  const { name: _, ...rest } = metadata;
  const spec = kind === 'StatefulSet' ? withClaims(object, template.spec) : template.spec;
  return {
    ...(template as Pod),
    ...(isMapping(spec) ? { spec: spec as PodSpec } : {}),
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...generated, ...rest, ...known, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** The controller adds a volume for each claim template, instead of one of the same name (pkg/controller/statefulset/stateful_set_utils.go updateStorage). */
function withClaims({ name, value }: KubernetesObject, spec: unknown): unknown {
  const templates: unknown = isMapping(value.spec) ? value.spec.volumeClaimTemplates : undefined;
  if (!isMapping(spec) || !Array.isArray(templates)) return spec;
  const claims = templates.flatMap((template: unknown) => {
    const claim = isMapping(template) && isMapping(template.metadata) ? template.metadata.name : undefined;
    return typeof claim === 'string' ? [{ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}-0` } }] : [];
  });
  if (claims.length === 0) return spec;
  const own = Array.isArray(spec.volumes) ? (spec.volumes as readonly unknown[]) : [];
  const rest = own.filter((volume) => !(isMapping(volume) && claims.some((claim) => claim.name === volume.name)));
  return { ...spec, volumes: [...rest, ...claims] };
}
