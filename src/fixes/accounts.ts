/** Account entries: a name for the recipient's uid, for programs that cannot do without, or a service user's name moved to that uid. */
import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { keptHome } from './home-directory.ts';
import { findingKey } from './need.ts';

const NAME = 'nonroot';

/** `name:x:uid:gid:…` lines without the one that shall be replaced. */
const linesWithout = (text: string, drop: (fields: readonly string[]) => boolean): string[] =>
  text.split('\n').filter((line) => line !== '' && !drop(line.split(':')));

function accountFile(path: '/etc/passwd' | '/etc/group', content: string, context: FixContext): LayerChange {
  const entry = context.rootFs.resolve(path).entry;
  return {
    kind: 'file',
    path: entry?.path ?? path,
    uid: entry?.uid ?? 0,
    gid: entry?.gid ?? 0,
    mode: entry?.mode ?? 0o644,
    content,
  };
}

/** An experiment: only a run can tell whether getpwuid(3) was what the program missed. Not for arbitrary uids, which nobody can list. */
export function passwdEntry(context: FixContext): Fix | undefined {
  const { uid, gid, arbitrary } = context.recipient;
  if (arbitrary || context.target.userName !== undefined) return undefined;
  const passwd = linesWithout(context.accounts.passwd ?? '', (fields) => fields[0] === NAME);
  const group = linesWithout(context.accounts.group ?? '', (fields) => fields[0] === NAME);
  const hasGroup = group.some((line) => line.split(':')[2] === String(gid));
  return {
    id: 'passwd-entry',
    subject: '/etc/passwd',
    title: `/etc/passwd: uid ${uid} gets the name ${NAME}`,
    disposition: 'safe',
    answers: [],
    layer: [
      accountFile(
        '/etc/passwd',
        `${[...passwd, `${NAME}:x:${uid}:${gid}:made by unroot:${keptHome(context) ?? context.target.home}:/sbin/nologin`].join('\n')}\n`,
        context,
      ),
      ...(hasGroup ? [] : [accountFile('/etc/group', `${[...group, `${NAME}:x:${gid}:`].join('\n')}\n`, context)]),
    ],
    run: {},
    note: 'the program looks its own user up and did not go on without an answer',
  };
}

/** The same fixes, with the home that one of them gives the recipient in its entry of {@link passwdEntry}: some programs ask there, and never HOME. */
export function atHome(fixes: readonly Fix[]): readonly Fix[] {
  const home = fixes.filter(({ id }) => id === 'home-directory').flatMap(({ run }) => run.env?.HOME ?? [])[0];
  if (home === undefined) return fixes;
  const own = new RegExp(`^(${NAME}:(?:[^:\\n]*:){4})[^:\\n]*(?=:)`, 'm');
  return fixes.map((fix) =>
    fix.id !== 'passwd-entry'
      ? fix
      : {
          ...fix,
          layer: fix.layer.map((change) =>
            change.kind === 'file' && change.path.endsWith('/passwd') && typeof change.content === 'string'
              ? { ...change, content: change.content.replace(own, (_, before: string) => before + home) }
              : change,
          ),
        },
  );
}

/** What the recipient is called, once {@link passwdEntry} is in the image; nothing for arbitrary uids. */
export function accountName({ recipient, target, accounts }: FixContext): { readonly name?: string; readonly group?: string } {
  if (recipient.arbitrary) return {};
  const group = (accounts.group ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[2] === String(recipient.gid));
  return { name: target.userName ?? NAME, group: group?.[0] ?? NAME };
}

/**
 * A program that insists on chown to, or on becoming, its service user is content when that name *is* the recipient: chown to the owner a file
 * already has, and setuid to the uid one already is, are allowed to anybody (chown(2), setuid(2)).
 */
