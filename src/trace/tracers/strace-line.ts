/** Reads one line of strace output into its parts: who, when, which call, which arguments, which result (strace(1), "OUTPUT FORMAT"). */

/** What stands before the call: `6856  1795246591.572899 ` or `[pid  6856] 10:02:11 `. */
export interface LineHead {
  /** 0 when the line names no process (a single one was traced). */
  readonly pid: number;
  /** Seconds; undefined when the log carries no times. */
  readonly time: number | undefined;
  /** The time is the distance to the line before (`-r`). */
  readonly relative: boolean;
  /** Index of the first character of the call. */
  readonly at: number;
}

const DIGITS = /^\s*(?:\[pid\s+(\d+)(?:<[^>]*>)?\]|(\d+)(?:<[^>]*>)?(?=\s))\s*/;
const CLOCK = /^(?:(\d\d):(\d\d):(\d\d(?:\.\d+)?)|(\d+(?:\.\d+)?))\s+(?:\(\+\s*\d+\.\d+\)\s+)?/;
const POINTER = /^(?:\[\s*(?:[0-9a-f]{8,16}|\?+|\d+)\]\s+)+/;

/** Splits off process and time. A leading number with a fraction is a time, without one a process, whatever the options were. */
export function readHead(line: string): LineHead {
  let rest = line;
  let pid = 0;
  const who = DIGITS.exec(rest);
  if (who !== null) {
    pid = Number(who[1] ?? who[2]);
    rest = rest.slice(who[0].length);
  } else rest = rest.trimStart();
  let time: number | undefined;
  let relative = false;
  const clock = CLOCK.exec(rest);
  if (clock !== null) {
    if (clock[4] !== undefined) {
      time = Number(clock[4]);
      relative = time < 1e6;
    } else time = Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
    rest = rest.slice(clock[0].length);
  }
  const pointer = POINTER.exec(rest);
  if (pointer !== null) rest = rest.slice(pointer[0].length);
  return { pid, time, relative, at: line.length - rest.length };
}

/** End of a quoted string that begins at `i`; the length of the text when it is not closed. */
function endOfString(text: string, i: number): number {
  for (let j = i + 1; j < text.length; j++) {
    const c = text.charCodeAt(j);
    if (c === 92) j++;
    else if (c === 34) return j;
  }
  return text.length;
}

/** End of a `<…>` that decorates a descriptor. `->` inside a socket's addresses and `<char 1:3>` inside a device's path are part of it. */
function endOfDecoration(text: string, i: number): number {
  for (let j = text.indexOf('>', i); j >= 0; j = text.indexOf('>', j + 1)) {
    const next = text[j + 1];
    if (next === undefined || ',) }](/'.includes(next)) return j;
  }
  return i;
}

/** The arguments of a call and the index after its closing parenthesis; undefined when the line ends before it. */
export function splitArguments(text: string): { readonly args: readonly string[]; readonly end: number } | undefined {
  const args: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 34: // "
        i = endOfString(text, i);
        break;
      case 60: {
        // <  decoration after `3` or `AT_FDCWD`, shift in `1<<CAP_CHOWN`
        if (text.charCodeAt(i + 1) === 60) i++;
        else if (i > 0 && /[0-9D]/.test(text[i - 1]!)) i = endOfDecoration(text, i);
        break;
      }
      case 47: // /  comment
        if (text.charCodeAt(i + 1) === 42) {
          const end = text.indexOf('*/', i + 2);
          i = end < 0 ? text.length : end + 1;
        }
        break;
      case 40:
      case 91:
      case 123:
        depth++;
        break;
      case 93:
      case 125:
        depth--;
        break;
      case 41:
        if (depth === 0) {
          const last = text.slice(start, i).trim();
          if (last !== '' || args.length > 0) args.push(last);
          return { args, end: i + 1 };
        }
        depth--;
        break;
      case 44:
        if (depth === 0) {
          args.push(text.slice(start, i).trim());
          start = i + 1;
        }
        break;
    }
  }
  return undefined;
}

