/** Completion scripts for bash, zsh and fish: commands, their flags, the values that a flag takes; files everywhere else. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export interface DescribedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly DescribedFlag[];
}

interface DescribedFlag {
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** Empty = anything. */
  readonly choices: readonly string[];
}

/** The script as text. */
export function completionScript(shell: Shell, commands: readonly DescribedCommand[]): string {
  return { bash, zsh, fish }[shell](commands);
}

const words = (commands: readonly DescribedCommand[]): string => commands.map(({ name }) => name).join(' ');
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const namesOf = ({ flags }: DescribedCommand): string => flags.flatMap(({ names }) => names).join(' ');

/** `--engine|check` → its values, as cases of a shell. */
const valueCases = (commands: readonly DescribedCommand[], action: (choices: string) => string): readonly string[] =>
  commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ names, choices, takesValue }) =>
      takesValue && choices.length > 0
        ? [`    ${names.map((flag) => `${name}:${flag}`).join('|')}) ${action(choices.join(' '))} ;;`]
        : [],
    ),
  );

function bash(commands: readonly DescribedCommand[]): string {
  return `# bash completion of unroot: source <(unroot completion bash)
_unroot() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(`${words(commands)} --help --version`)} -- "$current"))
    return
  fi
  case "$command:$before" in
${valueCases(commands, (choices) => `COMPREPLY=($(compgen -W ${quoted(choices)} -- "$current")); return`).join('\n')}
    completion:completion) COMPREPLY=($(compgen -W ${quoted(SHELLS.join(' '))} -- "$current")); return ;;
  esac
  if [[ "$current" == -* ]]; then
    case "$command" in
${commands.map((one) => `      ${one.name}) COMPREPLY=($(compgen -W ${quoted(`${namesOf(one)} --help`)} -- "$current")) ;;`).join('\n')}
    esac
    return
  fi
  COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -o bashdefault -F _unroot unroot
`;
}

function zsh(commands: readonly DescribedCommand[]): string {
  const colon = (text: string): string => text.replaceAll(':', '\\:');
  return `#compdef unroot
# zsh completion of unroot: source <(unroot completion zsh)
_unroot() {
  local -a commands flags
  commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${colon(summary)}`)}`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]:$words[CURRENT-1]" in
${valueCases(commands, (choices) => `compadd -- ${choices}; return`).join('\n')}
    completion:completion) compadd -- ${SHELLS.join(' ')}; return ;;
  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    case "$words[2]" in
${commands
  .map(
    ({ name, flags }) =>
      `      ${name}) flags=(${flags.flatMap(({ names, description }) => names.map((flag) => quoted(`${flag}:${colon(description)}`))).join(' ')}) ;;`,
  )
  .join('\n')}
    esac
    _describe flag flags
    return
  fi
  _files
}
compdef _unroot unroot
`;
}

function fish(commands: readonly DescribedCommand[]): string {
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c unroot -n __fish_use_subcommand -f -a ${name} -d ${escaped(summary)}`,
    ...flags.map(({ names, description, takesValue, choices }) => {
      const flag = names.map((one) => (one.startsWith('--') ? `-l ${one.slice(2)}` : `-s ${one.slice(1)}`)).join(' ');
      const value = choices.length > 0 ? ` -x -a ${escaped(choices.join(' '))}` : takesValue ? ' -r' : '';
      return `complete -c unroot -n ${escaped(`__fish_seen_subcommand_from ${name}`)} ${flag}${value} -d ${escaped(description)}`;
    }),
  ]);
  const shells = `complete -c unroot -n '__fish_seen_subcommand_from completion' -f -a ${escaped(SHELLS.join(' '))}`;
  return `# fish completion of unroot: unroot completion fish | source\n${lines.join('\n')}\n${shells}\n`;
}

/** Inside single quotes fish knows two escapes. */
const escaped = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
