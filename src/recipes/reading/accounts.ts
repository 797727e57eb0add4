/** Names of users and groups as numbers, by the image's account files. */
export interface Accounts {
  readonly passwd: string | undefined;
  readonly group: string | undefined;
}

const fieldsOf = (text: string | undefined, name: string): readonly string[] | undefined =>
  (text ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[0] === name);

const numeric = (text: string): number | undefined => (/^\d{1,10}$/.test(text) ? Number(text) : undefined);

/** Uid and primary group of a user by name or number. */
export function userOf(
  name: string,
  { passwd }: Accounts,
): { readonly uid: number; readonly gid: number | undefined } | undefined {
  const fields = fieldsOf(passwd, name);
  const uid = numeric(fields?.[2] ?? name);
  return uid === undefined ? undefined : { uid, gid: numeric(fields?.[3] ?? '') };
}

export const groupOf = (name: string, { group }: Accounts): number | undefined => numeric(fieldsOf(group, name)?.[2] ?? name);

/** `app`, `app:app`, `:app`, `app.app`; -1 = left as it is. */
export function ownerOf(spec: string, accounts: Accounts): { readonly uid: number; readonly gid: number } | undefined {
  const [user = '', group] = spec.split(':');
  const who = user === '' ? undefined : userOf(user, accounts);
  if (user !== '' && who === undefined) return undefined;
  const gid = group === undefined ? -1 : group === '' ? (who?.gid ?? -1) : groupOf(group, accounts);
  return gid === undefined ? undefined : { uid: who?.uid ?? -1, gid };
}
