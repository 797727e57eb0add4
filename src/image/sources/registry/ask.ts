/** Questions to one registry: TLS or not, redirects, retries with back-off, and errors that say what happened. */
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../../../error.ts';
import { isLoopback } from '../../registry-name.ts';
import { authorize, type Grant, keepsAuthorization } from './authorize.ts';
import { startOfBody } from './body.ts';
import { askedOf, type Endpoint, mayBePlain, one, throwIfAborted } from './endpoint.ts';
import {
  badAnswer,
  errorCode,
  isTlsError,
  notFound,
  rateLimited,
  saidBy,
  serverFailed,
  speaksNoTls,
  tlsFailed,
  unauthorized,
  unreachable,
} from './failure.ts';
import type { Answer } from './http.ts';
import { ATTEMPTS, DEFAULT_RETRY_DELAY, LONGEST_WAIT } from './options.ts';
import { proxyFor, shownProxy } from './proxy.ts';

export interface Request {
  readonly method: 'GET' | 'HEAD';
  /** Behind `/v2/REPOSITORY`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const MAX_REDIRECTS = 5;
/** Worth another try (RFC 9110 section 15.6; 429 is RFC 6585). */
const TRANSIENT = new Set([429, 500, 502, 503, 504]);

/** Asks until there is an answer worth having: 2xx (and 206). Everything else is an error. */
export async function ask(endpoint: Endpoint, request: Request): Promise<Answer> {
  const { session, location } = endpoint;
  const dead = session.down.get(location.host);
  if (dead !== undefined) throw retold(dead, endpoint);
  const asked = askedOf(endpoint);
  let renewed = false;
  let grant: Grant | undefined = keepsAuthorization(endpoint);
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(endpoint);
    let answer: Answer;
    try {
      answer = await follow(endpoint, request, grant);
    } catch (error) {
      throwIfAborted(endpoint, error);
      if (error instanceof UnrootError) throw error;
      if (isTlsError(error)) throw remember(endpoint, tlsFailed(asked, error));
      // Waiting is what already did not help.
      const attempts = errorCode(error) === 'ETIMEDOUT' ? 2 : ATTEMPTS;
      if (attempt < attempts && isTransient(error)) {
        await pause(endpoint, attempt, undefined);
        continue;
      }
      throw remember(endpoint, unreachable(asked, error, proxyText(endpoint)));
    }
    const { status } = answer;
    if (status >= 200 && status < 300) return answer;
    const body = request.method === 'HEAD' ? '' : await startOfBody(answer.body);
    if (request.method === 'HEAD') answer.body.resume();
    const said = saidBy(body);
    // Only the registry itself may ask who we are, not where it sends us.
    if (status === 401 && !renewed && answer.url.host === location.host) {
      renewed = true;
      grant = await authorize(endpoint, answer.headers['www-authenticate'] ?? '', said.text, grant);
      attempt--;
      continue;
    }
    if (status === 401 || status === 403)
      throw unauthorized(asked, status, said.text, grant?.looked ?? 'no credentials were asked for');
    if (status === 404) throw notFound(asked, said.text);
    if (TRANSIENT.has(status)) {
      const wait = retryAfter(answer);
      if (attempt < ATTEMPTS && (wait ?? 0) <= LONGEST_WAIT) {
        await pause(endpoint, attempt, wait);
        continue;
      }
      throw status === 429 ? rateLimited(asked, said.text, wait) : serverFailed(asked, status, said.text);
    }
    if (said.codes.includes('TOOMANYREQUESTS')) throw rateLimited(asked, said.text, retryAfter(answer));
    if (status >= 500) throw serverFailed(asked, status, said.text);
    throw badAnswer(asked, `it answered ${status}${said.text === '' ? '' : ` (${said.text})`}`);
  }
}

