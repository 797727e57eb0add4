/** One service of the measurement: an image that starts as root, and how a client finds out that it works. */
import type { ImageRecipe, RecipeConfig, RecipeEntry } from '../support/debian-image.ts';
import type { Client, Question } from './client.ts';

export interface Service extends ImageRecipe {
  readonly client: Client;
  /** Of a service that cannot do all its work without root: the verdict, and what the reasons must say. Absent = proved. */
  readonly honest?: { readonly verdict: 'failed' | 'inconclusive'; readonly says: RegExp };
  /** false: it needs other services, or more than a container is given, and does no work by itself even as it is. */
  readonly alone?: false;
  /** How long the client tries; default half a minute. */
  readonly patienceMs?: number;
  /** Flags of `unroot fix`. */
  readonly flags?: readonly string[];
}

interface Parts {
  readonly packages: readonly string[];
  readonly run: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly entries?: readonly RecipeEntry[];
  readonly script?: string;
  readonly config?: RecipeConfig;
  readonly ask: readonly Question[];
  readonly says: RegExp;
  readonly honest?: Service['honest'];
  /** `--probe`: what a user would add who knows what the service is for. */
  readonly probe?: string;
  readonly patienceMs?: number;
  readonly alone?: false;
}

/** `files`: paths and texts; a text that begins with `#!` is a program. */
export function service(name: string, parts: Parts): Service {
  const files = Object.entries(parts.files ?? {}).map(([path, content]) => ({
    path,
    content,
    ...(content.startsWith('#!') ? { mode: 0o755 } : {}),
  }));
  const entries = [...(parts.entries ?? []), ...files];
  return {
    name,
    packages: parts.packages,
    ...(entries.length > 0 ? { entries } : {}),
    ...(parts.script === undefined ? {} : { script: parts.script }),
    config: { ...parts.config, Cmd: parts.run },
    client: { ask: parts.ask, says: parts.says },
    ...(parts.probe === undefined ? {} : { flags: ['--probe', parts.probe] }),
    ...(parts.patienceMs === undefined ? {} : { patienceMs: parts.patienceMs }),
    ...(parts.honest ? { honest: parts.honest } : {}),
    ...(parts.alone === false ? { alone: parts.alone } : {}),
  };
}

export const folder = (path: string, mode = 0o755, uid = 0, gid = 0): RecipeEntry => ({ path, mode, uid, gid });
/** Made on the image with its own accounts: `make('redis:redis', '/run/redis')`. */
export const make = (owner: string, path: string, mode = '755'): string =>
  `chroot "$1" install -d -o ${owner.split(':')[0]} -g ${owner.split(':')[1]} -m ${mode} ${path}`;
