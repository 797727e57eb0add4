/** The command line and Debian's docker-registry: TLS with an authority of our own, accounts, proxies, manifests whose images cannot be fetched. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { buildImage, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';
import {
  type DebianRegistry,
  debianRegistry,
  freePort,
  makeCertificates,
  testRegistry,
  whyNoDebianRegistry,
} from './support/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-registry-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let homes = 0;
const freshHome = (): string => {
  const path = join(folder, `home-${++homes}`);
  mkdirSync(path);
  return path;
};
const online = (home: string, more: Readonly<Record<string, string>> = {}): { env: Record<string, string | undefined> } => ({
  env: { UNROOT_OFFLINE: undefined, HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), ...more },
});
const spec = {
  layers: [
    [
      { path: '/bin' },
      { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
      { path: '/etc' },
      { path: '/etc/group', content: 'root:x:0:\nstaff:x:50:app\n' },
      { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n' },
    ],
  ],
  config: { Entrypoint: ['/bin/app'], User: 'app' },
};
const layout = writeLayout(join(folder, 'layout'), spec);
const who = async (
  target: string,
  options: { env: Record<string, string | undefined> },
  ...flags: readonly string[]
): Promise<CliResult & { document: Record<string, never> }> => {
  const result = await unroot(['who', target, '-o', 'json', ...flags], options);
  return { ...result, document: JSON.parse(result.stdout) };
};

const missing = whyNoDebianRegistry();
if (missing !== undefined) console.warn(`SKIPPED: the registry of Debian: ${missing}`);

describe.skipIf(missing !== undefined)("Debian's docker-registry", () => {
  const tls = missing === undefined ? makeCertificates(join(folder, 'tls')) : undefined;
  const others = missing === undefined ? makeCertificates(join(folder, 'others')) : undefined;
  let plain: DebianRegistry;
  let closed: DebianRegistry;
  beforeAll(async () => {
    plain = await debianRegistry();
    closed = await debianRegistry({ tls: tls!, account: ['reader', 'pass:word'] });
    plain.push(`oci:${layout}:latest`, 'org/app:1');
    plain.push(`oci:${layout}:latest`, 'org/docker:1', '--format', 'v2s2');
    closed.push(`oci:${layout}:latest`, 'team/app:1');
  });
  afterAll(async () => {
    await plain?.close();
    await closed?.close();
  });

  it('without TLS on loopback, OCI and Docker manifests: as whom it starts, then the same with --offline', async () => {
    for (const name of ['org/app:1', 'org/docker:1']) {
      const home = freshHome();
      const target = `docker://${plain.host}/${name}`;
      const { code, document, stderr } = await who(target, online(home));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(schemaErrors('who', document)).toEqual([]);
      expect(document).toMatchObject({ containers: [{ outcome: 'starts', uid: 1000, gid: 1000, userName: 'app' }] });
      const again = await who(target, online(home), '--offline');
      expect(again.document).toEqual(document);
      const fetched = await unroot(['check', target, '-o', 'json'], online(home));
      expect(fetched.code).toBeLessThan(2);
      const kept = await unroot(['check', target, '--offline', '-o', 'json'], online(home));
      expect(kept.stdout).toBe(fetched.stdout);
    }
  });

  it('who says that it left the program in the registry, and looks at it once it is here', async () => {
    const registry = await testRegistry();
    const setuid = [...(spec.layers[0] ?? []), { path: '/bin/app', content: smallestProgram(), mode: 0o4755 }];
    const above = [
      { path: '/etc/passwd', content: 'app:x:1000:1000::/srv:/bin/sh\n' },
      { path: '/etc/group', content: '' },
    ];
    registry.push('setuid', '1', buildImage({ ...spec, layers: [setuid, above] }));
    const [home, target] = [freshHome(), `docker://${registry.host}/setuid:1`];
    const far = await who(target, online(home));
    expect(JSON.stringify(far.document)).toContain('the program itself was not looked at');
    await unroot(['check', target], online(home));
    const near = await who(target, online(home));
    expect(JSON.stringify(near.document)).not.toContain('the program itself was not looked at');
    expect(near.document).toMatchObject({
      containers: [
        {
          uid: 1000,
          because: expect.arrayContaining([
            expect.objectContaining({ source: expect.stringMatching(/set-user-id bit makes uid 0/) }),
          ]),
        },
      ],
    });
    await registry.close();
  });

  it('a bare name is looked for here first, then in its registry', async () => {
    const { document } = await who(`${plain.host}/org/app:1`, online(freshHome()));
    expect(document).toMatchObject({ containers: [{ outcome: 'starts', uid: 1000 }] });
    const none = await who(`${plain.host}/org/app:2`, online(freshHome()));
    expect(none.code).toBe(2);
    expect(none.document).toMatchObject({ error: { code: 'registry.not-found' } });
    expect(none.stderr).toMatch(
      /has no image .*org\/app:2 \(MANIFEST_UNKNOWN[\s\S]*because {3}on this machine there is no file or folder of that name/,
    );
    expect((await who('not-anywhere', { env: { HOME: freshHome() } })).document).toMatchObject({
      error: { code: 'image.not-found' },
    });
  });

  it('with TLS: only certificates of authorities somebody trusts', async () => {
    const home = freshHome();
    const target = `docker://${closed.host}/team/app:1`;
    mkdirSync(join(home, '.docker'));
    writeFileSync(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [closed.host]: { auth: btoa('reader:pass:word') } } }),
    );
    const unknown = await who(target, online(home));
    expect(unknown).toMatchObject({ code: 2, document: { error: { code: 'registry.tls' } } });
    expect(unknown.stderr).toContain(`/etc/docker/certs.d/${closed.host}/ca.crt`);
    const other = await who(target, online(home), '--ca-file', others!.caFile);
    expect(other.document).toMatchObject({ error: { code: 'registry.tls' } });
    const good = { containers: [{ outcome: 'starts', uid: 1000 }] };
    expect((await who(target, online(home), '--ca-file', tls!.caFile)).document).toMatchObject(good);
    expect((await who(target, online(home, { SSL_CERT_FILE: tls!.caFile }))).document).toMatchObject(good);
    const second = freshHome();
    mkdirSync(join(second, '.config/containers/certs.d', closed.host), { recursive: true });
    writeFileSync(join(second, '.config/containers/certs.d', closed.host, 'ca.crt'), readFileSync(tls!.caFile));
    const account = { REGISTRY_AUTH_FILE: join(home, '.docker/config.json') };
    expect((await who(target, online(second, account))).document).toMatchObject(good);
    expect((await who(target, online(freshHome(), account), '--insecure')).document).toMatchObject(good);
    const file = await who(target, online(home), '--ca-file', join(home, 'none.crt'));
    expect(file.document).toMatchObject({ error: { code: 'registry.ca-file' } });
  });

  it('with an account: none, a wrong one, the right one', async () => {
    const home = freshHome();
    const target = `docker://${closed.host}/team/app:1`;
    const none = await who(target, online(home), '--ca-file', tls!.caFile);
    expect(none).toMatchObject({ code: 2, document: { error: { code: 'registry.unauthorized' } } });
    expect(none.stderr).toContain(join(home, '.docker/config.json'));
    const file = join(home, 'auth.json');
    writeFileSync(file, JSON.stringify({ auths: { [closed.host]: { auth: btoa('reader:wrong') } } }));
    const wrong = await who(target, online(home, { REGISTRY_AUTH_FILE: file }), '--ca-file', tls!.caFile);
    expect(wrong.document).toMatchObject({ error: { code: 'registry.unauthorized' } });
    expect(wrong.stderr).toContain(`credentials come from ${file}`);
    expect(wrong.stderr).not.toContain('wrong');
  });

  it('--platform: what is not there is an error, what is nonsense a usage error', async () => {
    const target = `docker://${plain.host}/org/app:1`;
    expect((await who(target, online(freshHome()), '--platform', 'linux/s390x')).document).toMatchObject({
      error: { code: 'image.no-platform' },
    });
    expect((await who(target, online(freshHome()), '--platform', 'linux')).code).toBe(2);
    const here = process.arch === 'x64' ? 'linux/x86_64' : `linux/${process.arch}`;
    expect((await who(target, online(freshHome()), '--platform', here)).code).toBe(0);
  });
});

describe('several programs at once', () => {
  it('share one cache, and each has the whole image', async () => {
    const registry = await testRegistry();
    const large = new Uint8Array(4_000_000).map((_, i) => (i * i * 31) >>> 7);
    registry.push('app', '1', buildImage({ ...spec, layers: [...spec.layers, [{ path: '/large', content: large }]] }));
    const options = online(freshHome());
    const results = await Promise.all(
      Array.from({ length: 5 }, () => unroot(['check', `docker://${registry.host}/app:1`, '-o', 'json'], options)),
    );
    expect(new Set(results.map(({ code }) => code)).size).toBe(1);
    expect(new Set(results.map(({ stdout }) => stdout)).size).toBe(1);
    expect(JSON.parse(results[0]?.stdout ?? '')).toMatchObject({ schemaVersion: 1, findings: expect.anything() });
    const cache = join(options.env.HOME ?? '', '.cache/unroot');
    expect(readdirSync(join(cache, 'growing'))).toEqual([]);
    expect(readdirSync(join(cache, 'blobs/sha256'))).toHaveLength(4);
    await registry.close();
  });
});

describe('manifests whose images cannot be fetched', () => {
  const pod = (image: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers:\n  - name: a\n    image: ${image}\n  - name: b\n    image: ${image}\n    securityContext: {runAsUser: 0}\n`;

  it('are checked all the same: what is sure is said, the identity is unknown, and the reason is told', async () => {
    const port = await freePort();
    const file = join(folder, 'down.yaml');
    writeFileSync(file, pod(`127.0.0.1:${port}/app:1`));
    const started = Date.now();
    const { code, document } = await who(file, online(freshHome()));
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(code).not.toBe(0);
    expect(schemaErrors('who', document)).toEqual([]);
    expect(document).toMatchObject({
      containers: [
        { name: 'a', outcome: 'unknown', message: expect.stringContaining(`cannot reach the registry 127.0.0.1:${port}`) },
        { name: 'b', outcome: 'refused', reason: 'CreateContainerConfigError' },
      ],
    });
    const check = await unroot(['check', file, '-o', 'json'], online(freshHome()));
    const report = JSON.parse(check.stdout) as { findings: { id: string }[]; diagnostics: { message: string }[] };
    expect(report.findings.length).toBeGreaterThan(0);
    expect(report.diagnostics.map(({ message }) => message).join()).toContain('cannot reach the registry');
  });

  it('are fetched when they can be', async () => {
    const registry = await testRegistry();
    registry.push('app', '1', buildImage({ ...spec, config: { Entrypoint: ['/bin/app'], User: '7' } }));
    const file = join(folder, 'up.yaml');
    writeFileSync(file, pod(`${registry.host}/app:1`));
    const { document } = await who(file, online(freshHome()));
    expect(document).toMatchObject({
      containers: [
        { name: 'a', outcome: 'starts', uid: 7 },
        { name: 'b', outcome: 'refused' },
      ],
    });
    const requests = registry.log.length;
    const offline = await who(file, { env: { HOME: freshHome() } });
    expect(offline.document).toMatchObject({
      containers: [{ outcome: 'unknown', message: expect.stringContaining('is not here') }, { outcome: 'refused' }],
    });
    expect(registry.log.length).toBe(requests);
    await registry.close();
  });
});

describe('proxies', () => {
  const tls = missing === undefined ? makeCertificates(join(folder, 'proxied'), ['registry.example']) : undefined;

  /** A proxy that leads every name to this port of 127.0.0.1. */
  async function proxyTo(port: number): Promise<{ server: Server; url: string; seen: string[]; close(): Promise<void> }> {
    const seen: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      const { pathname, search } = new URL(request.url ?? '');
      const call = httpRequest(
        { host: '127.0.0.1', port, path: pathname + search, method: request.method, headers: request.headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      call.on('error', () => response.destroy());
      call.end();
    });
    server.on('connect', (request, socket: Socket) => {
      seen.push(`CONNECT ${request.url}`);
      if (request.url?.startsWith('refused.')) {
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      const target = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        target.pipe(socket);
        socket.pipe(target);
      });
      for (const end of [target, socket])
        end.on('error', () => undefined).on('close', () => [target, socket].forEach((other) => void other.destroy()));
    });
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: own } = server.address() as AddressInfo;
    return {
      server,
      url: `http://me:secret@127.0.0.1:${own}`,
      seen,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  it.skipIf(tls === undefined)('HTTPS_PROXY: a tunnel, and TLS with the registry itself inside it', async () => {
    const registry = await testRegistry(tls);
    registry.push('app', '1', buildImage(spec));
    const proxy = await proxyTo(registry.port);
    const env = { HTTPS_PROXY: proxy.url, UNROOT_CA_FILE: tls!.caFile };
    const { document } = await who('docker://registry.example/app:1', online(freshHome(), env));
    expect(document).toMatchObject({ containers: [{ outcome: 'starts', uid: 1000 }] });
    expect(new Set(proxy.seen)).toEqual(new Set(['CONNECT registry.example:443']));
    const wrong = await who('docker://other.example/app:1', online(freshHome(), env));
    expect(wrong.document).toMatchObject({ error: { code: 'registry.tls', message: expect.stringContaining('other.example') } });
    const refused = await who('docker://refused.example/app:1', online(freshHome(), env));
    expect(refused.document).toMatchObject({ error: { code: 'registry.unreachable', message: expect.stringContaining('403') } });
    expect(`${refused.stderr}${refused.stdout}`).not.toContain('secret');
    await proxy.close();
    await registry.close();
  });

  it('HTTP_PROXY: for plain HTTP, which must be allowed; never for this machine', async () => {
    const registry = await testRegistry();
    registry.push('app', '1', buildImage(spec));
    const proxy = await proxyTo(registry.port);
    const env = { http_proxy: proxy.url, HTTPS_PROXY: proxy.url };
    const strict = await who('docker://registry.example/app:1', online(freshHome(), env));
    expect(strict.document).toMatchObject({ error: { code: 'registry.tls', hint: expect.stringContaining('--insecure') } });
    const { document } = await who('docker://registry.example/app:1', online(freshHome(), env), '--insecure');
    expect(document).toMatchObject({ containers: [{ outcome: 'starts', uid: 1000 }] });
    expect(proxy.seen).toContain(`GET http://registry.example/v2/app/manifests/1 Basic ${btoa('me:secret')}`);
    proxy.seen.length = 0;
    await who(`docker://${registry.host}/app:1`, online(freshHome(), env));
    expect(proxy.seen).toEqual([]);
    await proxy.close();
    await registry.close();
  });
});

describe('--offline', () => {
  it('makes no connection at all, whatever is asked', async () => {
    const registry = await testRegistry();
    registry.push('app', '1', buildImage(spec));
    let connections = 0;
    const proxy = createServer().on('connection', () => connections++);
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const env = {
      HOME: freshHome(),
      HTTPS_PROXY: `http://${address}`,
      HTTP_PROXY: `http://${address}`,
      DOCKER_HOST: `tcp://${address}`,
    };
    for (const target of [
      `docker://${registry.host}/app:1`,
      `${registry.host}/app:1`,
      'docker://nginx',
      'nginx',
      'docker-daemon:nginx',
    ]) {
      const { code } = await unroot(['who', target, '--offline'], { env });
      expect([target, code]).toEqual([target, 2]);
    }
    expect(registry.log).toEqual([]);
    expect(connections).toBe(0);
    await new Promise((resolve) => proxy.close(resolve));
    await registry.close();
  });
});
