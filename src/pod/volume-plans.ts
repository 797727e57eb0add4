/** What stands in for each volume of a pod: the files a kubelet would write into it, with their content, owners and modes. Pure. */

import { withFsGroup } from '../launch/fs-group.ts';
import { fsUserOf } from '../launch/fs-user.ts';
import type { MountEntry } from '../launch/launch.ts';
import { PAYLOAD, projectedFiles } from '../launch/projected-files.ts';
import type { Inode } from '../linux/inode.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Volume } from '../workload/container.ts';
import { isMapping, type KubernetesObject } from '../workload/formats/kubernetes/objects.ts';
import type { KeyToPath, Pod, PodVolume, ProjectedSource } from '../workload/formats/kubernetes/pod-spec.ts';
import type { WorkloadContainer } from '../workload/workload.ts';

export interface WrittenEntry extends MountEntry {
  /** Of files. */
  readonly content?: Uint8Array;
}

export interface VolumePlan {
  readonly name: string;
  /** `node`: a folder of the node that a PersistentVolume names. */
  readonly place: 'disk' | 'memory' | 'host' | 'node';
  /** Of the volume's root, when it is made. */
  readonly root: Inode;
  readonly entries: readonly WrittenEntry[];
  /** memory: bytes. */
  readonly sizeLimit?: number;
  /** hostPath, `node`. */
  readonly path?: string;
  /** `node`: the group its files are given to first. */
  readonly fsGroup?: { readonly gid: number; readonly onRootMismatch: boolean };
  readonly hostPathType?: string;
  /** Why the kubelet cannot set it up: the pod stays in ContainerCreating. */
  readonly failure?: string;
  /** What this stands in for. */
  readonly note?: string;
}

/**
 * `objects`: ConfigMaps and Secrets written beside the pod. `nodeAtHand`: the folders of the node can be used. Volumes that no container mounts
 * are left out.
 */
export function volumePlans(
  pod: Pod,
  containers: readonly WorkloadContainer[],
  objects: readonly KubernetesObject[],
  profile: PlatformProfile,
  nodeAtHand = false,
): readonly VolumePlan[] {
  const mounted = new Map<string, { volume: Volume; container: WorkloadContainer }>();
  for (const container of containers)
    for (const volume of container.settings.volumes ?? [])
      if (volume.name !== undefined && !mounted.has(volume.name)) mounted.set(volume.name, { volume, container });
  const declared = new Map((pod.spec?.volumes ?? []).map((volume) => [volume.name, volume]));
  return [...mounted].map(([name, { volume, container }]): VolumePlan => {
    const { settings } = container;
    const { fsGroup } = settings;
    const given = (root: Inode): Inode => (fsGroup === undefined ? root : withFsGroup(root, fsGroup));
    const folder = (mode: number): Inode => ({ type: 'directory', uid: 0, gid: 0, mode });
    switch (volume.kind) {
      case 'empty-dir': {
        const memory = volume.medium === 'Memory';
        const limit = volume.sizeLimit === undefined ? {} : { sizeLimit: volume.sizeLimit };
        return {
          name,
          place: memory ? 'memory' : 'disk',
          root: given(folder(memory ? 0o1777 : 0o777)),
          entries: [],
          ...(memory ? limit : {}),
        };
      }
      case 'projected': {
        const source = declared.get(name) ?? tokenVolume(name);
        const contents = contentsOf(source, pod, objects, settings.pod?.namespace);
        if (typeof contents === 'string') return { name, place: 'disk', root: folder(0o777), entries: [], failure: contents };
        // The files are those that are really there: an object written beside the pod is all known.
        const known: Volume = { ...volume, files: volume.files ?? [] };
        const entries = projectedFiles(known, { fsGroup, fsUser: fsUserOf(settings, profile) });
        const [root, ...rest] = entries.map((entry) => withContent(entry, contents));
        return { name, place: 'disk', root: root!.inode, entries: rest };
      }
      case 'bind':
        return {
          name,
          place: 'host',
          root: folder(0o755),
          entries: [],
          path: volume.source ?? '',
          ...(volume.hostPathType === undefined ? {} : { hostPathType: volume.hostPathType }),
        };
      default: {
        // Of a claim nobody knows the driver here: most, with a file system on a disk, do as fsGroup says.
        const takes = volume.takesFsGroup?.answer ?? 'unknown';
        if (volume.nodePath !== undefined && nodeAtHand) {
          const onRootMismatch = settings.fsGroupChangePolicy === 'OnRootMismatch';
          return {
            name,
            place: 'node',
            root: folder(0o755),
            entries: [],
            path: volume.nodePath,
            ...(fsGroup === undefined || takes === 'no' ? {} : { fsGroup: { gid: fsGroup, onRootMismatch } }),
          };
        }
        const what = `volume ${name} (${volume.type ?? volume.kind}${volume.source ? ` ${volume.source}` : ''}): a new, empty folder of root stands in for it`;
        const group =
          fsGroup === undefined || takes === 'no'
            ? ''
            : `, of group ${fsGroup} as fsGroup says${takes === 'yes' ? '' : ' (not every driver heeds it: NFS does not)'}`;
        return {
          name,
          place: 'disk',
          root: takes === 'no' ? folder(0o755) : given(folder(0o755)),
          entries: [],
          note: what + group,
        };
      }
    }
  });
}

