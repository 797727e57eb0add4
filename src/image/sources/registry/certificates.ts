/**
 * Which certificate authorities a registry's certificate may come from, and the certificate we show: the system's, SSL_CERT_FILE, --ca-file and
 * the folders `certs.d/HOST` of docker (docs.docker.com/engine/security/certificates) and containers (containers-certs.d(5)).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { UnrootError } from '../../../error.ts';
import { environmentOf, homeOf, type RegistryOptions } from './options.ts';

export interface Certificates {
  /** Undefined: those node knows. */
  readonly ca: readonly string[] | undefined;
  readonly cert?: string;
  readonly key?: string;
}

/** Where distributions keep the bundle (Go, crypto/x509/root_linux.go). */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** What to trust of the host `name[:port]`. */
export function certificatesFor(host: string, options: RegistryOptions): Certificates {
  const environment = environmentOf(options);
  const ca: string[] = [];
  const set = environment.SSL_CERT_FILE;
  if (set) ca.push(pemFile(set, 'SSL_CERT_FILE'));
  else {
    const bundle = BUNDLES.map(readIfThere).find((text) => text !== undefined);
    // Authorities added to the system are not among those node brings along.
    ca.push(...(bundle === undefined ? rootCertificates : [bundle]));
  }
  if (environment.NODE_EXTRA_CA_CERTS) ca.push(pemFile(environment.NODE_EXTRA_CA_CERTS, 'NODE_EXTRA_CA_CERTS'));
  if (options.caFile !== undefined) ca.push(pemFile(options.caFile, '--ca-file'));
  let pair: { cert: string; key: string } | undefined;
  for (const folder of folders(host, options)) {
    for (const name of namesIn(folder)) {
      if (name.endsWith('.crt')) ca.push(readIfThere(join(folder, name)) ?? '');
      if (!name.endsWith('.cert') || pair !== undefined) continue;
      const [cert, key] = [readIfThere(join(folder, name)), readIfThere(join(folder, name.replace(/\.cert$/, '.key')))];
      if (cert !== undefined && key !== undefined) pair = { cert, key };
    }
  }
  return { ca: ca.filter((text) => text !== ''), ...pair };
}

function folders(host: string, options: RegistryOptions): readonly string[] {
  const own = environmentOf(options).XDG_CONFIG_HOME || join(homeOf(options), '.config');
  const roots = [
    join(own, 'containers/certs.d'),
    join(homeOf(options), '.docker/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  const names = host === 'registry-1.docker.io' ? [host, 'docker.io'] : [host];
  return roots.flatMap((root) => names.map((name) => join(root, name)));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // not there, or not ours to read: nothing was set up for us
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** A file somebody named must be there and must hold certificates. */
function pemFile(path: string, named: string): string {
  const bad = (reason: string, cause?: unknown): UnrootError =>
    new UnrootError(`${named} ${path}: ${reason}`, {
      code: 'registry.ca-file',
      where: { file: path },
      expected: 'a PEM file with certificates of authorities (-----BEGIN CERTIFICATE-----)',
      cause,
    });
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw bad(`it cannot be read: ${(cause as Error).message}`, cause);
  }
  if (!text.includes('-----BEGIN') || !text.includes('CERTIFICATE-----')) throw bad('it holds no certificate');
  return text;
}
