/** Programs whose only work is to start another program as another user. They fail when they are not root, even if they already are that user. */

export interface PrivilegeDrop {
  readonly name: string;
  /** Index in argv (0 = the program itself) where the program to start begins; options are skipped as described. */
  readonly operands: number;
  /** Options that take their value as the next word. */
  readonly valueOptions: readonly string[];
  /** Where the behaviour is described. */
  readonly source: string;
}

export const PRIVILEGE_DROPS: readonly PrivilegeDrop[] = [
  { name: 'gosu', operands: 1, valueOptions: [], source: 'github.com/tianon/gosu README: gosu user-spec command [args]' },
  { name: 'su-exec', operands: 1, valueOptions: [], source: 'github.com/ncopa/su-exec README: su-exec user-spec command [args]' },
  { name: 'setuidgid', operands: 1, valueOptions: [], source: 'daemontools setuidgid: setuidgid account child' },
  { name: 's6-setuidgid', operands: 1, valueOptions: [], source: 's6 s6-setuidgid: s6-setuidgid account prog' },
  {
    name: 'chpst',
    operands: 0,
    valueOptions: ['-u', '-U', '-b', '-e', '-d', '-o', '-p', '-f', '-c', '-r', '-t', '-m', '-/', '-n', '-l', '-L'],
    source: 'chpst(8)',
  },
  {
    name: 'setpriv',
    operands: 0,
    valueOptions: [
      '--ambient-caps',
      '--inh-caps',
      '--bounding-set',
      '--reuid',
      '--euid',
      '--ruid',
      '--regid',
      '--egid',
      '--rgid',
      '--groups',
      '--securebits',
      '--pdeathsig',
      '--selinux-label',
      '--apparmor-profile',
    ],
    source: 'setpriv(1)',
  },
];

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The entry for a program path, if it is one of them. */
export const privilegeDrop = (program: string): PrivilegeDrop | undefined =>
  PRIVILEGE_DROPS.find((drop) => drop.name === basename(program));

/** The argv that the wrapper would start: its own words, options and user taken off. Undefined when nothing is left. */
export function unwrapped(argv: readonly string[]): readonly string[] | undefined {
  const drop = privilegeDrop(argv[0] ?? '');
  if (!drop) return undefined;
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

/**
 * A stand-in for the wrapper that only starts the program: for entrypoint scripts which call the wrapper without asking who they are.
 * POSIX sh; as root it would not drop anything, so it refuses to run as root.
 */
export function passThroughScript(drop: PrivilegeDrop): string {
  const values = drop.valueOptions.map((option) => `${option}`).join('|');
  return `#!/bin/sh
# Made by unroot: this container already runs as its user, so there is nothing to drop.
[ "$(id -u)" != 0 ] || { echo "${drop.name}: stand-in made by unroot, not for root" >&2; exit 1; }
while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
${values ? `    ${values}) shift 2 ;;\n` : ''}    -*) shift ;;
    *) break ;;
  esac
done
${drop.operands > 0 ? `shift ${drop.operands}\n` : ''}exec "$@"
`;
}
