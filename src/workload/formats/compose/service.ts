/** One service of a complete project: its container's settings, and what else of it others ask for. */
import type { Span, TextProblem } from '../../../text/span.ts';
import type { ContainerSettings } from '../../container.ts';
import type { WorkloadContainer } from '../../workload.ts';
import { buildOf, type ComposeBuild } from './build.ts';
import { type ComposeDependency, type ComposeHealthcheck, dependenciesOf, healthcheckOf } from './dependencies.ts';
import { environmentOf } from './environment.ts';
import { isServiceField } from './fields.ts';
import type { ComposeFiles } from './files.ts';
import { entriesOf } from './merge.ts';
import { textsOf } from './model.ts';
import { type ComposePort, portsOf } from './ports.ts';
import { type SecurityOptions, securityOptions } from './security-options.ts';
import { shellWords } from './shell-words.ts';
import type { Lookup } from './substitute.ts';
import { type ComposeSurroundings, surroundingsOf } from './surroundings.ts';
import { booleanOf, childOf, problemOf, spanOf, textOf, type Value, writtenChild } from './value.ts';
import { type Mounted, mountsOfService, type VolumeContext } from './volumes.ts';

export interface ComposeService {
  /** Absent: an image that somebody else made. */
  readonly build?: ComposeBuild;
  readonly ports: readonly ComposePort[];
  readonly expose: readonly number[];
  readonly dependsOn: readonly ComposeDependency[];
  readonly healthcheck?: ComposeHealthcheck;
  /** It is started only when one of them is asked for; empty = always. */
  readonly profiles: readonly string[];
  /** None of them is asked for (COMPOSE_PROFILES). */
  readonly inactive?: true;
  /** `service:NAME`, `container:NAME`, `host`, `none`, `bridge`. */
  readonly networkMode?: string;
  /** Names of networks, and what else the service is called there. */
  readonly networks: readonly { readonly name: string; readonly aliases: readonly string[] }[];
  /** How its network finds it, and what it knows itself. */
  readonly surroundings: ComposeSurroundings;
  /** Where each of the settings' volumes was written, by its target. */
  readonly mounts: Readonly<Record<string, Span>>;
}

export interface ServiceContext extends VolumeContext {
  readonly files: ComposeFiles;
  readonly lookup: Lookup;
}

export interface ReadService {
  readonly container: WorkloadContainer;
  readonly service: ComposeService;
}

/** What is said of a service that compose could not start. */
export const NOTHING_TO_RUN: string = ' has neither an image nor a build';

