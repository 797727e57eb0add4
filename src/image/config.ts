/** The image config (OCI image-spec config.md; Docker's image spec 1.2 is the same with more fields) as the model reads it. */
import { UnrootError, type Where } from '../error.ts';
import type { Digest, Healthcheck, ImageConfig, Platform } from './image.ts';
import { type Fields, fieldsOf, isObject, parseJsonObject, wrong } from './json.ts';
import { DEFAULT_LIMITS } from './limits.ts';

export interface ParsedConfig {
  readonly config: ImageConfig;
  readonly platform: Platform;
  /** Of the layers, bottom first. */
  readonly diffIds: readonly Digest[];
  /** `created_by` per layer (empty layers left out); undefined where history does not say. */
  readonly createdBy: readonly (string | undefined)[];
  /** RFC 3339, as written. */
  readonly created: string | undefined;
}

/** Parses a config blob. Wrong types are refused, as runtimes do; unknown fields are ignored. */
export function parseConfig(bytes: Uint8Array, where: Where = {}, limit: number = DEFAULT_LIMITS.maxJsonBytes): ParsedConfig {
  const what = 'the image config';
  const object = parseJsonObject(bytes, what, where, limit);
  const top = fieldsOf(object, what, where);
  const rootfs = fieldsOf(top.object('rootfs') ?? {}, what, where, 'rootfs.');
  const diffIds = rootfs.strings('diff_ids') ?? [];
  const variant = top.string('variant');
  const platform: Platform = {
    os: top.string('os') || 'linux',
    architecture: top.string('architecture') || 'unknown',
    ...(variant ? { variant } : {}),
  };
  const inner = top.object('config') ?? {};
  return {
    config: runConfig(fieldsOf(inner, what, where, 'config.'), inner, what, where),
    platform,
    diffIds,
    createdBy: layerHistory(top.array('history') ?? [], diffIds.length, what, where),
    created: top.string('created'),
  };
}

function runConfig(fields: Fields, raw: Readonly<Record<string, unknown>>, what: string, where: Where): ImageConfig {
  const stopSignal = fields.string('StopSignal');
  const shell = fields.strings('Shell');
  const health = fields.object('Healthcheck');
  return {
    user: fields.string('User') ?? '',
    env: fields.strings('Env') ?? [],
    entrypoint: words(raw, 'Entrypoint', fields),
    cmd: words(raw, 'Cmd', fields),
    workingDir: fields.string('WorkingDir') ?? '',
    volumes: Object.keys(fields.object('Volumes') ?? {}),
    exposedPorts: Object.keys(fields.object('ExposedPorts') ?? {}),
    labels: fields.stringMap('Labels') ?? {},
    ...(stopSignal ? { stopSignal } : {}),
    ...(health === undefined ? {} : healthcheck(fieldsOf(health, what, where, 'config.Healthcheck.'))),
    ...(shell === undefined ? {} : { shell }),
  };
}

/** Docker also takes a single string (moby, api/types/strslice). */
function words(raw: Readonly<Record<string, unknown>>, name: string, fields: Fields): readonly string[] {
  const value = raw[name];
  return typeof value === 'string' ? [value] : (fields.strings(name) ?? []);
}

function healthcheck(fields: Fields): { healthcheck?: Healthcheck } {
  const test = fields.strings('Test') ?? [];
  // An empty test means "inherit", which leaves nothing to do in a finished image.
  if (test.length === 0) return {};
  const optional = (name: string, value: number | undefined): Record<string, number> => (value ? { [name]: value } : {});
  return {
    healthcheck: {
      test,
      ...optional('interval', fields.integer('Interval')),
      ...optional('timeout', fields.integer('Timeout')),
      ...optional('startPeriod', fields.integer('StartPeriod')),
      ...optional('retries', fields.integer('Retries')),
    },
  };
}

function layerHistory(history: readonly unknown[], layers: number, what: string, where: Where): (string | undefined)[] {
  const out: (string | undefined)[] = [];
  history.forEach((item, i) => {
    if (!isObject(item)) throw wrong(what, `history[${i}]`, 'an object', where);
    if (item.empty_layer === true) return;
    out.push(fieldsOf(item, what, where, `history[${i}].`).string('created_by'));
  });
  // History is for people and may be missing or cut; when the counts differ nothing can be said of any layer.
  return out.length === layers ? out : new Array<undefined>(layers).fill(undefined);
}

/** Checks that config and manifest speak of the same layers. */
export function requireLayerCount(diffIds: readonly string[], layers: number, where: Where): void {
  if (diffIds.length === layers) return;
  throw new UnrootError(`the image config lists ${diffIds.length} layers, the manifest ${layers}`, {
    code: 'image.bad-manifest',
    where,
    expected: 'one diff_id per layer',
  });
}
