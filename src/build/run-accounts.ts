/** useradd, adduser, groupadd, addgroup and usermod in RUN lines: accounts with the numbers that the tools would give. */
import {
  addGroup,
  addMember,
  addUser,
  type BuildAccounts,
  freeId,
  groupCalled,
  readAccounts,
  writeText,
} from './build-accounts.ts';
import { directoryInfo, makeFolders } from './build-tree.ts';
import { needsRoot, opaque, type RunContext, split } from './run-context.ts';

/** BusyBox has programs of the same name with other options and other numbers. */
type Tool = 'shadow' | 'debian' | 'busybox';

function toolOf({ state }: RunContext, name: string): Tool | undefined {
  const places = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/usr/bin', '/bin'].map((folder) => `${folder}/${name}`);
  for (const place of places) {
    const { node } = state.tree.find(place);
    if (node === undefined) continue;
    if (node.name === 'busybox' || state.tree.find(place, false).node?.info.target?.includes('busybox') === true)
      return 'busybox';
    return name === 'adduser' || name === 'addgroup' ? 'debian' : 'shadow';
  }
  if (state.baseMissing !== undefined || state.opaque.length > 0)
    return name === 'adduser' || name === 'addgroup' ? undefined : 'shadow';
  return undefined;
}

const ACCOUNT_TOOLS = new Set(['useradd', 'adduser', 'groupadd', 'addgroup', 'usermod']);

/** True: it was one of them. */
export async function accountCommand(context: RunContext): Promise<boolean> {
  const name = context.command.argv[0]!.slice(context.command.argv[0]!.lastIndexOf('/') + 1);
  if (!ACCOUNT_TOOLS.has(name)) return false;
  if (context.worker.uid !== 0) {
    needsRoot(context, 'accounts belong to root', true);
    if (context.worker.uid !== undefined) return true;
  }
  const tool = toolOf(context, name);
  const accounts = await readAccounts(context.state.tree);
  const understood =
    tool === undefined
      ? false
      : name === 'useradd'
        ? await useradd(context, accounts)
        : name === 'groupadd'
          ? groupadd(context, accounts)
          : name === 'usermod'
            ? await usermod(context, accounts)
            : name === 'addgroup'
              ? await addgroup(context, accounts, tool)
              : await adduser(context, accounts, tool);
  if (!understood) opaque(context, 'packages');
  return true;
}

const uids = ({ users }: BuildAccounts): number[] => users.map(({ uid }) => uid);
const gids = ({ groups }: BuildAccounts): number[] => groups.map(({ gid }) => gid);
const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;

/** Numbers of a base that nobody knows could be taken. */
const guessed = ({ state }: RunContext): boolean => state.baseMissing !== undefined;

async function useradd(context: RunContext, accounts: BuildAccounts): Promise<boolean> {
  const { state, command } = context;
  const { letters, options, operands, values } = split(
    command.argv.slice(1),
    /^(?:-[bcdefgGkKpRsuZ]|--(?:base-dir|comment|home-dir|home|expiredate|inactive|gid|groups|skel|key|password|root|shell|uid))$/,
  );
  const [name] = operands;
  if (name === undefined || letters.includes('D')) return false;
  if (accounts.users.some((user) => user.name === name)) return true;
  const value = (short: string, long: string): string | undefined => values.get(short) ?? values.get(long);
  const system = letters.includes('r') || options.includes('--system');
  const wanted = numberIn(value('-u', '--uid'));
  if (wanted === undefined && (guessed(context) || value('-u', '--uid') !== undefined)) return false;
  const primary = value('-g', '--gid');
  const noGroup = letters.includes('N') || options.includes('--no-user-group');
  const uid =
    wanted ?? freeId([...uids(accounts), ...(primary === undefined && !noGroup ? gids(accounts) : [])], 'shadow', system);
  if (uid === undefined) return false;
  let gid: number | undefined;
  let current = accounts;
  if (primary !== undefined) gid = groupCalled(primary, accounts);
  else if (noGroup) gid = 100;
  else {
    if (accounts.groups.some((group) => group.name === name)) return false;
    gid = gids(accounts).includes(uid) ? freeId(gids(accounts), 'shadow', system) : uid;
    if (gid !== undefined) addGroup(state.tree, accounts, { name, gid }, state.layer);
    current = await readAccounts(state.tree);
  }
  if (gid === undefined) return false;
  const home = value('-d', '--home-dir') ?? value('-d', '--home') ?? `${value('-b', '--base-dir') ?? '/home'}/${name}`;
  const shell = value('-s', '--shell') ?? '/bin/sh';
  addUser(state.tree, current, { name, uid, gid, gecos: value('-c', '--comment') ?? '', home, shell }, state.layer);
  state.madeUsers.set(name, context.instruction);
  for (const group of (value('-G', '--groups') ?? '').split(',').filter((one) => one !== ''))
    addMember(state.tree, await readAccounts(state.tree), group, name, state.layer);
  const makes = (letters.includes('m') || options.includes('--create-home')) && !letters.includes('M');
  if (makes) await makeHome(context, home, uid, gid, await homeMode(context));
  return true;
}

