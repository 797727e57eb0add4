/** Unpacked layers, kept between runs: one folder per chain of layers, made once, used by many, the least recently used going first. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../error.ts';
import type { Image } from '../../image/image.ts';
import { createTarStream } from '../../image/tar.ts';
import type { EngineOptions } from '../engine.ts';
import { processAlive } from '../proc.ts';
import { register, undo } from '../reaper.ts';
import type { UnpackedLayer } from './layer-writer.ts';
import { cacheFolder, cacheLimit } from './locate.ts';
import { mergedLayers } from './merged.ts';
import { layerWriter } from './unpack.ts';

/** The part of an image that is unpacked. */
export type LayerSource = Pick<Image, 'reference' | 'layers' | 'openLayer'>;

/** An image's layers on disk, held against pruning until released. */
export interface StoredLayers {
  /** Roots of the layers in overlayfs form, bottom first. */
  readonly folders: readonly string[];
  /** What could not be unpacked as the layers say it. */
  readonly notes: readonly string[];
  release(): void;
}

export interface StoreOptions extends EngineOptions {
  /** As of the profile whose engine is played. Default: false. */
  readonly listsSetLast?: boolean;
  /** The cache to use instead of this user's own. */
  readonly folder?: string;
}

/** Change it when the form on disk changes: older caches are then left alone and pruned by their own version. */
const VERSION = 'layers-2';

/** Unpacks what is not there yet. Two processes may do so at once: each makes its own copy, the first to finish wins. */
export async function storeLayers(image: LayerSource, options: StoreOptions = {}): Promise<StoredLayers> {
  const store = join(options.folder ?? cacheFolder(), VERSION);
  mkdirSync(store, { recursive: true, mode: 0o700 });
  const held: string[] = [];
  const folders: string[] = [];
  const notes = new Set<string>();
  const release = (): void => {
    for (const file of held.splice(0)) rmSync(file, { force: true });
  };
  try {
    let chain = '';
    for (const [index, layer] of image.layers.entries()) {
      // The chain and not the layer alone: a parent directory a layer does not list looks as the layers below have it.
      chain = createHash('sha256')
        .update(`${chain === '' && options.listsSetLast ? 'lists last' : chain} ${layer.diffId}`)
        .digest('base64url');
      // 132 bits of the hash: overlayfs takes all folders of an image in one page of mount options.
      const home = join(store, chain.slice(0, 22));
      let meta = hold(home, held);
      if (!meta) {
        options.onProgress?.(`unpacking layer ${index + 1} of ${image.layers.length}`);
        await unpack(image, index, store, home, folders, options);
        meta = hold(home, held);
        if (!meta)
          throw new UnrootError(`the unpacked layer ${home} vanished`, {
            code: 'engine.cache',
            hint: 'is the cache folder being cleared?',
          });
      }
      for (const note of meta.notes) notes.add(note);
      folders.push(join(home, 'f'));
    }
    prune(store, cacheLimit());
    return { folders, notes: [...notes], release };
  } catch (error) {
    release();
    throw error;
  }
}

async function unpack(
  image: LayerSource,
  index: number,
  store: string,
  home: string,
  below: readonly string[],
  options: StoreOptions,
): Promise<void> {
  const temporary = join(store, `.new-${process.pid}-${randomBytes(6).toString('hex')}`);
  const registration = register(undo.remove(temporary));
  const folder = join(temporary, 'f');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(join(temporary, 'used'));
  const writer = layerWriter(folder, temporary, mergedLayers(below.toReversed()), options.listsSetLast === true);
  try {
    const where = { image: image.reference, layer: index };
    const tar = createTarStream((entry) => writer.begin(entry), { where, what: `layer ${index + 1} of ${image.reference}` });
    for await (const chunk of image.openLayer(index)) {
      tar.push(chunk);
      if (options.signal?.aborted) throw interrupted();
    }
    tar.end();
    const { entries, bytes, notes } = writer.finish();
    const meta: UnpackedLayer & { diffId: string } = { diffId: image.layers[index]!.diffId, entries, bytes, notes };
    writeFileSync(join(temporary, 'meta.json'), JSON.stringify(meta));
    try {
      renameSync(temporary, home);
    } catch (error) {
      // Another process was faster: its folder holds the same bytes.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  } finally {
    writer.abort();
    rmSync(temporary, { recursive: true, force: true });
    registration.release();
  }
}

/** Says "in use by us", then looks: in this order, so that a pruning process either sees our mark or we see its absence. */
function hold(home: string, held: string[]): UnpackedLayer | undefined {
  const mark = join(home, 'used', `${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    writeFileSync(mark, '');
    const meta = JSON.parse(readFileSync(join(home, 'meta.json'), 'utf8')) as UnpackedLayer;
    const now = Date.now() / 1000;
    utimesSync(home, now, now);
    held.push(mark);
    return meta;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes least recently used layers nobody holds until the rest is below the limit. Returns the number of bytes removed. */
export function prune(store: string, limit: number): number {
  const layers = readdirSync(store)
    .flatMap((name) => {
      const home = join(store, name);
      try {
        const { mtimeMs } = statSync(home);
        // A temporary folder of a process that is gone and whose reaper died with it (a power cut).
        if (name.startsWith('.')) {
          if (!processAlive(Number(/^\.\w+-(\d+)-/.exec(name)?.[1] ?? 0))) rmSync(home, { recursive: true, force: true });
          return [];
        }
        const meta = JSON.parse(readFileSync(join(home, 'meta.json'), 'utf8')) as UnpackedLayer;
        // An entry takes about a block besides its content.
        return [{ home, name, used: mtimeMs, size: meta.bytes + meta.entries * 4096 }];
      } catch {
        // Somebody else is removing it.
        return [];
      }
    })
    .sort((a, b) => a.used - b.used);
  let total = layers.reduce((sum, { size }) => sum + size, 0);
  let removed = 0;
  for (const { home, name, size } of layers) {
    if (total <= limit) break;
    if (inUse(home)) continue;
    const away = join(store, `.old-${process.pid}-${name}`);
    try {
      renameSync(home, away);
    } catch {
      continue;
    }
    if (inUse(away)) {
      // Taken in the moment between.
      renameSync(away, home);
      continue;
    }
    rmSync(away, { recursive: true, force: true });
    total -= size;
    removed += size;
  }
  return removed;
}

function inUse(home: string): boolean {
  try {
    return readdirSync(join(home, 'used')).some((mark) => {
      if (processAlive(Number(mark.split('-')[0]))) return true;
      rmSync(join(home, 'used', mark), { force: true });
      return false;
    });
  } catch {
    return false;
  }
}

function interrupted(): UnrootError {
  return new UnrootError('interrupted while unpacking the image', { code: 'engine.interrupted', exitCode: 130 });
}
