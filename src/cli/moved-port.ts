/** Low ports that shall move without a run: where the words or the variables of the container say the number, they say another one from now on. */
import type { Finding } from '../finding/finding.ts';
import { type PortMove, portMoves } from '../fixes/move-port.ts';
import { movedArguments, movedVariables } from '../fixes/moved-words.ts';
import { findingKey } from '../fixes/need.ts';
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { FixResult } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';
import type { AnyContainer } from './manifest-containers.ts';

export interface MovedPorts {
  readonly change: Pick<ContainerChange, 'entrypoint' | 'command' | 'env' | 'ports'>;
  /** Findings that are settled by it. */
  readonly settled: ReadonlySet<Finding>;
  /** Those that are not: nobody knows how to tell the program. */
  readonly left: readonly FixResult['unresolved'][number][];
  readonly reasons: ReadonlyMap<string, string>;
}

/** `already`: ports that move by what a mounted configuration says. */
export function movedPorts(
  one: AnyContainer,
  result: FixResult,
  already: readonly PortMove[],
  strategy: PortStrategy | undefined,
): MovedPorts {
  const named = portsNamed(one);
  const low = result.unresolved.flatMap((each) => {
    const { operation } = each.finding;
    return operation?.kind === 'bind' ? [{ each, port: operation.port, udp: operation.protocol === 'udp' }] : [];
  });
  const taken = new Set([...named, ...already.map(({ to }) => to), ...exposed(result)]);
  const asked = low.map(({ port }) => port).filter((port) => !already.some(({ from }) => from === port));
  const { words, entrypoint } = wordsOf(one, result);
  let now: readonly string[] = words;
  const env: Record<string, string> = {};
  const moves: PortMove[] = strategy === 'move' ? portMoves(asked, taken) : [];
  const moved = moves.filter((move) => {
    const other = movedArguments(['', ...now], move)?.slice(1);
    if (other !== undefined) {
      now = other;
      return true;
    }
    const variables = movedVariables(result.asIs.env, move);
    Object.assign(env, variables);
    return Object.keys(variables).length > 0;
  });
  const movedTo = new Map([...already, ...moved].map(({ from, to }) => [from, to]));
  const differs = (from: number, to: number): boolean => now.slice(from, to).join('\0') !== words.slice(from, to).join('\0');
  const first = differs(0, entrypoint);
  const args = now.slice(entrypoint);
  const gone = low.filter(({ port }) => movedTo.has(port));
  return {
    change: {
      ...(first ? { entrypoint: now.slice(0, entrypoint) } : {}),
      // Words of their own take those of the image away, so that they are written too.
      ...(args.length > 0 && (first || differs(entrypoint, words.length)) ? { command: args } : {}),
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(moved.length === 0
        ? {}
        : {
            ports: moved.map((move) =>
              low.some(({ port, udp }) => port === move.from && udp) ? { ...move, protocol: 'udp' as const } : move,
            ),
          }),
    },
    settled: new Set(gone.map(({ each }) => each.finding)),
    // What only the image declares, while the manifest names other ports, is not known to be listened on.
    left: low.filter(({ port }) => !movedTo.has(port) && (named.length === 0 || named.includes(port))).map(({ each }) => each),
    reasons: new Map(
      gone.map(({ each, port }) => [
        findingKey(each.finding),
        `it listens on ${movedTo.get(port)} from now on, whatever is declared`,
      ]),
    ),
  };
}

/** As the manifest says them, with variables still in them; else as the image does. `entrypoint`: how many of them are the first part. */
function wordsOf(
  { workload, container }: AnyContainer,
  { subject }: FixResult,
): { readonly words: readonly string[]; readonly entrypoint: number } {
  const { config } = subject.image;
  const raw = workload.format === 'kubernetes' ? rawContainer(workload.pod.spec, container.name) : undefined;
  const own = raw === undefined ? container.settings : { entrypoint: raw.command, command: raw.args };
  const entrypoint = own.entrypoint ?? config.entrypoint ?? [];
  const command = own.command ?? (own.entrypoint === undefined ? config.cmd : undefined) ?? [];
  return { words: [...entrypoint, ...command], entrypoint: entrypoint.length };
}

interface Spec {
  readonly initContainers?: readonly RawContainer[] | null;
  readonly containers?: readonly RawContainer[] | null;
}

interface RawContainer {
  readonly name?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly ports?: readonly { readonly containerPort?: number }[];
}

const rawContainer = (spec: Spec | null | undefined, name: string): RawContainer | undefined =>
  [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].find((one) => one.name === name);

/** Ports of the container's own list. */
function portsNamed({ workload, container }: AnyContainer): readonly number[] {
  if (workload.format !== 'kubernetes') return (container.settings.ports ?? []).map(({ port }) => port);
  return (rawContainer(workload.pod.spec, container.name)?.ports ?? []).flatMap(({ containerPort }) => containerPort ?? []);
}

const exposed = ({ subject }: FixResult): readonly number[] =>
  subject.image.config.exposedPorts.map((text) => Number.parseInt(text, 10));
