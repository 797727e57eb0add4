/** Writes an image as `docker save` does, for `docker load`: plain layer tars, the config, and manifest.json. */
import type { Digest, Image } from '../image.ts';
import { familiarToFull } from '../reference.ts';
import { paddingFor, TAR_END, tarHeader } from '../tar-writer.ts';
import { publish } from './publish.ts';
import { createFile } from './write-stream.ts';

export interface DockerArchiveOptions {
  /** `name:tag`, given to the image when it is loaded. */
  readonly names?: readonly string[];
  /** Layers that the reader has already, by diff id: they are named, their contents are left out. Default: none. */
  readonly without?: ReadonlySet<Digest>;
  readonly signal?: AbortSignal;
}

/** Writes the archive; an existing file is replaced when everything is there. */
export async function writeDockerArchive(image: Image, file: string, options: DockerArchiveOptions = {}): Promise<void> {
  const hex = image.configDigest.slice(image.configDigest.indexOf(':') + 1);
  const layerNames = image.layers.map((layer) => `${layer.diffId.slice(layer.diffId.indexOf(':') + 1)}.tar`);
  const manifest = [{ Config: `${hex}.json`, RepoTags: (options.names ?? []).map(withoutDefaultHost), Layers: layerNames }];
  await publish(file, 'archive.tar', async (path) => {
    const out = createFile(path, options.signal);
    try {
      const member = (name: string, bytes: Uint8Array): Promise<void> =>
        out.append([header(name, bytes.length), bytes, padding(bytes.length)]);
      const written = new Set<string>();
      for (const [i, name] of layerNames.entries()) {
        if (written.has(name) || options.without?.has(image.layers[i]!.diffId) === true) continue;
        written.add(name);
        const size = await layerSize(image, i);
        await out.append([header(name, size)]);
        await out.append(image.openLayer(i));
        await out.append([padding(size)]);
      }
      await member(`${hex}.json`, image.rawConfig);
      await member('manifest.json', new TextEncoder().encode(JSON.stringify(manifest)));
      await out.append([TAR_END]);
    } finally {
      await out.close();
    }
  });
}

const header = (name: string, size: number): Uint8Array => tarHeader({ name, type: 'file', mode: 0o644, uid: 0, gid: 0, size });
const padding = (size: number): Uint8Array => new Uint8Array(paddingFor(size));

/** The header stands before the content, so a compressed layer is unpacked twice: once to count. */
async function layerSize(image: Image, index: number): Promise<number> {
  const layer = image.layers[index]!;
  if (layer.compression === 'none') return layer.size;
  let size = 0;
  for await (const chunk of image.openLayer(index)) size += chunk.length;
  return size;
}

/** Docker lists its own images without the host; podman completes them again. */
function withoutDefaultHost(name: string): string {
  return familiarToFull(name).replace(/^docker\.io\/(?:library\/)?/, '');
}
