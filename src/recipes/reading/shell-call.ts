/** A shell that is handed its script: as text (`sh -c TEXT NAME WORD…`, what the shell form of a Dockerfile makes) or as a file (`sh FILE WORD…`). */

/** Shells whose words are read as POSIX sh reads them (sh(1), bash(1)). */
const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'mksh']);
/** Multi-call programs whose first word is the program meant. */
const MULTI_CALL: ReadonlySet<string> = new Set(['busybox', 'toybox']);

export type ShellCall =
  | { readonly kind: 'text'; readonly text: string; readonly zero: string; readonly positional: readonly string[] }
  | { readonly kind: 'file'; readonly path: string; readonly positional: readonly string[] };

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Undefined: no shell, or one that reads its script from somewhere else. */
export function shellCall(argv: readonly string[]): ShellCall | undefined {
  const words = MULTI_CALL.has(basename(argv[0] ?? '')) ? argv.slice(1) : argv;
  const zero = words[0] ?? '';
  if (!SHELLS.has(basename(zero))) return undefined;
  let at = 1;
  let isText = false;
  for (; at < words.length && /^[-+]./.test(words[at]!); at++) {
    const word = words[at]!;
    if (word === '--') {
      at++;
      break;
    }
    if (word.startsWith('--')) {
      if (/^--(?:rcfile|init-file)$/.test(word)) at++;
      continue;
    }
    const letters = word.slice(1);
    if (word.startsWith('-') && letters.includes('c')) isText = true;
    if (word.startsWith('-') && letters.includes('s')) return undefined;
    // `-o pipefail`, `-eo pipefail`, `+O extglob`: the name is the next word.
    if (/[oO]$/.test(letters)) at++;
  }
  const script = words[at];
  if (script === undefined) return undefined;
  const rest = words.slice(at + 1);
  return isText
    ? { kind: 'text', text: script, zero: rest[0] ?? zero, positional: rest.slice(1) }
    : { kind: 'file', path: script, positional: rest };
}
