/** The small documents of an image — index, manifest, config — from cache or registry, each checked against its digest. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { UnrootError, type Where } from '../../../error.ts';
import { digestMismatch, digestParts, requireDigest } from '../../digest.ts';
import type { Digest } from '../../image.ts';
import { fieldsOf, isObject, type JsonObject, parseJsonObject } from '../../json.ts';
import { limitError } from '../../limits.ts';
import type { RegistryName } from '../../registry-name.ts';
import { INDEX_TYPES, MANIFEST_TYPES } from '../manifest.ts';
import { sha256, verifyBytes } from '../verify.ts';
import { ask } from './ask.ts';
import { LongBody, readBody } from './body.ts';
import type { Cache } from './cache.ts';
import { askedOf, type Endpoint, throwIfAborted } from './endpoint.ts';
import { badAnswer, notCached, unreachable } from './failure.ts';
import type { Answer } from './http.ts';

export interface Document {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface Documents {
  /** What the name stands for now; with `--offline`, what it stood for last. */
  byName(name: RegistryName): Promise<Document>;
  manifest(digest: Digest, what: string): Promise<Document>;
  blob(digest: Digest, size: number, what: string): Promise<Document>;
}

const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ');

/** `endpoints`: mirrors first; none when there shall be no network. */
export function createDocuments(
  endpoints: readonly Endpoint[],
  cache: Cache,
  image: string,
  limit: number,
  where: Where,
): Documents {
  const cached = (digest: Digest, what: string): Uint8Array | undefined => {
    const path = cache.blob(digest);
    try {
      if (path === undefined || statSync(path).size > limit) return undefined;
      const bytes = readFileSync(path);
      verifyBytes(bytes, digest, what, where);
      return bytes;
    } catch {
      return undefined; // damaged or gone: it is fetched again
    }
  };
  const keep = (bytes: Uint8Array, digest: Digest): void => {
    const path = cache.growing();
    try {
      writeFileSync(path, bytes);
    } catch (cause) {
      throw cache.unusable(cause);
    }
    cache.keep(path, digest);
  };

  /** From the first endpoint that gives something usable. A mirror's failure is only told when the registry fails too, as the registry's. */
  async function fromAny<T>(what: string, work: (endpoint: Endpoint) => Promise<T>): Promise<T> {
    if (endpoints.length === 0) throw notCached(image, what, where);
    for (const endpoint of endpoints) {
      try {
        return await work(endpoint);
      } catch (error) {
        if (endpoint === endpoints.at(-1) || (error instanceof UnrootError && error.exitCode === 130)) throw error;
      }
    }
    throw new TypeError('no endpoint was asked');
  }

  async function fetchBytes(
    endpoint: Endpoint,
    path: string,
    headers: Record<string, string>,
    what: string,
  ): Promise<{ bytes: Uint8Array; claimed: string | undefined }> {
    for (let attempt = 1; ; attempt++) {
      const answer = await ask(endpoint, { method: 'GET', path, headers });
      try {
        const bytes = await readBody(answer.body, limit);
        endpoint.session.received += bytes.length;
        const claimed = answer.headers['docker-content-digest'];
        return { bytes, claimed: typeof claimed === 'string' ? claimed : undefined };
      } catch (error) {
        throwIfAborted(endpoint, error);
        if (error instanceof LongBody) throw limitError('maxJsonBytes', limit, `${what} of ${image}: ${error.message}`, where);
        if (attempt === 2) throw unreachable(askedOf(endpoint), error, undefined);
      }
    }
  }

  async function get(digest: Digest, path: string, headers: Record<string, string>, what: string): Promise<Document> {
    const known = cached(digest, what);
    if (known !== undefined) return { digest, bytes: known };
    const bytes = await fromAny(what, async (endpoint) => {
      const fetched = await fetchBytes(endpoint, path, headers, what);
      verifyBytes(fetched.bytes, digest, what, where);
      return fetched.bytes;
    });
    keep(bytes, digest);
    return { digest, bytes };
  }

  async function latest(name: RegistryName, tag: string): Promise<Document> {
    const what = 'the manifest';
    const noted = cache.readNote('names', name.text);
    const last =
      isObject(noted) && typeof noted.digest === 'string' && digestParts(noted.digest) !== undefined ? noted.digest : undefined;
    const known = last === undefined ? undefined : cached(last, what);
    if (endpoints.length === 0) {
      if (last === undefined || known === undefined) throw notCached(image, what, where);
      return { digest: last, bytes: known };
    }
    const fetched = await fromAny(what, async (endpoint) => {
      // A question without a body is no pull for registries that count pulls.
      if (known !== undefined && (await headDigest(endpoint, tag)) === last) return undefined;
      const { bytes, claimed } = await fetchBytes(endpoint, `/manifests/${tag}`, { accept: ACCEPT }, what);
      if (claimed !== undefined && claimed !== '') {
        const { digest } = requireDigest(claimed, `the Docker-Content-Digest of ${image}`, where);
        verifyBytes(bytes, digest, what, where);
      }
      parseManifest(bytes, where, limit, endpoint);
      return bytes;
    });
    if (fetched === undefined) return { digest: last as string, bytes: known as Uint8Array };
    const digest = sha256(fetched);
    keep(fetched, digest);
    cache.writeNote('names', name.text, { name: name.text, digest, read: new Date().toISOString() });
    return { digest, bytes: fetched };
  }

  async function headDigest(endpoint: Endpoint, tag: string): Promise<string | undefined> {
    let answer: Answer;
    try {
      answer = await ask(endpoint, { method: 'HEAD', path: `/manifests/${tag}`, headers: { accept: ACCEPT } });
    } catch (error) {
      // One that does not know HEAD is asked in full.
      if (error instanceof UnrootError && error.code === 'registry.bad-answer') return undefined;
      throw error;
    }
    answer.body.resume();
    const digest = answer.headers['docker-content-digest'];
    return typeof digest === 'string' ? digest : undefined;
  }

  return {
    byName: (name) =>
      name.digest === undefined
        ? latest(name, name.tag ?? 'latest')
        : get(name.digest, `/manifests/${name.digest}`, { accept: ACCEPT }, 'the manifest'),
    manifest: (digest, what) => get(digest, `/manifests/${digest}`, { accept: ACCEPT }, what),
    async blob(digest, size, what) {
      if (size > limit) throw limitError('maxJsonBytes', limit, `${what} of ${image} has ${size} bytes`, where);
      const found = await get(digest, `/blobs/${digest}`, {}, what);
      if (found.bytes.length === size) return found;
      throw digestMismatch(what, `${size} bytes`, `${found.bytes.length} bytes`, where);
    },
  };
}

