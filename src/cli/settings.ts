/** The flags of `docker run` that decide identity, as container settings. */
import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { ContainerSettings, Volume } from '../workload/container.ts';
import { usageError } from './usage-error.ts';

/** What commander hands over for {@link addSettings}. */
export interface SettingsFlags {
  readonly name?: string;
  readonly groupAdd?: readonly string[];
  readonly entrypoint?: string;
  readonly env?: readonly string[];
  readonly workdir?: string;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly securityOpt?: readonly string[];
  readonly privileged?: boolean;
  readonly readOnly?: boolean;
  readonly sysctl?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly volume?: readonly string[];
  readonly network?: 'none' | 'host' | 'bridge';
  readonly hostname?: string;
}

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [...(previous ?? []), value];

/** Adds the flags to a command. A command to run instead of the image's goes behind `--`. */
export function addSettings(command: Command): Command {
  const group = 'Container settings, as docker run takes them:';
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup(group);
  const many = (flags: string, description: string): Option => option(flags, description).argParser(collect);
  return command
    .addOption(option('--name <name>', 'what to call the container'))
    .addOption(many('--group-add <group>', 'one more group (repeatable)'))
    .addOption(option('--entrypoint <word>', "instead of the image's ENTRYPOINT; CMD is dropped"))
    .addOption(many('-e, --env <name=value>', 'environment (repeatable)'))
    .addOption(option('-w, --workdir <path>', 'working directory'))
    .addOption(many('--cap-add <capability>', 'add a capability (repeatable)'))
    .addOption(many('--cap-drop <capability>', 'drop a capability, or ALL (repeatable)'))
    .addOption(many('--security-opt <option>', 'no-new-privileges[:true|false]'))
    .addOption(option('--privileged', 'all capabilities'))
    .addOption(option('--read-only', 'read-only root file system'))
    .addOption(many('--sysctl <name=value>', 'kernel parameter of the network namespace (repeatable)'))
    .addOption(many('--tmpfs <path[:options]>', 'memory file system (repeatable)'))
    .addOption(many('--volume <source:path[:ro]>', 'bind or named volume (repeatable)'))
    .addOption(option('--network <kind>', 'network namespace').choices(['none', 'host', 'bridge']))
    .addOption(option('--hostname <name>', 'host name inside'));
}

/** The settings behind the flags. `user` is the one of `--user`, `command` what stood behind `--`. */
export function settingsFrom(flags: SettingsFlags, user: string | undefined, command: readonly string[]): ContainerSettings {
  const volumes = [...(flags.volume ?? []).map(volumeFrom), ...(flags.tmpfs ?? []).map(tmpfsFrom)];
  const noNewPrivileges = noNewPrivilegesFrom(flags.securityOpt ?? []);
  return {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(user === undefined ? {} : { user }),
    ...(flags.groupAdd === undefined ? {} : { groupAdd: flags.groupAdd }),
    ...(flags.entrypoint === undefined ? {} : { entrypoint: flags.entrypoint === '' ? [] : [flags.entrypoint] }),
    ...(command.length === 0 ? {} : { command }),
    ...(flags.env === undefined ? {} : { env: environmentFrom(flags.env) }),
    ...(flags.workdir === undefined ? {} : { workdir: flags.workdir }),
    ...(flags.capAdd === undefined ? {} : { capAdd: flags.capAdd }),
    ...(flags.capDrop === undefined ? {} : { capDrop: flags.capDrop }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
    ...(flags.privileged === undefined ? {} : { privileged: flags.privileged }),
    ...(flags.readOnly === undefined ? {} : { readOnly: flags.readOnly }),
    ...(flags.sysctl === undefined ? {} : { sysctls: Object.fromEntries(flags.sysctl.map((text) => pair('--sysctl', text))) }),
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(flags.network === undefined ? {} : { network: flags.network }),
    ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
  };
}

function pair(flag: string, text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at <= 0) throw usageError(`${flag} ${text} has no value`, 'NAME=VALUE');
  return [text.slice(0, at), text.slice(at + 1)];
}

