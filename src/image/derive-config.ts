/** Applies a {@link ConfigChange} to a config blob, keeping every field it does not know. */
import { UnrootError, type Where } from '../error.ts';
import type { Digest } from './image.ts';
import { isObject, type JsonObject, parseJsonObject } from './json.ts';
import type { ConfigChange } from './layer-entry.ts';
import { DEFAULT_LIMITS } from './limits.ts';

/** What the new history entry says. */
export const CREATED_BY = 'unroot fix';

/** The new config blob. `diffId` undefined = no layer was added. */
export function deriveConfig(
  raw: Uint8Array,
  change: ConfigChange,
  diffId: Digest | undefined,
  created: string,
  where: Where,
): Uint8Array {
  if (change.user !== undefined && !/^\d{1,10}(?::\d{1,10})?$/.test(change.user)) {
    throw new UnrootError(`the user of a derived image must be numeric, not ${JSON.stringify(change.user)}`, {
      code: 'image.bad-change',
      where,
      expected: 'uid or uid:gid',
    });
  }
  const document: Record<string, unknown> = { ...parseJsonObject(raw, 'the image config', where, DEFAULT_LIMITS.maxJsonBytes) };
  const config: Record<string, unknown> = { ...objectOr(document.config) };
  if (change.user !== undefined) config.User = change.user;
  if (change.entrypoint !== undefined) config.Entrypoint = [...change.entrypoint];
  if (change.cmd !== undefined) config.Cmd = [...change.cmd];
  if (change.workingDir !== undefined) config.WorkingDir = change.workingDir;
  if (change.healthcheck !== undefined) config.Healthcheck = { ...objectOr(config.Healthcheck), Test: [...change.healthcheck] };
  if (change.exposedPorts !== undefined) config.ExposedPorts = setOf(change.exposedPorts);
  if (change.volumes !== undefined) config.Volumes = setOf(change.volumes);
  if (change.labels !== undefined) config.Labels = { ...objectOr(config.Labels), ...change.labels };
  if (change.env !== undefined || change.removeEnv !== undefined) config.Env = environment(config.Env, change);
  document.config = config;
  // The old field of the same name describes the container that made the base; Docker would show it beside the new config.
  document.created = created;
  const history = Array.isArray(document.history) ? document.history : [];
  document.history = [...history, { created, created_by: CREATED_BY, ...(diffId === undefined ? { empty_layer: true } : {}) }];
  if (diffId !== undefined) {
    const rootfs = objectOr(document.rootfs);
    const diffIds = Array.isArray(rootfs.diff_ids) ? rootfs.diff_ids : [];
    document.rootfs = { type: 'layers', ...rootfs, diff_ids: [...diffIds, diffId] };
  }
  return new TextEncoder().encode(JSON.stringify(document));
}

function objectOr(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function setOf(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

/** Replaced where it stands, otherwise appended. */
function environment(existing: unknown, change: ConfigChange): string[] {
  const removed = new Set(change.removeEnv);
  const left = new Map(Object.entries(change.env ?? {}));
  const out: string[] = [];
  for (const item of Array.isArray(existing) ? (existing as unknown[]) : []) {
    if (typeof item !== 'string') continue;
    const name = item.split('=', 1)[0]!;
    const value = left.get(name);
    if (value !== undefined) out.push(`${name}=${value}`);
    else if (!removed.has(name) && !Object.hasOwn(change.env ?? {}, name)) out.push(item);
    left.delete(name);
  }
  for (const [name, value] of left) out.push(`${name}=${value}`);
  return out;
}
