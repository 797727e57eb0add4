/** Images of registries: the protocol, accounts, mirrors, redirects, retries, the cache — and registries that mean harm. All on loopback. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UnrootError } from '../src/error.ts';
import type { Image } from '../src/image/image.ts';
import { openImage } from '../src/image/sources/index.ts';
import type { RegistryOptions } from '../src/image/sources/registry/options.ts';
import { sessionOf } from '../src/image/sources/registry/session.ts';
import { type BuildSpec, buildImage, digestOf, writeLayout } from './support/image-builder.ts';
import { freePort, OCI_MANIFEST, type TestRegistry, testRegistry } from './support/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-registry-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (name: string): string => {
  const path = join(folder, `${++count}-${name}`);
  mkdirSync(path);
  return path;
};
/** Bytes that do not compress, the same each time. */
const noise = (size: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
};

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n';
const GROUP = 'root:x:0:\napp:x:1000:\n';
const base: BuildSpec['layers'][0] = [
  { path: '/bin' },
  { path: '/bin/sh', content: noise(50_000), mode: 0o755 },
  { path: '/etc' },
  { path: '/etc/group', content: GROUP },
  { path: '/etc/passwd', content: PASSWD },
  { path: '/usr' },
  { path: '/usr/large', content: noise(3_000_000) },
];
const spec: BuildSpec = {
  layers: [base, [{ path: '/srv' }, { path: '/srv/app', content: 'app' }]],
  config: { Cmd: ['/srv/app'] },
};
const image = buildImage(spec);

let registry: TestRegistry;
let options: RegistryOptions;
let home: string;
const opened: Image[] = [];
beforeEach(async () => {
  registry = await testRegistry();
  registry.push('org/app', 'latest', image);
  home = fresh('home');
  options = settings();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await registry.close();
});

/** A run of its own, on a machine with nothing but this home. */
function settings(more: Partial<RegistryOptions> = {}, environment: Record<string, string> = {}): RegistryOptions {
  return {
    retryDelay: 5,
    idleTimeout: 5000,
    ...more,
    environment: {
      HOME: home,
      PATH: process.env.PATH,
      XDG_RUNTIME_DIR: join(home, 'run'),
      CONTAINERS_REGISTRIES_CONF: conf(''),
      ...environment,
    },
  };
}
function conf(text: string): string {
  const path = join(home, 'registries.conf');
  writeFileSync(path, text);
  return path;
}
const open = async (name = `docker://${registry.host}/org/app`, registryOptions = options, more = {}): Promise<Image> => {
  const one = await openImage(name, { registry: registryOptions, ...more });
  opened.push(one);
  return one;
};
const failure = async (name?: string, registryOptions?: RegistryOptions, more = {}): Promise<UnrootError> => {
  const error = await open(name, registryOptions, more).then(
    () => new Error('it was opened'),
    (reason: unknown) => reason,
  );
  return error as UnrootError;
};
const asked = (): readonly string[] => registry.log.map(({ method, path }) => `${method} ${path}`);
const users = async (one: Image): Promise<string | undefined> => {
  const found = (await one.readFiles(['/etc/passwd', '/etc/group'])).get('/etc/passwd');
  return found && new TextDecoder().decode(found);
};

