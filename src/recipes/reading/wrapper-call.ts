/** Programs that only start another one, with the same user: inits, `env`, `nice` and their kind. */

interface Wrapper {
  /** Options whose value is the next word. */
  readonly values: readonly string[];
  /** Words of its own before the program. */
  readonly operands: number;
  /** `NAME=value` words come first. */
  readonly assigns?: boolean;
}

/** Their manual pages; tini(1), dumb-init(1), catatonit(8), env(1), nice(1), timeout(1), stdbuf(1), setsid(1), chrt(1), ionice(1). */
const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  tini: { values: ['-p', '-e'], operands: 0 },
  'tini-static': { values: ['-p', '-e'], operands: 0 },
  'docker-init': { values: ['-p', '-e'], operands: 0 },
  'dumb-init': { values: ['-r', '--rewrite'], operands: 0 },
  catatonit: { values: [], operands: 0 },
  env: { values: ['-u', '--unset', '-C', '--chdir'], operands: 0, assigns: true },
  nohup: { values: [], operands: 0 },
  nice: { values: ['-n', '--adjustment'], operands: 0 },
  ionice: { values: ['-c', '-n', '--class', '--classdata'], operands: 0 },
  chrt: { values: [], operands: 1 },
  timeout: { values: ['-k', '-s', '--kill-after', '--signal'], operands: 1 },
  stdbuf: { values: ['-i', '-o', '-e'], operands: 0 },
  setsid: { values: [], operands: 0 },
  command: { values: [], operands: 0 },
};

/** The argv that is started in the end; undefined when the first word is no such program, or starts nothing. */
export function wrapperCall(argv: readonly string[]): readonly string[] | undefined {
  const [name = ''] = argv;
  const base = name.slice(name.lastIndexOf('/') + 1);
  const wrapper = Object.hasOwn(WRAPPERS, base) ? WRAPPERS[base] : undefined;
  if (wrapper === undefined) return undefined;
  let at = 1;
  for (; at < argv.length && argv[at]!.startsWith('-'); at++) {
    if (argv[at] === '--') {
      at++;
      break;
    }
    if (wrapper.values.includes(argv[at]!)) at++;
  }
  if (wrapper.assigns === true) while (/^[A-Za-z_]\w*=/.test(argv[at] ?? '')) at++;
  const rest = argv.slice(at + wrapper.operands);
  return rest.length > 0 ? rest : undefined;
}
