/** The volumes that a container of a pod mounts, each with what its kind decides. Owners are worked out later: they depend on the platform. */
import type { Volume, VolumeFile } from '../../container.ts';
import { listOf, numberOf, objectOf, objectsOf, textOf } from './json-value.ts';
import { nestedMountpoints } from './nested-mountpoints.ts';
import { expand, type PodEnvironment } from './pod-environment.ts';
import type { KeyToPath, Pod, PodContainer, PodVolume, VolumeMount } from './pod-spec.ts';
import { quantity } from './quantity.ts';
import type { PersistentVolume, Surroundings } from './surroundings.ts';
import { takesFsGroup } from './volume-kinds.ts';

export interface ContainerVolumes {
  readonly volumes: readonly Volume[];
  /** Why the kubelet cannot ask for the container. */
  readonly error?: string;
}

export function volumesOfContainer(
  pod: Pod,
  container: PodContainer,
  environment: PodEnvironment,
  around: Surroundings,
): ContainerVolumes {
  const declared = new Map(objectsOf(objectOf(pod.spec)?.volumes).map((volume) => [volume.name, volume]));
  const volumes: Volume[] = [];
  let error: string | undefined;
  for (const mount of objectsOf(container.volumeMounts)) {
    const volume = declared.get(mount.name);
    const target = textOf(mount.mountPath);
    if (volume === undefined || target === undefined) continue;
    const sub = subPathOf(mount, environment);
    if (typeof sub === 'object') error ??= sub.error;
    const facts = factsOf(volume, around);
    const nested = facts.kind === 'projected' ? nestedMountpoints(pod, volume.name) : [];
    volumes.push({
      ...facts,
      target: target.startsWith('/') ? target : `/${target}`,
      name: volume.name,
      ...(mount.readOnly === true || facts.readOnly === true ? { readOnly: true } : {}),
      ...(typeof sub === 'string' && sub !== '' ? { subPath: sub } : {}),
      ...(nested.length === 0 ? {} : { mountpoints: nested }),
      ...(facts.kind === 'empty-dir' ? { ...sharing(pod, container, volume.name), ...subFolders(container, mount, sub) } : {}),
    });
  }
  return error === undefined ? { volumes } : { volumes, error };
}

/** A container that may write to the same volume: files in it are then nobody's guess. */
function sharing(pod: Pod, container: PodContainer, volume: string): Pick<Volume, 'shared'> {
  const spec = objectOf(pod.spec) ?? {};
  const init = objectsOf(spec.initContainers);
  const all = [...init, ...objectsOf(spec.containers), ...objectsOf(spec.ephemeralContainers)];
  const writes = (other: PodContainer): boolean =>
    other.name !== container.name &&
    objectsOf(other.volumeMounts).some((mount) => mount.name === volume && mount.readOnly !== true);
  const writers = all.filter(writes);
  // Mounted twice here, by a subPath that nobody knows before: that folder may be anywhere in the other.
  const own = objectsOf(container.volumeMounts).filter((mount) => mount.name === volume);
  const unclear = own.length > 1 && own.some(({ subPathExpr }) => (textOf(subPathExpr) ?? '') !== '');
  if (writers.length === 0) return unclear ? { shared: 'beside' } : {};
  const place = init.findIndex(({ name }) => name === container.name);
  const earlier = place === -1 ? init : init.slice(0, place);
  return { shared: writers.some((writer) => earlier.includes(writer)) ? 'before' : 'beside' };
}

/** What the other mounts of the volume in this container make of it before anything starts (kubelet_pods.go makeMounts): their subPaths. */
function subFolders(container: PodContainer, mount: VolumeMount, own: unknown): Pick<Volume, 'subFolders'> {
  const plain = (path: string): string =>
    path
      .split('/')
      .filter((part) => part !== '' && part !== '.')
      .join('/');
  const here = typeof own === 'string' ? plain(own) : '';
  const found = objectsOf(container.volumeMounts).flatMap((other): string[] => {
    const path = other.name === mount.name ? plain(textOf(other.subPath) ?? '') : '';
    if (here === '') return path === '' ? [] : [path];
    return path.startsWith(`${here}/`) ? [path.slice(here.length + 1)] : [];
  });
  return found.length === 0 ? {} : { subFolders: [...new Set(found)] };
}