describe('the protocol', () => {
  it('reads manifest and config first, layers when they are wanted, and everything as a local layout has it', async () => {
    const remote = await open();
    expect(asked()).toEqual(['GET /v2/org/app/manifests/latest', `GET /v2/org/app/blobs/${image.configDigest}`]);
    expect(remote).toMatchObject({
      transport: 'docker',
      digest: image.manifestDigest,
      configDigest: image.configDigest,
      name: `${registry.host}/org/app:latest`,
    });
    expect(remote.layerFile?.(0)).toBeUndefined();
    expect(remote.far?.()).toBe(true);
    const local = await openImage(writeLayout(fresh('layout'), spec));
    expect([...(await remote.rootFs()).entries()]).toEqual([...(await local.rootFs()).entries()]);
    expect(remote.layers).toEqual(local.layers);
    expect(remote.far?.()).toBe(false);
    const file = remote.layerFile?.(0);
    expect(digestOf(readFileSync(file as string))).toBe(image.layers[0]!.digest);
    await local.close();
  });

  it('asks for nothing twice: blobs by digest, and the tag only for its digest', async () => {
    await (await open()).rootFs();
    registry.log.length = 0;
    const again = await open(undefined, settings());
    await again.rootFs();
    expect(asked()).toEqual(['HEAD /v2/org/app/manifests/latest']);
    registry.log.length = 0;
    await open(`docker://${registry.host}/org/app@${image.manifestDigest}`, settings());
    expect(asked()).toEqual([]);
  });

  it('gets on with registries that know neither HEAD nor Range', async () => {
    registry.intercept = (request, response) => {
      delete request.headers.range;
      if (request.method === 'HEAD') response.writeHead(405).end();
      return request.method === 'HEAD';
    };
    expect(await users(await open())).toBe(PASSWD);
    expect(await users(await open(undefined, settings()))).toBe(PASSWD);
    const large: BuildSpec = { layers: [[{ path: '/aaa', content: noise(5_000_000) }, ...base]] };
    registry.push('org/large', 'latest', buildImage(large));
    expect(await users(await open(`docker://${registry.host}/org/large`))).toBe(PASSWD);
  });

  it('sees that a tag moved', async () => {
    await open();
    const other = buildImage({ ...spec, config: { User: '7' } });
    registry.push('org/app', 'latest', other);
    expect((await open(undefined, settings())).config.user).toBe('7');
    expect((await open(undefined, settings({ offline: true }))).config.user).toBe('7');
  });

  it('takes the image of the platform asked for, here by default', async () => {
    const arm = buildImage({ ...spec, architecture: 'arm64', config: { User: 'arm' } });
    const arm7 = buildImage({ ...spec, architecture: 'arm', config: { User: 'arm7' } });
    const attestation = buildImage({ layers: [[{ path: '/x', content: 'x' }]], architecture: 'unknown' });
    registry.pushIndex('org/multi', 'latest', [
      [attestation, { os: 'unknown', architecture: 'unknown' }],
      [arm7, { os: 'linux', architecture: 'arm', variant: 'v7' }],
      [arm, { os: 'linux', architecture: 'arm64', variant: 'v8' }],
      [image, { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : 'mips' }],
    ]);
    const name = `docker://${registry.host}/org/multi`;
    expect((await open(name, options, { platform: { os: 'linux', architecture: 'arm64' } })).config.user).toBe('arm');
    expect((await open(name, options, { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } })).config.user).toBe(
      'arm7',
    );
    if (process.arch === 'x64') expect((await open(name)).configDigest).toBe(image.configDigest);
    const error = await failure(name, options, { platform: { os: 'linux', architecture: 's390x' } });
    expect(error.code).toBe('image.no-platform');
    expect(error.message).toContain('linux/arm/v7, linux/arm64/v8');
    // An image that is alone is what it is.
    expect((await failure(undefined, options, { platform: { os: 'linux', architecture: 's390x' } })).code).toBe(
      'image.no-platform',
    );
  });

  it('completes names of Docker Hub and says whom it asked', async () => {
    const hub = settings({}, { HTTPS_PROXY: `http://127.0.0.1:${await freePort()}` });
    const error = await failure('docker://nginx:1.27', hub);
    expect(error.code).toBe('registry.unreachable');
    expect(error.message).toContain('registry-1.docker.io through the proxy http://127.0.0.1');
    expect(error.message).toContain('docker.io/library/nginx:1.27');
    expect(error.message).toContain('connection refused');
  });

  it('knows what is no name', async () => {
    for (const [name, words] of [
      ['docker://Org/App', 'lower case'],
      ['docker://org/App', 'lower case'],
      ['docker://a@sha256:12', 'no digest'],
      ['docker://a:-x', 'no tag'],
      [`docker://${'a/'.repeat(200)}b`, 'longer'],
    ] as const) {
      const error = await failure(name);
      expect(error.code).toBe('image.bad-reference');
      expect(`${error.message} ${error.hint}`).toContain(words);
    }
  });
});

describe('what cannot be had', () => {
  it('an image that is not there', async () => {
    const error = await failure(`docker://${registry.host}/org/none:2`);
    expect(error).toMatchObject({ code: 'registry.not-found', exitCode: 2 });
    expect(error.message).toContain(
      `${registry.host} has no image ${registry.host}/org/none:2 (MANIFEST_UNKNOWN: not known here)`,
    );
  });

  it('a registry that is down: named once, and not waited for again in the same run', async () => {
    const port = await freePort();
    const error = await failure(`docker://127.0.0.1:${port}/a`);
    expect(error).toMatchObject({ code: 'registry.unreachable', exitCode: 2 });
    expect(error.message).toContain(
      `cannot reach the registry 127.0.0.1:${port} for 127.0.0.1:${port}/a:latest: connection refused`,
    );
    const slow = { ...options, retryDelay: 60_000 };
    sessionOf(slow).down.set(`127.0.0.1:${port}`, error);
    expect((await failure(`docker://127.0.0.1:${port}/b`, slow)).message).toContain(`127.0.0.1:${port}/b:latest`);
  });

  // A name too long for DNS: nobody is asked for it.
  it('a host that does not exist', async () => {
    const error = await failure(`docker://${'a'.repeat(64)}.invalid/a`);
    expect(error.code).toBe('registry.unreachable');
    expect(error.message).toMatch(/no such host|cannot be looked up/);
  });

  it('a rate limit: retried when the wait is short, told when it is long', async () => {
    let left = 2;
    registry.intercept = (_, response, path) => {
      if (!path.includes('manifests') || left-- <= 0) return false;
      response.writeHead(429, { 'retry-after': '0' }).end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
      return true;
    };
    expect((await open()).digest).toBe(image.manifestDigest);
    expect(asked().filter((one) => one.includes('manifests'))).toHaveLength(3);
    registry.intercept = (_, response) => {
      response
        .writeHead(429, { 'retry-after': '21600' })
        .end('{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit"}]}');
      return true;
    };
    registry.log.length = 0;
    const error = await failure(`docker://${registry.host}/org/limited`);
    expect(error.code).toBe('registry.rate-limit');
    expect(error.message).toMatch(/You have reached your pull rate limit.*asks to wait 6 h/);
    expect(registry.log).toHaveLength(1);
  });

  it('an account that is missing or wrong: which files were looked at', async () => {
    registry.intercept = (_, response) => {
      response
        .writeHead(401, { 'www-authenticate': 'Basic realm="x"' })
        .end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
      return true;
    };
    const none = await failure();
    expect(none).toMatchObject({
      code: 'registry.unauthorized',
      exitCode: 2,
      hint: expect.stringContaining(`docker login ${registry.host}`),
    });
    expect(none.message).toContain('401 (UNAUTHORIZED: authentication required)');
    expect(none.message).toContain(join(home, '.docker/config.json'));
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, '.docker/config.json'), '{"auths":{"other.example":{"auth":"YTpi"}}}');
    expect((await failure(undefined, settings())).message).toContain(
      `no credentials for ${registry.host} in ${join(home, '.docker/config.json')}`,
    );
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth: btoa('a:wrong') } } }));
    expect((await failure(undefined, settings())).message).toContain(
      `credentials come from ${join(home, '.docker/config.json')}`,
    );
  });
});

