/** Everything in a pod that names a container port by its number, when the program listens on another one from now on. */
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { Path } from '../../../text/yaml/path.ts';
import type { ChangedContainer } from './identity-changes.ts';
import { isMapping } from './objects.ts';
import type { PodSpec } from './pod-spec.ts';

export interface Moved {
  readonly from: number;
  readonly to: number;
  readonly protocol: 'TCP' | 'UDP';
  /** The name of the port in the container's list. */
  readonly name?: string;
}

export interface MovedPorts {
  readonly changes: readonly YamlChange[];
  readonly problems: readonly { readonly path: Path; readonly message: string }[];
  readonly moved: readonly Moved[];
}

const PROBES = [
  ['livenessProbe'],
  ['readinessProbe'],
  ['startupProbe'],
  ['lifecycle', 'postStart'],
  ['lifecycle', 'preStop'],
] as const;

export const protocolOf = (port: unknown): 'TCP' | 'UDP' | 'other' => {
  const text = isMapping(port) ? port.protocol : undefined;
  return text === undefined || text === null || text === 'TCP' ? 'TCP' : text === 'UDP' ? 'UDP' : 'other';
};

/** A number, or a number in quotes, which the API takes for a name and looks up: no port has such a one. */
export const isPort = (value: unknown, port: number): boolean => value === port;

/** A port as a word of its own: `:80`, `80`, `--port=80`. */
export const namesPort = (text: string, port: number): boolean => new RegExp(`(?:^|[^\\d.])${port}(?![\\d.]*\\d)`).test(text);

export function movedPorts({ path, container, change }: ChangedContainer, pod: PodSpec): MovedPorts {
  const changes: YamlChange[] = [];
  const problems: { path: Path; message: string }[] = [];
  const moved: Moved[] = [];
  for (const { from, to, protocol } of change?.ports ?? []) {
    if (from === to) continue;
    const kind = protocol === 'udp' ? 'UDP' : 'TCP';
    let name: string | undefined;
    for (const [index, port] of (Array.isArray(container.ports) ? (container.ports as readonly unknown[]) : []).entries()) {
      if (!isMapping(port) || protocolOf(port) !== kind || !isPort(port.containerPort, from)) continue;
      if (typeof port.name === 'string') name = port.name;
      if (pod.hostNetwork === true)
        problems.push({
          path: [...path, 'ports', index],
          message: `port ${from} moves to ${to}, and with hostNetwork it is what the outside uses`,
        });
      changes.push({ op: 'set', path: [...path, 'ports', index, 'containerPort'], value: to });
    }
    moved.push({ from, to, protocol: kind, ...(name === undefined ? {} : { name }) });
    if (kind === 'UDP') continue;
    for (const at of PROBES) {
      const handler = at.reduce<unknown>((value, key) => (isMapping(value) ? value[key] : undefined), container);
      if (!isMapping(handler)) continue;
      for (const action of ['httpGet', 'tcpSocket', 'grpc'] as const) {
        const asked = handler[action];
        if (isMapping(asked) && isPort(asked.port, from))
          changes.push({ op: 'set', path: [...path, ...at, action, 'port'], value: to });
      }
      const words = isMapping(handler.exec) && Array.isArray(handler.exec.command) ? handler.exec.command : [];
      for (const [index, word] of words.entries())
        if (typeof word === 'string' && namesPort(word, from) && change?.entrypoint === undefined)
          problems.push({
            path: [...path, ...at, 'exec', 'command', index],
            message: `this may name port ${from}, which moves to ${to}`,
          });
    }
    if (change?.command === undefined && change?.entrypoint === undefined)
      for (const list of ['command', 'args'] as const)
        for (const [index, word] of (Array.isArray(container[list]) ? (container[list] as readonly unknown[]) : []).entries())
          if (typeof word === 'string' && namesPort(word, from))
            problems.push({ path: [...path, list, index], message: `this may name port ${from}, which moves to ${to}` });
    for (const [index, entry] of (Array.isArray(container.env) ? (container.env as readonly unknown[]) : []).entries())
      if (
        isMapping(entry) &&
        typeof entry.value === 'string' &&
        entry.value === String(from) &&
        change?.env?.[String(entry.name)] === undefined
      )
        problems.push({
          path: [...path, 'env', index],
          message: `${String(entry.name)} may be port ${from}, which moves to ${to}`,
        });
  }
  return { changes, problems, moved };
}
