/** What matters of a service only when it is really started among the others: its names, how it is started again, and files that are written for it. */
import { durationOf } from './dependencies.ts';
import { entriesOf } from './merge.ts';
import { textsOf } from './model.ts';
import type { Lookup } from './substitute.ts';
import { booleanOf, childOf, textOf, type Value, writtenChild } from './value.ts';

export interface ComposeSurroundings {
  /** What the others call it, besides its own name: `container_name`, aliases, what links to it say. */
  readonly names: readonly string[];
  /** `links`: another service, and what this one calls it. */
  readonly links: readonly { readonly service: string; readonly name: string }[];
  /** Lines of /etc/hosts. */
  readonly hosts: readonly string[];
  /** `no`, `always`, `on-failure`, `unless-stopped`. */
  readonly restart: 'no' | 'always' | 'on-failure';
  readonly stopGraceMs?: number;
  /** How many of it there are. */
  readonly scale: number;
  /** Secrets and configs that stand in the file or in a variable. Undefined content: the variable is not set. */
  readonly files: readonly {
    readonly target: string;
    readonly content: string | undefined;
    readonly mode: number;
    readonly secret?: true;
    readonly uid?: number;
    readonly gid?: number;
  }[];
  /** Namespaces of the host that it wants: `pid`, `ipc`, `userns`. */
  readonly hostNamespaces: readonly string[];
}

/** Top-level sections, and the variables. */
interface Declared {
  readonly secrets: Value | undefined;
  readonly configs: Value | undefined;
  readonly lookup: Lookup;
}

export function surroundingsOf(name: string, value: Value, context: Declared): ComposeSurroundings {
  const containerName = textOf(writtenChild(value, 'container_name'));
  const networks = writtenChild(value, 'networks');
  const aliases =
    networks?.kind === 'map' ? [...networks.entries].flatMap(([, one]) => textsOf(writtenChild(one, 'aliases'))) : [];
  const links = textsOf(writtenChild(value, 'links')).map((text) => {
    const [service = '', alias = service] = text.split(':');
    return { service, name: alias };
  });
  const grace = durationOf(textOf(writtenChild(value, 'stop_grace_period')));
  const replicas = Number(
    textOf(writtenChild(value, 'scale')) ?? textOf(childOf(writtenChild(value, 'deploy'), 'replicas')) ?? '1',
  );
  return {
    names: [...(containerName === undefined ? [] : [containerName]), ...aliases],
    links,
    hosts: hostsOf(writtenChild(value, 'extra_hosts')),
    restart: restartOf(value),
    ...(grace === undefined ? {} : { stopGraceMs: grace }),
    scale: Number.isInteger(replicas) ? replicas : 1,
    files: [...filesOf(name, value, 'configs', '', context), ...filesOf(name, value, 'secrets', '/run/secrets', context)],
    hostNamespaces: ['pid', 'ipc', 'uts'].filter((field) => textOf(writtenChild(value, field)) === 'host'),
  };
}

/** `restart`, else what `deploy` says, which compose goes by as well. */
function restartOf(value: Value): ComposeSurroundings['restart'] {
  const said = textOf(writtenChild(value, 'restart'));
  if (said !== undefined) return said === 'no' ? 'no' : said.startsWith('on-failure') ? 'on-failure' : 'always';
  const condition = textOf(childOf(childOf(writtenChild(value, 'deploy'), 'restart_policy'), 'condition'));
  if (condition === undefined || condition === 'none') return 'no';
  return condition === 'on-failure' ? 'on-failure' : 'always';
}

/** `name:address`, `name=address`, or a mapping; `host-gateway` leads out of the project, where nothing goes. */
function hostsOf(value: Value | undefined): readonly string[] {
  if (value === undefined) return [];
  const pairs: [string, string][] =
    value.kind === 'list'
      ? textsOf(value).map((text) => {
          const cut = text.search(/[=:]/);
          return [text.slice(0, cut), text.slice(cut + 1)];
        })
      : entriesOf(value).flatMap(({ key, value: one }) => textsOf(one).map((text): [string, string] => [key, text]));
  return pairs.flatMap(([host, at]) => {
    const address = at.replace(/^\[|\]$/g, '');
    return host !== '' && /^[\da-fA-F.:]+$/.test(address) ? [`${address}\t${host}`] : [];
  });
}

/** `0440` is a number by itself; in quotes its digits are octal (compose-go types FileMode). */
function modeOf(value: Value | undefined): number | undefined {
  if (value?.kind !== 'scalar') return undefined;
  if (typeof value.value === 'number') return value.value;
  return typeof value.value === 'string' && /^0?o?[0-7]{1,4}$/.test(value.value)
    ? Number.parseInt(value.value.replace('o', ''), 8)
    : undefined;
}

function filesOf(
  service: string,
  value: Value,
  section: 'configs' | 'secrets',
  folder: string,
  { [section]: declared, lookup }: Declared,
): ComposeSurroundings['files'] {
  const used = writtenChild(value, section);
  if (used?.kind !== 'list') return [];
  return used.items.flatMap((item) => {
    const source = textOf(item.kind === 'map' ? childOf(item, 'source') : item);
    const one = source === undefined ? undefined : childOf(declared, source);
    if (one === undefined || childOf(one, 'file') !== undefined || booleanOf(childOf(one, 'external')) === true) return [];
    const said = item.kind === 'map' ? textOf(childOf(item, 'target')) : undefined;
    const target = said?.startsWith('/') ? said : `${folder}/${said ?? source ?? service}`;
    const variable = textOf(childOf(one, 'environment'));
    const content = textOf(childOf(one, 'content')) ?? (variable === undefined ? undefined : lookup(variable));
    // Written by compose itself, for everybody to read, unless the long form says otherwise.
    const mode = modeOf(childOf(item, 'mode'));
    const [uid, gid] = ['uid', 'gid'].map((field) => Number(textOf(childOf(item, field)) ?? '0'));
    return [
      {
        target,
        content,
        mode: mode === undefined ? 0o444 : mode & 0o777,
        ...(section === 'secrets' ? { secret: true as const } : {}),
        ...(uid ? { uid } : {}),
        ...(gid ? { gid } : {}),
      },
    ];
  });
}