describe('retries', () => {
  it('asks again after 500, 502, 503, 504 and connections that break, and gives up in the end', async () => {
    for (const status of [500, 502, 503, 504, 'reset'] as const) {
      let left = 2;
      registry.intercept = (request, response) => {
        if (left-- <= 0) return false;
        if (status === 'reset') request.socket.destroy();
        else response.writeHead(status).end('<html>later</html>');
        return true;
      };
      const once = settings({ cacheDir: fresh('cache') });
      // Which protocol it speaks is known here; a hello that is cut would be taken for a no to TLS.
      sessionOf(once).schemes.set(registry.host, 'http');
      expect((await open(undefined, once)).digest).toBe(image.manifestDigest);
    }
    registry.intercept = (_, response) => {
      response.writeHead(503).end('maintenance');
      return true;
    };
    registry.log.length = 0;
    const error = await failure(undefined, settings({ cacheDir: fresh('cache') }));
    expect(error.code).toBe('registry.failed');
    expect(error.message).toContain('503 (maintenance)');
    expect(registry.log).toHaveLength(4);
  });

  it.each([true, false])('goes on where a layer broke off, with ranges: %s', async (ranges) => {
    const { digest, blob } = image.layers[0]!;
    let cuts = 0;
    registry.intercept = (request, response, path) => {
      if (!path.endsWith(digest)) return false;
      const from = ranges ? Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
      const part = blob.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        'content-length': part.length,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` } : {}),
      });
      if (++cuts > 3) response.end(part);
      else response.write(part.subarray(0, (ranges ? 1 : cuts) * 700_000), () => setTimeout(() => request.socket.destroy(), 30));
      return true;
    };
    const entries = [...(await (await open()).rootFs()).entries()];
    expect(entries.find(({ path }) => path === '/usr/large')?.size).toBe(3_000_000);
    expect(cuts).toBe(4);
  });

  it('stops at Ctrl-C, also while it waits', async () => {
    registry.intercept = (_, response) => {
      response.writeHead(503).end();
      return true;
    };
    const controller = new AbortController();
    const waiting = failure(undefined, settings({ retryDelay: 60_000 }), { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    expect(await waiting).toMatchObject({ code: 'interrupted', exitCode: 130 });
  });
});

describe('accounts', () => {
  const basic = (account: string): string => `Basic ${btoa(account)}`;

  /** A registry with a token service of its own, as the big ones have. */
  async function withTokens(
    accepts: (request: { authorization: string | undefined; body: string; url: URL }) => string | undefined,
  ): Promise<{ service: TestRegistry; granted: URL[]; expire(): void }> {
    const service = await testRegistry();
    const granted: URL[] = [];
    let generation = 0;
    service.intercept = (request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const url = new URL(request.url ?? '', 'http://x');
        granted.push(url);
        const token = accepts({ authorization: request.headers.authorization, body, url });
        if (token === undefined)
          response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}');
        else response.end(JSON.stringify({ token: `${token}-${generation}`, expires_in: 300 }));
      });
      return true;
    };
    registry.intercept = (request, response, path) => {
      if (request.headers.authorization === `Bearer good-${generation}`) return false;
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="http://${service.host}/token",service="the \\"registry\\"",scope="repository:everything:pull,push"`,
      });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: `no access to ${path}` }] }));
      return true;
    };
    return { service, granted, expire: () => generation++ };
  }

  it('fetches a token without an account, for reading this image only, and uses it until it ends', async () => {
    const { service, granted, expire } = await withTokens(() => 'good');
    const one = await open();
    expect(granted.map((url) => url.searchParams.toString())).toEqual([
      'scope=repository%3Aorg%2Fapp%3Apull&service=the+%22registry%22',
    ]);
    expire();
    await one.rootFs();
    expect(granted).toHaveLength(2);
    await service.close();
  });

  it('fetches a token with the account, or with the refresh token that a login left', async () => {
    const { service } = await withTokens(({ authorization, body }) =>
      authorization === basic('me:secret') || /grant_type=refresh_token&refresh_token=long-lived/.test(body) ? 'good' : undefined,
    );
    const file = join(home, 'auth.json');
    const withFile = (auths: object): RegistryOptions => {
      writeFileSync(file, JSON.stringify({ auths: { [registry.host]: auths } }));
      return settings({}, { REGISTRY_AUTH_FILE: file });
    };
    expect((await open(undefined, withFile({ auth: btoa('me:secret') }))).digest).toBe(image.manifestDigest);
    expect((await open(undefined, withFile({ identitytoken: 'long-lived' }))).digest).toBe(image.manifestDigest);
    expect((await open(undefined, withFile({ registrytoken: 'good-0' }))).digest).toBe(image.manifestDigest);
    const refused = await failure(undefined, withFile({ auth: btoa('me:wrong') }));
    expect(refused.code).toBe('registry.unauthorized');
    expect(refused.message).toContain(`its token service ${service.host}: UNAUTHORIZED: incorrect username or password`);
    expect(refused.message).toContain(file);
    await service.close();
  });

  it('does not take a token for an answer when it does not open the door', async () => {
    const { service } = await withTokens(() => 'bad');
    const error = await failure();
    expect(error.code).toBe('registry.unauthorized');
    expect(registry.log.length).toBeLessThan(4);
    await service.close();
  });

  it('looks where docker and podman keep accounts, the most exact entry first', async () => {
    let seen: string | undefined;
    registry.intercept = (request, response) => {
      seen = request.headers.authorization;
      if (seen !== undefined) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const account = async (environment: Record<string, string> = {}): Promise<string> => {
      seen = undefined;
      await open(undefined, settings({ cacheDir: fresh('cache') }, environment));
      return atob((seen ?? '').replace('Basic ', ''));
    };
    const write = (path: string, document: object): string => {
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, JSON.stringify(document));
      return path;
    };
    const auths = (entries: Record<string, string>): object => ({
      auths: Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { auth: btoa(value) }])),
    });
    write(join(home, '.docker/config.json'), auths({ [`https://${registry.host}/v1/`]: 'docker:old' }));
    expect(await account()).toBe('docker:old');
    write(
      join(home, '.docker/config.json'),
      auths({ [`https://${registry.host}/v1/`]: 'docker:old', [registry.host]: 'docker:p:w' }),
    );
    expect(await account()).toBe('docker:p:w');
    write(
      join(home, '.config/containers/auth.json'),
      auths({
        [registry.host]: 'podman:host',
        [`${registry.host}/org`]: 'podman:org',
        [`${registry.host}/org/ap`]: 'podman:other',
      }),
    );
    expect(await account()).toBe('podman:org');
    write(join(home, 'run/containers/auth.json'), auths({ [`${registry.host}/org/app`]: 'runtime:image\0\0' }));
    expect(await account()).toBe('runtime:image');
    write(join(home, 'dockerconfig/config.json'), auths({ [registry.host]: 'docker:config' }));
    expect(await account({ DOCKER_CONFIG: join(home, 'dockerconfig') })).toBe('docker:config');
    const named = write(join(home, 'mine.json'), auths({ [registry.host]: 'named:file' }));
    expect(await account({ REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: join(home, 'dockerconfig') })).toBe('named:file');
  });

  it('asks credential helpers, and says what is wrong with them', async () => {
    let seen: string | undefined;
    registry.intercept = (request, response) => {
      seen = request.headers.authorization;
      if (seen === basic('helped:secret') || seen === basic('plain:secret')) return false;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const bin = fresh('bin');
    const helper = (name: string, script: string): void =>
      writeFileSync(join(bin, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    helper(
      'test',
      `[ "$1" = get ] || exit 9\nread server\n[ "$server" = ${registry.host} ] || { echo "credentials not found in native keychain"; exit 1; }\necho '{"ServerURL":"x","Username":"helped","Secret":"secret"}'`,
    );
    helper('empty', 'echo "credentials not found in native keychain"; exit 1');
    helper('broken', 'echo the keychain is locked; exit 1');
    helper('noise', 'echo hello');
    const config = join(home, '.docker/config.json');
    mkdirSync(join(home, '.docker'));
    const withConfig = (document: object): RegistryOptions => {
      writeFileSync(config, JSON.stringify(document));
      return settings({ cacheDir: fresh('cache') }, { PATH: `${bin}:${process.env.PATH}` });
    };
    await open(undefined, withConfig({ credHelpers: { [registry.host]: 'test' }, credsStore: 'broken' }));
    expect(seen).toBe(basic('helped:secret'));
    await open(undefined, withConfig({ credsStore: 'test' }));
    expect(seen).toBe(basic('helped:secret'));
    await open(undefined, withConfig({ credsStore: 'empty', auths: { [registry.host]: { auth: btoa('plain:secret') } } }));
    expect(seen).toBe(basic('plain:secret'));
    expect((await failure(undefined, withConfig({ credsStore: 'empty' }))).message).toContain('docker-credential-empty');
    for (const [name, words] of [
      ['broken', 'the keychain is locked'],
      ['noise', 'not JSON'],
      ['absent', 'not installed'],
      ['../../bin/sh', 'no name of a program'],
    ] as const) {
      const error = await failure(undefined, withConfig({ credsStore: name }));
      expect(error.code).toBe('registry.credential-helper');
      expect(error.message).toContain(words);
    }
  });

  it('says which file is broken, without showing what is in it', async () => {
    registry.intercept = (_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      return true;
    };
    const file = join(home, 'auth.json');
    writeFileSync(file, '{"auths": {"x": hunter2');
    const error = await failure(undefined, settings({}, { REGISTRY_AUTH_FILE: file }));
    expect(error).toMatchObject({ code: 'registry.auth-file', where: { file } });
    expect(`${error.message}${error.hint}${error.cause}`).not.toContain('hunter2');
    const missing = await failure(undefined, settings({}, { REGISTRY_AUTH_FILE: join(home, 'none.json') }));
    expect(missing.code).toBe('registry.auth-file');
  });
});

describe('redirects', () => {
  it('are followed to where blobs are kept, without the account', async () => {
    const storage = await testRegistry();
    for (const [digest, blob] of registry.blobs) storage.blobs.set(digest, blob);
    registry.intercept = (request, response, path) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      else if (path.includes('/blobs/'))
        response.writeHead(307, { location: `http://${storage.host}/v2/x/blobs/${path.split('/').at(-1)}?signature=1` }).end();
      else return false;
      return true;
    };
    mkdirSync(join(home, '.docker'));
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth: btoa('me:secret') } } }));
    const one = await open(undefined, settings());
    await one.rootFs();
    expect(storage.log.length).toBe(3);
    expect(storage.log.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(registry.log.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
    await storage.close();
  });

  it('do not get the account by asking for it themselves', async () => {
    const storage = await testRegistry();
    storage.intercept = (_, response) => {
      response.writeHead(401, { 'www-authenticate': `Basic realm="x"` }).end();
      return true;
    };
    registry.intercept = (_, response, path) => {
      if (path.includes('/blobs/')) response.writeHead(307, { location: `http://${storage.host}${path}` }).end();
      return path.includes('/blobs/');
    };
    mkdirSync(join(home, '.docker'));
    const auths = { [registry.host]: { auth: btoa('me:secret') }, [storage.host]: { auth: btoa('me:secret') } };
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths }));
    expect((await failure(undefined, settings())).code).toBe('registry.unauthorized');
    expect([...storage.log, ...registry.log].every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await storage.close();
  });

  it('do not go round for ever, nor to other protocols', async () => {
    registry.intercept = (_, response, path) => {
      response.writeHead(302, { location: path }).end();
      return true;
    };
    expect(await failure()).toMatchObject({ code: 'registry.bad-answer', message: expect.stringContaining('redirects') });
    for (const location of ['file:///etc/passwd', 'http://', '']) {
      registry.intercept = (_, response) => {
        response.writeHead(307, location === '' ? {} : { location }).end();
        return true;
      };
      expect((await failure()).code).toBe('registry.bad-answer');
    }
  });
});

