/**
 * Accounts for registries, as docker, podman and skopeo keep them: config.json of Docker (docs.docker.com/reference/cli/docker/login) and
 * containers-auth.json(5), with credential helpers (github.com/docker/docker-credential-helpers, "Usage"). Only ever read.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../../../error.ts';
import { isObject, type JsonObject } from '../../json.ts';
import { environmentOf, homeOf, type RegistryOptions } from './options.ts';

export type Account =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: 'registry-token'; readonly token: string };

export interface FoundAccount {
  readonly account: Account | undefined;
  /** For messages: which files were read and what they had. */
  readonly looked: string;
}

/** What a helper may say, in bytes, and how long it may take. */
const HELPER_BYTES = 2 ** 20;
const HELPER_MS = 60_000;
const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** The account for images of `registry/repository`, from the first place that has one. */
export async function findAccount(registry: string, repository: string, options: RegistryOptions): Promise<FoundAccount> {
  const looked: string[] = [];
  for (const path of authFiles(options)) {
    const file = readAuthFile(path, options);
    if (file === undefined) continue;
    const hosts = DOCKER_HUB.includes(registry) ? DOCKER_HUB : [registry];
    const helper = helperFor(file, hosts);
    if (helper !== undefined) {
      // Docker files Docker Hub under the address of its first index.
      const servers = hosts === DOCKER_HUB ? ['https://index.docker.io/v1/', 'docker.io'] : [registry, `https://${registry}`];
      for (const server of servers) {
        const account = await askHelper(helper, server, path, options);
        if (account !== undefined) return { account, looked: `credentials come from docker-credential-${helper} (${path})` };
      }
      looked.push(`docker-credential-${helper} (${path})`);
    }
    const account = accountIn(file, hosts, repository, path);
    if (account !== undefined) return { account, looked: `credentials come from ${path}` };
    looked.push(path);
  }
  return {
    account: undefined,
    looked: looked.length === 0 ? noFiles(options) : `no credentials for ${registry} in ${looked.join(', ')}`,
  };
}

const noFiles = (options: RegistryOptions): string => `there are no credentials: none of ${authFiles(options).join(', ')} exists`;

/** In the order containers/image reads them; REGISTRY_AUTH_FILE stands for all of them. */
function authFiles(options: RegistryOptions): readonly string[] {
  const environment = environmentOf(options);
  const home = homeOf(options);
  if (environment.REGISTRY_AUTH_FILE) return [environment.REGISTRY_AUTH_FILE];
  return [
    ...(environment.DOCKER_CONFIG ? [join(environment.DOCKER_CONFIG, 'config.json')] : []),
    join(environment.XDG_RUNTIME_DIR || `/run/containers/${process.getuid?.() ?? 0}`, 'containers/auth.json').replace(
      /^(\/run\/containers\/\d+)\/containers\//,
      '$1/',
    ),
    join(environment.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json'),
    ...(environment.DOCKER_CONFIG ? [] : [join(home, '.docker/config.json')]),
  ];
}

function readAuthFile(path: string, options: RegistryOptions): JsonObject | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const named = environmentOf(options).REGISTRY_AUTH_FILE === path;
    if (!named && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')) return undefined;
    throw badFile(path, `it cannot be read: ${(cause as Error).message}`, cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text);
  } catch (cause) {
    // Not the parser's words: they repeat what stands there, and that may be a password.
    throw badFile(path, 'it is not JSON', undefined, (cause as Error).name);
  }
  if (!isObject(value)) throw badFile(path, 'it is not a JSON object');
  return value;
}

function badFile(path: string, reason: string, cause?: unknown, expected?: string): UnrootError {
  return new UnrootError(`the credentials in ${path}: ${reason}`, {
    code: 'registry.auth-file',
    where: { file: path },
    expected:
      expected === undefined
        ? 'a file as docker login or podman login writes it'
        : 'a JSON file as docker login or podman login writes it',
    hint: 'Mend it, or name another with REGISTRY_AUTH_FILE.',
    cause,
  });
}

