/** What a service mounts: `volumes` in both forms, `tmpfs`, files of `secrets` and `configs`; named volumes with what the project says of them. */
import type { TextProblem } from '../../../text/span.ts';
import type { Volume } from '../../container.ts';
import { pathFrom } from './files.ts';
import { booleanOf, childOf, type Place, problemOf, textOf, type Value, writtenChild } from './value.ts';

export interface VolumeContext {
  /** Top-level sections. */
  readonly volumes: Value | undefined;
  readonly secrets: Value | undefined;
  readonly configs: Value | undefined;
  readonly home: string | undefined;
  /** Named volumes that services with other images mount too. */
  readonly shared: ReadonlySet<string>;
  readonly problems: TextProblem[];
}

/** One mount as it was written. */
export interface Mounted {
  readonly volume: Volume;
  readonly at: Value;
}

/** Mounts of `volumes` and `tmpfs`; of two at one place the later counts. */
export function mountsOfService(service: Value, context: VolumeContext): readonly Mounted[] {
  const mounts = new Map<string, Mounted>();
  const put = (at: Value, volume: Volume | undefined): void => {
    if (volume !== undefined) mounts.set(volume.target, { volume, at });
  };
  const list = writtenChild(service, 'volumes');
  if (list?.kind === 'list')
    for (const item of list.items) put(item, item.kind === 'map' ? long(item, context) : short(item, context));
  else if (list !== undefined) context.problems.push(problemOf(list, 'volumes must be a list', 'error'));
  for (const [section, folder] of [
    ['configs', ''],
    ['secrets', '/run/secrets'],
  ] as const) {
    const used = writtenChild(service, section);
    if (used?.kind === 'list') for (const item of used.items) put(item, fileMount(item, section, folder, context));
  }
  const tmpfs = writtenChild(service, 'tmpfs');
  for (const item of tmpfs === undefined ? [] : tmpfs.kind === 'list' ? tmpfs.items : [tmpfs]) {
    const text = textOf(item);
    const volume = text?.startsWith('/') === true ? tmpfsVolume(text) : undefined;
    const there = volume === undefined ? undefined : mounts.get(volume.target);
    if (there !== undefined) context.problems.push(problemOf(item, `target ${there.volume.target} is already mounted`, 'error'));
    else if (volume !== undefined) put(item, volume);
    else context.problems.push(problemOf(item, `${JSON.stringify(text)} is no path to mount a tmpfs at`, 'error'));
  }
  return [...mounts.values()];
}

/** `/run:mode=1777,uid=10001`: options of tmpfs(5) that decide access. */
export function tmpfsVolume(text: string): Volume {
  const cut = text.indexOf(':');
  const target = cut < 0 ? text : text.slice(0, cut);
  return { kind: 'tmpfs', target, ...tmpfsOptions(cut < 0 ? '' : text.slice(cut + 1)) };
}

