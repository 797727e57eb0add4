/** What is learnt of registries while one command runs: tokens, who speaks plain HTTP, who is down. Shared by all images of the run. */
import type { UnrootError } from '../../../error.ts';
import { type Certificates, certificatesFor } from './certificates.ts';
import type { RegistryOptions } from './options.ts';

export interface Session {
  readonly options: RegistryOptions;
  /** Authorization headers by host and repository, with the time they end. */
  readonly authorizations: Map<string, { readonly value: string; readonly until: number; readonly looked: string }>;
  /** Authorizations under way: layers that come at once share one. */
  readonly pending: Map<string, Promise<{ readonly value: string; readonly looked: string }>>;
  /** Hosts that turned out to speak plain HTTP or TLS. */
  readonly schemes: Map<string, 'http' | 'https'>;
  /** Hosts that did not answer: the next image does not wait for them again. */
  readonly down: Map<string, UnrootError>;
  /** Bytes that came over the network in bodies. */
  received: number;
  certificates(host: string): Certificates;
}

const sessions = new WeakMap<RegistryOptions, Session>();

/** The session of these options: the same object means the same run. */
export function sessionOf(options: RegistryOptions): Session {
  const known = sessions.get(options);
  if (known !== undefined) return known;
  const certificates = new Map<string, Certificates>();
  const made: Session = {
    options,
    authorizations: new Map(),
    pending: new Map(),
    schemes: new Map(),
    down: new Map(),
    received: 0,
    certificates: (host) => {
      const found = certificates.get(host) ?? certificatesFor(host, options);
      certificates.set(host, found);
      return found;
    },
  };
  sessions.set(options, made);
  return made;
}
