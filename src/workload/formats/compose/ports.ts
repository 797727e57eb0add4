/** `ports`: what of a service is reachable from outside, in the short and the long form. */
import type { Span, TextProblem } from '../../../text/span.ts';
import { childOf, problemOf, spanOf, textOf, type Value } from './value.ts';

export interface ComposePort {
  /** Inside the container. */
  readonly target: number;
  /** On the host: a number, or a range to choose from; absent = whichever is free. */
  readonly published?: string;
  readonly hostIp?: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly span: Span;
}

const SHORT =
  /^(?:(?:(?<ip>\[[\da-fA-F:.%]*\]|[\da-fA-F.]*|[\da-fA-F:.]*:[\da-fA-F:.]*):)?(?<host>[\d-]*):)?(?<inside>\d+(?:-\d+)?)(?:\/(?<protocol>\w+))?$/;
const MOST = 65_536;
/** Of one service, with every range counted out. */
const MOST_PORTS = 4 * MOST;
/** No mapping is longer. */
const LONGEST = 120;

/** In order; of two for the same port and address the later counts. */
export function portsOf(value: Value | undefined, problems: TextProblem[]): readonly ComposePort[] {
  if (value === undefined) return [];
  if (value.kind !== 'list') {
    problems.push(problemOf(value, 'ports must be a list', 'error'));
    return [];
  }
  const ports = new Map<string, ComposePort>();
  let left = MOST_PORTS;
  for (const item of value.items) {
    const made = item.kind === 'map' ? long(item) : short(item);
    if (typeof made === 'string')
      problems.push(problemOf(item, made, item.kind === 'scalar' && item.unset ? 'warning' : 'error'));
    else if (left < made.length) {
      problems.push(problemOf(item, `there are more than ${MOST_PORTS} ports: the rest was not read`, 'error'));
      break;
    } else {
      left -= made.length;
      for (const port of made) ports.set(`${port.hostIp ?? ''}:${port.published ?? ''}:${port.target}/${port.protocol}`, port);
    }
  }
  return [...ports.values()];
}

const protocolOf = (text: string | undefined): ComposePort['protocol'] | undefined => {
  const name = (text ?? 'tcp').toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : undefined;
};

function long(item: Value): readonly ComposePort[] | string {
  const target = Number(textOf(childOf(item, 'target')) ?? Number.NaN);
  const protocol = protocolOf(textOf(childOf(item, 'protocol')));
  if (!(Number.isInteger(target) && target > 0 && target < MOST)) return 'this port has no target port';
  if (protocol === undefined) return `${textOf(childOf(item, 'protocol'))} is no protocol of ports`;
  const published = textOf(childOf(item, 'published'));
  const hostIp = textOf(childOf(item, 'host_ip'));
  return [{ target, ...(published ? { published } : {}), ...(hostIp ? { hostIp } : {}), protocol, span: spanOf(item) }];
}

function short(item: Value): readonly ComposePort[] | string {
  const text = textOf(item) ?? '';
  const match = text.length > LONGEST ? undefined : SHORT.exec(text)?.groups;
  const protocol = protocolOf(match?.protocol);
  if (match === undefined || protocol === undefined) return `${JSON.stringify(text)} is no port mapping`;
  const inside = rangeOf(match.inside as string);
  const host = match.host === undefined || match.host === '' ? undefined : rangeOf(match.host);
  if (inside === undefined || (match.host && host === undefined)) return `${JSON.stringify(text)}: these are no port numbers`;
  const count = inside[1] - inside[0] + 1;
  const hosts = host === undefined ? 0 : host[1] - host[0] + 1;
  if (host !== undefined && hosts !== count && count > 1) return `${JSON.stringify(text)}: the ranges are of different lengths`;
  const ip = match.ip?.replace(/^\[|\]$/g, '');
  return Array.from({ length: count }, (_, at): ComposePort => {
    const published = host === undefined ? undefined : hosts === count ? String(host[0] + at) : (match.host as string);
    return {
      target: inside[0] + at,
      ...(published === undefined ? {} : { published }),
      ...(ip ? { hostIp: ip } : {}),
      protocol,
      span: spanOf(item),
    };
  });
}

function rangeOf(text: string): readonly [number, number] | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return to < from || to >= MOST ? undefined : [from, to];
}
