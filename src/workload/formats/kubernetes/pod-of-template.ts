/** The pod that a template would make: its metadata with what the controller adds, as far as that is known before it exists. */
import { isMapping, type KubernetesObject } from './objects.ts';
import type { ObjectMeta, Pod } from './pod-spec.ts';

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
  return {
    ...(template as Pod),
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...generated, ...rest, ...known, ...(namespace === undefined ? {} : { namespace }) },
  };
}
