/** Where owner and mode of a path come from: a layer and its line of the Dockerfile, a mount, or the engine. */
import type { Layer, RootFs } from '../image/image.ts';
import { CONTAINER_ENV, ENGINE_FILES } from '../launch/file-tree.ts';
import type { Launch } from '../launch/launch.ts';
import type { Component, LayerOrigin, MountOrigin } from './explanation.ts';
import { mountOver } from './seen-tree.ts';

/** As much of an image as its layers' story takes. */
export interface Story {
  readonly launch: Launch;
  readonly rootFs: RootFs;
  readonly layers: readonly Pick<Layer, 'digest' | 'createdBy'>[];
}

export function originOf(path: string, { launch, rootFs, layers }: Story): Pick<Component, 'layer' | 'mount' | 'madeBy'> {
  if (ENGINE_FILES.has(path) || (path === CONTAINER_ENV && rootFs.get(path) === undefined))
    return { madeBy: 'written by the engine and mounted over the file of the image' };
  const mount = mountOver(path, launch.mounts);
  const entry = rootFs.get(path);
  const { rootDirectoryMode, name, sources } = launch.platform;
  if (path === '/' && rootDirectoryMode !== undefined && rootDirectoryMode !== entry?.mode)
    return {
      madeBy: `${name} sets its mode, whatever the layers say${sources.rootDirectoryMode === undefined ? '' : ` (${sources.rootDirectoryMode})`}`,
    };
  if (mount === undefined && entry?.passedBy !== undefined && launch.platform.unlistedDirectoriesMadeAnew === true)
    return { madeBy: `layer ${entry.passedBy} has something in it without listing it: ${name} makes it anew, root's and 0755` };
  if (mount === undefined) {
    if (entry !== undefined) return { layer: layerOrigin(entry.layer, layers) };
    return {
      madeBy:
        path === launch.cwd ? 'made by the engine: the working directory' : 'made by the runtime: something is mounted in it',
    };
  }
  const copied = mount.copiesImageContent === true && entry !== undefined;
  return { mount: mountOrigin(mount), ...(copied ? { layer: layerOrigin(entry.layer, layers) } : {}) };
}

function mountOrigin({ target, type, source, readOnly, options, origin }: Launch['mounts'][number]): MountOrigin {
  return { target, type, ...(source === undefined ? {} : { source }), readOnly, options, origin };
}

function layerOrigin(index: number, layers: Story['layers']): LayerOrigin {
  const layer = layers[index];
  const createdBy = layer?.createdBy === undefined ? '' : instruction(layer.createdBy);
  return {
    index,
    ...(layer === undefined ? {} : { digest: layer.digest }),
    ...(createdBy === '' ? {} : { createdBy }),
  };
}

/**
 * A line of the image's history as it stood in the Dockerfile. Builders write `/bin/sh -c #(nop) COPY …` and `/bin/sh -c apt-get …` (Docker
 * before BuildKit, Buildah) or `COPY … # buildkit` and `RUN /bin/sh -c apt-get … # buildkit`.
 */
export function instruction(createdBy: string): string {
  const line = createdBy
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/ # buildkit$/, '');
  const nop = /^\/bin\/sh -c #\(nop\) ?(.*)$/.exec(line)?.[1];
  if (nop !== undefined) return nop.trim();
  const shell = /^(?:RUN )?\/bin\/sh -c (.*)$/.exec(line)?.[1];
  return shell === undefined ? line : `RUN ${shell}`;
}
