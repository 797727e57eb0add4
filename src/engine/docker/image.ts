/** Puts an image at the daemon's disposal for a while: under a name of ours, so that nobody's own image is ever removed. */
import { createReadStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../error.ts';
import type { Digest, Image } from '../../image/image.ts';
import { writeDockerArchive } from '../../image/sinks/index.ts';
import type { EngineOptions } from '../engine.ts';
import { register } from '../reaper.ts';
import type { DockerContext } from './container.ts';

const REPOSITORY = 'unroot-borrowed';
const NONE: ReadonlySet<Digest> = new Set();

export interface BorrowedImage {
  readonly reference: string;
  /** The image's own environment, as the daemon knows it. */
  readonly env: readonly string[];
  giveBack(): Promise<void>;
}

interface Inspected {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Config?: { readonly Env?: readonly string[] | null };
}

/**
 * An image the daemon has already is used under its id, with a name of ours beside the user's so that it stays while we run; one without
 * any name stays without, because Docker would delete it together with its last name. Any other image is loaded. `held` are the layers
 * of the images borrowed so far, by diff id: a derived image brings only what is new. Undefined = this daemon wants all of them each time.
 */
export async function borrowImage(
  context: DockerContext,
  image: Image,
  held: Set<Digest> | undefined,
  options: EngineOptions = {},
): Promise<BorrowedImage> {
  const { api } = context;
  const call = options.signal ? { signal: options.signal } : {};
  const tag = context.newName();
  const name = `${REPOSITORY}:${tag}`;
  const present = await find(context, image);
  if (present !== undefined && !present.RepoTags?.length) {
    return { reference: present.Id, env: present.Config?.Env ?? [], giveBack: async () => {} };
  }
  const registration = register(context.undo('DELETE', `/images/${name}`));
  let given: Promise<void> | undefined;
  const giveBack = (): Promise<void> => {
    given ??= (async () => {
      const answer = await api.call('DELETE', `/images/${name}`);
      if (answer.status >= 400 && answer.status !== 404) {
        throw new UnrootError(`Docker does not remove ${name}: ${answer.message}`, { code: 'engine.failed' });
      }
      registration.release();
    })();
    return given;
  };
  try {
    if (present === undefined) {
      options.onProgress?.(`loading ${image.reference} into Docker`);
      await load(context, image, name, held ?? NONE, options).catch((error: unknown) => {
        // A layer is gone meanwhile: everything, then.
        const thin = image.layers.some(({ diffId }) => held?.has(diffId));
        if (!thin || !(error instanceof UnrootError) || error.code !== 'engine.failed') throw error;
        return load(context, image, name, NONE, options);
      });
    } else await api.need('POST', `/images/${present.Id}/tag?repo=${REPOSITORY}&tag=${tag}`, call);
    for (const layer of image.layers) held?.add(layer.diffId);
    const { Config } = (await api.need('GET', `/images/${name}/json`, call)) as Inspected;
    return { reference: name, env: Config?.Env ?? [], giveBack };
  } catch (error) {
    await giveBack();
    throw error;
  }
}

async function load(
  context: DockerContext,
  image: Image,
  name: string,
  without: ReadonlySet<Digest>,
  options: EngineOptions,
): Promise<void> {
  const call = options.signal ? { signal: options.signal } : {};
  const file = join(context.folder, `${name.replace(`${REPOSITORY}:`, '')}.tar`);
  try {
    await writeDockerArchive(image, file, { names: [name], without, ...call });
    const upload = { upload: createReadStream(file), timeoutMs: 600_000, ...call };
    const answer = await context.api.need('POST', '/images/load?quiet=1', upload);
    const problem = /"error":"((?:[^"\\]|\\.)*)"/.exec(typeof answer === 'string' ? answer : JSON.stringify(answer))?.[1];
    if (problem !== undefined) throw new UnrootError(`Docker does not load the image: ${problem}`, { code: 'engine.failed' });
  } finally {
    rmSync(file, { force: true });
  }
}

async function find(context: DockerContext, image: Image): Promise<Inspected | undefined> {
  const candidates = [
    ...(image.transport === 'docker-daemon' && image.storeReference ? [image.storeReference] : []),
    image.configDigest,
  ];
  for (const candidate of candidates) {
    const answer = await context.api.call('GET', `/images/${encodeURIComponent(candidate)}/json`);
    if (answer.status === 200) return answer.body as Inspected;
  }
  return undefined;
}
