/** One registry as one image needs it, and one exchange with it under the settings of the run. */
import { UnrootError, type Where } from '../../../error.ts';
import { isLoopback } from '../../registry-name.ts';
import type { Asked } from './failure.ts';
import { type Answer, exchange, type Question } from './http.ts';
import { DEFAULT_IDLE_TIMEOUT } from './options.ts';
import { proxyFor } from './proxy.ts';
import type { Location } from './registries-conf.ts';
import type { Session } from './session.ts';

/** One registry as one image needs it. */
export interface Endpoint {
  readonly session: Session;
  readonly location: Location;
  /** The image, for messages. */
  readonly image: string;
  readonly where: Where;
  readonly signal?: AbortSignal | undefined;
}

/** The same for messages. */
export const askedOf = ({ image, location, where }: Endpoint): Asked => ({ image, host: location.host, where });

/** Whether plain HTTP and unproved certificates will do. */
export function mayBePlain({ session, location }: Endpoint): boolean {
  return session.options.insecure === true || location.insecure || isLoopback(location.host);
}

/** One exchange with the settings of this run. */
export async function one(
  endpoint: Endpoint,
  url: URL,
  headers: Readonly<Record<string, string>>,
  method: Question['method'],
  body?: string,
): Promise<Answer> {
  const { session, location, signal } = endpoint;
  const proxy = proxyFor(url, session.options);
  const insecure = session.options.insecure === true || location.insecure;
  return exchange({
    url,
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    ...(url.protocol === 'https:' ? { certificates: session.certificates(url.host) } : {}),
    anyCertificate: insecure,
    proxy,
    idleTimeout: session.options.idleTimeout ?? DEFAULT_IDLE_TIMEOUT,
    signal,
  });
}

/** Ctrl-C and timeouts of the caller. */
export function throwIfAborted({ signal, where }: Pick<Endpoint, 'signal' | 'where'>, cause?: unknown): void {
  if (signal?.aborted === true)
    throw new UnrootError('interrupted while reading from the registry', {
      code: 'interrupted',
      where,
      exitCode: 130,
      cause: cause ?? signal.reason,
    });
}