/** `NAME` alone takes the value from here and is left out when there is none, as docker run does. */
function environmentFrom(texts: readonly string[]): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const text of texts) {
    const inherited = text.includes('=') ? undefined : process.env[text];
    if (text.includes('=')) [, out[text.slice(0, text.indexOf('='))]] = pair('--env', text);
    else if (inherited !== undefined) out[text] = inherited;
  }
  return out;
}

function noNewPrivilegesFrom(options: readonly string[]): boolean | undefined {
  let value: boolean | undefined;
  for (const option of options) {
    const match = /^no-new-privileges(?:[:=](true|false))?$/.exec(option);
    if (match === null)
      throw usageError(
        `--security-opt ${option} is not understood`,
        'no-new-privileges, no-new-privileges:true or no-new-privileges:false',
      );
    value = match[1] !== 'false';
  }
  return value;
}

/** `PATH` (anonymous), `SOURCE:PATH`, `SOURCE:PATH:ro`; a source that begins with `/` or `.` is a folder of this machine. */
function volumeFrom(text: string): Volume {
  const parts = text.split(':');
  const [first = '', second, options = ''] = parts;
  const target = second ?? first;
  if (parts.length > 3 || !target.startsWith('/'))
    throw usageError(`--volume ${text} is not understood`, '/PATH, SOURCE:/PATH or SOURCE:/PATH:ro');
  const known = new Set(['ro', 'rw', '', 'z', 'Z']);
  const odd = options.split(',').find((option) => !known.has(option));
  if (odd !== undefined) throw usageError(`--volume ${text}: option ${odd} is not understood`, 'ro, rw, z or Z');
  const readOnly = options.split(',').includes('ro') ? { readOnly: true } : {};
  if (second === undefined) return { kind: 'anonymous', target };
  if (!/^[./]/.test(first)) return { kind: 'named', source: first, target, ...readOnly };
  return { kind: 'bind', source: first, target, ...readOnly, ...kindOfSource(first) };
}

/** A folder cannot be mounted onto a file, nor a file onto a folder. What is not there yet, or nobody may look at, is left open. */
function kindOfSource(path: string): Pick<Volume, 'hostPathType'> {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? {} : { hostPathType: stat.isDirectory() ? 'Directory' : 'File' };
  } catch {
    return {};
  }
}

/** Options of tmpfs(5) that decide access: mode, uid, gid, size, ro. Others change nothing here and are let through. */
function tmpfsFrom(text: string): Volume {
  const at = text.indexOf(':');
  const target = at < 0 ? text : text.slice(0, at);
  if (!target.startsWith('/')) throw usageError(`--tmpfs ${text} is not understood`, '/PATH or /PATH:mode=1777,uid=10001');
  const options = new Map<string, string>();
  for (const option of at < 0 ? [] : text.slice(at + 1).split(',')) {
    const [name = '', value = ''] = option.split('=');
    options.set(name, value);
  }
  const number = (name: string, base: 8 | 10): number | undefined => {
    const value = options.get(name);
    if (value === undefined) return undefined;
    if (!(base === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/).test(value))
      throw usageError(`--tmpfs ${text}: ${name}=${value} is no number`);
    return Number.parseInt(value, base);
  };
  const [mode, uid, gid] = [number('mode', 8), number('uid', 10), number('gid', 10)];
  const size = /^(\d+)([kmg]?)$/i.exec(options.get('size') ?? '');
  const unit = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[(size?.[2] ?? '').toLowerCase()] ?? 1;
  return {
    kind: 'tmpfs',
    target,
    ...(options.has('ro') ? { readOnly: true } : {}),
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(size === null ? {} : { sizeLimit: Number(size[1]) * unit }),
  };
}
