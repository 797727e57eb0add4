/** Everything that can go wrong with a registry, in words: what was asked, of whom, what to do now. */
import { UnrootError, type Where } from '../../../error.ts';

/** Who was asked for what; part of every message. */
export interface Asked {
  /** `docker.io/library/nginx:latest`. */
  readonly image: string;
  /** The host that was spoken to, `registry-1.docker.io`. */
  readonly host: string;
  readonly where: Where;
}

/** What the body of an error answer says (distribution-spec, "Error Codes"), cleaned for showing. */
export function saidBy(body: string): { readonly codes: readonly string[]; readonly text: string } {
  let errors: unknown;
  try {
    errors = (JSON.parse(body) as { errors?: unknown } | null)?.errors;
  } catch {
    // Proxies answer in HTML.
  }
  const list = (Array.isArray(errors) ? errors : []).filter(
    (one): one is Record<string, unknown> => typeof one === 'object' && one !== null,
  );
  const codes = list.map(({ code }) => String(code ?? '').slice(0, 60)).filter((code) => code !== '');
  const texts = list.map(({ code, message }) =>
    [code, message].filter((part) => typeof part === 'string' && part !== '').join(': '),
  );
  const plain = /^\s*</.test(body) ? '' : body;
  return { codes, text: (texts.join('; ') || plain).replace(/\s+/g, ' ').trim().slice(0, 300) };
}

const quoted = (said: string): string => (said === '' ? '' : ` (${said})`);

export function notFound({ image, host, where }: Asked, said: string): UnrootError {
  return new UnrootError(`the registry ${host} has no image ${image}${quoted(said)}`, {
    code: 'registry.not-found',
    where,
    expected: 'the name and tag of an image that is there',
    hint: 'Check the spelling of name and tag; skopeo list-tags docker://NAME shows the tags of a repository.',
  });
}

/** `looked` says which files were read for credentials and what they had. */
export function unauthorized({ image, host, where }: Asked, status: number, said: string, looked: string): UnrootError {
  const login = host === 'registry-1.docker.io' ? 'docker.io' : host;
  return new UnrootError(`the registry ${host} does not let us read ${image}: it answered ${status}${quoted(said)}; ${looked}`, {
    code: 'registry.unauthorized',
    where,
    expected:
      'credentials that may read it, or a public image that is there (many registries say the same of images they do not have)',
    hint: `Log in with: docker login ${login} (or podman login, skopeo login); --offline and local stores need no credentials.`,
  });
}

export function rateLimited({ image, host, where }: Asked, said: string, wait: number | undefined): UnrootError {
  const until = wait === undefined ? '' : `; it asks to wait ${duration(wait)}`;
  return new UnrootError(
    `the registry ${host} gives us nothing more for now: rate limit reached on ${image}${quoted(said)}${until}`,
    {
      code: 'registry.rate-limit',
      where,
      expected: 'a registry with requests left',
      hint: 'Wait, log in (accounts have higher limits), or use a mirror (registries.conf). What was read before is there with --offline.',
    },
  );
}

export function serverFailed({ image, host, where }: Asked, status: number, said: string): UnrootError {
  return new UnrootError(`the registry ${host} failed on ${image}: it answered ${status}${quoted(said)}`, {
    code: 'registry.failed',
    where,
    expected: 'an answer of 200',
    hint: 'Try again later, or ask those who run the registry.',
  });
}

export function badAnswer({ image, host, where }: Asked, reason: string, cause?: unknown): UnrootError {
  return new UnrootError(`the registry ${host} does not answer as registries do for ${image}: ${reason}`, {
    code: 'registry.bad-answer',
    where,
    expected: 'the OCI distribution protocol, version 2',
    hint: 'Is it a registry, and not a web page or a login portal in front of one?',
    cause,
  });
}

export function notCached(image: string, what: string, where: Where): UnrootError {
  return new UnrootError(`${what} of ${image} is not in the cache, and --offline forbids to ask the registry`, {
    code: 'registry.offline',
    where,
    expected: 'an image that was read before, or a local one',
    hint: 'Run it once without --offline, or give the image as an archive or layout.',
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  ETIMEDOUT: 'no answer in time',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no network',
  EADDRNOTAVAIL: 'no network',
};

export function unreachable({ image, host, where }: Asked, cause: unknown, proxy: string | undefined): UnrootError {
  const code = errorCode(cause);
  const reason = REASONS[code] ?? (cause as Error | undefined)?.message ?? code;
  const through = proxy === undefined ? '' : ` through the proxy ${proxy}`;
  return new UnrootError(`cannot reach the registry ${host}${through} for ${image}: ${reason}`, {
    code: 'registry.unreachable',
    where,
    expected: 'a registry that answers',
    hint:
      code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? 'Check the name, the network, and HTTPS_PROXY; --offline reads caches and local stores only.'
        : 'Check that it runs and that HTTPS_PROXY and NO_PROXY are right; --offline reads caches and local stores only.',
    cause,
  });
}

export function tlsFailed({ image, host, where }: Asked, cause: unknown): UnrootError {
  const code = errorCode(cause);
  if (speaksNoTls(cause)) {
    return new UnrootError(`the registry ${host} does not speak TLS (asked for ${image})`, {
      code: 'registry.tls',
      where,
      expected: 'https',
      hint: 'If it is meant to speak plain HTTP and you trust the network between, add --insecure.',
      cause,
    });
  }
  const unknown = /SELF_SIGNED|UNABLE_TO|CERT_UNTRUSTED/.test(code);
  const words = (cause as Error | undefined)?.message ?? code;
  return new UnrootError(`the certificate of the registry ${host} is not trusted: ${words} (asked for ${image})`, {
    code: 'registry.tls',
    where,
    expected: 'a certificate for that name from an authority this machine trusts',
    hint: unknown
      ? `Give the authority's certificate: --ca-file FILE, SSL_CERT_FILE, or /etc/docker/certs.d/${host}/ca.crt. --insecure trusts anybody.`
      : code === 'CERT_HAS_EXPIRED'
        ? 'Renew the certificate of the registry, or check the clock of this machine.'
        : 'Use the name the certificate is for. --insecure trusts anybody.',
    cause,
  });
}

/** The code of a system or OpenSSL error, looked for in causes and in the errors of several addresses tried at once. */
export function errorCode(error: unknown): string {
  const { code, errors, cause } = (error ?? {}) as { code?: unknown; errors?: readonly unknown[]; cause?: unknown };
  if (typeof code === 'string' && code !== '') return code;
  const inner = errors?.[0] ?? cause;
  return inner === undefined || inner === null ? '' : errorCode(inner);
}

/** A TLS hello was answered with something else. */
export function speaksNoTls(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'EPROTO'
    ? /wrong version number|packet length too long|http request|unexpected message/i.test(String((error as Error).message))
    : /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/.test(code);
}

/** Certificates and handshakes. */
export function isTlsError(error: unknown): boolean {
  return /^(?:ERR_TLS_|ERR_SSL_|EPROTO|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|ERR_OSSL_)/.test(
    errorCode(error),
  );
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}
