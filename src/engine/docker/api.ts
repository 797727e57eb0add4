/** The Docker Engine API over its unix socket: JSON calls, uploads, and the upgraded connections that carry a container's streams. */
import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { UnrootError } from '../../error.ts';

/** A body this long is no JSON answer of Docker's. */
const ANSWER_LIMIT = 32 * 1024 * 1024;
/** The newest version whose fields we know; a newer daemon speaks it too. */
const NEWEST = '1.47';

export interface ApiAnswer {
  readonly status: number;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
  /** The `message` of an error. */
  readonly message: string;
}

export interface ApiCall {
  readonly body?: unknown;
  /** Sent as it is (`application/x-tar`). */
  readonly upload?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Default 60 s without an answer; 0 = wait for ever. */
  readonly timeoutMs?: number;
}

export interface DockerApi {
  readonly version: string;
  call(method: 'GET' | 'POST' | 'DELETE', path: string, options?: ApiCall): Promise<ApiAnswer>;
  /** Throws `engine.failed` with the daemon's words unless the status is below 400. */
  need(method: 'GET' | 'POST' | 'DELETE', path: string, options?: ApiCall): Promise<unknown>;
  /** A connection the daemon hands over: attach, exec. */
  upgrade(path: string, body?: unknown): Promise<Duplex>;
}

/** The socket of the daemon to talk to; undefined when DOCKER_HOST names another machine. */
export function dockerSocket(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const host = environment.DOCKER_HOST;
  if (!host) return '/var/run/docker.sock';
  return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
}

/** Before a version is agreed on: what the daemon says of itself. Rejects when nobody answers. */
export async function dockerVersion(socket: string): Promise<{ readonly Version: string; readonly ApiVersion: string }> {
  const answer = await send(socket, 'GET', '/version', { timeoutMs: 10_000 });
  if (answer.status !== 200) throw new Error(answer.message);
  return answer.body as { Version: string; ApiVersion: string };
}

export function dockerApi(socket: string, daemonVersion: string): DockerApi {
  const version = older(daemonVersion, NEWEST);
  const call: DockerApi['call'] = (method, path, options = {}) => send(socket, method, `/v${version}${path}`, options);
  return {
    version,
    call,
    async need(method, path, options) {
      const answer = await call(method, path, options);
      if (answer.status >= 400) throw failed(method, path, answer.message);
      return answer.body;
    },
    upgrade: (path, body) => upgrade(socket, `/v${version}${path}`, body),
  };
}

function failed(method: string, path: string, message: string): UnrootError {
  return new UnrootError(`Docker refuses ${method} ${path.replace(/\?.*/, '')}: ${message}`, { code: 'engine.failed' });
}

function older(a: string, b: string): string {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor < bMajor || (aMajor === bMajor && aMinor < bMinor) ? a : b;
}

function send(socketPath: string, method: string, path: string, options: ApiCall): Promise<ApiAnswer> {
  const { body, upload, signal, timeoutMs = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const outgoing = request(
      {
        socketPath,
        method,
        path,
        // One connection per call: a kept one could be closed by the daemon under our feet.
        agent: false,
        timeout: timeoutMs,
        ...(signal ? { signal } : {}),
        headers: {
          Host: 'docker',
          ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
          ...(upload === undefined ? {} : { 'Content-Type': 'application/x-tar' }),
        },
      },
      (incoming) => void readAnswer(incoming).then(resolve, reject),
    );
    outgoing.on('error', reject);
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`the Docker daemon did not answer ${method} ${path} in ${timeoutMs} ms`)),
    );
    if (upload === undefined) outgoing.end(text);
    else void pour(upload, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
  });
}

async function pour(source: AsyncIterable<Uint8Array>, target: NodeJS.WritableStream): Promise<void> {
  for await (const chunk of source) {
    if (!target.write(chunk)) await new Promise<void>((resolve) => target.once('drain', resolve));
  }
  target.end();
}

async function readAnswer(incoming: IncomingMessage): Promise<ApiAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > ANSWER_LIMIT) throw new Error('the answer of the Docker daemon is too long');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  const status = incoming.statusCode ?? 0;
  let body: unknown = text;
  if (/json/.test(incoming.headers['content-type'] ?? '')) {
    try {
      body = JSON.parse(text);
    } catch {
      // Progress streams are several JSON documents in a row: the caller gets the text.
    }
  }
  const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : text.trim();
  return { status, body, message };
}

/** `Upgrade: tcp`: the daemon answers 101 (or, through some proxies, 200) and the connection is ours. */
function upgrade(socketPath: string, path: string, body: unknown): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const outgoing = request({
      socketPath,
      method: 'POST',
      path,
      agent: false,
      headers: {
        Host: 'docker',
        Connection: 'Upgrade',
        Upgrade: 'tcp',
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(text),
      },
    });
    outgoing.on('upgrade', (_, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.on('response', (incoming) => {
      readAnswer(incoming).then(({ message }) => reject(failed('POST', path, message)), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}
