/** The words behind `kubectl`, as its own flags read them (spf13/pflag): short ones together (`-it`), values glued (`-nweb`) or after `=`. Pure. */
import { refused } from './objects.ts';

export interface Flags {
  /** What is no flag, before `--`. */
  readonly words: readonly string[];
  /** What stands behind `--`; for `exec POD COMMAND…` of old also what stands behind the pod. */
  readonly command: readonly string[];
  /** Undefined = all of them. */
  readonly namespace: string | undefined;
  readonly file: string | undefined;
  readonly output: string | undefined;
  readonly selector: string | undefined;
  readonly container: string | undefined;
  readonly replicas: string | undefined;
  readonly for: string | undefined;
  readonly timeout: string | undefined;
  readonly tail: string | undefined;
  readonly watch: boolean;
  readonly follow: boolean;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly all: boolean;
  readonly headers: boolean;
  readonly dryRun: boolean;
  readonly overwrite: boolean;
  /** `exec POD COMMAND`, without `--`. */
  readonly old: boolean;
}

const VALUES: Readonly<Record<string, keyof Flags>> = {
  '-n': 'namespace',
  '--namespace': 'namespace',
  '-f': 'file',
  '--filename': 'file',
  '-o': 'output',
  '--output': 'output',
  '-l': 'selector',
  '--selector': 'selector',
  '-c': 'container',
  '--container': 'container',
  '--replicas': 'replicas',
  '--for': 'for',
  '--timeout': 'timeout',
  '--tail': 'tail',
};
const SWITCHES: Readonly<Record<string, keyof Flags>> = {
  '-w': 'watch',
  '--watch': 'watch',
  '--follow': 'follow',
  '-i': 'stdin',
  '--stdin': 'stdin',
  '-t': 'tty',
  '--tty': 'tty',
  '--all': 'all',
  '--overwrite': 'overwrite',
};

/** Throws for a flag that is none here; `known`: what is said then. */
export function readFlags(words: readonly string[], known: string): Flags {
  const found: Record<string, string | boolean | undefined> = { namespace: 'default' };
  const rest: string[] = [];
  const dashes = words.indexOf('--');
  const before = dashes < 0 ? words : words.slice(0, dashes);
  let command = dashes < 0 ? [] : words.slice(dashes + 1);
  for (let at = 0; at < before.length; at += 1) {
    const word = before[at]!;
    // `exec POD COMMAND…`: from there on the words are somebody else's.
    if (rest[0] === 'exec' && rest.length === 2 && dashes < 0 && !word.startsWith('-')) {
      command = before.slice(at);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    const [name = '', inline] = word.startsWith('--') ? word.split(/=(.*)/s) : [word];
    const flags = word.startsWith('--') ? [[name, inline] as const] : shorts(word);
    for (const [flag, glued] of flags) {
      // The same letter is a switch there.
      const follows = flag === '-f' && rest[0] === 'logs';
      const wanted = follows ? undefined : VALUES[flag];
      const on = follows ? 'follow' : SWITCHES[flag];
      if (wanted !== undefined) {
        if (glued === undefined) at += 1;
        const value = glued ?? before[at];
        if (value === undefined) throw refused(`error: flag needs an argument: ${flag}`);
        found[wanted] = value;
      } else if (on !== undefined && (glued === undefined || glued === 'true' || glued === 'false'))
        found[on] = glued !== 'false';
      else if (flag === '-A' || flag === '--all-namespaces') found.namespace = undefined;
      else if (flag === '--no-headers') found.headers = false;
      else if (word === '--dry-run=server') found.dryRun = true;
      else throw refused(`error: unknown flag here: ${word}\n${known}`);
    }
  }
  const switches = {
    watch: false,
    follow: false,
    stdin: false,
    tty: false,
    all: false,
    headers: true,
    dryRun: false,
    overwrite: false,
  };
  return { ...switches, ...found, words: rest, command, old: dashes < 0 && command.length > 0 } as unknown as Flags;
}

/** `-it` is -i -t, `-nweb` is -n web: what takes a value takes the rest of the word. */
function shorts(word: string): readonly (readonly [flag: string, glued: string | undefined])[] {
  const out: [string, string | undefined][] = [];
  for (let at = 1; at < word.length; at += 1) {
    const flag = `-${word[at]}`;
    if (VALUES[flag] !== undefined) {
      const glued = word.slice(at + 1).replace(/^=/, '');
      out.push([flag, glued === '' ? undefined : glued]);
      break;
    }
    out.push([flag, undefined]);
  }
  return out;
}

/** The file that -f names, which is to be read by whoever asks. */
export function fileNamed(words: readonly string[]): string | undefined {
  try {
    return readFlags(words, '').file;
  } catch {
    return undefined; // Whoever answers says what is wrong with them.
  }
}
