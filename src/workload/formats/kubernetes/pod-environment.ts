/** A container's variables as the kubelet works them out, and `$(NAME)` in them, in commands and in subPathExpr (kubelet_pods.go makeEnvironmentVariables). */
import { objectOf, objectsOf, textOf } from './json-value.ts';
import type { EnvVar, Pod, PodContainer } from './pod-spec.ts';
import type { Surroundings } from './surroundings.ts';

export interface PodEnvironment {
  /** Undefined = set, to something nobody here knows. */
  readonly variables: ReadonlyMap<string, string | undefined>;
  /** Why the kubelet cannot ask for the container. */
  readonly error?: string;
}

/** envFrom first, then env in its order; a later one sees the earlier ones. */
export function environmentOfContainer(pod: Pod, container: PodContainer, around: Surroundings): PodEnvironment {
  const variables = new Map<string, string | undefined>();
  for (const from of objectsOf(container.envFrom)) {
    const reference = objectOf(from.configMapRef) ?? objectOf(from.secretRef);
    const source = from.configMapRef !== undefined ? around.configMaps : around.secrets;
    for (const [key, value] of source?.get(textOf(reference?.name) ?? '') ?? []) {
      variables.set(`${textOf(from.prefix) ?? ''}${key}`, value);
    }
  }
  for (const entry of objectsOf(container.env)) {
    const name = textOf(entry.name);
    if (name === undefined) continue;
    const value = textOf(entry.value) ?? '';
    if (value !== '') {
      // A reference to something unknown makes the whole value unknown; one to nothing stays as it is written.
      variables.set(name, expandAll(value, variables));
      continue;
    }
    if (objectOf(entry.valueFrom) === undefined) {
      variables.set(name, '');
      continue;
    }
    const found = resolved(entry, pod, around);
    if (found === 'left out') continue;
    if (typeof found === 'object') return { variables, error: found.error };
    variables.set(name, found);
  }
  return { variables };
}

/** The first object that the container's variables need and nobody has, in the kubelet's words; for whoever knows all objects there are. */
export function missingObject(container: PodContainer, around: Surroundings): string | undefined {
  const missing = (kind: 'configmap' | 'secret', from: unknown): string | undefined => {
    const reference = objectOf(from as Readonly<Record<string, unknown>> | undefined);
    const name = textOf(reference?.name);
    if (name === undefined || reference?.optional === true) return undefined;
    const known = kind === 'configmap' ? around.configMaps : around.secrets;
    return known?.has(name) === true ? undefined : `${kind} ${JSON.stringify(name)} not found`;
  };
  for (const { configMapRef, secretRef } of objectsOf(container.envFrom)) {
    const found = missing('configmap', configMapRef) ?? missing('secret', secretRef);
    if (found !== undefined) return found;
  }
  for (const { value, valueFrom } of objectsOf(container.env)) {
    if ((textOf(value) ?? '') !== '') continue;
    const found = missing('configmap', valueFrom?.configMapKeyRef) ?? missing('secret', valueFrom?.secretKeyRef);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The text with every reference replaced; undefined when one of them leads to something unknown. */
export function expandAll(text: string, variables: ReadonlyMap<string, string | undefined>): string | undefined {
  let known = true;
  const expanded = expand(text, (name) => {
    if (!variables.has(name)) return `$(${name})`;
    const value = variables.get(name);
    if (value === undefined) known = false;
    return value ?? '';
  });
  return known ? expanded : undefined;
}

/** third_party/forked/golang/expansion: `$(NAME)` is a reference, `$$` one dollar sign, anything else stays. */
export function expand(text: string, lookup: (name: string) => string): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, escaped: string, name: string | undefined) =>
    escaped === '$' ? '$' : name === undefined ? whole : lookup(name),
  );
}

type Value = string | undefined | 'left out' | { readonly error: string };

function resolved(entry: EnvVar, pod: Pod, around: Surroundings): Value {
  const from = entry.valueFrom ?? {};
  const field = textOf(objectOf(from.fieldRef)?.fieldPath);
  if (field !== undefined) return podField(field, pod);
  const { configMapKeyRef, secretKeyRef } = from;
  const reference = objectOf(configMapKeyRef) ?? objectOf(secretKeyRef);
  if (reference === undefined) return undefined;
  const [kind, objects] = configMapKeyRef !== undefined ? ['ConfigMap', around.configMaps] : ['Secret', around.secrets];
  const name = textOf(reference.name) ?? '';
  const data = (objects as Surroundings['configMaps'])?.get(name);
  if (data === undefined) return undefined;
  const value = data.get(textOf(reference.key) ?? '');
  if (value !== undefined) return value;
  if (reference.optional === true) return 'left out';
  return { error: `couldn't find key ${reference.key} in ${kind} ${namespaceOf(pod)}/${name}` };
}

/** pkg/fieldpath and podFieldSelectorRuntimeValue: what the object itself says; addresses are known only when it runs. */
export function podField(path: string, pod: Pod): string | undefined {
  const metadata = objectOf(pod.metadata) ?? {};
  const spec = objectOf(pod.spec) ?? {};
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (subscript !== null) {
    const map = objectOf(subscript[1] === 'labels' ? metadata.labels : metadata.annotations) ?? {};
    const key = subscript[2] as string;
    return Object.hasOwn(map, key) ? textOf(map[key]) : '';
  }
  switch (path) {
    case 'metadata.name':
      return textOf(metadata.name);
    case 'metadata.namespace':
      return textOf(metadata.namespace);
    case 'metadata.uid':
      return textOf(metadata.uid);
    case 'metadata.labels':
      return mapText(objectOf(metadata.labels) ?? {});
    case 'metadata.annotations':
      return mapText(objectOf(metadata.annotations) ?? {});
    case 'spec.serviceAccountName':
      return textOf(spec.serviceAccountName) ?? 'default';
    case 'spec.nodeName':
      return textOf(spec.nodeName);
    default:
      return undefined;
  }
}

/** fieldpath.FormatMap: `key="value"` lines, sorted. */
function mapText(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

export function namespaceOf(pod: Pod): string {
  return textOf(objectOf(pod.metadata)?.namespace) ?? 'default';
}
