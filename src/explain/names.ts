/** Names of ids, and ids of names, as the image's own account files have them. */
import { groupById, groupByName, parseGroup } from '../linux/group.ts';
import { parsePasswd, userById, userByName } from '../linux/passwd.ts';

export interface Names {
  user(uid: number): string | undefined;
  group(gid: number): string | undefined;
  /** A number, or the name of an account; undefined = no such account. */
  uidOf(text: string): number | undefined;
  gidOf(text: string): number | undefined;
}

/** Both files as text; undefined = the image has none. */
export function namesOf(passwdText: string | undefined, groupText: string | undefined): Names {
  const passwd = parsePasswd(passwdText ?? '');
  const groups = parseGroup(groupText ?? '');
  return {
    user: (uid) => userById(passwd, uid)?.name,
    group: (gid) => groupById(groups, gid)?.name,
    uidOf: (text) => numberIn(text) ?? userByName(passwd, text)?.uid,
    gidOf: (text) => numberIn(text) ?? groupByName(groups, text)?.gid,
  };
}

/** Ids are 32 bits wide; the last value means "no id". */
function numberIn(text: string): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return value === undefined || value >= 0xffff_ffff ? undefined : value;
}