function subPathOf(mount: VolumeMount, environment: PodEnvironment): string | { readonly error: string } | undefined {
  const expression = textOf(mount.subPathExpr);
  if (expression === undefined || expression === '') return textOf(mount.subPath);
  const missing = new Set<string>();
  const expanded = expand(expression, (name) => {
    const { variables } = environment;
    const value = variables.get(name);
    if (variables.has(name) && value === undefined) return '…';
    if (value === undefined || value === '') missing.add(name);
    return value ?? '';
  });
  return missing.size === 0 ? expanded : { error: `missing value for ${[...missing].sort().join(', ')}` };
}

type Facts = Omit<Volume, 'target'>;

function factsOf(volume: PodVolume, around: Surroundings): Facts {
  const { name: _, ...sources } = volume;
  const written = Object.entries(sources).filter(([, source]) => objectOf(source as object) !== undefined);
  // A volume that names no kind becomes an emptyDir (pkg/apis/core/v1/defaults.go SetDefaults_Volume).
  const type = written[0]?.[0] ?? 'emptyDir';
  switch (type) {
    case 'emptyDir':
      return { kind: 'empty-dir', type, ...mediumOf(textOf(objectOf(volume.emptyDir)?.medium)), ...limitOf(volume.emptyDir) };
    case 'configMap':
    case 'secret': {
      const source = (type === 'configMap' ? volume.configMap : volume.secret) ?? {};
      const name = textOf('secretName' in source ? source.secretName : 'name' in source ? source.name : undefined);
      const known = (type === 'configMap' ? around.configMaps : around.secrets)?.get(name ?? '');
      return {
        kind: 'projected',
        type,
        readOnly: true,
        ...keys(source, source.defaultMode, known, type === 'configMap' ? name : undefined),
      };
    }
    case 'downwardAPI': {
      const source = volume.downwardAPI ?? {};
      return { kind: 'projected', type, readOnly: true, files: items(source.items, modeOf(source.defaultMode)) };
    }
    case 'projected':
      return { kind: 'projected', type, readOnly: true, ...projected(volume, around) };
    case 'hostPath':
      return {
        kind: 'bind',
        type,
        source: textOf(volume.hostPath?.path) ?? '',
        ...(textOf(volume.hostPath?.type) ? { hostPathType: volume.hostPath?.type as string } : {}),
      };
    case 'persistentVolumeClaim': {
      const claim = volume.persistentVolumeClaim;
      const name = textOf(claim?.claimName) ?? '';
      return { ...external(type, around.claims?.get(name), around, false, claim?.readOnly === true), source: name };
    }
    case 'ephemeral':
      // The claim is named after pod and volume, and made anew for each pod.
      return external(type, undefined, around, false, false);
    case 'image':
      return { ...external(type, { type: 'image' }, around, true, true), ...sourceOf(volume.image?.reference) };
    default: {
      const source = objectOf(volume[type] as object) as {
        readOnly?: unknown;
        fsType?: unknown;
        driver?: unknown;
        path?: unknown;
      };
      const facts: PersistentVolume = {
        type,
        readOnly: source.readOnly === true,
        ...(textOf(source.fsType) === undefined ? {} : { fsType: source.fsType as string }),
        ...(textOf(source.driver) === undefined ? {} : { driver: source.driver as string }),
      };
      return { ...external(type, facts, around, true, source.readOnly === true), ...sourceOf(source.path ?? source.driver) };
    }
  }
}

function external(
  type: string,
  volume: PersistentVolume | undefined,
  around: Surroundings,
  inline: boolean,
  readOnly: boolean,
): Facts {
  if (volume?.type === 'hostPath' && !inline) {
    return { kind: 'bind', type, source: volume.path ?? '', ...(readOnly ? { readOnly: true } : {}) };
  }
  const answer =
    volume === undefined
      ? { answer: 'unknown' as const, source: 'nothing is known of the volume behind the claim' }
      : takesFsGroup(
          { ...volume, readOnly: readOnly || volume.readOnly === true },
          around.csiDrivers?.get(volume.driver ?? ''),
          inline,
        );
  return {
    kind: 'external',
    type,
    takesFsGroup: answer,
    ...(volume?.type === 'local' && volume.path !== undefined && volume.block !== true ? { nodePath: volume.path } : {}),
    ...(readOnly || volume?.readOnly === true ? { readOnly: true } : {}),
  };
}

