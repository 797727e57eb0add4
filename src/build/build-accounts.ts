/** /etc/passwd and /etc/group while an image is being built: what useradd, adduser and their kin make of them. */

import { type GroupEntry, parseGroup } from '../linux/group.ts';
import { type PasswdEntry, parsePasswd } from '../linux/passwd.ts';
import type { BuildTree } from './build-tree.ts';
import { directoryInfo, makeFolders } from './build-tree.ts';

export interface BuildAccounts {
  readonly users: readonly PasswdEntry[];
  readonly groups: readonly GroupEntry[];
  readonly passwdText: string;
  readonly groupText: string;
}

export async function readAccounts(tree: BuildTree): Promise<BuildAccounts> {
  const files = await tree.readFiles(['/etc/passwd', '/etc/group'], { head: true });
  const text = (path: string): string => new TextDecoder().decode(files.get(path) ?? new Uint8Array(0));
  const passwdText = text('/etc/passwd');
  const groupText = text('/etc/group');
  return { passwdText, groupText, users: parsePasswd(passwdText).entries, groups: parseGroup(groupText).entries };
}

/** Writes a file of accounts, as the tools do: a new one that takes the old one's owner and mode. */
export function writeText(tree: BuildTree, path: string, text: string, layer: number): void {
  const cut = path.lastIndexOf('/');
  const folder = makeFolders(tree, path.slice(0, cut) || '/', () => directoryInfo(layer));
  if (folder === undefined) return;
  const bytes = new TextEncoder().encode(text);
  const old = tree.find(path).node;
  const info = old?.info.type === 'file' ? old.info : { ...directoryInfo(layer), type: 'file' as const, mode: 0o644 };
  tree.put(folder, path.slice(cut + 1), { ...info, size: bytes.length, layer }, { kind: 'bytes', bytes });
}

const line = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);

export function addUser(tree: BuildTree, accounts: BuildAccounts, user: Omit<PasswdEntry, 'line'>, layer: number): void {
  const { name, uid, gid, gecos, home, shell } = user;
  writeText(tree, '/etc/passwd', `${line(accounts.passwdText)}${name}:x:${uid}:${gid}:${gecos}:${home}:${shell}\n`, layer);
}

export function addGroup(
  tree: BuildTree,
  accounts: BuildAccounts,
  group: { readonly name: string; readonly gid: number },
  layer: number,
): void {
  writeText(tree, '/etc/group', `${line(accounts.groupText)}${group.name}:x:${group.gid}:\n`, layer);
}

/** Puts a user among the members of a group. */
export function addMember(tree: BuildTree, accounts: BuildAccounts, group: string, user: string, layer: number): boolean {
  let found = false;
  const text = accounts.groupText.replace(/^[^\n]+$/gm, (one) => {
    const [name, password, gid, members = ''] = one.split(':');
    if (name !== group) return one;
    found = true;
    const list = members === '' ? [] : members.split(',');
    return [name, password, gid, [...new Set([...list, user])].join(',')].join(':');
  });
  if (found) writeText(tree, '/etc/group', text, layer);
  return found;
}

/**
 * The number that a tool gives when nobody says one. shadow(8) counts ordinary ones up from the highest in use and system ones down from the
 * lowest (lib/find_new_uid.c); Debian's adduser and BusyBox take the first free one from the bottom.
 */
export function freeId(used: Iterable<number>, how: 'shadow' | 'first-free', system: boolean): number | undefined {
  const ids = new Set(used);
  const [min, max] = system ? (how === 'shadow' ? [101, 999] : [100, 999]) : [1000, how === 'shadow' ? 60000 : 59999];
  const inRange = [...ids].filter((id) => id >= min && id <= max);
  if (how === 'shadow' && !system) {
    const next = Math.max(min - 1, ...inRange) + 1;
    return next <= max ? next : firstFree(ids, min, max);
  }
  if (how === 'shadow') {
    for (let id = max; id >= min; id -= 1) if (!ids.has(id)) return id;
    return undefined;
  }
  return firstFree(ids, min, max);
}

function firstFree(ids: ReadonlySet<number>, min: number, max: number): number | undefined {
  for (let id = min; id <= max; id += 1) if (!ids.has(id)) return id;
  return undefined;
}

/** A user's uid and primary group, by name or number. */
export function userCalled(
  text: string,
  { users }: BuildAccounts,
): { readonly uid: number; readonly gid: number | undefined } | undefined {
  const entry =
    users.find(({ name }) => name === text) ?? (/^\d+$/.test(text) ? users.find(({ uid }) => uid === Number(text)) : undefined);
  if (entry !== undefined) return { uid: entry.uid, gid: entry.gid };
  return /^\d{1,10}$/.test(text) ? { uid: Number(text), gid: undefined } : undefined;
}

export function groupCalled(text: string, { groups }: BuildAccounts): number | undefined {
  const entry = groups.find(({ name }) => name === text);
  return entry?.gid ?? (/^\d{1,10}$/.test(text) ? Number(text) : undefined);
}