describe('registries.conf', () => {
  it('sends the question to mirrors first, then to the registry', async () => {
    const mirror = await testRegistry();
    mirror.push('cache/org/app', 'latest', image);
    const down = await freePort();
    conf(
      `[[registry]]\nprefix = "example.test/org"\nlocation = "${registry.host}/org"\n[[registry.mirror]]\nlocation = "127.0.0.1:${down}/x"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache/org"\n`,
    );
    const own = { ...settings(), environment: { ...settings().environment } };
    conf(
      `[[registry]]\nprefix = "example.test/org"\nlocation = "${registry.host}/org"\n[[registry.mirror]]\nlocation = "127.0.0.1:${down}/x"\n[[registry.mirror]]\nlocation = "${mirror.host}/cache/org"\n`,
    );
    const one = await open('docker://example.test/org/app', own);
    await one.rootFs();
    expect(one.name).toBe('example.test/org/app:latest');
    expect(registry.log).toEqual([]);
    expect(mirror.log.map(({ path }) => path)).toContain('/v2/cache/org/app/manifests/latest');
    // What the mirror does not have comes from the registry.
    const other = buildImage({ ...spec, config: { User: '9' } });
    registry.push('org/other', 'latest', other);
    expect((await open('docker://example.test/org/other', own)).config.user).toBe('9');
    await mirror.close();
  });

  it("asks the mirrors of Docker's daemon.json for images of Docker Hub", async () => {
    registry.push('library/nginx', '1', image);
    mkdirSync(join(home, '.config/docker'), { recursive: true });
    writeFileSync(join(home, '.config/docker/daemon.json'), JSON.stringify({ 'registry-mirrors': [`http://${registry.host}/`] }));
    const one = await open('docker://nginx:1', settings());
    expect(one).toMatchObject({ name: 'docker.io/library/nginx:1', digest: image.manifestDigest });
  });

  it('keeps tags away from mirrors for digests, blocks, and says what is no TOML', async () => {
    const mirror = await testRegistry();
    mirror.push('org/app', 'latest', image);
    const withConf = (text: string): RegistryOptions => {
      const made = settings({ cacheDir: fresh('cache') });
      conf(text);
      return made;
    };
    const text = `[[registry]]\nlocation = "${registry.host}"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "${mirror.host}"\n`;
    await open(undefined, withConf(text));
    expect(mirror.log).toEqual([]);
    await open(`docker://${registry.host}/org/app@${image.manifestDigest}`, withConf(text));
    expect(mirror.log).toHaveLength(2);
    registry.log.length = 0;
    expect(await failure(undefined, withConf(`[[registry]]\nprefix = "${registry.host}/org"\nblocked = true\n`))).toMatchObject({
      code: 'registry.blocked',
    });
    expect(registry.log).toEqual([]);
    expect((await failure(undefined, withConf('[[registry]\n'))).code).toBe('registry.conf');
    await mirror.close();
  });
});

