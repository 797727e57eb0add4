/** A connection to a cluster as kubectl would make it: KUBECONFIG, ~/.kube/config, or the service account of a pod. Only GET is ever sent. */
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { UnrootError } from '../../error.ts';

/** What the API server said. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Cluster {
  /** The context that is used; `in-cluster` in a pod. */
  readonly context: string;
  readonly server: string;
  /** The namespace of the context. */
  readonly namespace: string;
  /** Throws only when there is no answer at all. */
  get(path: string): Promise<Answer>;
  close(): void;
}

export interface ClusterOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** Pages of 500 objects are far smaller. */
const LARGEST = 256 * 1024 * 1024;
const TRIES = 4;
const IN_CLUSTER = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Reads the configuration; nothing is sent yet. Throws `cluster.*`. */
export async function connect({ context, kubeconfig, signal }: ClusterOptions): Promise<Cluster> {
  const config = await load(kubeconfig);
  const contexts = config.getContexts().map(({ name }) => name);
  if (context !== undefined) {
    if (!contexts.includes(context))
      throw failure('cluster.context', `There is no context ${JSON.stringify(context)}`, {
        expected: contexts.length === 0 ? 'a context of the kubeconfig, which has none' : `one of ${contexts.join(', ')}`,
      });
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  const name = config.getCurrentContext();
  if (cluster === null)
    throw failure(
      'cluster.context',
      name === '' || name === undefined ? 'The kubeconfig has no current context' : `Context ${name} has no cluster`,
      {
        expected: contexts.length === 0 ? 'a context' : `--context, one of ${contexts.join(', ')}`,
      },
    );
  const server = new URL(cluster.server);
  // It may run a credential plugin of the kubeconfig, as kubectl does: once.
  const options = await requestOptions(config, cluster.server);
  return {
    context: name === 'inClusterContext' ? 'in-cluster' : name,
    server: cluster.server,
    namespace: config.getContextObject(name)?.namespace ?? 'default',
    get: (path) => patient(server, path, options, signal),
    close: () => (options.agent as { destroy?: () => void } | undefined)?.destroy?.(),
  };
}

async function load(kubeconfig: string | undefined): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  const listed = process.env.KUBECONFIG ?? '';
  if (kubeconfig === undefined && listed === '' && !existsSync(join(homedir(), '.kube/config')) && !existsSync(IN_CLUSTER))
    throw failure('cluster.no-config', 'There is no kubeconfig, and this is no pod', {
      expected: 'KUBECONFIG, ~/.kube/config, or --kubeconfig FILE',
    });
  try {
    const files = listed.split(delimiter).filter((file) => file !== '');
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig);
    else if (files.length < 2) config.loadFromDefault();
    else config.loadFromOptions(merged(files.filter((file) => existsSync(file)).map((file) => loaded(new KubeConfig(), file))));
  } catch (error) {
    throw failure('cluster.kubeconfig', `Cannot read the kubeconfig${(kubeconfig ?? listed) ? ` ${kubeconfig ?? listed}` : ''}`, {
      expected: 'a file as kubectl reads it',
      cause: error,
    });
  }
  return config;
}

function loaded(config: KubeConfig, file: string): KubeConfig {
  config.loadFromFile(file);
  return config;
}

/** As kubectl merges the files of KUBECONFIG: the first that says something holds, and files that are not there are passed over. */
function merged(configs: readonly KubeConfig[]): object {
  const first = <T extends { readonly name: string }>(lists: readonly (readonly T[])[]): readonly T[] => {
    const found = new Map<string, T>();
    for (const one of lists.flat()) if (!found.has(one.name)) found.set(one.name, one);
    return [...found.values()];
  };
  return {
    clusters: first(configs.map((one) => one.getClusters())),
    users: first(configs.map((one) => one.getUsers())),
    contexts: first(configs.map((one) => one.getContexts())),
    currentContext: configs.map((one) => one.getCurrentContext()).find((name) => name !== undefined && name !== '') ?? '',
  };
}

async function requestOptions(config: KubeConfig, server: string): Promise<RequestOptions> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw failure('cluster.credentials', `Cannot make the credentials for ${server}`, {
      expected: 'a token, a client certificate, or a credential plugin that works for kubectl too',
      cause: error,
    });
  }
  return options;
}

/** Too many requests, and a server that is busy: again, as it asks. */
async function patient(server: URL, path: string, options: RequestOptions, signal: AbortSignal): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    const { answer, retryAfter } = await once(server, path, options, signal);
    const busy = answer.status === 429 || answer.status === 503;
    if (busy && tried < TRIES) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryAfter ?? tried, 10) * 1000));
      signal.throwIfAborted();
      continue;
    }
    if (answer.status === 401)
      throw failure('cluster.unauthorized', `${server.origin} does not know who asks (401)`, {
        expected: 'credentials that are valid now',
        hint: 'kubectl auth whoami',
      });
    if (answer.status >= 500)
      throw failure('cluster.failed', `${server.origin} answers ${answer.status} to ${path}: ${messageOf(answer.body)}`, {});
    return answer;
  }
}

/** The sentence of a Status object. */
export const messageOf = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string'
    ? body.message
    : 'no reason given';

function once(
  server: URL,
  path: string,
  options: RequestOptions,
  signal: AbortSignal,
): Promise<{ readonly answer: Answer; readonly retryAfter?: number }> {
  const send = server.protocol === 'http:' ? httpRequest : httpsRequest;
  const base = server.pathname.replace(/\/$/, '');
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(signal.aborted ? error : unreachable(server, error));
    const sent = send(
      {
        ...options,
        hostname: server.hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(server.port === '' ? {} : { port: server.port }),
        path: base + path,
        method: 'GET',
        headers: { ...options.headers, accept: 'application/json', 'user-agent': 'unroot' },
        timeout: TIMEOUT_MS,
        signal,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on('error', fail);
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST) answer.destroy(new Error(`the answer to ${path} is larger than ${LARGEST / 1024 / 1024} MiB`));
          else chunks.push(chunk);
        });
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const retryAfter = Number(answer.headers['retry-after']);
          try {
            const body: unknown = text === '' ? {} : JSON.parse(text);
            resolve({ answer: { status: answer.statusCode ?? 0, body }, ...(retryAfter > 0 ? { retryAfter } : {}) });
          } catch {
            const status = answer.statusCode ?? 0;
            if (status === 401 || status === 403 || status === 404) resolve({ answer: { status, body: {} } });
            else fail(new Error(`the answer to ${path} (${status}) is no JSON`));
          }
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    sent.on('error', fail);
    sent.end();
  });
}

const unreachable = (server: URL, error: unknown): UnrootError =>
  failure(
    'cluster.unreachable',
    `Cannot reach the cluster at ${server.origin}: ${error instanceof Error ? error.message : String(error)}`,
    {
      expected: 'an API server that answers, with a certificate that the kubeconfig trusts',
      hint: 'kubectl version',
      cause: error,
    },
  );

const failure = (code: string, message: string, more: { expected?: string; hint?: string; cause?: unknown }): UnrootError =>
  new UnrootError(message, { code, ...more });
