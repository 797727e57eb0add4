/** Names of images in registries, as distribution's reference grammar has them (distribution/reference, "Grammar") and as Docker completes them. */
import { UnrootError } from '../error.ts';
import { digestParts } from './digest.ts';

export interface RegistryName {
  /** As people write it: `docker.io`, `quay.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/nginx`. */
  readonly repository: string;
  /** Absent when there is a digest, which says more. */
  readonly tag?: string;
  readonly digest?: string;
  /** All of it, `docker.io/library/nginx:latest`. */
  readonly text: string;
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?$`);
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** distribution's NameTotalLengthMax; longer names are refused before any expression looks at them. */
const LONGEST = 255;

/** Takes a name apart. Throws `image.bad-reference` when no registry could have it. */
export function parseRegistryName(name: string, target: string = name): RegistryName {
  const bad = (reason: string, hint?: string): UnrootError =>
    new UnrootError(`${JSON.stringify(name.slice(0, 300))} is no image name: ${reason}`, {
      code: 'image.bad-reference',
      where: { image: target.slice(0, 300) },
      expected: '[HOST[:PORT]/]PATH[:TAG][@DIGEST], such as nginx:1.27 or quay.io/org/app@sha256:…',
      ...(hint === undefined ? {} : { hint }),
    });
  const at = name.indexOf('@');
  const digest = at < 0 ? undefined : name.slice(at + 1);
  if (digest !== undefined && digestParts(digest) === undefined)
    throw bad('what follows @ is no digest', 'A digest is sha256: and 64 hexadecimal digits.');
  let rest = at < 0 ? name : name.slice(0, at);
  const colon = rest.lastIndexOf(':');
  let tag: string | undefined;
  if (colon > rest.lastIndexOf('/') && !rest.startsWith('[', rest.lastIndexOf('/') + 1)) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) throw bad(`${JSON.stringify(tag.slice(0, 150))} is no tag`);
  }
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  // `org/app` is a path of Docker Hub; a first part that can only be a host is one.
  const hasHost = /[.:[]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const written = hasHost ? first : 'docker.io';
  const registry = written === 'index.docker.io' || written === 'registry-1.docker.io' ? 'docker.io' : written;
  const path = hasHost ? rest.slice(slash + 1) : rest;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (registry.length + repository.length > LONGEST) throw bad(`it is longer than ${LONGEST} characters`);
  if (!REGISTRY.test(registry)) throw bad(`${JSON.stringify(registry)} is no host`);
  if (!REPOSITORY.test(repository)) {
    const lower = repository.toLowerCase();
    throw bad(
      `${JSON.stringify(repository)} is no repository`,
      REPOSITORY.test(lower) ? `Repositories are lower case: ${lower}` : undefined,
    );
  }
  const chosen = digest === undefined ? { tag: tag ?? 'latest' } : { digest };
  return {
    registry,
    repository,
    ...chosen,
    text: `${registry}/${repository}${digest === undefined ? `:${chosen.tag}` : `@${digest}`}`,
  };
}

/** Whether a host (with or without port) is this machine: RFC 6761 section 6.3, RFC 5735 section 3, RFC 4291 section 2.5.3. */
export function isLoopback(host: string): boolean {
  // A bare IPv6 address has more than one colon and no port.
  const bare = host.indexOf(':') !== host.lastIndexOf(':') && !host.startsWith('[');
  const name = (bare ? host : host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')).toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