describe('the cache', () => {
  const blobFiles = (cacheDir: string): readonly string[] => readdirSync(join(cacheDir, 'blobs/sha256'));

  it('is all that --offline reads, and what is missing is named', async () => {
    const offline = settings({ offline: true });
    const before = await failure(undefined, offline);
    expect(existsSync(join(home, '.cache'))).toBe(false);
    expect(before).toMatchObject({ code: 'registry.offline', exitCode: 2 });
    expect(before.message).toContain(`the manifest of ${registry.host}/org/app:latest is not in the cache`);
    await open(undefined, settings());
    registry.log.length = 0;
    const one = await open(undefined, offline);
    expect(one.config.cmd).toEqual(['/srv/app']);
    await expect(one.rootFs()).rejects.toMatchObject({ code: 'registry.offline', message: expect.stringContaining('layer 0') });
    await expect(users(one)).rejects.toMatchObject({ code: 'registry.offline' });
    await (await open(undefined, settings())).rootFs();
    registry.log.length = 0;
    const complete = await open(undefined, offline);
    expect(await users(complete)).toBe(PASSWD);
    await complete.rootFs();
    expect(registry.log).toEqual([]);
  });

  it('mends itself when somebody damaged it', async () => {
    const cacheDir = fresh('cache');
    await (await open(undefined, settings({ cacheDir }))).rootFs();
    for (const name of blobFiles(cacheDir)) writeFileSync(join(cacheDir, 'blobs/sha256', name), 'rubbish');
    for (const kind of ['names', 'files'])
      for (const name of readdirSync(join(cacheDir, kind))) writeFileSync(join(cacheDir, kind, name), '{"');
    const one = await open(undefined, settings({ cacheDir }));
    expect((await one.rootFs()).get('/usr/large')?.size).toBe(3_000_000);
    expect(await users(await open(undefined, settings({ cacheDir })))).toBe(PASSWD);
  });

  it('lets go of what was not used for longest, never of what is in use', async () => {
    const cacheDir = fresh('cache');
    const bounded = settings({ cacheDir, cacheBytes: 4_000_000 });
    await (await open(undefined, bounded)).rootFs();
    const old = image.layers[0]!.digest.slice(7);
    expect(blobFiles(cacheDir)).toContain(old);
    for (const name of blobFiles(cacheDir)) utimesSync(join(cacheDir, 'blobs/sha256', name), 1, 1);
    const next = buildImage({ layers: [[{ path: '/other', content: noise(2_000_000, 7) }]] });
    registry.push('org/next', 'latest', next);
    await (await open(`docker://${registry.host}/org/next`, bounded)).rootFs();
    expect(blobFiles(cacheDir)).not.toContain(old);
    expect(blobFiles(cacheDir)).toContain(next.layers[0]!.digest.slice(7));
  });

  it('holds nothing half-written, and nothing after a layer that was not read to its end', async () => {
    const cacheDir = fresh('cache');
    const one = await open(undefined, settings({ cacheDir }));
    expect(await users(one)).toBe(PASSWD);
    await one.close();
    expect(readdirSync(join(cacheDir, 'growing'))).toEqual([]);
    for (const name of blobFiles(cacheDir))
      expect(digestOf(readFileSync(join(cacheDir, 'blobs/sha256', name)))).toBe(`sha256:${name}`);
    expect(statSync(cacheDir).isDirectory()).toBe(true);
  });

  it('lies where UNROOT_CACHE says, beside what engines keep there', async () => {
    const own = fresh('own');
    await open(undefined, settings({}, { UNROOT_CACHE: own }));
    expect(blobFiles(own)).toHaveLength(2);
    expect(existsSync(join(home, '.cache'))).toBe(false);
  });

  it('is shared by runs at the same time', async () => {
    const cacheDir = fresh('cache');
    const images = await Promise.all(Array.from({ length: 8 }, () => open(undefined, settings({ cacheDir }))));
    const trees = await Promise.all(images.map((one) => one.rootFs()));
    expect(new Set(trees.map((tree) => [...tree.entries()].length)).size).toBe(1);
    expect(blobFiles(cacheDir)).toHaveLength(4);
  });

  it('is done without where there is no place for it', async () => {
    const file = join(home, 'file');
    writeFileSync(file, '');
    const one = await open(undefined, settings({}, { XDG_CACHE_HOME: join(file, 'cache') }));
    const kept = (await one.rootFs()) && one.layerFile?.(0);
    expect(existsSync(kept as string)).toBe(true);
    await one.close();
    expect(existsSync(kept as string)).toBe(false);
  });
});

