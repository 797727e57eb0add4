/** chown, chgrp, chmod, install and setcap in RUN lines, and what they cost. */
import { type Capability, capabilitySet, type FileCapabilities, parseCapability } from '../linux/capability.ts';
import { type BuildAccounts, groupCalled, userCalled } from './build-accounts.ts';
import { type BuildNode, below, pathOf, UNKNOWN } from './build-tree.ts';
import { modeAfter } from './mode-text.ts';
import { attempt, isKept, opaque, pathsOf, type RunContext, split, textOf } from './run-context.ts';
import { makeFolder, writeFile } from './run-files.ts';

interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** `app`, `app:`, `app:app`, `:app`, `app.app`; undefined = nobody knows who that is. */
export function ownerOf(spec: string, accounts: BuildAccounts): Owner | undefined {
  const [user = '', group] = spec.includes(':')
    ? spec.split(':')
    : spec.split('.').length === 2 && userCalled(spec, accounts) === undefined
      ? spec.split('.')
      : [spec];
  const who = user === '' ? undefined : userCalled(user, accounts);
  if (user !== '' && who === undefined) return undefined;
  const gid = group === undefined ? undefined : group === '' ? who?.gid : groupCalled(group, accounts);
  if (group !== undefined && gid === undefined) return undefined;
  return { uid: who?.uid, gid };
}

/** The nodes that an operand means; with -R everything below, links themselves. */
function targets({ state }: RunContext, path: string, recursive: boolean): readonly BuildNode[] {
  const { node } = state.tree.find(path);
  if (node === undefined) return [];
  return recursive ? [...below(node)] : [node];
}

/** Files of lower layers that are copied into this one because their owner or mode changes. */
function noteCopied(
  context: RunContext,
  by: 'chown' | 'chgrp' | 'chmod',
  path: string,
  changed: readonly { node: BuildNode; layer: number; size: number }[],
  owner?: string,
): void {
  const { state, span, instruction, command } = context;
  const files = changed.filter(({ node, layer, size }) => node.info.type === 'file' && layer !== state.layer && size > 0);
  if (files.length === 0) return;
  state.facts.push({
    kind: 'copied-by-chown',
    span,
    instruction,
    command: textOf(command.argv),
    by,
    path,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    layers: [...new Set(files.map(({ layer }) => layer))],
    ...(owner === undefined ? {} : { owner }),
  });
}

export function chown(context: RunContext, accounts: BuildAccounts): void {
  const { command, state, worker } = context;
  const isGroup = command.argv[0]!.endsWith('chgrp');
  const { letters, options, operands, places, values } = split(command.argv.slice(1), /^--(?:from|reference)$/);
  if (values.size > 0) {
    opaque(context, 'program');
    return;
  }
  const recursive = letters.includes('R') || options.includes('--recursive');
  const spec = operands[0] ?? '';
  const owner = isGroup ? ownerOf(`:${spec}`, accounts) : ownerOf(spec, accounts);
  for (const path of pathsOf(context, operands.slice(1), places.slice(1), 1)) {
    if (!isKept(context, path)) continue;
    const nodes = targets(context, path, recursive);
    if (owner === undefined || nodes.length === 0) {
      if (owner === undefined) for (const node of nodes) node.assumed = true;
      if (!(nodes.length === 0 && state.opaque.length > 0)) opaque(context, 'content', path);
      continue;
    }
    if (worker.uid !== 0 && worker.uid !== undefined) {
      const { uid = -1, gid = -1 } = owner;
      if (!attempt(context, { kind: 'chown', path: pathOf(nodes[0]!), uid, gid })) return;
    }
    const changed: { node: BuildNode; layer: number; size: number }[] = [];
    for (const node of nodes) {
      const { uid = node.info.uid, gid = node.info.gid } = owner;
      // chown(2) is made even when nothing changes, and an overlay file system copies the file up for it.
      changed.push({ node, layer: node.info.layer, size: node.info.size });
      const { fileCapabilities, ...rest } = node.info;
      const isDirectory = rest.type === 'directory';
      if (fileCapabilities !== undefined && !isDirectory)
        state.facts.push({
          kind: 'capability-lost',
          span: context.span,
          instruction: context.instruction,
          path: pathOf(node),
          by: textOf(command.argv),
        });
      // set-user-ID goes, and set-group-ID of what the group may execute (chown(2), fs/attr.c).
      const cleared =
        isDirectory || rest.type === 'symlink' ? rest.mode : rest.mode & ~0o4000 & ((rest.mode & 0o010) !== 0 ? ~0o2000 : -1);
      node.info = {
        ...rest,
        ...(isDirectory && fileCapabilities ? { fileCapabilities } : {}),
        uid,
        gid,
        mode: cleared,
        layer: state.layer,
      };
    }
    noteCopied(context, isGroup ? 'chgrp' : 'chown', path, changed, isGroup ? undefined : spec);
  }
}