/** A manifest or an index, and nothing that could be read as both (CVE-2021-41190). */
export function parseManifest(
  bytes: Uint8Array,
  where: Where,
  limit: number,
  endpoint?: Endpoint,
): { readonly manifest: JsonObject; readonly type: string } {
  let manifest: JsonObject;
  try {
    manifest = parseJsonObject(bytes, 'the manifest', where, limit);
  } catch (cause) {
    // A web page instead of a manifest is the usual portal in front of a registry.
    if (endpoint !== undefined) throw badAnswer(askedOf(endpoint), 'what it sends as a manifest is no JSON object', cause);
    throw cause;
  }
  const type = fieldsOf(manifest, 'the manifest', where).string('mediaType') ?? '';
  if (Array.isArray(manifest.manifests) && (Array.isArray(manifest.layers) || isObject(manifest.config))) {
    throw new UnrootError('the manifest is a list of images and an image at once', {
      code: 'image.bad-manifest',
      where,
      expected: 'either manifests, or config and layers',
      hint: 'No tool writes this by accident; do not run this image.',
    });
  }
  if (manifest.schemaVersion === 1) {
    throw new UnrootError('the manifest has schema 1, which Docker gave up in 2019', {
      code: 'image.unknown-media-type',
      where,
      expected: 'an OCI manifest, or Docker schema 2',
      hint: 'Push the image again with a current tool, or convert it: skopeo copy --format v2s2 IMAGE docker-archive:FILE.',
    });
  }
  return { manifest, type };
}