describe('who: only as much as passwd and group need', () => {
  /** Bytes of the blobs that were asked for. */
  const layersAsked = (): readonly number[] =>
    image.layers.map(({ digest }, i) => (asked().some((one) => one.endsWith(digest)) ? i : -1)).filter((i) => i >= 0);

  it('stops within the layer when nothing that follows can matter', async () => {
    const deep = buildImage({ layers: [[...base, { path: '/zzz', content: noise(20_000_000, 3) }]] });
    registry.push('org/deep', 'latest', deep);
    const once = settings();
    const one = await open(`docker://${registry.host}/org/deep`, once);
    expect(await users(one)).toBe(PASSWD);
    // One piece and the documents.
    expect(sessionOf(once).received).toBeLessThan(2 ** 19 + 5000);
    // Kept by the digest of the manifest.
    registry.log.length = 0;
    expect(await users(await open(`docker://${registry.host}/org/deep`, settings({ offline: true })))).toBe(PASSWD);
  });

  it('does not fetch layers below the answer', async () => {
    const upper = buildImage({
      layers: [
        base,
        [{ path: '/etc' }, { path: '/etc/passwd', content: 'x:x:1:1:::\n' }, { path: '/etc/group', content: 'x:x:1:\n' }],
        [{ path: '/srv', content: 's' }],
      ],
    });
    registry.push('org/upper', 'latest', upper);
    const one = await open(`docker://${registry.host}/org/upper`);
    expect(await users(one)).toBe('x:x:1:1:::\n');
    expect(asked().filter((path) => path.endsWith(upper.layers[0]!.digest))).toEqual([]);
  });

  it('sees removals, opaque folders and replaced parents', async () => {
    for (const [name, layer, expected] of [
      ['whiteout', [{ path: '/etc/.wh.passwd', content: '' }], undefined],
      ['opaque', [{ path: '/etc' }, { path: '/etc/.wh..wh..opq', content: '' }], undefined],
      ['parent', [{ path: '/.wh.etc', content: '' }], undefined],
      ['file', [{ path: '/etc', content: 'not a folder' }], undefined],
      [
        'back',
        [
          { path: '/etc/.wh.passwd', content: '' },
          { path: '/etc/passwd', content: 'new' },
        ],
        'new',
      ],
      ['folder', [{ path: '/etc/passwd' }, { path: '/etc/passwd/x', content: '' }], undefined],
      [
        'symlink',
        [
          { path: '/etc/passwd', target: '/srv/accounts' },
          { path: '/srv/accounts', content: 'linked' },
        ],
        'linked',
      ],
      [
        'hard link',
        [
          { path: '/srv/accounts', content: 'linked' },
          { path: '/etc/passwd', hardlink: '/srv/accounts' },
        ],
        'linked',
      ],
    ] as const) {
      const odd: BuildSpec = { layers: [base, layer] };
      const repository = `odd/${name.replace(' ', '-')}`;
      registry.push(repository, 'latest', buildImage(odd));
      const local = await openImage(writeLayout(fresh('layout'), odd));
      const found = await users(await open(`docker://${registry.host}/${repository}`));
      expect([name, found]).toEqual([name, expected]);
      expect([name, found]).toEqual([name, await users(local)]);
      await local.close();
    }
  });

  it('believes a user name only from a layer that was read to its end: the last entry of a file counts', async () => {
    const twice: BuildSpec = {
      layers: [
        [...base, { path: '/zzz', content: noise(3_000_000, 5) }, { path: '/etc/passwd', content: 'app:x:0:0::/root:/bin/sh\n' }],
      ],
      config: { User: 'app' },
    };
    registry.push('org/twice', 'latest', buildImage(twice));
    expect(await users(await open(`docker://${registry.host}/org/twice`))).toBe('app:x:0:0::/root:/bin/sh\n');
  });

  it('reads everything once when the layer is small and nothing is found', async () => {
    registry.push('org/empty', 'latest', buildImage({ layers: [[{ path: '/x', content: 'x' }]] }));
    const one = await open(`docker://${registry.host}/org/empty`);
    expect(await users(one)).toBeUndefined();
    registry.log.length = 0;
    expect(await users(one)).toBeUndefined();
    expect(registry.log).toEqual([]);
    expect(layersAsked()).toEqual([]);
  });
});

