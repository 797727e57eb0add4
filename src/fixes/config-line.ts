/** Switches off the line of a configuration file that makes the program do what only root may, when it gave up over it. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

const ASKED: Readonly<Record<string, 'chroot' | 'identity'>> = {
  chroot: 'chroot',
  setuid: 'identity',
  setgid: 'identity',
  setgroups: 'identity',
};

/** One fix per file. The line stays, as a comment, so that a reader sees what was there. */
export function configLine(observed: readonly Finding[], context: FixContext): Fix[] {
  const kinds = new Map<string, Set<string>>();
  for (const finding of observed) {
    const kind = ASKED[finding.operation?.kind ?? ''];
    if (kind !== undefined) kinds.set(kind, (kinds.get(kind) ?? new Set()).add(findingKey(finding)));
  }
  return kinds.size === 0 ? [] : switchedOff(kinds, context);
}

/** An experiment: a program that was told to be somebody, or somewhere else, and gives up without trying when it is not root. Only the files that `read` holds. */
export const withoutIdentityLines = (context: FixContext, read: ReadonlySet<string>): Fix[] =>
  switchedOff(
    new Map([
      ['identity', new Set<string>()],
      ['chroot', new Set<string>()],
    ]),
    context,
    read,
  );

/** One fix for each file that has such lines. */
function switchedOff(kinds: ReadonlyMap<string, ReadonlySet<string>>, context: FixContext, read?: ReadonlySet<string>): Fix[] {
  return (
    [...context.configs]
      // A line of a script is a command.
      .filter(([path, text]) => (read === undefined || read.has(path)) && !text.startsWith('#!'))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([path, text]): Fix[] => {
        const entry = context.rootFs.resolve(path).entry;
        if (entry?.type !== 'file') return [];
        const off: string[] = [];
        const answers = new Set<string>();
        const lines = text.split('\n').map((line) => {
          const kind = context.knowledge.directive(line);
          if (kind === undefined || !kinds.has(kind)) return line;
          if (kind === 'identity' && !namesAccount(line, context)) return line;
          off.push(line.trim());
          for (const key of kinds.get(kind) ?? []) answers.add(key);
          return `#${line}`;
        });
        if (off.length === 0) return [];
        return [
          {
            id: 'config-line',
            subject: entry.path,
            title: `${entry.path}: without ${off.map((line) => `"${line}"`).join(', ')}`,
            disposition: 'needs-review',
            answers: [...answers].sort(),
            layer: [
              { kind: 'file', path: entry.path, uid: entry.uid, gid: entry.gid, mode: entry.mode, content: lines.join('\n') },
            ],
            run: {},
            note: 'only root may do that, and the program ends when it cannot; as a user of its own it needs it less',
          },
        ];
      })
  );
}

/** `username = %{User-Name}` says whom requests are about. Whom to become is an account of the image, a number, or a variable of the environment. */
function namesAccount(line: string, { accounts: { passwd, group } }: FixContext): boolean {
  if (passwd === undefined) return true;
  const names = new Set(`${passwd}\n${group ?? ''}`.split('\n').map((one) => one.split(':')[0]));
  const [, ...values] = line.split(/[\s=:;,"'()<>]+/).filter((word) => word !== '');
  return values.some((word) => names.has(word) || /^(?:\d+$|\$)/.test(word));
}
