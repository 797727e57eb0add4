/** Programs whose only work is to start another program as another user. They fail when they are not root, even if they already are that user. */
import type { PrivilegeDrop } from './recipe.ts';
import { RECIPES } from './recipes.ts';

export type { PrivilegeDrop };

export const PRIVILEGE_DROPS: readonly PrivilegeDrop[] = RECIPES.flatMap(({ drops }) => drops ?? []);

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The entry for a program path, if it is one of them. */
export const privilegeDrop = (program: string): PrivilegeDrop | undefined =>
  PRIVILEGE_DROPS.find((drop) => drop.name === basename(program));

/** The argv that the wrapper would start: its own words, options and user taken off. Undefined when nothing is left. */
export function unwrapped(argv: readonly string[]): readonly string[] | undefined {
  const drop = privilegeDrop(argv[0] ?? '');
  if (!drop) return undefined;
  return drop.style === 'su' ? unwrappedSu(argv, drop) : unwrappedWords(argv, drop);
}

/** {@link unwrapped}, unless the wrapper does more for the program than to change its user: then starting it directly would be something else. */
export function startedDirectly(argv: readonly string[]): readonly string[] | undefined {
  const { environment = [], directory = [] } = privilegeDrop(argv[0] ?? '') ?? {};
  const more = [...environment, ...directory];
  const rest = unwrapped(argv);
  const own = argv.slice(0, argv.length - (rest?.length ?? 0));
  return own.some((word) => more.some((option) => word.startsWith(option))) ? undefined : rest;
}

function unwrappedWords(argv: readonly string[], drop: PrivilegeDrop): readonly string[] | undefined {
  let at = 1;
  while (at < argv.length && argv[at]!.startsWith('-')) {
    if (argv[at] === '--') {
      at++;
      break;
    }
    at += drop.valueOptions.includes(argv[at]!) ? 2 : 1;
  }
  const rest = argv.slice(at + drop.operands);
  return rest.length > 0 ? rest : undefined;
}

/** `su [-] USER -c LINE`, `su -s SHELL -c LINE USER`, `runuser -u USER -- PROGRAM …`. */
function unwrappedSu(argv: readonly string[], drop: PrivilegeDrop): readonly string[] | undefined {
  let line: string | undefined;
  let shell = '/bin/sh';
  let named = false;
  const operands: string[] = [];
  for (let at = 1; at < argv.length; at++) {
    const word = argv[at]!;
    const [option, joined] =
      word.startsWith('--') && word.includes('=')
        ? [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]
        : [word, undefined];
    const value = (): string => joined ?? argv[++at] ?? '';
    if (word === '--') {
      operands.push(...argv.slice(at + 1));
      break;
    }
    if (option === '-c' || option === '--command') line = value();
    else if (option === '-s' || option === '--shell') shell = value();
    else if (drop.valueOptions.includes(option)) {
      named ||= option === '-u' || option === '--user';
      value();
    } else if (!word.startsWith('-')) {
      operands.push(...(named ? argv.slice(at) : [word]));
      if (named) break;
    }
  }
  if (named) return operands.length > 0 ? operands : undefined;
  return line === undefined ? undefined : [shell, '-c', line];
}

/**
 * A stand-in for the wrapper that only starts the program: for entrypoint scripts which call the wrapper without asking who they are.
 * POSIX sh; as root it would not drop anything, so it refuses to run as root.
 */
export function passThroughScript(drop: PrivilegeDrop): string {
  const head = `#!/bin/sh
# Made by unroot: this container already runs as its user, so there is nothing to drop.
[ "$(id -u)" != 0 ] || { echo "${drop.name}: stand-in made by unroot, not for root" >&2; exit 1; }
`;
  return head + (drop.style === 'su' ? suScript() : wordsScript(drop));
}

/** As chpst(8) and envdir(8) read it: the first line without blanks at its end; of an empty file, the variable is not set. */
const ENVIRONMENT = `environment() {
  for file in "$1"/*; do
    name=\${file##*/}
    case "$name" in [0-9]*|*[!A-Za-z0-9_]*) continue ;; esac
    [ -f "$file" ] || continue
    if [ ! -s "$file" ]; then unset "$name"; continue; fi
    IFS= read -r value <"$file" || [ -n "$value" ] || [ -r "$file" ] || exit 111
    export "$name=\${value%"\${value##*[![:space:]]}"}"
  done
}
`;

/** One line for the value as the next word, one for both in one word. */
const doing = (options: readonly string[] | undefined, command: string): string =>
  (options ?? [])
    .map(
      (option) =>
        `    ${option}) ${command} "$2" || exit 111; shift 2 ;;\n    ${option}?*) ${command} "\${1#${option}}" || exit 111; shift ;;\n`,
    )
    .join('');

const wordsScript = ({
  valueOptions,
  operands,
  environment,
  directory,
}: PrivilegeDrop): string => `${environment ? ENVIRONMENT : ''}while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
${doing(environment, 'environment')}${doing(directory, 'cd')}${valueOptions.length > 0 ? `    ${valueOptions.join('|')}) shift 2 ;;\n` : ''}    -*) shift ;;
    *) break ;;
  esac
done
${operands > 0 ? `shift ${operands}\n` : ''}exec "$@"
`;

const suScript = (): string => `line= shell=/bin/sh user= given=
while [ $# -gt 0 ]; do
  case "$1" in
    -c|--command) line=$2; given=1; shift 2 ;;
    --command=*) line=\${1#*=}; given=1; shift ;;
    -s|--shell) shell=$2; shift 2 ;;
    --shell=*) shell=\${1#*=}; shift ;;
    -u|--user) user=$2; shift 2 ;;
    --user=*) user=\${1#*=}; shift ;;
    -g|--group|-G|--supp-group|-w|--whitelist-environment) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *) [ -z "$user" ] || break; user=$1; shift ;;
  esac
done
[ -z "$given" ] || exec "$shell" -c "$line" "$@"
[ $# -gt 0 ] || set -- "$shell"
exec "$@"
`;