function helperFor(file: JsonObject, hosts: readonly string[]): string | undefined {
  const special = isObject(file.credHelpers) ? file.credHelpers : {};
  for (const host of [...hosts, ...(hosts === DOCKER_HUB ? ['https://index.docker.io/v1/'] : [])]) {
    if (Object.hasOwn(special, host) && typeof special[host] === 'string' && special[host] !== '') return special[host] as string;
  }
  return typeof file.credsStore === 'string' && file.credsStore !== '' ? file.credsStore : undefined;
}

/** The most exact key wins: `host/org/app`, `host/org`, `host` (containers-auth.json(5)); then Docker's old keys with scheme and version. */
function accountIn(file: JsonObject, hosts: readonly string[], repository: string, path: string): Account | undefined {
  const auths = isObject(file.auths) ? file.auths : {};
  const parts = repository.split('/');
  for (let length = parts.length; length >= 0; length--) {
    for (const host of hosts) {
      const key = [host, ...parts.slice(0, length)].join('/');
      const account = Object.hasOwn(auths, key) ? readAccount(auths[key], key, path) : undefined;
      if (account !== undefined) return account;
    }
  }
  for (const [key, entry] of Object.entries(auths)) {
    if (!hosts.includes(key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')) || !/^https?:\/\/|\/v[12]\/?$/.test(key)) continue;
    const account = readAccount(entry, key, path);
    if (account !== undefined) return account;
  }
  return undefined;
}

function readAccount(entry: unknown, key: string, path: string): Account | undefined {
  if (!isObject(entry)) return undefined;
  const text = (name: string): string => (typeof entry[name] === 'string' ? (entry[name] as string) : '');
  if (text('identitytoken') !== '') return { kind: 'identity-token', token: text('identitytoken') };
  if (text('registrytoken') !== '') return { kind: 'registry-token', token: text('registrytoken') };
  if (text('auth') !== '') {
    const plain = Buffer.from(text('auth'), 'base64').toString('utf8');
    const colon = plain.indexOf(':');
    if (colon < 0) throw badFile(path, `the entry ${key} is not base64 of user:password`);
    // Docker once padded with zero bytes.
    return { kind: 'password', username: plain.slice(0, colon), password: plain.slice(colon + 1).replace(/\0+$/, '') };
  }
  return text('username') === '' ? undefined : { kind: 'password', username: text('username'), password: text('password') };
}

/** `docker-credential-NAME get`: the server on standard input, JSON or a reason on standard output. */
function askHelper(name: string, server: string, path: string, options: RegistryOptions): Promise<Account | undefined> {
  const program = `docker-credential-${name}`;
  const failed = (reason: string, cause?: unknown): UnrootError =>
    new UnrootError(`${program}, which ${path} names, gave no credentials for ${server}: ${reason}`, {
      code: 'registry.credential-helper',
      where: { file: path },
      expected: `an installed ${program} that answers "get"`,
      hint: `Try it: echo ${server} | ${program} get; or take it out of ${path}.`,
      cause,
    });
  if (!/^[\w.-]+$/.test(name)) throw failed('that is no name of a program');
  return new Promise((resolve, reject) => {
    const environment = environmentOf(options) as NodeJS.ProcessEnv;
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'], env: environment, timeout: HELPER_MS });
    let out = '';
    child.on('error', (cause) => {
      reject(failed((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not installed' : cause.message, cause));
    });
    child.stdin.on('error', () => undefined); // one that does not read its input still answers
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
      if (out.length > HELPER_BYTES) child.kill('SIGKILL');
    });
    child.on('close', (code, signal) => {
      if (out.length > HELPER_BYTES) return reject(failed('it says too much'));
      if (signal !== null) return reject(failed(`it was ended by ${signal}`));
      // The libraries of helpers have these words for "nothing here".
      if (code !== 0)
        return /credentials not found|no credentials|no basic auth/i.test(out)
          ? resolve(undefined)
          : reject(failed(`exit code ${code}: ${out.trim().slice(0, 200)}`));
      try {
        const said = JSON.parse(out) as { Username?: unknown; Secret?: unknown };
        const [username, secret] = [String(said.Username ?? ''), String(said.Secret ?? '')];
        if (secret === '') return resolve(undefined);
        resolve(
          username === '<token>' ? { kind: 'identity-token', token: secret } : { kind: 'password', username, password: secret },
        );
      } catch {
        reject(failed('what it says is not JSON'));
      }
    });
    child.stdin.end(`${server}\n`);
  });
}
