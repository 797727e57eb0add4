/** Texts that a platform mounts into a container and that are at hand: the files of ConfigMaps, and of binds that were read, by the path at which the program finds them. */
import type { ContainerSettings, Volume } from './container.ts';

export interface MountedFile {
  readonly path: string;
  /** Of the ConfigMap; the path of a bound file. */
  readonly name: string;
  readonly key: string;
  readonly text: string;
  /** It is nobody's to change. */
  readonly fixed?: true;
}

export interface MountedFiles {
  readonly files: readonly MountedFile[];
  /** Folders whose own files are hidden. */
  readonly folders: readonly string[];
}

const plain = (path: string): string => path.replace(/\/+$/, '') || '/';

export function mountedFiles({
  volumes = [],
  writtenFiles = [],
}: Pick<ContainerSettings, 'volumes' | 'writtenFiles'>): MountedFiles {
  const files = new Map<string, MountedFile>();
  const folders: string[] = [];
  for (const volume of volumes) {
    if (volume.kind !== 'projected' && volume.kind !== 'bind') continue;
    const own = filesOf(volume);
    for (const file of own) files.set(file.path, file);
    if (own.length > 0 && own.every(({ path }) => path !== plain(volume.target))) folders.push(plain(volume.target));
  }
  for (const { path, text } of writtenFiles)
    if (text !== undefined) files.set(path, { path, name: path, key: '', text, fixed: true });
  return { files: [...files.values()], folders };
}

function filesOf({ target, subPath, files = [] }: Volume): readonly MountedFile[] {
  const sub = subPath === undefined ? undefined : plain(subPath);
  return files.flatMap(({ path, of }): readonly MountedFile[] => {
    if (of === undefined) return [];
    if (path === '') return [{ ...of, path: plain(target) }];
    if (sub === undefined) return [{ ...of, path: `${plain(target)}/${path}`.replace(/^\/\//, '/') }];
    if (path === sub) return [{ ...of, path: plain(target) }];
    return path.startsWith(`${sub}/`) ? [{ ...of, path: `${plain(target)}${path.slice(sub.length)}` }] : [];
  });
}