/** The one that admission adds: kube-api-access. */
const tokenVolume = (name: string): PodVolume => ({
  name,
  projected: {
    sources: [
      { serviceAccountToken: { path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }], optional: true } },
      { downwardAPI: { items: [{ path: 'namespace' }] } },
    ],
  },
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function withContent(entry: MountEntry, contents: ReadonlyMap<string, Uint8Array>): WrittenEntry {
  if (entry.inode.type !== 'file') return entry;
  const path = entry.path.startsWith(`${PAYLOAD}/`) ? entry.path.slice(PAYLOAD.length + 1) : entry.path;
  return { ...entry, content: contents.get(path) ?? bytes('') };
}

/** Path → content; a text when the kubelet would wait for an object that is not there. */
function contentsOf(
  volume: PodVolume,
  pod: Pod,
  objects: readonly KubernetesObject[],
  namespace: string | undefined,
): ReadonlyMap<string, Uint8Array> | string {
  const contents = new Map<string, Uint8Array>();
  const add = (
    kind: 'ConfigMap' | 'Secret',
    name: string,
    optional: boolean,
    items?: readonly KeyToPath[],
  ): string | undefined => {
    const data = dataOf(objects, kind, name, namespace);
    if (data === undefined) {
      const what = `${kind.toLowerCase()} "${name}" not found`;
      return optional ? undefined : `MountVolume.SetUp failed for volume "${volume.name}" : ${what}`;
    }
    for (const { key, path } of items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }))) {
      const content = data.get(key);
      if (content !== undefined) contents.set(path, content);
      else if (!optional)
        return `MountVolume.SetUp failed for volume "${volume.name}" : ${kind === 'ConfigMap' ? 'configmap' : 'secret'} references non-existent ${kind === 'ConfigMap' ? 'config' : 'secret'} key: ${key}`;
    }
    return undefined;
  };
  const downward = (items: readonly { readonly path: string }[] | undefined): void => {
    for (const item of items ?? []) contents.set(item.path, bytes(fieldOf(item, pod, namespace)));
  };
  const each = (source: ProjectedSource): string | undefined => {
    if (source.configMap) {
      const { name = '', optional, items } = source.configMap;
      // Every cluster has it in every namespace.
      if (name === 'kube-root-ca.crt' && dataOf(objects, 'ConfigMap', name, namespace) === undefined) {
        contents.set('ca.crt', bytes(''));
        return undefined;
      }
      return add('ConfigMap', name, optional === true, items);
    }
    if (source.secret) return add('Secret', source.secret.name ?? '', source.secret.optional === true, source.secret.items);
    downward(source.downwardAPI?.items);
    if (source.serviceAccountToken) contents.set(source.serviceAccountToken.path, bytes('unroot.no-cluster.no-token'));
    return undefined;
  };
  let failure: string | undefined;
  if (volume.configMap)
    failure = add('ConfigMap', volume.configMap.name ?? '', volume.configMap.optional === true, volume.configMap.items);
  else if (volume.secret)
    failure = add('Secret', volume.secret.secretName ?? '', volume.secret.optional === true, volume.secret.items);
  else if (volume.downwardAPI) downward(volume.downwardAPI.items);
  else for (const source of volume.projected?.sources ?? []) failure ??= each(source);
  return failure ?? contents;
}

function dataOf(
  objects: readonly KubernetesObject[],
  kind: 'ConfigMap' | 'Secret',
  name: string,
  namespace: string | undefined,
): ReadonlyMap<string, Uint8Array> | undefined {
  const all = objects.filter((object) => object.kind === kind && object.name === name);
  const found = all.find((object) => object.namespace === namespace) ?? all.find((object) => object.namespace === undefined);
  if (found === undefined) return undefined;
  const { value } = found;
  const texts = (field: string): [string, string][] =>
    isMapping(value[field])
      ? Object.entries(value[field]).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
      : [];
  const plain = texts(kind === 'ConfigMap' ? 'data' : 'stringData');
  const coded = texts(kind === 'ConfigMap' ? 'binaryData' : 'data');
  return new Map([
    ...coded.map(([key, text]) => [key, decoded(text)] as const),
    ...plain.map(([key, text]) => [key, bytes(text)] as const),
  ]);
}

function decoded(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  } catch {
    return bytes(''); // no base64: the API server refuses such an object
  }
}

/** metadata fields as the downward API writes them: maps as `key="value"` lines (pkg/fieldpath). */
function fieldOf(item: { readonly path: string }, pod: Pod, namespace: string | undefined): string {
  const path = (item as { readonly fieldRef?: { readonly fieldPath?: string } }).fieldRef?.fieldPath;
  if (path === undefined) return item.path === 'namespace' ? (namespace ?? 'default') : '';
  const { metadata = {} } = pod;
  const lines = (map: Readonly<Record<string, string>> = {}): string =>
    Object.entries(map)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join('\n');
  if (path === 'metadata.labels') return lines(metadata.labels);
  if (path === 'metadata.annotations') return lines(metadata.annotations);
  const one = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (one) return metadata[one[1] as 'labels' | 'annotations']?.[one[2]!] ?? '';
  return path === 'metadata.name'
    ? (metadata.name ?? '')
    : path === 'metadata.namespace'
      ? (namespace ?? 'default')
      : (metadata.uid ?? '');
}
