/** Volumes and mounts of a pod that the API server refuses. */
import { objectOf, objectsOf, textOf } from '../workload/formats/kubernetes/json-value.ts';
import type { PodContainer, PodSpec, PodVolume } from '../workload/formats/kubernetes/pod-spec.ts';
import { invalid, required, unsupported } from './field-errors.ts';

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export interface VolumeErrors {
  readonly errors: readonly string[];
  /** Names of the volumes that are right: only those can be mounted. */
  readonly known: ReadonlySet<string>;
}

export function volumeErrors(spec: PodSpec): VolumeErrors {
  const errors: string[] = [];
  const known = new Set<string>();
  for (const [at, volume] of objectsOf(spec.volumes).entries()) {
    const path = `spec.volumes[${at}]`;
    const found = errorsOf(volume, path);
    if (known.has(volume.name)) found.push(`${path}.name: Duplicate value: ${JSON.stringify(volume.name)}`);
    errors.push(...found);
    if (found.length === 0) known.add(volume.name);
  }
  return { errors, known };
}

function modeError(value: unknown, path: string): string[] {
  if (typeof value !== 'number' || (value >= 0 && value <= 0o777)) return [];
  return [`${path}: Invalid value: ${value}: must be a number between 0 and 0777 (octal), both inclusive`];
}

/** A mode written as 644 instead of 0644 is decimal, and too large. */
function errorsOf(volume: PodVolume, path: string): string[] {
  const modes = (value: unknown, at: string): string[] => {
    const source = objectOf(value as { readonly defaultMode?: number; readonly items?: readonly { readonly mode?: number }[] });
    if (source === undefined) return [];
    return [
      ...modeError(source.defaultMode, `${at}.defaultMode`),
      ...objectsOf(source.items).flatMap((item, index) => modeError(item.mode, `${at}.items[${index}].mode`)),
    ];
  };
  return [
    ...hostPathErrors(volume, `${path}.hostPath`),
    ...modes(volume.secret, `${path}.secret`),
    ...modes(volume.configMap, `${path}.configMap`),
    ...modes(volume.downwardAPI, `${path}.downwardAPI`),
    ...modeError(volume.projected?.defaultMode, `${path}.projected.defaultMode`),
    ...objectsOf(volume.projected?.sources).flatMap((source, at) => {
      const place = `${path}.projected.sources[${at}]`;
      return [
        ...modes(source.secret, `${place}.secret`),
        ...modes(source.configMap, `${place}.configMap`),
        ...modes(source.downwardAPI, `${place}.downwardAPI`),
      ];
    }),
  ];
}

function hostPathErrors(volume: PodVolume, path: string): string[] {
  const source = objectOf(volume.hostPath);
  if (source === undefined) return [];
  const place = textOf(source.path) ?? '';
  if (place === '') return [required(`${path}.path`, '').replace(/: $/, '')];
  return [
    ...(place.split('/').includes('..') ? [invalid(place, `${path}.path`, "must not contain '..'")] : []),
    ...unsupported(source.type, `${path}.type`, HOST_PATH_TYPES),
  ];
}

export function mountErrors(container: PodContainer, names: ReadonlySet<string>, path: string): readonly string[] {
  const places = new Set<string>();
  return objectsOf(container.volumeMounts).flatMap((mount, at) => {
    const errors: string[] = [];
    if (!names.has(mount.name)) errors.push(`${path}[${at}].name: Not found: ${JSON.stringify(mount.name)}`);
    if (places.has(mount.mountPath))
      errors.push(`${path}[${at}].mountPath: Invalid value: ${JSON.stringify(mount.mountPath)}: must be unique`);
    places.add(mount.mountPath);
    const sub = textOf(mount.subPath) ?? '';
    if (sub.startsWith('/')) errors.push(`${path}.subPath: Invalid value: ${JSON.stringify(sub)}: must be a relative path`);
    if (sub.split('/').includes('..'))
      errors.push(`${path}.subPath: Invalid value: ${JSON.stringify(sub)}: must not contain '..'`);
    return errors;
  });
}
