/** Puts an image at podman's disposal for a while: under a name of ours, so that nobody's own image is ever removed. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../error.ts';
import type { Digest, Image } from '../../image/image.ts';
import { writeOciLayout } from '../../image/sinks/index.ts';
import type { EngineOptions } from '../engine.ts';
import { type Registration, register, undo } from '../reaper.ts';
import type { PodmanContext } from './container.ts';

/** Names of ours: on an image that this program brought, and on one that was there before. */
const BROUGHT = 'localhost/unroot-brought-';
const GUEST = 'localhost/unroot-guest-';

export interface BorrowedImage {
  readonly reference: string;
  giveBack(): Promise<void>;
}

interface Inspected {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
}

/**
 * An image podman has already (by reference, or by the digest of its configuration, which is podman's image id) gets one more name; any
 * other is loaded under that name. Giving back takes the name away; the image itself goes only when no other name was ever on it.
 * `held` are the layers of the images borrowed so far: a derived image brings only what is new.
 */
export async function borrowImage(
  context: PodmanContext,
  image: Image,
  held: Set<Digest>,
  options: EngineOptions = {},
): Promise<BorrowedImage> {
  const { client } = context;
  const call = options.signal ? { signal: options.signal } : {};
  const present = await find(context, image, options);
  const names = present?.RepoTags ?? [];
  // Only such names on it: other runs of this program brought it, and the last one to leave removes it.
  const kept = present !== undefined && (names.length === 0 || names.some((each) => !each.startsWith(BROUGHT)));
  const name = `${kept ? GUEST : BROUGHT}${context.newName()}:run`;
  const undoing = kept ? ['untag', name, name] : ['rmi', '--ignore', name];
  const registration = register(undo.command(...client.argv, ...undoing));
  let given: Promise<void> | undefined;
  const giveBack = (): Promise<void> => {
    given ??= (async () => {
      // Another run may just be writing back the names that it read before ours was gone: then it is there again.
      for (let attempt = 1; ; attempt++) {
        const result = await client.run(undoing);
        const gone = (await client.run(['image', 'exists', name])).code === 1;
        if (gone) break;
        if (attempt < 5 && result.code === 0) continue;
        if (/not known|does not exist|no such/i.test(result.stderr)) break;
        throw new UnrootError(`podman ${undoing[0]} ${name} failed: ${result.stderr.trim()}`, { code: 'engine.failed' });
      }
      registration.release();
    })();
    return given;
  };
  try {
    if (present !== undefined) await client.need(['tag', present.Id, name], call);
    else {
      options.onProgress?.(`loading ${image.reference} into podman`);
      await load(context, image, name, held, options);
    }
    for (const layer of image.layers) held.add(layer.digest);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return { reference: name, giveBack };
}

async function find(context: PodmanContext, image: Image, options: EngineOptions): Promise<Inspected | undefined> {
  const candidates = [
    ...(image.transport === 'containers-storage' && image.storeReference ? [image.storeReference] : []),
    image.configDigest.replace(/^sha256:/, ''),
  ];
  for (const candidate of candidates) {
    const result = await context.client.run(
      ['image', 'inspect', '--format=json', candidate],
      options.signal ? { signal: options.signal } : {},
    );
    if (result.code === 0) return (JSON.parse(result.stdout) as Inspected[])[0];
  }
  return undefined;
}

/**
 * Podman names an image from a folder after the folder (relative, because a path may hold capitals, which a name may not). That name is
 * ours alone, and goes as soon as the other one is on it.
 */
async function load(
  context: PodmanContext,
  image: Image,
  name: string,
  held: ReadonlySet<Digest>,
  options: EngineOptions,
): Promise<void> {
  const { client } = context;
  const call = options.signal ? { signal: options.signal } : {};
  const inside = name.slice('localhost/'.length).replace(/:run$/, '-layout');
  const folder = join(context.folder, inside);
  const provisional = `localhost/${inside}:latest`;
  const registration = register(undo.command(...client.argv, 'rmi', '--ignore', provisional));
  // Without us a pull would go on, and end after the name was looked for and not found. The newest entry goes first: it ends before that.
  let pulling: Registration | undefined;
  const onSpawn = (pid: number): void => {
    pulling?.release();
    pulling = register(undo.kill(pid));
  };
  try {
    const pull = async (without: ReadonlySet<Digest>): Promise<string> => {
      await writeOciLayout(image, folder, { tag: 'run', hardLinks: true, without, ...call });
      const from = { ...call, cwd: context.folder, timeoutMs: 600_000, onSpawn };
      return (await client.need(['pull', '--quiet', `oci:${inside}:run`], from)).trim();
    };
    const id = await pull(held).catch((error: unknown) => {
      // Podman may know a layer by another digest (it was compressed differently), or not any more: everything, then.
      const thin = image.layers.some(({ digest }) => held.has(digest));
      if (thin && error instanceof UnrootError && error.code === 'engine.failed') return pull(new Set());
      throw error;
    });
    await client.need(['tag', id, name], call);
  } finally {
    pulling?.release();
    await client.run(['untag', provisional, provisional]);
    registration.release();
    rmSync(folder, { recursive: true, force: true });
  }
}
