/** A service listens on another port from now on: its own published ports, health check and labels follow, and so do the services that name it. */
import type { TextProblem } from '../../../text/span.ts';
import { type FileChange, isRaw, type Raw, rawOf, type ServiceFiles, setField } from './raw-service.ts';
import { problemOf } from './value.ts';

export interface MovedPort {
  readonly from: number;
  readonly to: number;
  readonly protocol?: 'udp';
}

/** Where addresses of other services are written. */
const TEXT_FIELDS = ['environment', 'command', 'entrypoint'] as const;

/** `owner`: whose network it is, and so who publishes the port. */
export function movedPorts(
  one: ServiceFiles,
  owner: ServiceFiles,
  port: MovedPort,
  all: readonly ServiceFiles[],
  problems: TextProblem[],
): readonly FileChange[] {
  const { workload, files } = one;
  const { name } = workload;
  const protocol = port.protocol ?? 'tcp';
  const out: FileChange[] = [];
  let done = 0;
  const publisher = owner.workload.name;
  for (const file of owner.files) {
    const ports = rawOf(file, publisher, 'ports');
    for (const [index, item] of (Array.isArray(ports) ? ports : []).entries()) {
      const value = movedEntry(item, port, protocol);
      if (value === undefined) continue;
      out.push({ file, change: { op: 'set', path: ['services', publisher, 'ports', index, ...value.path], value: value.value } });
      done += 1;
    }
    const expose = rawOf(file, publisher, 'expose');
    if (Array.isArray(expose)) {
      const next = expose.map((item: unknown) =>
        String(item).replace(/\/tcp$/, '') === String(port.from) ? (typeof item === 'number' ? port.to : String(port.to)) : item,
      );
      if (next.some((item, at) => item !== expose[at])) out.push(setField(file, publisher, 'expose', next));
    }
  }
  for (const file of files) {
    const check = rawOf(file, name, 'healthcheck');
    const test = isRaw(check) ? check.test : undefined;
    const own = mapped(test, (text) => movedHost(text, '(?:localhost|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1\\])', port));
    if (own !== undefined) out.push({ file, change: { op: 'set', path: ['services', name, 'healthcheck', 'test'], value: own } });
    const labels = mapped(rawOf(file, name, 'labels'), (text, key) => movedLabel(text, key, port));
    if (labels !== undefined) out.push(setField(file, name, 'labels', labels));
  }
  const expected = owner.workload.service.ports.filter((each) => each.target === port.from && each.protocol === protocol).length;
  if (done < expected)
    problems.push(
      problemOf(
        workload.value,
        `${name} listens on ${port.to} instead of ${port.from} now, and a published port of it is written in a way that does not let it follow`,
      ),
    );
  const neighbours = all.filter(({ workload: other }) => other.name !== name);
  for (const other of neighbours) out.push(...followed(other, name, port));
  if (neighbours.length > 0)
    problems.push({
      ...problemOf(
        workload.value,
        `${name} listens on ${port.to} instead of ${port.from} now: services that reach it as ${name}:${port.from} by files of theirs have to follow`,
      ),
      severity: 'info',
    });
  return out;
}

/** One entry of `ports`: what of it is set anew. A range is left to its author. */
function movedEntry(
  item: unknown,
  { from, to }: MovedPort,
  protocol: string,
): { readonly path: readonly string[]; readonly value: unknown } | undefined {
  if (isRaw(item)) {
    const fits = Number(item.target) === from && String(item.protocol ?? 'tcp') === protocol;
    return fits ? { path: ['target'], value: to } : undefined;
  }
  if (item === from && protocol === 'tcp') return { path: [], value: to };
  const match = typeof item === 'string' ? /^([\s\S]*:)?(\d+)(\/\w+)?$/.exec(item) : null;
  if (match === null || Number(match[2]) !== from || (match[3] ?? '/tcp').slice(1) !== protocol) return undefined;
  return { path: [], value: `${match[1] ?? ''}${to}${match[3] ?? ''}` };
}

/** Texts of a value, each with what becomes of it; undefined when nothing changes. */
function mapped(value: unknown, change: (text: string, key: string) => string): unknown {
  if (typeof value === 'string') {
    const next = change(value, '');
    return next === value ? undefined : next;
  }
  if (Array.isArray(value)) {
    const next = value.map((item: unknown) => (typeof item === 'string' ? change(item, '') : item));
    return next.some((item, at) => item !== value[at]) ? next : undefined;
  }
  if (!isRaw(value)) return undefined;
  const next: Raw = Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      typeof item === 'string' || typeof item === 'number' ? asBefore(item, change(String(item), key)) : item,
    ]),
  );
  return Object.keys(next).some((key) => next[key] !== value[key]) ? next : undefined;
}

const asBefore = (before: string | number, text: string): string | number =>
  typeof before === 'number' && String(before) === text ? before : text;

/** `localhost:80`, and `http://localhost/` whose port goes without saying. */
function movedHost(text: string, host: string, { from, to }: MovedPort): string {
  const said = text.replace(new RegExp(`(?<![\\w.-])(${host}):${from}(?!\\d)`, 'g'), `$1:${to}`);
  const scheme = from === 80 ? 'http' : from === 443 ? 'https' : undefined;
  if (scheme === undefined) return said;
  return said.replace(new RegExp(`(${scheme}://${host})(?=[/?#"'\\s]|$)`, 'g'), `$1:${to}`);
}

/** Traefik is told the port in a label. */
function movedLabel(text: string, key: string, { from, to }: MovedPort): string {
  if (key === '') return text.replace(new RegExp(`^(traefik\\.[\\w.-]+\\.server\\.port=)${from}$`), `$1${to}`);
  return /^traefik\.[\w.-]+\.server\.port$/.test(key) && text === String(from) ? String(to) : text;
}

function followed({ workload, files }: ServiceFiles, host: string, port: MovedPort): readonly FileChange[] {
  const name = host.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return files.flatMap((file) =>
    TEXT_FIELDS.flatMap((field) => {
      const next = mapped(rawOf(file, workload.name, field), (text) => movedHost(text, name, port));
      return next === undefined ? [] : [setField(file, workload.name, field, next)];
    }),
  );
}
