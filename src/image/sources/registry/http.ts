/** One HTTP exchange: a question, a status with headers, and a body that is only read as far as somebody wants it. */
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { proxyAuthorization, tunnel } from './proxy.ts';

export interface Question {
  readonly url: URL;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly certificates?: Certificates;
  /** Take any certificate. */
  readonly anyCertificate?: boolean;
  readonly proxy?: URL | undefined;
  readonly idleTimeout: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
}

/** Milliseconds until a host must have taken the connection. */
const CONNECT_TIMEOUT = 10_000;

/** Connections that are kept for the next question; they do not keep the process alive. */
const agents = new WeakMap<object, HttpAgent | HttpsAgent>();
const plainAgent = new HttpAgent({ keepAlive: true, maxSockets: 8 });

/** Asks. Rejects with the error of the connection; every status is an answer. */
export async function exchange(question: Question): Promise<Answer> {
  const { url, method, headers, body, proxy, idleTimeout, signal } = question;
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const options: RequestOptions & Record<string, unknown> = {
    host,
    port: url.port || (secure ? 443 : 80),
    path: `${url.pathname}${url.search}`,
    method,
    headers: {
      host: url.host,
      'user-agent': 'unroot',
      'accept-encoding': 'identity',
      ...headers,
      ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
    },
    maxHeaderSize: 64 * 1024,
    ...(signal === undefined ? {} : { signal }),
  };
  const tls = secure ? tlsOptions(question, host) : {};
  if (proxy !== undefined && secure) {
    const socket = await tunnel(proxy, url, idleTimeout, signal);
    const over = tlsConnect({ socket, ...tls });
    // Whoever asks hears of it through the request; before that nobody listens.
    over.on('error', () => undefined);
    // No agent: one would make the connection itself.
    Object.assign(options, { createConnection: () => over });
  } else if (proxy !== undefined) {
    const port = proxy.port || (proxy.protocol === 'https:' ? 443 : 80);
    Object.assign(options, { host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'), port, path: url.href, agent: false });
    options.headers = { ...(options.headers as Record<string, string>), ...proxyAuthorization(proxy) };
  } else if (secure) Object.assign(options, tls, { agent: agentFor(question) });
  else options.agent = plainAgent;

  const call = (secure && proxy === undefined) || (proxy?.protocol === 'https:' && !secure) ? httpsRequest : httpRequest;
  const connecting = Math.min(idleTimeout, CONNECT_TIMEOUT);
  return new Promise((resolve, reject) => {
    const request = call(options, (message) => {
      resolve({ url, status: message.statusCode ?? 0, headers: message.headers, body: message });
    });
    request.setTimeout(idleTimeout, () => {
      request.destroy(timeout(idleTimeout));
    });
    // A host that swallows everything is told apart early; once connected it may think for longer.
    const slow = setTimeout(() => request.destroy(timeout(connecting)), connecting);
    request.on('socket', (socket) => {
      const reached = (): void => clearTimeout(slow);
      if (socket.connecting) socket.once('connect', reached);
      else reached();
    });
    request.on('close', () => clearTimeout(slow));
    request.on('error', reject);
    request.end(body);
  });
}

const timeout = (ms: number): Error => Object.assign(new Error(`no byte for ${Math.ceil(ms / 1000)} s`), { code: 'ETIMEDOUT' });

function tlsOptions({ certificates, anyCertificate }: Question, host: string): Record<string, unknown> {
  return {
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(certificates?.ca === undefined ? {} : { ca: certificates.ca }),
    ...(certificates?.cert === undefined ? {} : { cert: certificates.cert, key: certificates.key }),
    ...(anyCertificate === true ? { rejectUnauthorized: false } : {}),
    minVersion: 'TLSv1.2',
  };
}

/** One agent per set of certificates: reading the authorities costs more than a handshake. */
function agentFor({ certificates, anyCertificate }: Question): HttpsAgent {
  const key = certificates ?? plainAgent;
  const known = agents.get(key);
  if (known !== undefined) return known as HttpsAgent;
  const agent = new HttpsAgent({
    keepAlive: true,
    maxSockets: 8,
    ...(anyCertificate === true ? { rejectUnauthorized: false } : {}),
  });
  agents.set(key, agent);
  return agent;
}