/** Undefined: no container comes of it. */
export function readService(name: string, value: Value, context: ServiceContext): ReadService | undefined {
  const { problems } = context;
  const tell = (at: Value, message: string, severity: TextProblem['severity'] = 'warning'): void => {
    problems.push(problemOf(at, `services.${name}${message}`, severity));
  };
  if (value.kind !== 'map') {
    tell(value, ' must be a mapping', 'error');
    return undefined;
  }
  for (const [field, one] of value.entries)
    if (!isServiceField(field)) tell(one, `.${field} is no field that compose knows: it refuses the file`);
  const provider = writtenChild(value, 'provider');
  if (provider !== undefined) {
    tell(provider, ' is made by a provider: no container comes of it', 'info');
    return undefined;
  }
  const text = (field: string): string | undefined => {
    const one = writtenChild(value, field);
    if (one === undefined) return undefined;
    if (one.kind !== 'scalar') tell(one, `.${field} must be a string`, 'error');
    else if (typeof one.value !== 'string')
      tell(one, `.${field} must be a string: put it in quotes, compose refuses the file as it is`, 'error');
    return textOf(one);
  };
  const truth = (field: string): boolean | undefined => {
    const one = writtenChild(value, field);
    const answer = booleanOf(one);
    if (one !== undefined && answer === undefined) tell(one, `.${field} must be true or false`, 'error');
    return answer;
  };
  const list = (field: string): readonly string[] | undefined => {
    const one = writtenChild(value, field);
    if (one === undefined) return undefined;
    if (one.kind !== 'list') tell(one, `.${field} must be a list`, 'error');
    return textsOf(one);
  };
  const words = (field: string): readonly string[] | undefined => {
    const one = writtenChild(value, field);
    if (one === undefined) return undefined;
    if (one.kind === 'list') return textsOf(one);
    const split = shellWords(textOf(one) ?? '');
    if (split === undefined) tell(one, `.${field}: invalid command line string`, 'error');
    return split;
  };
  const profiles = list('profiles') ?? [];
  const active = isActive(profiles, context.lookup);
  const environment = environmentOf(value, active, context, problems);
  const mounts = mountsOfService(value, context);
  const security = securityOptions(writtenChild(value, 'security_opt'), problems);
  const networkMode = text('network_mode');
  const surroundings = surroundingsOf(name, value, context);
  const settings = clean({
    name,
    user: text('user'),
    groupAdd: list('group_add'),
    entrypoint: words('entrypoint'),
    command: words('command'),
    env: Object.keys(environment.env).length === 0 ? undefined : environment.env,
    unknownEnv: environment.unknown.length === 0 ? undefined : environment.unknown,
    workdir: text('working_dir'),
    capAdd: list('cap_add'),
    capDrop: list('cap_drop'),
    noNewPrivileges: security.noNewPrivileges,
    unmaskedProc: security.unmaskedProc,
    privileged: truth('privileged'),
    readOnly: truth('read_only'),
    sysctls: sysctlsOf(writtenChild(value, 'sysctls')),
    volumes: mounts.length === 0 ? undefined : mounts.map(({ volume }) => volume),
    writtenFiles:
      surroundings.files.length === 0
        ? undefined
        : surroundings.files.map(({ target: path, content, mode, uid = 0, gid = 0, secret }) => ({
            path,
            ...(content === undefined || secret === true ? {} : { text: content }),
            uid,
            gid,
            mode,
          })),
    devices: devicesOf(list('devices'), writtenChild(value, 'devices')),
    tty: truth('tty'),
    network: networkMode === 'host' || networkMode === 'none' ? networkMode : undefined,
    hostname: text('hostname'),
  });
  hooks(value, tell);
  const unknown = unknownOf(value, security);
  const image = text('image');
  const build = buildOf(writtenChild(value, 'build'), context);
  const healthcheck = healthcheckOf(writtenChild(value, 'healthcheck'));
  if (image === undefined && build === undefined) tell(value, NOTHING_TO_RUN, 'error');
  const ports = portsOf(writtenChild(value, 'ports'), problems);
  return {
    container: {
      name,
      role: 'container',
      ...(image === undefined ? {} : { image }),
      settings:
        ports.length === 0 ? settings : { ...settings, ports: ports.map(({ target, protocol }) => ({ port: target, protocol })) },
      span: spanOf(value),
      spans: spansOf(value),
      ...(unknown === undefined ? {} : { unknown }),
    },
    service: {
      ...(build === undefined ? {} : { build }),
      ports,
      expose: textsOf(writtenChild(value, 'expose')).flatMap((one) => portNumbers(one)),
      dependsOn: dependenciesOf(value),
      ...(healthcheck === undefined ? {} : { healthcheck }),
      profiles,
      ...(active ? {} : { inactive: true as const }),
      ...(networkMode === undefined ? {} : { networkMode }),
      networks: networksOf(writtenChild(value, 'networks')),
      surroundings,
      mounts: Object.fromEntries(mounts.map(({ volume, at }: Mounted) => [volume.target, spanOf(at)])),
    },
  };
}

/** Without what was not written. */
function clean(settings: { readonly [K in keyof ContainerSettings]: ContainerSettings[K] | undefined }): ContainerSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as ContainerSettings;
}