export function serviceUser(observed: readonly Finding[], context: FixContext): Fix[] {
  const { uid, gid } = context.recipient;
  const users = new Map<number, Set<string>>();
  const groups = new Set<number>();
  const ask = (id: number, finding: Finding): void => {
    if (id > 0 && id !== uid) users.set(id, (users.get(id) ?? new Set()).add(findingKey(finding)));
  };
  for (const finding of observed) {
    const { operation } = finding;
    if (operation?.kind === 'chown') ask(operation.uid, finding);
    if (operation?.kind === 'chown' && operation.gid > 0 && operation.gid !== gid) groups.add(operation.gid);
    if (operation?.kind === 'setuid') for (const id of operation.ids) ask(id, finding);
    // The group comes first when a program gives up root: whose primary group it is, is whom the program wants to be.
    if (operation?.kind === 'setgid')
      for (const id of operation.ids) for (const member of membersOf(id, context)) ask(member, finding);
  }
  return moveUsers(users, groups, context);
}

/** An experiment: a program that asks who it is, without a call that could be denied, is content to be the user that it used to become. */
export const formerUser = (uids: Iterable<number>, gids: Iterable<number>, context: FixContext): Fix[] =>
  moveUsers(
    new Map([...uids].filter((id) => id > 0).map((id) => [id, new Set<string>()])),
    new Set([...gids].filter((id) => id > 0)),
    context,
  );

/** Uids whose primary group this is, by the image's passwd; not root's. */
function membersOf(gid: number, { accounts }: FixContext): number[] {
  if (gid <= 0) return [];
  const lines = (accounts.passwd ?? '').split('\n').map((line) => line.split(':'));
  return lines.filter((fields) => fields[3] === String(gid)).map((fields) => Number(fields[2]));
}

/** Gives the names of these uids the recipient's. */
function moveUsers(users: ReadonlyMap<number, ReadonlySet<string>>, groups: ReadonlySet<number>, context: FixContext): Fix[] {
  const { uid, gid, arbitrary } = context.recipient;
  if (arbitrary || users.size === 0 || context.accounts.passwd === undefined) return [];
  const { passwd, group } = context.accounts;
  const named = passwd.split('\n').map((line) => line.split(':'));
  if (named.some((fields) => fields[2] === String(uid))) return [];
  const moved = [...users].flatMap(([id, answers]) => {
    const name = named.find((fields) => fields[2] === String(id))?.[0];
    return name ? [{ id, name, answers }] : [];
  });
  if (moved.length === 0) return [];
  // One file for all of them: two versions of it could not both be in the layer.
  const layer = [accountFile('/etc/passwd', withIds(passwd, moved, [uid, gid]), context)];
  // `chown app:app` asks for the group by its own number, which must be the recipient's as well; whoever has a group of that number keeps it.
  const shared = (group ?? '').split('\n').filter((line) => groups.has(Number(line.split(':')[2])) && line.split(':')[0] !== '');
  if (group !== undefined && shared.length > 0 && !group.split('\n').some((line) => line.split(':')[2] === String(gid)))
    layer.push(
      accountFile(
        '/etc/group',
        withIds(
          group,
          shared.map((line) => ({ name: line.split(':')[0]! })),
          [gid],
        ),
        context,
      ),
    );
  return moved.map(({ id, name, answers }) => ({
    id: 'service-user',
    subject: name,
    title: `/etc/passwd: ${name} is uid ${uid} instead of ${id}`,
    disposition: 'needs-review',
    answers: [...answers].sort(),
    layer,
    run: {},
    note: `the program hands files to, or becomes, ${name}; as that user it finds nothing to change`,
  }));
}

/** The same file with other numbers, from the third field on, in the lines of these names. */
function withIds(text: string, names: readonly { readonly name: string }[], ids: readonly number[]): string {
  return text
    .split('\n')
    .map((line) => {
      const fields = line.split(':');
      if (!names.some(({ name }) => name === fields[0])) return line;
      fields.splice(2, ids.length, ...ids.map(String));
      return fields.join(':');
    })
    .join('\n');
}
