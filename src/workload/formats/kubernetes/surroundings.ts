/** Objects of the cluster that a pod refers to, as far as somebody has them: written in the same file, or read from the cluster. */
import { objectOf, textOf, textsOf } from './json-value.ts';

export interface PersistentVolume {
  /** The source's field in the API: `csi`, `local`, `hostPath`, `nfs`, `iscsi`, `fc` … */
  readonly type: string;
  readonly fsType?: string;
  readonly accessModes?: readonly string[];
  readonly readOnly?: boolean;
  /** hostPath, local, nfs. */
  readonly path?: string;
  /** Name of the CSI driver. */
  readonly driver?: string;
  /** Annotation `pv.beta.kubernetes.io/gid`: one more group of the process. */
  readonly gid?: number;
  /** volumeMode Block: no file system is mounted. */
  readonly block?: boolean;
}

export interface CsiDriver {
  readonly fsGroupPolicy?: string;
  /** Node capability VOLUME_MOUNT_GROUP: the driver is told the fsGroup. */
  readonly volumeMountGroup?: boolean;
}

/** By name, all of the pod's namespace. A name that is not there is not known; it may exist. */
export interface Surroundings {
  readonly configMaps?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Values decoded; what is not text is ''. */
  readonly secrets?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By the name of the claim. */
  readonly claims?: ReadonlyMap<string, PersistentVolume>;
  readonly csiDrivers?: ReadonlyMap<string, CsiDriver>;
  readonly serviceAccounts?: ReadonlyMap<string, { readonly automountServiceAccountToken?: boolean }>;
  /** False: the cluster has no ServiceAccount admission, so no token is mounted that the pod does not name. */
  readonly mountsServiceAccountToken?: boolean;
}

/** Reads what counts of an object as the API spells it; kinds that say nothing about a pod's containers are passed over. */
export function surroundingsOf(
  objects: Iterable<object>,
  options: Pick<Surroundings, 'mountsServiceAccountToken'> = {},
): Surroundings {
  const configMaps = new Map<string, ReadonlyMap<string, string>>();
  const secrets = new Map<string, ReadonlyMap<string, string>>();
  const volumes = new Map<string, PersistentVolume>();
  const bound: [claim: string, volume: string][] = [];
  const csiDrivers = new Map<string, CsiDriver>();
  const serviceAccounts = new Map<string, { readonly automountServiceAccountToken?: boolean }>();
  for (const object of objects as Iterable<KubernetesObject>) {
    const name = textOf(objectOf(object.metadata)?.name);
    if (name === undefined) continue;
    switch (object.kind) {
      case 'ConfigMap':
        configMaps.set(name, new Map([...texts(object.data), ...names(object.binaryData)]));
        break;
      case 'Secret':
        secrets.set(
          name,
          new Map([...texts(object.data).map(([key, value]) => [key, decoded(value)] as const), ...texts(object.stringData)]),
        );
        break;
      case 'PersistentVolume': {
        volumes.set(name, persistentVolume(object));
        const claim = textOf(objectOf(objectOf(object.spec)?.claimRef as { name?: string })?.name);
        if (claim !== undefined) bound.push([claim, name]);
        break;
      }
      case 'PersistentVolumeClaim': {
        const volume = textOf(objectOf(object.spec)?.volumeName);
        if (volume !== undefined) bound.push([name, volume]);
        break;
      }
      case 'CSIDriver': {
        const policy = textOf(objectOf(object.spec)?.fsGroupPolicy);
        csiDrivers.set(name, policy === undefined ? {} : { fsGroupPolicy: policy });
        break;
      }
      case 'ServiceAccount': {
        const mounts = object.automountServiceAccountToken;
        serviceAccounts.set(name, typeof mounts === 'boolean' ? { automountServiceAccountToken: mounts } : {});
        break;
      }
    }
  }
  const claims = new Map<string, PersistentVolume>();
  for (const [claim, name] of bound) {
    const volume = volumes.get(name);
    if (volume !== undefined) claims.set(claim, volume);
  }
  return { configMaps, secrets, claims, csiDrivers, serviceAccounts, ...options };
}

interface KubernetesObject {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly binaryData?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken?: unknown;
}

/** Fields of a PersistentVolume's spec that are no sources. */
const OTHER_FIELDS = new Set(['capacity', 'claimRef', 'nodeAffinity', 'accessModes', 'mountOptions']);

function persistentVolume(object: KubernetesObject): PersistentVolume {
  const spec = objectOf(object.spec) ?? {};
  const [type, source] = Object.entries(spec).find(
    ([key, value]) => !OTHER_FIELDS.has(key) && objectOf(value as object) !== undefined,
  ) ?? ['', {}];
  const { fsType, readOnly, path, driver } = source as Readonly<Record<string, unknown>>;
  const gid = Number.parseInt(textOf(objectOf(object.metadata?.annotations)?.['pv.beta.kubernetes.io/gid']) ?? '', 10);
  return {
    type,
    accessModes: textsOf(spec.accessModes as readonly string[]),
    ...(textOf(fsType) === undefined ? {} : { fsType: fsType as string }),
    ...(readOnly === true ? { readOnly } : {}),
    ...(textOf(path) === undefined ? {} : { path: path as string }),
    ...(textOf(driver) === undefined ? {} : { driver: driver as string }),
    ...(Number.isNaN(gid) ? {} : { gid }),
    ...(spec.volumeMode === 'Block' ? { block: true } : {}),
  };
}

function texts(map: Readonly<Record<string, unknown>> | undefined): [string, string][] {
  return Object.entries(objectOf(map) ?? {}).map(([key, value]) => [key, textOf(value) ?? '']);
}

const names = (map: Readonly<Record<string, unknown>> | undefined): [string, string][] => texts(map).map(([key]) => [key, '']);

/** base64; what is no text in UTF-8 has no place in a variable. */
function decoded(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)));
  } catch {
    return '';
  }
}