const SIMPLE: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, v: 11, f: 12, a: 7, b: 8, e: 27 };
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Undoes strace's escapes: `\n`, octal `\303\251`, hexadecimal `\x2f` (-x, -xx). The bytes are read as UTF-8. */
export function readEscapes(text: string): string {
  if (!text.includes('\\')) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c !== 92) {
      if (c < 128) bytes.push(c);
      else bytes.push(...encoder.encode(String.fromCodePoint(text.codePointAt(i)!)));
      if (c >= 0xd800 && c < 0xdc00) i++;
      continue;
    }
    const next = text[++i];
    if (next === undefined) break;
    if (next >= '0' && next <= '7') {
      let value = 0;
      let digits = 0;
      while (digits < 3 && text[i] !== undefined && text[i]! >= '0' && text[i]! <= '7') {
        value = value * 8 + Number(text[i]);
        i++;
        digits++;
      }
      i--;
      bytes.push(value & 255);
    } else if (next === 'x' && /^[0-9a-fA-F]{2}/.test(text.slice(i + 1, i + 3))) {
      bytes.push(Number.parseInt(text.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(SIMPLE[next] ?? next.charCodeAt(0) & 255);
  }
  return decoder.decode(Uint8Array.from(bytes));
}

/** A quoted argument as text; undefined for NULL, a bare address or anything else. `cut` says that strace showed only its beginning. */
export function readString(arg: string | undefined): { readonly text: string; readonly cut: boolean } | undefined {
  if (arg === undefined || arg.charCodeAt(0) !== 34) return undefined;
  const end = endOfString(arg, 0);
  return { text: readEscapes(arg.slice(1, end)), cut: arg.startsWith('...', end + 1) };
}

/** The strings of `["sh", "-c", "…"...]`. */
export function readStrings(arg: string | undefined): readonly { readonly text: string; readonly cut: boolean }[] {
  if (arg === undefined || !arg.startsWith('[')) return [];
  const inner = splitArguments(`${arg.slice(1, arg.endsWith(']') ? -1 : undefined)})`);
  const strings: { text: string; cut: boolean }[] = [];
  for (const part of inner?.args ?? []) {
    const string = readString(part);
    if (string !== undefined) strings.push(string);
  }
  return strings;
}

/** A descriptor argument: `3</var/log>(deleted)`, `AT_FDCWD</>`, `7`. */
export interface Descriptor {
  /** undefined for AT_FDCWD. */
  readonly fd: number | undefined;
  /** What `-y` says it is: an absolute path, or `socket:[51372]`, `pipe:[7]`. */
  readonly target: string | undefined;
}

/** Cleans what stands between `<` and `>`: device numbers of -yy and the mark of a removed file are not part of the name. */
function readTarget(text: string): string {
  const bare = text.replace(/<(?:char|block) \d+:\d+>$/, '').replace(/ \(deleted\)$/, '');
  return readEscapes(bare);
}

/** Reads a descriptor; undefined when the argument is none. */
export function readDescriptor(arg: string | undefined): Descriptor | undefined {
  if (arg === undefined) return undefined;
  const match = /^(AT_FDCWD|-100|\d+)(?:<(.*)>(?:\(deleted\))?)?(?:\s*\/\*.*\*\/)?$/s.exec(arg);
  if (match === null) return undefined;
  const target = match[2] === undefined ? undefined : readTarget(match[2]);
  return { fd: /^\d/.test(match[1]!) ? Number(match[1]) : undefined, target };
}

/** What a call returned. */
export interface CallResult {
  /** undefined for `?` (exit, or a call that will be started again). */
  readonly value: number | undefined;
  readonly errno: string | undefined;
  /** The decoration of a returned descriptor. */
  readonly target: string | undefined;
  /** `7 /* 12345 in strace's PID NS *\/`: the same process as the tracer numbers it. */
  readonly outerPid: number | undefined;
}

const VALUE = /^\s*=\s*(\?|-?\d+|0x[0-9a-f]+)/;
const AFTER_VALUE = /^(?:\(deleted\))?(?:\s+\/\*\s*(\d+) in strace's PID NS\s*\*\/)?(?:\s+(E[A-Z0-9]+)\b)?/;

/** Reads what follows the closing parenthesis; undefined when there is no result (the process was gone). */
export function readResult(text: string): CallResult | undefined {
  const match = VALUE.exec(text);
  if (match === null) return undefined;
  let at = match[0].length;
  let target: string | undefined;
  if (text[at] === '<') {
    const end = endOfDecoration(text, at);
    target = readTarget(text.slice(at + 1, end));
    at = end + 1;
  }
  const after = AFTER_VALUE.exec(text.slice(at));
  return {
    value: match[1] === '?' ? undefined : Number(match[1]),
    errno: after?.[2],
    target,
    outerPid: after?.[1] === undefined ? undefined : Number(after[1]),
  };
}
