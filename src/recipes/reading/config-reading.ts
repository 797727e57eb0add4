/** What the readers of configurations have in common. */
import type { Operation } from '../../linux/operation.ts';
import type { Accounts } from './accounts.ts';
import { groupOf, userOf } from './accounts.ts';
import type { ConfigStatement } from './config-lines.ts';
import type { ImageFiles } from './image-files.ts';
import type { ReadOperation } from './read-operation.ts';
import { becoming, isPlain } from './shell-commands.ts';

export interface ProgramInput {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly files: ImageFiles;
  readonly accounts: Accounts;
  readonly env: ReadonlyMap<string, string>;
  /** Who starts it. */
  readonly uid: number;
}

/** Reads the configuration of one kind of program. */
export type ConfigReader = (input: ProgramInput) => Promise<readonly ReadOperation[]>;

export const MAX_STATEMENTS = 5000;

export const said = (
  { file, line, text }: Omit<ConfigStatement, 'words'>,
  program: string,
  operations: readonly Operation[],
  confidence: ReadOperation['confidence'] = 'medium',
): ReadOperation[] => operations.map((operation) => ({ operation, program, file, line, text: text.slice(0, 200), confidence }));

export const writes = (path: string, append: boolean): Operation[] =>
  path.startsWith('/') && isPlain(path) && !path.includes('$')
    ? [{ kind: 'open', path, access: 'write', create: true, ...(append ? { append } : { truncate: true }), mode: 0o644 }]
    : [];

export const binds = (port: number, address = '0.0.0.0', protocol: 'tcp' | 'udp' = 'tcp'): Operation[] =>
  port > 0 && port < 65536 ? [{ kind: 'bind', protocol, address, port }] : [];

/** Root gives itself up for them; anybody else skips it, or fails. */
export function becomes(user: string, group: string | undefined, { accounts, uid }: ProgramInput): readonly Operation[] {
  const who = userOf(user, accounts);
  if (who === undefined || uid !== 0 || who.uid === 0) return [];
  return becoming(who.uid, (group === undefined ? undefined : groupOf(group, accounts)) ?? who.gid);
}

/** The last path word of an option: `-c FILE`, `-cFILE`, `--config=FILE`. */
export function optionValue(argv: readonly string[], ...names: readonly string[]): string | undefined {
  for (let at = 1; at < argv.length; at++)
    for (const name of names) {
      const word = argv[at]!;
      if (word === name) return argv[at + 1];
      if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
      if (/^-[A-Za-z]$/.test(name) && word.startsWith(name)) return word.slice(2);
    }
  return undefined;
}
