/** Files of mounted ConfigMaps that must say something else, as changes of the ConfigMaps. */
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { ContainerChange } from '../../change.ts';
import type { ObjectChange } from './object-change.ts';
import type { KubernetesObject } from './objects.ts';
import type { KubernetesWorkload } from './read.ts';

/** The ConfigMap of the workload's own namespace, else one that names none. */
export function configMapOf(
  name: string,
  { namespace, object }: KubernetesWorkload,
  others: readonly KubernetesObject[],
): KubernetesObject | undefined {
  const fits = others.filter(
    (one) => one.kind === 'ConfigMap' && one.apiVersion === 'v1' && one.name === name && one.source.world === object.source.world,
  );
  return (
    fits.find((one) => one.namespace === namespace) ??
    fits.find((one) => one.namespace === undefined) ??
    (namespace === undefined ? fits[0] : undefined)
  );
}

export function configFileChanges(
  wanted: readonly { readonly workload: KubernetesWorkload; readonly changes: readonly ContainerChange[] }[],
  others: readonly KubernetesObject[],
): readonly ObjectChange[] {
  return wanted.flatMap(({ workload, changes }) =>
    changes.flatMap(({ configFiles = [] }) =>
      configFiles.flatMap(({ name, key, text }): readonly ObjectChange[] => {
        const object = configMapOf(name, workload, others);
        const change: YamlChange = { op: 'set', path: ['data', key], value: text };
        return object === undefined ? [] : [{ object, changes: [change] }];
      }),
    ),
  );
}
