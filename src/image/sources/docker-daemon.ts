/** Images of a Docker daemon, over its HTTP API (docs.docker.com/reference/api/engine: "Export an image", /images/NAME/get). */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnrootError, type Where } from '../../error.ts';
import type { Image } from '../image.ts';
import { writeStream } from '../sinks/write-stream.ts';
import { openArchive } from './archive-file.ts';
import { openDockerArchive } from './docker-archive.ts';
import type { OpenImageOptions } from './options.ts';

/** Opens an image of the daemon that DOCKER_HOST names, or of the one on this machine. */
export async function openDockerDaemon(target: string, name: string, options: OpenImageOptions): Promise<Image> {
  const image = await findInDaemon(target, name, options);
  if (image !== undefined) return image;
  throw new UnrootError(`the Docker daemon has no image ${name}`, {
    code: 'image.not-found',
    where: { image: target },
    expected: 'an image that "docker images" lists',
    hint: `Fetch it first: docker pull ${name}`,
  });
}

/** The image, or undefined when the daemon does not have it. Throws `image.no-daemon` when none answers. */
export async function findInDaemon(target: string, name: string, options: OpenImageOptions): Promise<Image | undefined> {
  const where: Where = { image: target };
  const host = process.env.DOCKER_HOST ?? '';
  if (options.registry?.offline === true && host !== '' && !host.startsWith('unix://')) {
    throw new UnrootError(`the Docker daemon at DOCKER_HOST=${host} is only reached over a network, which --offline forbids`, {
      code: 'image.no-daemon',
      where,
      expected: 'a daemon at a unix:// socket',
      hint: 'Leave out --offline, or unset DOCKER_HOST.',
    });
  }
  const response = await get(`/images/${name.split('/').map(encodeURIComponent).join('/')}/get`, options.signal, where);
  if (response.statusCode === 404) {
    response.resume();
    return undefined;
  }
  if (response.statusCode !== 200) {
    const said = (await text(response)).slice(0, 300);
    throw new UnrootError(`the Docker daemon answered ${response.statusCode} for ${name}: ${said}`, {
      code: 'image.daemon',
      where,
      expected: 'the image as an archive',
    });
  }
  const folder = mkdtempSync(join(options.tmpDir ?? tmpdir(), 'unroot-docker-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'image.tar');
    await writeStream(unbroken(response, options.signal, where), path, options.signal);
    const files = await openArchive(path, options, where);
    try {
      const close = (): void => {
        files.close();
        remove();
      };
      const source = { reference: target, path, transport: 'docker-daemon', storeReference: name } as const;
      return await openDockerArchive({ file: files.file, close }, source, options);
    } catch (error) {
      files.close();
      throw error;
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/** The body of the response, with an error of ours when the connection breaks. */
async function* unbroken(response: IncomingMessage, signal: AbortSignal | undefined, where: Where): AsyncGenerator<Uint8Array> {
  let failure: unknown;
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (cause) {
    failure = cause;
  }
  if (signal?.aborted)
    throw new UnrootError('interrupted while reading the image', { code: 'interrupted', exitCode: 130, cause: failure });
  if (failure === undefined && response.complete) return;
  throw new UnrootError('the Docker daemon broke off in the middle of the image', {
    code: 'image.truncated',
    where,
    expected: 'the whole archive',
    cause: failure,
  });
}

/** unix:// and tcp:// without TLS; ssh:// and TLS need the docker program. */
function address(where: Where): RequestOptions {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(host);
  if (url !== null && !process.env.DOCKER_TLS_VERIFY)
    return { host: url[1]!.replace(/^\[|\]$/g, ''), port: Number(url[2] ?? 2375) };
  throw new UnrootError(`cannot reach a Docker daemon at DOCKER_HOST=${host}`, {
    code: 'image.no-daemon',
    where,
    expected: 'unix:// or tcp:// without TLS',
    hint: 'Save the image with docker save and use the archive.',
  });
}

const noDaemon = (where: Where) =>
  ({ code: 'image.no-daemon', where, expected: 'a running Docker daemon', hint: 'Start it, or set DOCKER_HOST.' }) as const;

async function get(path: string, signal: AbortSignal | undefined, where: Where): Promise<IncomingMessage> {
  const to = address(where);
  // Cheaper than a connection that fails, for each of a thousand names.
  if (typeof to.socketPath === 'string' && !existsSync(to.socketPath))
    throw new UnrootError(`no Docker daemon answers at ${to.socketPath}: there is no such socket`, noDaemon(where));
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const call = request({ ...to, path, headers: { host: 'docker' }, ...(signal === undefined ? {} : { signal }) }, resolve);
    call.on('error', (cause) => {
      if (signal?.aborted) {
        reject(new UnrootError('interrupted while reading the image', { code: 'interrupted', exitCode: 130, cause }));
        return;
      }
      reject(
        new UnrootError(`no Docker daemon answers at ${to.socketPath ?? `${to.host}:${to.port}`}: ${cause.message}`, {
          ...noDaemon(where),
          cause,
        }),
      );
    });
    call.end();
  });
}

async function text(response: IncomingMessage): Promise<string> {
  let out = '';
  for await (const chunk of response) {
    out += String(chunk);
    if (out.length > 10_000) break;
  }
  return out.trim();
}
