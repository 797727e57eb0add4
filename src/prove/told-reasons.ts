/** Causes that a run shows only to who knows where to look: a script's own question for root, and a log that leads to a pipe of root's. */
import { describeOperation } from '../finding/denied.ts';
import type { RootFs } from '../image/image.ts';
import { isDenied } from '../trace/denials.ts';
import type { Trace } from '../trace/event.ts';
import { LIBRARY } from './becomes-somebody.ts';
import type { Subject } from './subject.ts';

const ASKS = /\bid\s+-u\b|\bEUID\b|\$\{?UID\b|\bwhoami\b|\bgete?uid\s*\(|\$>\s*(?:[!=]=|and|or)/;
const GIVES_UP = /\bexit\s+[1-9"$]|\bdie\b|\bsys\.exit|\bprocess\.exit|\breturn\s+1\b|\braise\b/;
/** From the question to the end. */
const LINES = 4;
const SCRIPT_BYTES = 256 << 10;
const MOST_SCRIPTS = 50;
const MOST_TEXT = 120;

/** Lines of the scripts of a run that ask whether they are root and may end over it, in words. */
export async function rootQuestions(trace: Trace, { rootFs }: Subject): Promise<readonly string[]> {
  const paths = trace.events.flatMap(({ operation, errno }) =>
    errno === undefined && (operation.kind === 'exec' || (operation.kind === 'open' && operation.access === 'read'))
      ? [operation.path]
      : [],
  );
  const files = new Set(
    paths.flatMap((path) => {
      const entry = LIBRARY.test(path) ? undefined : rootFs.resolve(path).entry;
      return entry?.type === 'file' && entry.size > 0 && entry.size <= SCRIPT_BYTES ? [entry.path] : [];
    }),
  );
  const contents = await rootFs.readFiles(new Set([...files].slice(0, MOST_SCRIPTS)), { limit: SCRIPT_BYTES });
  return [...contents].flatMap(([path, bytes]) => {
    const text = new TextDecoder().decode(bytes);
    if (!text.startsWith('#!')) return [];
    const lines = text.split('\n');
    const at = lines.findIndex(
      (line, index) => !/^\s*#/.test(line) && ASKS.test(line) && GIVES_UP.test(lines.slice(index, index + LINES).join('\n')),
    );
    if (at < 0) return [];
    return [
      `line ${at + 1} of ${path} asks whether it is root, and may end when it is not: ${(lines[at] ?? '').trim().slice(0, MOST_TEXT)}`,
    ];
  });
}

/**
 * A program that gave up root and then opens its log anew: the pipe behind /dev/stdout belongs to whoever started the container, and opening
 * /proc/self/fd/1 asks for the right to it again (proc(5)). Started as the user, the pipe is the user's.
 */
export function unopenedOutput(trace: Trace | undefined, rootFs: RootFs): string | undefined {
  const event = trace?.events.find(
    ({ operation, errno, uid, resolved }) =>
      operation.kind === 'open' && errno === 'EACCES' && uid !== 0 && leadsToOutput(operation.path, resolved, rootFs),
  );
  if (event === undefined || event.operation.kind !== 'open') return undefined;
  const { path } = event.operation;
  return `${event.program} gave up root and could not open ${path} after that: it leads to the container's output, a pipe that belongs to root; a program that starts as the user may open it`;
}

/** The last thing that a run was refused for who it was: what a program that ended may have ended for. */
export function lastDenied(trace: Trace | undefined): string | undefined {
  const event = trace?.events.findLast(isDenied);
  if (event === undefined) return undefined;
  const who = `${event.program.split('/').at(-1)} (uid ${event.uid})`;
  return `it needs something that this run did not give it; the last that it was denied: ${who} ${describeOperation(event.operation)}, ${event.errno}`;
}

const OUTPUT = /^\/dev\/std(?:out|err)$|^\/proc\/(?:self|\d+)\/fd\/[12]$|^\/dev\/fd\/[12]$/;

function leadsToOutput(path: string, resolved: string | undefined, rootFs: RootFs): boolean {
  if (OUTPUT.test(path) || resolved?.startsWith('pipe:') === true || OUTPUT.test(resolved ?? '')) return true;
  const entry = rootFs.resolve(path, { follow: false }).entry;
  return entry?.type === 'symlink' && OUTPUT.test(entry.target ?? '');
}
