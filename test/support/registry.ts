/** Registries on loopback: one in this process that can misbehave on purpose, and Debian's docker-registry. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BuiltImage, digestOf } from './image-builder.ts';

export interface Logged {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  readonly log: Logged[];
  /** By `REPOSITORY:TAG` and `REPOSITORY@DIGEST`. */
  readonly manifests: Map<string, { readonly bytes: Uint8Array; readonly type: string }>;
  readonly blobs: Map<string, Uint8Array>;
  /** Looks at every request first; true = it was answered. */
  intercept: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
  push(repository: string, tag: string, image: BuiltImage): void;
  pushIndex(repository: string, tag: string, images: readonly (readonly [BuiltImage, object | undefined])[]): void;
  close(): Promise<void>;
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A well-behaved registry without accounts, until `intercept` is set. */
export async function testRegistry(tls?: Certificate): Promise<TestRegistry> {
  const manifests: TestRegistry['manifests'] = new Map();
  const blobs = new Map<string, Uint8Array>();
  const log: Logged[] = [];
  const sockets = new Set<Socket>();

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    log.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    if (registry.intercept(request, response, path)) return;
    const found = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path);
    const [, repository = '', kind = '', reference = ''] = found ?? [];
    const manifest = manifests.get(`${repository}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`);
    const body = kind === 'manifests' ? manifest?.bytes : blobs.get(reference);
    if (body === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          errors: [{ code: kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN', message: 'not known here' }],
        }),
      );
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = Number(range?.[1] ?? 0);
    const end = range?.[2] ? Math.min(Number(range[2]) + 1, body.length) : body.length;
    const part = body.subarray(from, end);
    response.writeHead(range === null ? 200 : 206, {
      'content-type': manifest?.type ?? 'application/octet-stream',
      'content-length': part.length,
      ...(kind === 'manifests' ? { 'docker-content-digest': digestOf(body) } : {}),
      ...(range === null ? {} : { 'content-range': `bytes ${from}-${end - 1}/${body.length}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  };
  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const registry: TestRegistry = {
    host: `127.0.0.1:${port}`,
    port,
    log,
    manifests,
    blobs,
    intercept: () => false,
    push(repository, tag, image) {
      for (const layer of image.layers) blobs.set(layer.digest, layer.blob);
      blobs.set(image.configDigest, image.config);
      for (const key of [`${repository}:${tag}`, `${repository}@${image.manifestDigest}`])
        manifests.set(key, { bytes: image.manifest, type: OCI_MANIFEST });
    },
    pushIndex(repository, tag, images) {
      const list = images.map(([image, platform]) => {
        registry.push(repository, `of-${image.manifestDigest.slice(7, 15)}`, image);
        return {
          mediaType: OCI_MANIFEST,
          digest: image.manifestDigest,
          size: image.manifest.length,
          ...(platform && { platform }),
        };
      });
      const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: list }));
      for (const key of [`${repository}:${tag}`, `${repository}@${digestOf(bytes)}`])
        manifests.set(key, { bytes, type: OCI_INDEX });
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;
}

/** An authority of our own and a certificate from it for 127.0.0.1 and these names. */
export function makeCertificates(
  folder: string,
  names: readonly string[] = [],
): Certificate & { readonly caFile: string; readonly certFile: string; readonly keyFile: string } {
  mkdirSync(folder, { recursive: true });
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=test authority');
  openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=registry');
  writeFileSync(join(folder, 'ext'), `subjectAltName=${['IP:127.0.0.1', ...names.map((name) => `DNS:${name}`)].join(',')}\n`);
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-out',
    'server.crt',
    '-days',
    '30',
    '-extfile',
    'ext',
  );
  const read = (name: string): string => spawnSync('cat', [join(folder, name)], { encoding: 'utf8' }).stdout;
  return {
    caFile: join(folder, 'ca.crt'),
    certFile: join(folder, 'server.crt'),
    keyFile: join(folder, 'server.key'),
    key: read('server.key'),
    cert: read('server.crt'),
  };
}

/** What is missing for {@link debianRegistry}; undefined = nothing. */
export function whyNoDebianRegistry(): string | undefined {
  const missing = ['docker-registry', 'skopeo', 'openssl', 'htpasswd'].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
  );
  return missing.length === 0
    ? undefined
    : `${missing.join(', ')} missing: apt-get install docker-registry skopeo openssl apache2-utils`;
}

export interface DebianRegistry {
  readonly host: string;
  /** `skopeo copy SOURCE docker://HOST/NAME`. */
  push(source: string, name: string, ...flags: readonly string[]): void;
  close(): Promise<void>;
}

/** Debian's docker-registry, with TLS and an account when asked for. */
export async function debianRegistry(
  options: { readonly tls?: ReturnType<typeof makeCertificates>; readonly account?: readonly [string, string] } = {},
): Promise<DebianRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-docker-registry-'));
  const port = await freePort();
  const { tls, account } = options;
  const auth = account && spawnSync('htpasswd', ['-Bbn', ...account], { encoding: 'utf8' }).stdout;
  if (auth !== undefined) writeFileSync(join(folder, 'htpasswd'), auth);
  writeFileSync(
    join(folder, 'config.yml'),
    JSON.stringify({
      version: 0.1,
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(folder, 'data') } },
      http: { addr: `127.0.0.1:${port}`, ...(tls && { tls: { certificate: tls.certFile, key: tls.keyFile } }) },
      ...(auth === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
    }),
  );
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const host = `127.0.0.1:${port}`;
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error('docker-registry does not start');
    await sleep(50);
  }
  return {
    host,
    push(source, name, ...flags) {
      const certDir = tls === undefined ? [] : ['--dest-cert-dir', join(folder, 'certs')];
      if (tls !== undefined) {
        mkdirSync(join(folder, 'certs'), { recursive: true });
        spawnSync('cp', [tls.caFile, join(folder, 'certs/ca.crt')]);
      }
      const { status, stderr } = spawnSync(
        'skopeo',
        [
          'copy',
          '-q',
          ...(tls === undefined ? ['--dest-tls-verify=false'] : certDir),
          ...(account === undefined ? [] : ['--dest-creds', account.join(':')]),
          ...flags,
          source,
          `docker://${host}/${name}`,
        ],
        // Not the accounts of the machine.
        { encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
      );
      if (status !== 0) throw new Error(`skopeo copy: ${stderr}`);
    },
    async close() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
