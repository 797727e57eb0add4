/** What the user typed as an image: transports and forms as skopeo and podman take them (containers-transports(5)). */
import { UnrootError } from '../error.ts';

export type Reference =
  | { readonly transport: 'oci'; readonly path: string; readonly tag?: string }
  | { readonly transport: 'oci-archive'; readonly path: string; readonly tag?: string }
  /** `reference` is `name:tag`, or `@N` for the Nth image of the archive. */
  | { readonly transport: 'docker-archive'; readonly path: string; readonly reference?: string }
  | { readonly transport: 'containers-storage'; readonly name: string }
  | { readonly transport: 'docker-daemon'; readonly name: string }
  | { readonly transport: 'docker'; readonly name: string }
  /** Without a transport: a file or folder when it is one (or can only be one), else an image name. */
  | { readonly transport: 'bare'; readonly text: string; readonly onlyPath: boolean };

/** Takes a target apart. Throws `image.bad-reference` for an unknown or empty one. */
export function parseReference(text: string): Reference {
  const colon = text.indexOf(':');
  const transport = colon < 0 ? '' : text.slice(0, colon);
  const rest = text.slice(colon + 1);
  switch (transport) {
    case 'docker':
      // `docker:tag` without slashes is an image called docker.
      if (!rest.startsWith('//')) break;
      return { transport, name: nonEmpty(rest.slice(2), text) };
    case 'containers-storage':
      // An explicit store in brackets, `[overlay@/path]name`, is left to the engine.
      return { transport, name: nonEmpty(rest, text) };
    case 'docker-daemon':
      return { transport, name: nonEmpty(rest, text) };
    case 'oci':
    case 'oci-archive': {
      const { path, rest: tag } = splitPath(nonEmpty(rest, text));
      return tag === undefined ? { transport, path } : { transport, path, tag };
    }
    case 'docker-archive': {
      const { path, rest: reference } = splitPath(nonEmpty(rest, text));
      return reference === undefined ? { transport, path } : { transport, path, reference };
    }
    default:
      if (/^(?:dir|docker-tarball|ostree|sif|tarball|atomic)$/.test(transport) || rest.startsWith('//')) {
        throw new UnrootError(`unknown image transport ${JSON.stringify(transport)}`, {
          code: 'image.bad-reference',
          where: { image: text },
          expected: 'docker://, containers-storage:, docker-daemon:, oci:, oci-archive:, docker-archive:, a path or a name',
          hint: `Convert it first: skopeo copy ${text} oci:DIR`,
        });
      }
  }
  nonEmpty(text, text);
  return { transport: 'bare', text, onlyPath: /^(?:\.{0,2}\/|\.{1,2}$)/.test(text) };
}

/** The path ends at the first colon, as in skopeo; a tag may contain more of them (`docker-archive:f.tar:host:5000/a:b`). */
function splitPath(text: string): { readonly path: string; readonly rest?: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { path: text };
  const rest = text.slice(colon + 1);
  return rest === '' ? { path: text.slice(0, colon) } : { path: text.slice(0, colon), rest };
}

function nonEmpty(value: string, text: string): string {
  if (value !== '' && !value.includes('\0')) return value;
  throw new UnrootError(`${JSON.stringify(text)} names no image`, {
    code: 'image.bad-reference',
    where: { image: text },
    expected: 'an image after the transport',
  });
}

/** `nginx` as Docker completes it: `docker.io/library/nginx:latest`. Digests are kept. */
export function familiarToFull(name: string): string {
  const slash = name.indexOf('/');
  const host = slash < 0 ? '' : name.slice(0, slash);
  const hasHost = host.includes('.') || host.includes(':') || host === 'localhost';
  const full = hasHost ? name : slash < 0 ? `docker.io/library/${name}` : `docker.io/${name}`;
  const last = full.slice(full.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? full : `${full}:latest`;
}