const sourceOf = (value: unknown): { readonly source?: string } => (typeof value === 'string' ? { source: value } : {});

function mediumOf(medium: string | undefined): { readonly medium?: 'Memory' | 'HugePages' } {
  if (medium === 'Memory') return { medium };
  return medium?.startsWith('HugePages') === true ? { medium: 'HugePages' } : {};
}

/** Of memory the kubelet makes the tmpfs that large (pkg/volume/emptydir); on a disk it looks now and then, and evicts. */
function limitOf(emptyDir: PodVolume['emptyDir']): { readonly sizeLimit?: number } {
  const { medium, sizeLimit } = emptyDir ?? {};
  const bytes = medium === 'Memory' ? quantity(sizeLimit) : undefined;
  return bytes === undefined || bytes <= 0 ? {} : { sizeLimit: bytes };
}

/** The API's default where none is written. */
const modeOf = (mode: unknown): number => numberOf(mode) ?? 0o644;

interface Files {
  readonly files: readonly VolumeFile[];
  readonly otherFilesMode?: number;
}

/** The keys of one configMap or secret: its items, or all of them. */
function keys(
  source: { readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
  defaultMode: unknown,
  known: ReadonlyMap<string, string> | undefined,
  /** Of a ConfigMap: its texts are kept. */
  configMap?: string,
): Files {
  const mode = modeOf(defaultMode);
  const said = (key: string): Pick<VolumeFile, 'of'> => {
    const text = known?.get(key);
    return configMap === undefined || text === undefined || text === '' ? {} : { of: { name: configMap, key, text } };
  };
  if (listOf(source.items).length > 0) {
    // An optional object, or an optional key of it, may be missing.
    const files = objectsOf(source.items).filter(
      (item) => known === undefined || source.optional !== true || known.has(item.key),
    );
    return { files: files.flatMap((item) => items([item], mode).map((file) => ({ ...file, ...said(item.key) }))) };
  }
  if (known === undefined) return { files: [], otherFilesMode: mode };
  return { files: [...known.keys()].map((path) => ({ path, mode, ...said(path) })) };
}

function items(list: readonly { readonly path: string; readonly mode?: number }[] | undefined, mode: number): VolumeFile[] {
  return objectsOf(list).flatMap((item) => {
    const path = textOf(item.path);
    return path === undefined ? [] : [{ path, mode: numberOf(item.mode) ?? mode }];
  });
}

function projected(volume: PodVolume, around: Surroundings): Files {
  const mode = modeOf(volume.projected?.defaultMode);
  const files = new Map<string, VolumeFile>();
  let otherFilesMode: number | undefined;
  const put = (file: VolumeFile): void => {
    files.set(file.path, file);
  };
  const credential = (path: unknown): void => {
    if (typeof path === 'string' && path !== '') put({ path, mode, credential: true });
  };
  for (const source of objectsOf(volume.projected?.sources)) {
    const named = objectOf(source.configMap) ?? objectOf(source.secret);
    if (named !== undefined) {
      const known = (source.configMap !== undefined ? around.configMaps : around.secrets)?.get(textOf(named.name) ?? '');
      const name = source.configMap === undefined ? undefined : textOf(named.name);
      const found = keys(named, mode, known, name);
      for (const file of found.files) put(file);
      otherFilesMode ??= found.otherFilesMode;
    }
    for (const file of items(source.downwardAPI?.items, mode)) put(file);
    credential(source.serviceAccountToken?.path);
    credential(source.clusterTrustBundle?.path);
    credential(source.podCertificate?.keyPath);
    credential(source.podCertificate?.certificateChainPath);
    credential(source.podCertificate?.credentialBundlePath);
  }
  return { files: [...files.values()], ...(otherFilesMode === undefined ? {} : { otherFilesMode }) };
}