/** Setting, and the field that says it. */
const FIELDS: readonly (readonly [string, string])[] = [
  ['image', 'image'],
  ['user', 'user'],
  ['groupAdd', 'group_add'],
  ['entrypoint', 'entrypoint'],
  ['command', 'command'],
  ['env', 'environment'],
  ['workdir', 'working_dir'],
  ['capAdd', 'cap_add'],
  ['capDrop', 'cap_drop'],
  ['noNewPrivileges', 'security_opt'],
  ['privileged', 'privileged'],
  ['readOnly', 'read_only'],
  ['sysctls', 'sysctls'],
  ['volumes', 'volumes'],
  ['devices', 'devices'],
  ['tty', 'tty'],
  ['network', 'network_mode'],
  ['hostname', 'hostname'],
  ['ports', 'ports'],
  ['build', 'build'],
];

function spansOf(value: Value): Readonly<Record<string, Span>> {
  return Object.fromEntries(
    FIELDS.flatMap(([setting, field]) => {
      const one = writtenChild(value, field);
      return one === undefined ? [] : [[setting, spanOf(one)] as const];
    }),
  );
}

function sysctlsOf(value: Value | undefined): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined;
  return Object.fromEntries(entriesOf(value).map(({ key, value: one }) => [key, textOf(one) ?? '']));
}

function devicesOf(short: readonly string[] | undefined, value: Value | undefined): ContainerSettings['devices'] {
  if (value?.kind !== 'list') return undefined;
  const long = value.items.flatMap((item) => {
    const source = textOf(childOf(item, 'source'));
    return source === undefined ? [] : [{ source, target: textOf(childOf(item, 'target')) ?? source }];
  });
  const made = (short ?? []).map((text) => {
    const [source = '', target] = text.split(':');
    return { source, ...(target === undefined ? {} : { target }) };
  });
  return [...made, ...long].filter(({ source }) => source.startsWith('/'));
}

function networksOf(value: Value | undefined): ComposeService['networks'] {
  if (value?.kind === 'map')
    return [...value.entries].map(([name, one]) => ({ name, aliases: textsOf(writtenChild(one, 'aliases')) }));
  return textsOf(value).map((name) => ({ name, aliases: [] }));
}

/** `*` is all of them (compose-go types/project.go WithProfiles). */
function isActive(profiles: readonly string[], lookup: Lookup): boolean {
  const asked = (lookup('COMPOSE_PROFILES') ?? '').split(',').map((one) => one.trim());
  return profiles.length === 0 || asked.includes('*') || profiles.some((one) => asked.includes(one));
}

function portNumbers(text: string): readonly number[] {
  const [, from, to = from] = /^(\d+)(?:-(\d+))?/.exec(text) ?? [];
  const count = Number(to) - Number(from) + 1;
  return count > 0 && count < 65_536 ? Array.from({ length: count }, (_, at) => Number(from) + at) : [];
}

/** What compose runs in the container besides, as whom it likes. */
function hooks(value: Value, tell: (at: Value, message: string, severity?: TextProblem['severity']) => void): void {
  for (const field of ['pre_start', 'post_start', 'pre_stop']) {
    const list = writtenChild(value, field);
    for (const hook of list?.kind === 'list' ? list.items : []) {
      const user = textOf(childOf(hook, 'user'));
      const privileged = booleanOf(childOf(hook, 'privileged')) === true;
      if (/^(?:root|0)(?::|$)/.test(user ?? '') || privileged)
        tell(
          hook,
          `.${field} runs a command ${privileged ? 'with all privileges' : `as user ${user}`}, whoever the container is`,
          'info',
        );
    }
  }
}

/** What decides who it is, and is not known here. */
function unknownOf(value: Value, security: SecurityOptions): string | undefined {
  for (const field of ['user', 'privileged', 'group_add', 'userns_mode']) {
    const one = writtenChild(value, field);
    for (const scalar of one?.kind === 'list' ? one.items : one === undefined ? [] : [one])
      if (scalar.kind === 'scalar' && scalar.unset !== undefined)
        return `its ${field} hangs on ${scalar.unset.join(', ')}, which is not set here`;
  }
  const mode = textOf(writtenChild(value, 'userns_mode'));
  if (mode !== undefined && mode !== '' && mode !== 'host') return `userns_mode ${mode} maps its users to others`;
  return security.unknown;
}
