/** Reads what was asked: `:80`, `:53/udp`, a path with what to do to it, or a call with its arguments. */
import { UnrootError } from '../error.ts';
import { CALLS, callUsage } from './calls.ts';
import { PATH_ACTIONS } from './path-actions.ts';

export type Question =
  | { readonly kind: 'port'; readonly port: number; readonly protocol: 'tcp' | 'udp' }
  | { readonly kind: 'path'; readonly path: string; readonly to?: { readonly name: string; readonly value?: string } }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly string[] };

/** An error of whoever asks: code `explain.question`. */
export function badQuestion(message: string, expected: string, hint?: string): UnrootError {
  return new UnrootError(message, { code: 'explain.question', expected, ...(hint === undefined ? {} : { hint }) });
}

/** Throws `explain.question` for what nobody can answer, before any image is read. */
export function readQuestion(words: readonly string[], to: string | undefined): Question {
  const [first = '', ...rest] = words;
  if (first === '') throw badQuestion('Nothing was asked', 'a path, :PORT[/udp] or a system call');
  if (first.startsWith(':')) return portOf(first, rest, to);
  if (to !== undefined || first.includes('/') || first === '.' || first === '..') return pathOf(first, rest, to);
  const [name = '', ...more] = [...first.trim().split(/\s+/), ...rest];
  if (!Object.hasOwn(CALLS, name)) throw unknownCall(name);
  return { kind: 'call', name, arguments: more };
}

function portOf(text: string, rest: readonly string[], to: string | undefined): Question {
  const match = /^:(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const port = Number(match?.[1]);
  if (match === null || port > 65535) throw badQuestion(`${text} is no port`, ':PORT or :PORT/udp, from 0 to 65535');
  if (rest.length > 0 || to !== undefined)
    throw badQuestion(`A port is only listened on: ${to === undefined ? rest.join(' ') : `--to ${to}`} says too much`, text);
  return { kind: 'port', port, protocol: match[2] === 'udp' ? 'udp' : 'tcp' };
}

function pathOf(path: string, rest: readonly string[], to: string | undefined): Question {
  if (rest.length > 0)
    throw badQuestion(
      `${rest.join(' ')} stands behind the path`,
      'one path',
      'quote a path with blanks; say what to do with --to',
    );
  if (path.includes('\0') || path.length > 4095)
    throw badQuestion('The path cannot be given to the kernel', 'at most 4095 bytes, no NUL');
  if (to === undefined) return { kind: 'path', path };
  const at = to.indexOf('=');
  const name = at < 0 ? to : to.slice(0, at);
  const value = at < 0 ? undefined : to.slice(at + 1);
  const action = Object.hasOwn(PATH_ACTIONS, name) ? PATH_ACTIONS[name] : undefined;
  const usages = Object.values(PATH_ACTIONS).map((one) => one.usage);
  if (action === undefined) throw badQuestion(`--to ${to}: unroot does not know "${name}"`, usages.join(', '));
  const wantsValue = action.usage.includes('=');
  const needsValue = wantsValue && !action.usage.includes('[=');
  if ((needsValue && (value ?? '') === '') || (!wantsValue && value !== undefined))
    throw badQuestion(`--to ${to} is not understood`, `--to ${action.usage}`);
  return { kind: 'path', path, to: { name, ...(value === undefined ? {} : { value }) } };
}

function unknownCall(name: string): UnrootError {
  return badQuestion(
    `unroot does not know the call "${name}"`,
    `a path, :PORT[/udp], or one of ${Object.entries(CALLS)
      .map(([call, { usage }]) => callUsage(call, usage))
      .join(', ')}`,
    `a file of that name in the working directory is ./${name}`,
  );
}
