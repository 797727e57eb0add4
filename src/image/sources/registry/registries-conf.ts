/** containers-registries.conf(5), version 2: where images of a name really come from — mirrors, other locations, blocked and insecure registries. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { UnrootError, type Where } from '../../../error.ts';
import { isObject, type JsonObject } from '../../json.ts';
import type { RegistryName } from '../../registry-name.ts';
import { dockerMirrors } from './docker-mirrors.ts';
import { environmentOf, homeOf, type RegistryOptions } from './options.ts';

/** One place that may have the image. */
export interface Location {
  /** Host to connect to, with port. */
  readonly host: string;
  readonly repository: string;
  readonly insecure: boolean;
  readonly mirror: boolean;
}

/** Mirrors in their order, then the registry itself. */
export function locationsOf(name: RegistryName, options: RegistryOptions, where: Where): readonly Location[] {
  const full = `${name.registry}/${name.repository}`;
  const { registry, path } = registryFor(full, options);
  if (registry === undefined) {
    const mirrors = name.registry === 'docker.io' ? dockerMirrors(options) : [];
    return [
      ...mirrors.map(({ host, insecure }) => locate(`${host}/${name.repository}`, insecure, true)),
      locate(full, false, false),
    ];
  }
  const prefix = text(registry, 'prefix') ?? text(registry, 'location') ?? '';
  if (registry.blocked === true) {
    throw new UnrootError(`${path} blocks the registry of ${name.text}: ${prefix}`, {
      code: 'registry.blocked',
      where,
      expected: 'a registry that this machine may read from',
      hint: 'Use an image of an allowed registry, or a local one.',
    });
  }
  const moved = (to: string | undefined): string => {
    if (to === undefined || to === '') return full;
    // `*.example.com` keeps the host that matched when no location is set.
    return prefix.startsWith('*.') ? `${to}${full.slice(name.registry.length)}` : `${to}${full.slice(prefix.length)}`;
  };
  const mirrors = (Array.isArray(registry.mirror) ? registry.mirror : []).filter(isObject).filter((mirror) => {
    const pulls = text(mirror, 'pull-from-mirror') ?? (registry['mirror-by-digest-only'] === true ? 'digest-only' : 'all');
    return pulls === 'all' || pulls === (name.digest === undefined ? 'tag-only' : 'digest-only');
  });
  return [
    ...mirrors.map((mirror) => locate(moved(text(mirror, 'location')), mirror.insecure === true, true)),
    locate(moved(text(registry, 'location')), registry.insecure === true, false),
  ];
}

function locate(full: string, insecure: boolean, mirror: boolean): Location {
  const slash = full.indexOf('/');
  const host = full.slice(0, slash);
  // Docker Hub answers under another name than its images have.
  return { host: host === 'docker.io' ? 'registry-1.docker.io' : host, repository: full.slice(slash + 1), insecure, mirror };
}

/** The table with the longest prefix that fits. Later files replace tables of the same prefix. */
function registryFor(full: string, options: RegistryOptions): { readonly registry?: JsonObject; readonly path?: string } {
  const tables = new Map<string, { registry: JsonObject; path: string }>();
  for (const { path, table } of readFiles(options)) {
    for (const registry of Array.isArray(table.registry) ? table.registry : []) {
      const prefix = isObject(registry) ? text(registry, 'prefix') || text(registry, 'location') : undefined;
      if (prefix) tables.set(prefix, { registry: registry as JsonObject, path });
    }
  }
  const fitting = [...tables].filter(([prefix]) => fits(full, prefix)).sort(([a], [b]) => b.length - a.length);
  return fitting[0]?.[1] ?? {};
}

function fits(full: string, prefix: string): boolean {
  if (prefix.startsWith('*.')) return full.slice(0, full.indexOf('/')).endsWith(prefix.slice(1));
  return full === prefix || full.startsWith(`${prefix}/`);
}

function text(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return typeof value === 'string' ? value : undefined;
}

/** The file of the user or of the system, then the drop-ins of both. */
function readFiles(options: RegistryOptions): readonly { readonly path: string; readonly table: JsonObject }[] {
  const environment = environmentOf(options);
  const own = join(environment.XDG_CONFIG_HOME || join(homeOf(options), '.config'), 'containers');
  const named = environment.CONTAINERS_REGISTRIES_CONF || environment.REGISTRIES_CONFIG_PATH;
  const first = [named, join(own, 'registries.conf'), '/etc/containers/registries.conf'].filter(
    (path) => path !== undefined && path !== '',
  );
  const out: { path: string; table: JsonObject }[] = [];
  for (const path of first as readonly string[]) {
    const table = readConf(path, path === named);
    if (table === undefined) continue;
    out.push({ path, table });
    break;
  }
  if (named) return out;
  for (const folder of ['/etc/containers/registries.conf.d', join(own, 'registries.conf.d')]) {
    for (const name of confNames(folder)) {
      const table = readConf(join(folder, name), false);
      if (table !== undefined) out.push({ path: join(folder, name), table });
    }
  }
  return out;
}

function confNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.conf'))
      .sort();
  } catch {
    return []; // no such folder: nothing dropped in
  }
}

function readConf(path: string, named: boolean): JsonObject | undefined {
  const bad = (reason: string, cause: unknown): UnrootError =>
    new UnrootError(`${path}: ${reason}`, {
      code: 'registry.conf',
      where: { file: path },
      expected: 'registries.conf as containers-registries.conf(5) describes it',
      cause,
    });
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!named) return undefined;
    throw bad(`it cannot be read: ${(cause as Error).message}`, cause);
  }
  try {
    return parse(content) as JsonObject;
  } catch (cause) {
    throw bad(`it is not TOML: ${(cause as Error).message.split('\n')[0]}`, cause);
  }
}
