/** What distributions change in Podman's containers.conf(5), as far as it decides identity. Reads the TOML subset those files use. */
import { CAPABILITIES, type Capability, capabilitySet } from '../linux/capability.ts';
import type { RuntimeKind } from './platform.ts';
import type { ProfileOverrides } from './profiles.ts';

/** One file: where it was read and its text. Later ones win, as `/usr/share/containers`, `/etc/containers`, `$XDG_CONFIG_HOME/containers` do. */
export interface ConfFile {
  readonly path: string;
  readonly text: string;
}

/** The overrides these files make to the podman profile; undefined when they change nothing of it. */
export function containersConf(files: readonly ConfFile[]): ProfileOverrides | undefined {
  const places: string[] = [];
  let defaultCapabilities: ProfileOverrides['defaultCapabilities'];
  let sysctls: ProfileOverrides['sysctls'];
  let runtime: ProfileOverrides['runtime'];
  let noNewPrivileges: ProfileOverrides['noNewPrivileges'];
  for (const { path, text } of files) {
    const before = [defaultCapabilities, sysctls, runtime, noNewPrivileges];
    for (const [key, value] of assignments(text)) {
      // An empty list counts as not set (containers.conf(5): "If it is empty or commented out, the default capabilities … will be added").
      if (key === 'containers.default_capabilities' && strings(value).length > 0) {
        const known = new Set<string>(CAPABILITIES);
        const names = strings(value).map((name) => `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`);
        defaultCapabilities = capabilitySet(names.filter((name): name is Capability => known.has(name)));
      } else if (key === 'containers.default_sysctls') {
        sysctls = Object.fromEntries(strings(value).flatMap((line) => pair(line)));
      } else if (key === 'containers.no_new_privileges') {
        noNewPrivileges = value.trim() === 'true';
      } else if (key === 'engine.runtime') {
        runtime = runtimeKind(strings(value)[0]);
      }
    }
    if ([defaultCapabilities, sysctls, runtime, noNewPrivileges].some((now, i) => now !== before[i])) places.push(path);
  }
  if (places.length === 0) return undefined;
  return {
    source: places.join(', '),
    ...(defaultCapabilities && { defaultCapabilities }),
    ...(sysctls && { sysctls }),
    ...(runtime && { runtime }),
    ...(noNewPrivileges !== undefined && { noNewPrivileges }),
  };
}

/** `table.key` and the raw value, lists over several lines joined. */
function* assignments(text: string): Generator<[string, string]> {
  let table = '';
  let pending: { key: string; value: string } | undefined;
  for (const raw of text.split('\n')) {
    const line = withoutComment(raw).trim();
    if (pending !== undefined) {
      pending.value += `\n${line}`;
    } else {
      const header = /^\[([A-Za-z0-9_.]+)\]$/.exec(line);
      if (header) {
        table = header[1] as string;
        continue;
      }
      const assignment = /^([A-Za-z0-9_]+)\s*=\s*(.*)$/.exec(line);
      if (!assignment) continue;
      pending = { key: `${table}.${assignment[1]}`, value: assignment[2] as string };
    }
    if (pending.value.startsWith('[') && !pending.value.trimEnd().endsWith(']')) continue;
    yield [pending.key, pending.value];
    pending = undefined;
  }
}

/** Cuts a `#` comment that does not stand inside a quoted string. */
function withoutComment(line: string): string {
  let quote = '';
  for (let i = 0; i < line.length; i += 1) {
    const char = line.charAt(i);
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '#') return line.slice(0, i);
  }
  return line;
}

const strings = (value: string): readonly string[] => [...value.matchAll(/"([^"]*)"|'([^']*)'/g)].map((m) => m[1] ?? m[2] ?? '');

function pair(line: string): [string, string][] {
  const equals = line.indexOf('=');
  return equals > 0 ? [[line.slice(0, equals).trim(), line.slice(equals + 1).trim()]] : [];
}

function runtimeKind(name: string | undefined): RuntimeKind | undefined {
  const base = name?.slice(name.lastIndexOf('/') + 1);
  return base === 'crun' || base === 'runc' ? base : undefined;
}