/** One question with its redirects. Another host never sees the credentials of this one. */
async function follow(endpoint: Endpoint, request: Request, grant: Grant | undefined): Promise<Answer> {
  const { location } = endpoint;
  const path = `/v2/${location.repository}${request.path}`;
  let answer = await knock(endpoint, path, { ...request.headers, ...(grant && { authorization: grant.value }) }, request.method);
  const first = answer.url;
  for (let hops = 0; [301, 302, 303, 307, 308].includes(answer.status); hops++) {
    answer.body.destroy();
    const asked = askedOf(endpoint);
    if (hops === MAX_REDIRECTS) throw badAnswer(asked, `more than ${MAX_REDIRECTS} redirects`);
    const target = redirectTarget(endpoint, answer);
    const same = target.host === first.host && target.protocol === first.protocol;
    answer = await one(
      endpoint,
      target,
      { ...request.headers, ...(same && grant ? { authorization: grant.value } : {}) },
      request.method,
    );
  }
  return answer;
}

function redirectTarget(endpoint: Endpoint, answer: Answer): URL {
  const asked = askedOf(endpoint);
  let target: URL;
  try {
    target = new URL(answer.headers.location ?? '', answer.url);
  } catch (cause) {
    throw badAnswer(asked, 'its redirect leads nowhere', cause);
  }
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw badAnswer(asked, `it redirects to ${target.protocol}`);
  if (target.protocol === 'http:' && answer.url.protocol === 'https:' && !mayBePlain(endpoint))
    throw badAnswer(asked, `it redirects from https to plain ${target.protocol}//${target.host}`);
  if (isLoopback(target.hostname) && !isLoopback(answer.url.hostname))
    throw badAnswer(asked, `it redirects to this machine, ${target.host}`);
  target.username = '';
  target.password = '';
  return target;
}

/** Finds out whether the host speaks TLS, where that is allowed to be open, and asks. */
async function knock(
  endpoint: Endpoint,
  path: string,
  headers: Readonly<Record<string, string>>,
  method: 'GET' | 'HEAD',
): Promise<Answer> {
  const { session, location } = endpoint;
  const known = session.schemes.get(location.host);
  const at = (scheme: string): URL => new URL(`${scheme}://${location.host}${path}`);
  if (known !== undefined) return one(endpoint, at(known), headers, method);
  try {
    // Credentials wait until it is known to whom they go.
    const answer = await one(endpoint, at('https'), headers, method);
    session.schemes.set(location.host, 'https');
    return answer;
  } catch (error) {
    // A listener without TLS answers a hello with an error of its own, or hangs up.
    if (!mayBePlain(endpoint) || !(speaksNoTls(error) || errorCode(error) === 'ECONNRESET')) throw error;
  }
  const answer = await one(endpoint, at('http'), headers, method);
  session.schemes.set(location.host, 'http');
  return answer;
}

function proxyText({ session, location }: Endpoint): string | undefined {
  const proxy = proxyFor(new URL(`https://${location.host}/`), session.options);
  return proxy && shownProxy(proxy);
}

/** Half the time is left to chance, so that many clients do not come back at once. */
async function pause(endpoint: Endpoint, attempt: number, asked: number | undefined): Promise<void> {
  const delay = (endpoint.session.options.retryDelay ?? DEFAULT_RETRY_DELAY) * 2 ** (attempt - 1);
  await sleep(
    asked ?? delay / 2 + Math.random() * (delay / 2),
    undefined,
    endpoint.signal === undefined ? {} : { signal: endpoint.signal },
  ).catch(() => undefined);
  throwIfAborted(endpoint);
}

/** Retry-After (RFC 9110 section 10.2.3): seconds, or a date. */
export function retryAfter({ headers }: Pick<Answer, 'headers'>): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function isTransient(error: unknown): boolean {
  return /^(?:ECONNRESET|ECONNREFUSED|ETIMEDOUT|EPIPE|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ECONNABORTED)$/.test(errorCode(error));
}

function remember(endpoint: Endpoint, error: UnrootError): UnrootError {
  endpoint.session.down.set(endpoint.location.host, error);
  return error;
}

/** The same trouble, told of another image. */
function retold(error: UnrootError, endpoint: Endpoint): UnrootError {
  return new UnrootError(error.message.replace(/(for|asked for) \S+(?=[:)])/, `$1 ${endpoint.image}`), {
    code: error.code,
    where: endpoint.where,
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error.cause,
  });
}