/** HOME_MODE of login.defs(5), else what UMASK leaves. */
async function homeMode({ state }: RunContext): Promise<number> {
  const bytes = await state.tree.readFile('/etc/login.defs');
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  const mode = /^\s*HOME_MODE\s+([0-7]+)/m.exec(text)?.[1];
  if (mode !== undefined) return Number.parseInt(mode, 8);
  return 0o777 & ~Number.parseInt(/^\s*UMASK\s+([0-7]+)/m.exec(text)?.[1] ?? '022', 8);
}

async function makeHome(
  { state }: RunContext,
  home: string,
  uid: number,
  gid: number,
  mode: number,
  skeleton = true,
): Promise<void> {
  if (state.tree.find(home).node !== undefined) return;
  const node = makeFolders(state.tree, home, () => directoryInfo(state.layer));
  if (node === undefined) return;
  node.info = { ...node.info, uid, gid, mode };
  for (const name of skeleton ? state.tree.list('/etc/skel') : []) {
    const source = state.tree.find(`/etc/skel/${name}`).node;
    if (source?.info.type === 'file')
      state.tree.put(node, name, { ...source.info, uid, gid, layer: state.layer }, source.content);
  }
}

function groupadd(context: RunContext, accounts: BuildAccounts): boolean {
  const { state, command } = context;
  const { letters, options, operands, values } = split(command.argv.slice(1), /^(?:-[gKpR]|--(?:gid|key|password|root))$/);
  const [name] = operands;
  if (name === undefined) return false;
  if (accounts.groups.some((group) => group.name === name)) return true;
  const system = letters.includes('r') || options.includes('--system');
  const given = values.get('-g') ?? values.get('--gid');
  const gid =
    numberIn(given) ?? (given === undefined && !guessed(context) ? freeId(gids(accounts), 'shadow', system) : undefined);
  if (gid === undefined) return false;
  addGroup(state.tree, accounts, { name, gid }, state.layer);
  return true;
}

async function addgroup(context: RunContext, accounts: BuildAccounts, tool: Tool): Promise<boolean> {
  const { state, command } = context;
  const { letters, options, operands, values } = split(
    command.argv.slice(1),
    tool === 'busybox' ? /^(?:-g|--gid)$/ : /^--(?:gid|firstgid|lastgid|conf|shell)$/,
  );
  const [first, second] = operands;
  if (first === undefined) return false;
  // `addgroup USER GROUP` makes the user a member.
  if (second !== undefined) return addMember(state.tree, accounts, second, first, state.layer);
  if (accounts.groups.some((group) => group.name === first)) return true;
  const system = options.includes('--system') || (tool === 'busybox' && letters.includes('S'));
  const given = values.get('-g') ?? values.get('--gid');
  const gid =
    numberIn(given) ??
    (guessed(context) ? undefined : freeId(tool === 'debian' || system ? gids(accounts) : gids(accounts), 'first-free', system));
  if (gid === undefined) return false;
  addGroup(state.tree, accounts, { name: first, gid }, state.layer);
  return true;
}

