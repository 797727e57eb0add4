/** How registries are spoken to: what the user decides, and where this machine keeps its settings. */

export interface RegistryOptions {
  /** No network call of any kind: caches and local stores only. */
  readonly offline?: boolean;
  /** Plain HTTP, and certificates nobody vouches for, of any registry. Plain HTTP on loopback is always taken. */
  readonly insecure?: boolean;
  /** PEM file of certificate authorities that are trusted besides those of the system. */
  readonly caFile?: string;
  /** Default `$XDG_CACHE_HOME/unroot`. */
  readonly cacheDir?: string;
  /** Blobs kept in the cache, in bytes; those not used for longest go first. Default 10 GiB. */
  readonly cacheBytes?: number;
  /** Where HOME, proxies and the places of settings are looked up; default the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds before the first retry; doubled each time. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte before a connection counts as dead. */
  readonly idleTimeout?: number;
  readonly onProgress?: (message: string) => void;
}

export const DEFAULT_CACHE_BYTES: number = 10 * 2 ** 30;
export const DEFAULT_RETRY_DELAY = 400;
export const DEFAULT_IDLE_TIMEOUT = 30_000;
/** Times one question is asked before giving up. */
export const ATTEMPTS = 4;
/** The longest wait a registry may ask for with Retry-After before we rather tell the user. */
export const LONGEST_WAIT = 20_000;

/** The environment in force. */
export function environmentOf(options: RegistryOptions): Readonly<Record<string, string | undefined>> {
  return options.environment ?? process.env;
}

/** The home folder settings are looked up in. */
export function homeOf(options: RegistryOptions): string {
  return environmentOf(options).HOME || '/';
}