export function chmod(context: RunContext): void {
  const { command, state } = context;
  const words = command.argv.slice(1);
  // `chmod -x file`: a mode that looks like an option.
  const modeAt = words.findIndex((word) => !word.startsWith('-') || /^-[rwxXst]+$/.test(word));
  const text = words[modeAt] ?? '';
  const before = words.slice(0, modeAt);
  const recursive = before.some((word) => word === '--recursive' || /^-[a-zA-Z]*R/.test(word));
  const { operands, places } = split(words.slice(modeAt + 1));
  for (const path of pathsOf(context, operands, places, modeAt + 2)) {
    if (!isKept(context, path)) continue;
    const nodes = targets(context, path, recursive).filter((node) => node.info.type !== 'symlink');
    const [first] = nodes;
    if (first === undefined) {
      if (state.opaque.length === 0) opaque(context, 'content', path);
      continue;
    }
    if (
      !attempt(context, {
        kind: 'chmod',
        path: pathOf(first),
        mode: modeAfter(text, first.info.mode, first.info.type === 'directory', command.umask) ?? 0,
      })
    )
      return;
    const changed: { node: BuildNode; layer: number; size: number }[] = [];
    for (const node of nodes) {
      const mode = modeAfter(text, node.info.mode, node.info.type === 'directory', command.umask);
      if (mode === undefined) {
        opaque(context, 'program');
        return;
      }
      if (mode !== node.info.mode || recursive) changed.push({ node, layer: node.info.layer, size: node.info.size });
      node.info.mode = mode;
      node.info.layer = state.layer;
    }
    noteCopied(context, 'chmod', path, changed);
    const { mode } = first.info;
    if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0)
      state.facts.push({
        kind: 'world-writable',
        span: context.span,
        instruction: context.instruction,
        path: pathOf(first),
        mode,
      });
  }
}

/** install(1): folders with -d, files otherwise; 0755 unless -m. */
export function install(context: RunContext, accounts: BuildAccounts): void {
  const { command, state, worker } = context;
  const { letters, options, operands, places, values } = split(command.argv.slice(1), /^(?:-[mogtS]|--(?:mode|owner|group))$/);
  const owner = values.get('-o') ?? values.get('--owner');
  const group = values.get('-g') ?? values.get('--group');
  const user = owner === undefined ? undefined : userCalled(owner, accounts)?.uid;
  const gid = group === undefined ? undefined : groupCalled(group, accounts);
  const mode = modeAfter(values.get('-m') ?? values.get('--mode') ?? '0755', 0, false, 0) ?? 0o755;
  if ((owner !== undefined && user === undefined) || (group !== undefined && gid === undefined)) {
    opaque(context, 'program');
    return;
  }
  const give = (node: BuildNode | undefined): void => {
    if (node === undefined) return;
    if (
      (user !== undefined && user !== worker.uid && worker.uid !== 0) ||
      (gid !== undefined && worker.uid !== 0 && gid !== worker.gid)
    ) {
      if (!attempt(context, { kind: 'chown', path: pathOf(node), uid: user ?? -1, gid: gid ?? -1 })) return;
    }
    node.info = {
      ...node.info,
      uid: user ?? node.info.uid,
      gid: gid ?? node.info.gid,
      mode: mode | (node.info.type === 'directory' ? node.info.mode & 0o2000 : 0),
      layer: state.layer,
    };
  };
  const paths = pathsOf(context, operands, places, 1);
  if (letters.includes('d') || options.includes('--directory')) {
    for (const path of paths) give(makeFolder({ ...context, command: { ...command, umask: 0o022 } }, path, true));
    return;
  }
  const to = values.get('-t') ?? paths.at(-1);
  if (to === undefined) return;
  if (letters.includes('D')) makeFolder(context, to.slice(0, to.lastIndexOf('/')) || '/', true);
  for (const path of values.has('-t') ? paths : paths.slice(0, -1)) {
    const source = state.tree.find(path).node;
    const folder = state.tree.find(to).node;
    const place = folder?.info.type === 'directory' ? `${to}/${path.slice(path.lastIndexOf('/') + 1)}` : to;
    const made = writeFile(context, place, source?.content ?? UNKNOWN);
    if (made !== undefined) made.info.size = source?.info.size ?? 0;
    give(made);
  }
}

/** setcap(8): `cap_net_bind_service=+ep file`, `cap_net_bind_service+ep file`, `-r file`. */
export function setcap(context: RunContext): void {
  const words = context.command.argv.slice(1).filter((word) => word !== '-q' && word !== '-n');
  for (let at = 0; at + 1 < words.length || words[at] === '-r'; at += 2) {
    const [text = '', path = ''] = words.slice(at, at + 2);
    const absolutePath = pathsOf(context, [path], [-10], 1)[0]!;
    if (context.worker.uid !== 0 && context.worker.uid !== undefined) {
      attempt(context, { kind: 'setxattr', path: absolutePath, name: 'security.capability' });
      return;
    }
    const { node } = context.state.tree.find(absolutePath);
    const capabilities = text === '-r' ? undefined : capabilitiesOf(text);
    if (node === undefined || capabilities === null) {
      opaque(context, 'content', absolutePath);
      continue;
    }
    const { fileCapabilities: _old, ...info } = node.info;
    node.info = {
      ...info,
      layer: context.state.layer,
      ...(capabilities === undefined ? {} : { fileCapabilities: capabilities }),
    };
  }
}

/** Null: not understood. */
function capabilitiesOf(text: string): FileCapabilities | null {
  const [, names = '', flags = ''] = /^([a-z_,A-Z]+)[=+]+([eip]+)$/.exec(text) ?? [];
  const parsed = names.split(',').map((name) => parseCapability(name));
  if (flags === '' || parsed.some((one) => one === undefined || one === 'ALL')) return null;
  const set = capabilitySet(parsed as Capability[]);
  return {
    permitted: flags.includes('p') ? set : [],
    inheritable: flags.includes('i') ? set : [],
    effective: flags.includes('e'),
  };
}