function tmpfsOptions(text: string): Partial<Volume> {
  const options = new Map(
    text.split(',').map((option): [string, string] => [option.split('=', 1)[0] as string, option.slice(option.indexOf('=') + 1)]),
  );
  const number = (name: string, base: 8 | 10): number | undefined => {
    const value = options.get(name) ?? '';
    return (base === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/).test(value) ? Number.parseInt(value, base) : undefined;
  };
  const [mode, uid, gid] = [number('mode', 8), number('uid', 10), number('gid', 10)];
  return {
    ...(options.has('ro') ? { readOnly: true } : {}),
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

/** A drive letter's colon separates nothing. */
const SECTIONS = /(?:^[A-Za-z]:(?=[\\/])|[^:])+/g;

function short(item: Value, context: VolumeContext): Volume | undefined {
  const text = textOf(item) ?? '';
  const bad = (why: string): undefined => {
    context.problems.push(problemOf(item, `invalid spec: ${text}: ${why}`, unsetIn(item) ? 'warning' : 'error'));
    return undefined;
  };
  if (text === '' || /::|^:|:$/.test(text)) return bad('empty section between colons');
  const parts = text.match(SECTIONS) ?? [];
  if (parts.length > 3) return bad('too many colons');
  const [first = '', second, options = ''] = parts;
  const target = second ?? first;
  if (!target.startsWith('/')) return bad(`the path in the container, ${target}, is not absolute`);
  const words = options.split(',');
  for (const word of words)
    if (!KNOWN_OPTIONS.test(word))
      context.problems.push(problemOf(item, `volume option ${word} is not known: compose leaves it out without a word`));
  const common = {
    target: clean(target),
    ...(words.includes('ro') ? { readOnly: true } : {}),
    ...(words.includes('U') ? { chown: true as const } : {}),
  };
  if (second === undefined) return { ...common, kind: 'anonymous' };
  if (/^[./~]|^[A-Za-z]:[\\/]|^\\\\/.test(first))
    return { ...common, kind: 'bind', source: pathFrom(item.at.dir, first, context.home) };
  return named(first, { ...common, ...(words.includes('nocopy') ? { noCopy: true as const } : {}) }, item, context);
}

/** compose-go format/volume.go, and podman's `U`, which Docker's compose drops. */
const KNOWN_OPTIONS = /^(?:|ro|rw|z|Z|U|nocopy|r?private|r?shared|r?slave|cached|delegated|consistent)$/;

const unsetIn = (value: Value): boolean => value.kind === 'scalar' && value.unset !== undefined;

const clean = (path: string): string => (path === '/' ? path : path.replace(/\/+/g, '/').replace(/\/\.?$/, '') || '/');

function long(item: Value, context: VolumeContext): Volume | undefined {
  const target = textOf(childOf(item, 'target'));
  const source = textOf(childOf(item, 'source'));
  const type = textOf(childOf(item, 'type'));
  const bad = (why: string, severity: TextProblem['severity'] = 'error'): undefined => {
    context.problems.push(problemOf(item, why, severity));
    return undefined;
  };
  if (target === undefined) return bad('this volume is missing a mount target');
  const common = { target: clean(target), ...(booleanOf(childOf(item, 'read_only')) === true ? { readOnly: true } : {}) };
  switch (type) {
    case 'bind':
      if (source === undefined) return bad('invalid mount config for type "bind": field Source must not be empty');
      return { ...common, kind: 'bind', source: pathFrom(item.at.dir, source, context.home) };
    case 'tmpfs': {
      const mode = childOf(childOf(item, 'tmpfs'), 'mode');
      const bits = mode?.kind === 'scalar' && typeof mode.value === 'number' ? { mode: mode.value & 0o7777 } : {};
      return { ...common, kind: 'tmpfs', ...bits };
    }
    case 'volume': {
      const options = childOf(item, 'volume');
      const subPath = textOf(childOf(options, 'subpath'));
      const noCopy = booleanOf(childOf(options, 'nocopy')) === true ? { noCopy: true as const } : {};
      if (source === undefined) return { ...common, kind: 'anonymous' };
      const made = named(source, { ...common, ...noCopy }, item, context);
      // The folder of a volume has to be there already (docker run --mount volume-subpath): somebody made it.
      return made === undefined || subPath === undefined ? made : { ...made, kind: 'external', type: 'volume', subPath };
    }
    case 'image':
      return { ...common, kind: 'external', type: 'image', ...(source === undefined ? {} : { source }) };
    default:
      return bad(`volumes of type ${type ?? 'nothing'} are not understood: what is mounted at ${target} is unknown`, 'warning');
  }
}

/** With what the project's `volumes` say of it. */
function named(name: string, common: Omit<Volume, 'kind' | 'source'>, item: Value, context: VolumeContext): Volume | undefined {
  const declared = childOf(context.volumes, name);
  if (declared === undefined) {
    if (unsetIn(item)) context.problems.push(problemOf(item, `which volume is mounted at ${common.target} is unknown`));
    else context.problems.push(problemOf(item, `this refers to the undefined volume ${name}`, 'error'));
    return { ...common, kind: 'named', source: name };
  }
  const external = childOf(declared, 'external');
  if (external !== undefined && booleanOf(external) !== false)
    return { ...common, kind: 'external', type: 'external volume', source: name };
  const driver = textOf(childOf(declared, 'driver')) ?? 'local';
  const options = writtenChild(declared, 'driver_opts');
  const option = (key: string): string => textOf(childOf(options, key)) ?? '';
  const device = option('device');
  if (driver === 'local' && /(?:^|,)r?bind(?:,|$)/.test(option('o')) && device !== '')
    return { ...common, kind: 'bind', source: pathFrom(placeOf(options).dir, device, context.home) };
  if (driver === 'local' && option('type') === 'tmpfs') return { ...common, ...tmpfsOptions(option('o')), kind: 'tmpfs' };
  if (driver !== 'local' || option('type') !== '') {
    const type = `${driver === 'local' ? option('type') : driver} volume`;
    return { ...common, kind: 'external', type, source: name };
  }
  if (context.shared.has(name)) return { ...common, kind: 'external', type: 'volume shared with other images', source: name };
  return { ...common, kind: 'named', source: name };

  function placeOf(value: Value | undefined): Place {
    return (value ?? item).at;
  }
}

/** Bound from the host with its owner and mode: uid, gid and mode of the long form count in a swarm only. Texts and variables become files that all may read. */
function fileMount(item: Value, section: 'secrets' | 'configs', folder: string, context: VolumeContext): Volume | undefined {
  const name = textOf(item.kind === 'map' ? childOf(item, 'source') : item);
  if (name === undefined) return undefined;
  const said = item.kind === 'map' ? textOf(childOf(item, 'target')) : undefined;
  const target = said?.startsWith('/') ? said : `${folder}/${said ?? name}`;
  const declared = childOf(context[section], name);
  const what = `${section === 'secrets' ? 'secret' : 'config'} ${name}`;
  if (declared === undefined) {
    context.problems.push(problemOf(item, `this refers to the undefined ${what}`, 'error'));
    return undefined;
  }
  const external = childOf(declared, 'external');
  if (external !== undefined && booleanOf(external) !== false)
    return { kind: 'external', type: `external ${what}`, target, readOnly: true };
  const file = childOf(declared, 'file');
  const path = textOf(file);
  if (file === undefined || path === undefined) return undefined;
  return { kind: 'bind', source: pathFrom(file.at.dir, path, context.home), target, readOnly: true };
}
