/** HAProxy: all files and folders behind -f. */
import { groupOf, userOf } from './accounts.ts';
import { type ConfigStatement, lineStatements } from './config-lines.ts';
import { binds, type ConfigReader, said, writes } from './config-reading.ts';
import { absolute } from './image-files.ts';
import type { ReadOperation } from './read-operation.ts';
import { becoming } from './shell-commands.ts';

export const readHaproxy: ConfigReader = async (input) => {
  const { argv, cwd, files, accounts, uid } = input;
  const program = argv[0]!;
  const given = argv.flatMap((word, at) => (word === '-f' && argv[at + 1] !== undefined ? [absolute(cwd, argv[at + 1]!)] : []));
  const paths = given.flatMap((path) =>
    files.rootFs.resolve(path).entry?.type === 'directory' ? files.glob(`${path}/*.cfg`) : [path],
  );
  const statements: ConfigStatement[] = [];
  for (const path of paths) statements.push(...lineStatements((await files.text(path)) ?? '', path));
  const out: ReadOperation[] = [];
  const find = (word: string): ConfigStatement | undefined =>
    statements.find(({ words }) => words[0] === word && words.length === 2);
  for (const one of statements) {
    const [word, second = ''] = one.words;
    // Ranges and variables are left out: nobody can know all of them here.
    if (word === 'bind')
      for (const spec of second.split(',')) {
        const match = /^(.*):(\d{1,5})$/.exec(spec);
        if (spec.startsWith('/')) out.push(...said(one, program, [{ kind: 'bind-unix', path: spec }]));
        else if (match)
          out.push(...said(one, program, binds(Number(match[2]), /^(?:\*|ipv4@|)$/.test(match[1]!) ? '0.0.0.0' : match[1]!)));
      }
    if (word === 'stats' && second === 'socket' && one.words[2]?.startsWith('/'))
      out.push(...said(one, program, [{ kind: 'bind-unix', path: one.words[2] }]));
  }
  const pid = find('pidfile');
  if (pid) out.push(...said(pid, program, writes(pid.words[1]!, false), 'low'));
  const jail = find('chroot');
  if (jail && uid === 0) out.push(...said(jail, program, [{ kind: 'chroot', path: jail.words[1]! }]));
  const user = find('user') ?? find('uid');
  const group = find('group') ?? find('gid');
  const who = user && userOf(user.words[1]!, accounts);
  if (user && who && uid === 0)
    out.push(...said(user, program, becoming(who.uid, group ? groupOf(group.words[1]!, accounts) : who.gid)));
  return out;
};