async function adduser(context: RunContext, accounts: BuildAccounts, tool: Tool): Promise<boolean> {
  const { state, command } = context;
  const busybox = tool === 'busybox';
  const valued = busybox
    ? /^(?:-[hgsGuk]|--(?:home|gecos|shell|ingroup|uid|skel))$/
    : /^--(?:home|shell|uid|gid|ingroup|gecos|comment|firstuid|lastuid|conf|add_extra_groups)$/;
  const { letters, options, operands, values } = split(command.argv.slice(1), valued);
  const [name, joined] = operands;
  if (name === undefined) return false;
  if (joined !== undefined) return addMember(state.tree, accounts, joined, name, state.layer);
  if (accounts.users.some((user) => user.name === name)) return true;
  const value = (short: string, long: string): string | undefined =>
    (busybox ? values.get(short) : undefined) ?? values.get(long);
  const system = options.includes('--system') || (busybox && letters.includes('S'));
  const wanted = numberIn(value('-u', '--uid'));
  if (guessed(context) && wanted === undefined) return false;
  const ownGroup = options.includes('--group') || (!system && !busybox);
  const group = value('-G', '--ingroup') ?? (busybox ? undefined : values.get('--gid'));
  // Debian's adduser looks for a number that is free among users and groups alike when it makes a group as well.
  const taken = [...uids(accounts), ...(ownGroup && !system ? gids(accounts) : [])];
  const uid = wanted ?? freeId(busybox ? uids(accounts) : taken, 'first-free', system);
  if (uid === undefined) return false;
  let current = accounts;
  let gid = group === undefined ? undefined : groupCalled(group, accounts);
  if (group === undefined) {
    if (busybox || ownGroup) {
      const own = accounts.groups.find((one) => one.name === name)?.gid;
      gid = own ?? (gids(accounts).includes(uid) ? freeId(gids(accounts), 'first-free', system) : uid);
      if (own === undefined && gid !== undefined) addGroup(state.tree, accounts, { name, gid }, state.layer);
      current = await readAccounts(state.tree);
    } else gid = 65534;
  }
  if (gid === undefined) return false;
  const withoutHome = busybox
    ? letters.includes('H')
    : options.includes('--no-create-home') || (system && values.get('--home') === undefined);
  const home = value('-h', '--home') ?? (system && !busybox ? '/nonexistent' : `/home/${name}`);
  const shell =
    value('-s', '--shell') ?? (system ? (busybox ? '/bin/false' : '/usr/sbin/nologin') : busybox ? '/bin/sh' : '/bin/bash');
  addUser(state.tree, current, { name, uid, gid, gecos: '', home, shell }, state.layer);
  state.madeUsers.set(name, context.instruction);
  if (!withoutHome) await makeHome(context, home, uid, gid, busybox ? 0o2755 : system ? 0o755 : 0o700, !system);
  return true;
}

async function usermod(context: RunContext, accounts: BuildAccounts): Promise<boolean> {
  const { state, command } = context;
  const { letters, options, operands, values } = split(
    command.argv.slice(1),
    /^(?:-[cdegGlpsu]|--(?:groups|uid|gid|home|shell|comment))$/,
  );
  const [name] = operands;
  const user = accounts.users.find((one) => one.name === name);
  if (name === undefined || user === undefined) return false;
  const groups = values.get('-G') ?? values.get('--groups');
  if (groups !== undefined) {
    if (!letters.includes('a') && !options.includes('--append')) return false;
    for (const group of groups.split(',')) addMember(state.tree, await readAccounts(state.tree), group, name, state.layer);
  }
  const uid = numberIn(values.get('-u') ?? values.get('--uid'));
  const group = values.get('-g') ?? values.get('--gid');
  const gid = group === undefined ? undefined : groupCalled(group, accounts);
  if (uid === undefined && gid === undefined) return true;
  const text = (await readAccounts(state.tree)).passwdText.replace(/^[^\n]+$/gm, (one) => {
    const parts = one.split(':');
    if (parts[0] !== name) return one;
    if (uid !== undefined) parts[2] = String(uid);
    if (gid !== undefined) parts[3] = String(gid);
    return parts.join(':');
  });
  writeText(state.tree, '/etc/passwd', text, state.layer);
  return true;
}