describe('registries that mean harm', () => {
  const answer = (kind: string, reply: (response: import('node:http').ServerResponse) => void): void => {
    registry.intercept = (_, response, path) => {
      if (!path.includes(kind)) return false;
      reply(response);
      return true;
    };
  };

  it('send manifests without end, or announce them', async () => {
    answer('manifests', (response) => {
      response.writeHead(200);
      const more = (): void => void (response.destroyed || response.write('x'.repeat(65536), more));
      more();
    });
    expect(await failure()).toMatchObject({ code: 'image.too-large', message: expect.stringContaining('maxJsonBytes') });
    answer('manifests', (response) => response.writeHead(200, { 'content-length': 1e12 }).write('{'));
    expect((await failure()).code).toBe('image.too-large');
  });

  it('send headers without end', async () => {
    answer('manifests', (response) => response.writeHead(200, { 'x-much': 'x'.repeat(200_000) }).end('{}'));
    expect((await failure()).code).toBe('registry.unreachable');
  });

  it('do not answer, or stop in the middle', async () => {
    const hasty = settings({ idleTimeout: 200 });
    answer('manifests', () => undefined);
    expect(await failure(undefined, hasty)).toMatchObject({
      code: 'registry.unreachable',
      message: expect.stringContaining('no answer in time'),
    });
    answer('manifests', (response) => response.writeHead(200, { 'content-length': 500 }).write('{'));
    expect((await failure(undefined, settings({ idleTimeout: 200 }))).code).toBe('registry.unreachable');
  });

  it('send something else than the digest says', async () => {
    const other = buildImage({ ...spec, config: { User: '0' } });
    registry.manifests.set(`org/app@${image.manifestDigest}`, { bytes: other.manifest, type: OCI_MANIFEST });
    expect((await failure(`docker://${registry.host}/org/app@${image.manifestDigest}`)).code).toBe('image.digest-mismatch');
    answer('manifests/latest', (response) =>
      response.writeHead(200, { 'docker-content-digest': other.manifestDigest }).end(image.manifest),
    );
    expect((await failure()).code).toBe('image.digest-mismatch');
    answer('manifests/latest', (response) =>
      response.writeHead(200, { 'docker-content-digest': 'sha256:../../x' }).end(image.manifest),
    );
    expect((await failure()).code).toBe('image.bad-digest');
    registry.intercept = () => false;
    registry.blobs.set(image.configDigest, other.config);
    expect((await failure()).code).toBe('image.digest-mismatch');
    registry.blobs.set(image.configDigest, image.config);
    registry.blobs.set(
      image.layers[0]!.digest,
      image.layers[0]!.blob.map((byte, i) => (i === 1000 ? byte ^ 1 : byte)),
    );
    const one = await open();
    await expect(one.rootFs()).rejects.toMatchObject({ code: expect.stringMatching(/^image\.(?:digest-mismatch|damaged)$/) });
    expect(existsSync(join(home, '.cache/unroot/blobs/sha256', image.layers[0]!.digest.slice(7)))).toBe(false);
  });

  it('send blobs that are longer or shorter than they should be', async () => {
    const { digest, blob } = image.layers[1]!;
    const long = Buffer.concat([blob, noise(100_000)]);
    for (const [body, headers, code] of [
      [long, {}, 'registry.bad-answer'],
      [long, { 'content-length': long.length }, 'image.digest-mismatch'],
      [blob.subarray(0, 50), {}, 'registry.unreachable'],
      [blob.subarray(0, 50), { 'content-length': 50 }, 'image.digest-mismatch'],
    ] as const) {
      answer(digest, (response) => response.writeHead(200, headers).end(body));
      const one = await open(undefined, settings({ cacheDir: fresh('cache') }));
      await expect(one.rootFs()).rejects.toMatchObject({ code });
    }
    answer(digest, (response) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('xxxxx'));
    await expect((await open(undefined, settings({ cacheDir: fresh('cache') }))).rootFs()).rejects.toMatchObject({
      code: 'registry.bad-answer',
    });
  });

  it('send bombs', async () => {
    const bomb = buildImage({ layers: [[{ path: '/zero', content: new Uint8Array(80 * 2 ** 20) }]] });
    registry.push('org/bomb', 'latest', bomb);
    const one = await open(`docker://${registry.host}/org/bomb`);
    await expect(users(one)).rejects.toMatchObject({ code: 'image.too-large', message: expect.stringContaining('maxRatio') });
    await expect(one.rootFs()).rejects.toMatchObject({ code: 'image.too-large' });
  });

  it('send web pages, lists that are images too, schema 1, and artifacts', async () => {
    answer('manifests', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please log in</html>'));
    expect(await failure()).toMatchObject({ code: 'registry.bad-answer', hint: expect.stringContaining('login portal') });
    const send = (document: object): void =>
      answer('manifests', (response) => response.writeHead(200).end(JSON.stringify(document)));
    const parts = JSON.parse(new TextDecoder().decode(image.manifest));
    send({ ...parts, manifests: [] });
    expect((await failure()).message).toContain('at once');
    send({ schemaVersion: 1, fsLayers: [] });
    expect((await failure()).message).toContain('schema 1');
    send({ ...parts, config: { ...parts.config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } });
    expect(await failure()).toMatchObject({ code: 'image.unknown-media-type', hint: expect.stringContaining('artifact') });
    send({ ...parts, config: { ...parts.config, digest: 'sha256:../../../etc/passwd' } });
    expect((await failure()).code).toBe('image.bad-digest');
    send({ ...parts, config: { ...parts.config, size: 1e9 } });
    expect((await failure()).code).toBe('image.too-large');
  });

  it('ask for tokens from strange places', async () => {
    for (const [realm, code] of [
      ['ftp://x/', 'registry.bad-answer'],
      ['not an address', 'registry.bad-answer'],
      [`http://127.0.0.1:${await freePort()}/`, 'registry.unreachable'],
    ] as const) {
      registry.intercept = (_, response) => {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();
        return true;
      };
      expect((await failure(undefined, settings())).code).toBe(code);
    }
    const service = await testRegistry();
    for (const body of ['{}', '[]', 'null', '{"token":"a\\r\\nX-Evil: 1"}', 'x'.repeat(500_000), '']) {
      service.intercept = (_, response) => {
        response.end(body);
        return true;
      };
      registry.intercept = (_, response) => {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${service.host}/token"` }).end();
        return true;
      };
      expect((await failure(undefined, settings())).code).toBe('registry.bad-answer');
    }
    registry.intercept = (_, response) => {
      response.writeHead(401).end();
      return true;
    };
    expect((await failure(undefined, settings())).code).toBe('registry.unauthorized');
    await service.close();
  });

  it('say things meant for the terminal', async () => {
    answer('manifests', (response) =>
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'X', message: 'a\n\nb'.repeat(1000) }, null, 7] })),
    );
    const error = await failure();
    expect(error.message.length).toBeLessThan(600);
    expect(error.message).not.toContain('\n');
  });

  it('compress with something else than they say', async () => {
    const layer = image.layers[1]!;
    registry.blobs.set(layer.digest, new Uint8Array(gzipSync(layer.tar, { level: 1 })));
    const one = await open();
    await expect(one.rootFs()).rejects.toMatchObject({ code: expect.stringMatching(/digest-mismatch|unreachable/) });
  });
});
