/** ConfigMaps, Secrets, service accounts and volumes written beside the workloads: what pods refer to, by namespace. */
import { isMapping, type KubernetesObject } from './objects.ts';
import type { CsiDriver, PersistentVolume, Surroundings } from './surroundings.ts';

interface Found {
  readonly configMaps: Map<string, ReadonlyMap<string, string>>;
  readonly secrets: Map<string, ReadonlyMap<string, string>>;
  readonly serviceAccounts: Map<string, { readonly automountServiceAccountToken?: boolean }>;
}

/** The surroundings of a namespace. Objects without one may go to any: they count everywhere that has none of that name itself. */
export function surroundingsOf(objects: readonly KubernetesObject[]): (namespace: string | undefined) => Surroundings {
  const spaces = new Map<string, Found>();
  const csiDrivers = new Map<string, CsiDriver>();
  const space = (name: string): Found => {
    const known = spaces.get(name);
    if (known !== undefined) return known;
    const made: Found = { configMaps: new Map(), secrets: new Map(), serviceAccounts: new Map() };
    spaces.set(name, made);
    return made;
  };
  for (const { kind, apiVersion, name, namespace = '', value } of objects) {
    if (apiVersion === 'v1' && kind === 'ConfigMap') space(namespace).configMaps.set(name, configData(value));
    else if (apiVersion === 'v1' && kind === 'Secret') space(namespace).secrets.set(name, secretData(value));
    else if (apiVersion === 'v1' && kind === 'ServiceAccount') {
      const automount = value.automountServiceAccountToken;
      space(namespace).serviceAccounts.set(
        name,
        typeof automount === 'boolean' ? { automountServiceAccountToken: automount } : {},
      );
    } else if (apiVersion === 'storage.k8s.io/v1' && kind === 'CSIDriver' && isMapping(value.spec)) {
      const policy = value.spec.fsGroupPolicy;
      csiDrivers.set(name, typeof policy === 'string' ? { fsGroupPolicy: policy } : {});
    }
  }
  const claims = claimsOf(objects);
  const made = new Map<string, Surroundings>();
  return (namespace = '') => {
    const known = made.get(namespace);
    if (known !== undefined) return known;
    const [anywhere, own] = [spaces.get(''), spaces.get(namespace)];
    const merged = <K extends keyof Found>(field: K): Found[K] =>
      new Map([...(anywhere?.[field] ?? []), ...(own?.[field] ?? [])] as [string, never][]) as Found[K];
    const around: Surroundings = {
      configMaps: merged('configMaps'),
      secrets: merged('secrets'),
      serviceAccounts: merged('serviceAccounts'),
      // A claimRef has to name a namespace; a pod that names none is created in this one, unless somebody says otherwise.
      claims: new Map([...(claims.get('') ?? []), ...(claims.get(namespace || 'default') ?? [])]),
      csiDrivers,
    };
    made.set(namespace, around);
    return around;
  };
}

const entriesOf = (value: unknown): readonly (readonly [string, unknown])[] => (isMapping(value) ? Object.entries(value) : []);

function configData(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const texts = entriesOf(value.data).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map([...entriesOf(value.binaryData).map(([key]): [string, string] => [key, '']), ...texts]);
}

function secretData(value: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> {
  const data = entriesOf(value.data).map(([key, text]): [string, string] => [key, typeof text === 'string' ? decoded(text) : '']);
  const plain = entriesOf(value.stringData).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return new Map([...data, ...plain]);
}

/** Base64 of text; '' for what is not. */
function decoded(text: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0)));
  } catch {
    return ''; // bytes, or no base64: the key is there all the same
  }
}

const VOLUME_KINDS = ['csi', 'local', 'hostPath', 'nfs', 'iscsi', 'fc', 'cephfs', 'rbd', 'glusterfs', 'awsElasticBlockStore'];

/** Claims by namespace whose volume stands in the same files, named by the claim or naming it. */
function claimsOf(objects: readonly KubernetesObject[]): ReadonlyMap<string, ReadonlyMap<string, PersistentVolume>> {
  const volumes = new Map<string, KubernetesObject>();
  for (const object of objects)
    if (object.kind === 'PersistentVolume' && object.apiVersion === 'v1') volumes.set(object.name, object);
  const out = new Map<string, Map<string, PersistentVolume>>();
  if (volumes.size === 0) return out;
  const put = (namespace: string, claim: string, volume: KubernetesObject): void => {
    const read = volumeOf(volume);
    if (read === undefined) return;
    const space = out.get(namespace) ?? new Map<string, PersistentVolume>();
    out.set(namespace, space.set(claim, read));
  };
  for (const volume of volumes.values()) {
    const reference = isMapping(volume.value.spec) ? volume.value.spec.claimRef : undefined;
    if (isMapping(reference) && typeof reference.name === 'string')
      put(typeof reference.namespace === 'string' ? reference.namespace : '', reference.name, volume);
  }
  for (const { kind, name, namespace = '', value } of objects) {
    if (kind !== 'PersistentVolumeClaim' || !isMapping(value.spec)) continue;
    const volume = typeof value.spec.volumeName === 'string' ? volumes.get(value.spec.volumeName) : undefined;
    if (volume !== undefined) put(namespace, name, volume);
  }
  return out;
}

function volumeOf({ value }: KubernetesObject): PersistentVolume | undefined {
  const spec = isMapping(value.spec) ? value.spec : {};
  const type = VOLUME_KINDS.find((kind) => isMapping(spec[kind]));
  if (type === undefined) return undefined;
  const source = spec[type] as Readonly<Record<string, unknown>>;
  const metadata = isMapping(value.metadata) ? value.metadata : {};
  const annotation = isMapping(metadata.annotations) ? metadata.annotations['pv.beta.kubernetes.io/gid'] : undefined;
  const gid = typeof annotation === 'string' && /^\d+$/.test(annotation) ? Number(annotation) : undefined;
  return {
    type,
    ...(typeof source.fsType === 'string' ? { fsType: source.fsType } : {}),
    ...(Array.isArray(spec.accessModes) ? { accessModes: spec.accessModes.map(String) } : {}),
    ...(typeof source.readOnly === 'boolean' ? { readOnly: source.readOnly } : {}),
    ...(typeof source.path === 'string' ? { path: source.path } : {}),
    ...(typeof source.driver === 'string' ? { driver: source.driver } : {}),
    ...(gid === undefined ? {} : { gid }),
    ...(spec.volumeMode === 'Block' ? { block: true } : {}),
  };
}
