/** The everyday commands that make, change and remove files in RUN lines. */
import { type BuildNode, below, type Content, copyOf, pathOf, UNKNOWN } from './build-tree.ts';
import { modeAfter } from './mode-text.ts';
import { attempt, isKept, newInfo, opaque, pathsOf, type RunContext, split } from './run-context.ts';

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/** Undefined: it could not be made, which a build would have stopped at. */
export function makeFolder(context: RunContext, path: string, parents: boolean, mode = 0o777): BuildNode | undefined {
  const { tree } = context.state;
  const found = tree.find(path);
  if (found.node !== undefined) return found.node.info.type === 'directory' ? found.node : undefined;
  if (found.parent === undefined && parents && path !== '/') makeFolder(context, folderOf(path), true);
  const place = tree.find(path);
  if (place.parent === undefined || place.path === undefined) return undefined;
  if (!attempt(context, { kind: 'mkdir', path: place.path, mode })) return undefined;
  return tree.put(place.parent, nameOf(place.path), newInfo(context, place.parent, 'directory', mode & ~context.command.umask));
}

/** Makes or overwrites a file. */
export function writeFile(context: RunContext, path: string, content: Content, mode = 0o666): BuildNode | undefined {
  const { state, command } = context;
  const found = state.tree.find(path);
  if (!isKept(context, path)) return undefined;
  if (found.node !== undefined) {
    if (found.node.info.type !== 'file') return undefined;
    if (!attempt(context, { kind: 'open', path: found.path!, access: 'write' })) return undefined;
    // Writing takes set-user-ID and capabilities away (inode(7)).
    const { fileCapabilities: _lost, ...info } = found.node.info;
    found.node.info = { ...info, layer: state.layer, size: sizeOf(content) };
    found.node.content = content;
    return found.node;
  }
  if (found.parent === undefined || found.path === undefined) return undefined;
  if (!attempt(context, { kind: 'open', path: found.path, access: 'write', create: true, mode })) return undefined;
  const info = { ...newInfo(context, found.parent, 'file', mode & ~command.umask), size: sizeOf(content) };
  return state.tree.put(found.parent, nameOf(found.path), info, content);
}

const sizeOf = (content: Content): number => (content.kind === 'bytes' ? content.bytes.length : 0);

export function mkdir(context: RunContext): void {
  const { letters, options, operands, places, values } = split(context.command.argv.slice(1), /^(?:-m|--mode)$/);
  const mode = values.get('-m') ?? values.get('--mode');
  for (const path of pathsOf(context, operands, places, 1)) {
    if (!isKept(context, path)) continue;
    const existed = context.state.tree.find(path).node !== undefined;
    const node = makeFolder(context, path, letters.includes('p') || options.includes('--parents'));
    if (node !== undefined && mode !== undefined && !existed) node.info.mode = modeAfter(mode, 0o777, true, 0) ?? node.info.mode;
  }
}

export function touch(context: RunContext): void {
  const { operands, places } = split(context.command.argv.slice(1), /^-[drt]$/);
  for (const path of pathsOf(context, operands, places, 1)) {
    if (context.state.tree.find(path).node === undefined) writeFile(context, path, { kind: 'bytes', bytes: new Uint8Array(0) });
  }
}

export function remove(context: RunContext): void {
  const { operands, places } = split(context.command.argv.slice(1));
  for (const path of pathsOf(context, operands, places, 1)) {
    const { node } = context.state.tree.find(path, false);
    if (node?.parent === undefined || !isKept(context, path)) continue;
    const kind = node.info.type === 'directory' ? 'rmdir' : 'unlink';
    if (attempt(context, { kind, path: pathOf(node) })) node.parent.children?.delete(node.name);
  }
}

export function link(context: RunContext): void {
  const { letters, options, operands } = split(context.command.argv.slice(1), /^-[tS]$/);
  const { state } = context;
  const to = operands.at(-1);
  if (to === undefined || operands.length < 2) {
    opaque(context, 'program');
    return;
  }
  const destination = pathsOf(context, [to], [-10], 1)[0]!;
  const folder = state.tree.find(destination, !letters.includes('n')).node;
  for (const target of operands.slice(0, -1)) {
    const path = folder?.info.type === 'directory' ? `${pathOf(folder)}/${nameOf(target)}` : destination;
    const { parent } = state.tree.find(path, false);
    if (parent === undefined || !attempt(context, { kind: 'symlink', path, target })) continue;
    if (letters.includes('s') || options.includes('--symbolic'))
      state.tree.put(parent, nameOf(path), { ...newInfo(context, parent, 'symlink', 0o777), target });
    else {
      const source = state.tree.find(pathsOf(context, [target], [-10], 1)[0]!).node;
      if (source !== undefined) state.tree.put(parent, nameOf(path), source.info, source.content);
    }
  }
}

/** cp and mv: owner and mode kept by -p and -a and when moved; made anew otherwise. */
export function copy(context: RunContext): void {
  const { state, command, worker } = context;
  const moves = nameOf(command.argv[0]!) === 'mv';
  const { letters, options, operands, places, values } = split(command.argv.slice(1), /^(?:-t|-S|--target-directory)$/);
  const target = values.get('-t') ?? values.get('--target-directory');
  const sources = pathsOf(context, target === undefined ? operands.slice(0, -1) : operands, places, 1);
  const to = target ?? operands.at(-1);
  if (to === undefined || sources.length === 0) return;
  const destination = pathsOf(context, [to], [-10], 1)[0]!;
  if (!isKept(context, destination)) return;
  const keeps =
    moves || /[ap]/.test(letters) || options.includes('--archive') || options.some((one) => one.startsWith('--preserve'));
  // -p keeps owner, mode and times; only -a keeps attributes as well (cp(1)).
  const allKept = letters.includes('a') || options.includes('--archive') || /all|xattr/.test(values.get('--preserve') ?? '');
  for (const path of sources) {
    const source = state.tree.find(path, !(keeps || /[dP]/.test(letters))).node;
    if (source?.parent === undefined) {
      opaque(context, 'content', destination);
      continue;
    }
    const folder = state.tree.find(destination).node;
    const intoFolder = folder?.info.type === 'directory';
    const parent = intoFolder ? folder : state.tree.find(destination).parent;
    if (parent === undefined) continue;
    const name = intoFolder ? nameOf(path) : nameOf(destination);
    const place = parent.parent === undefined ? `/${name}` : `${pathOf(parent)}/${name}`;
    // `cp -r dir/. to` puts what is in it there.
    const contents = !moves && /\/\.$/.test(operands[sources.indexOf(path)] ?? '') && intoFolder;
    if (!attempt(context, { kind: 'open', path: contents ? `${pathOf(folder)}/x` : place, access: 'write', create: true }))
      continue;
    const put = (one: BuildNode, under: BuildNode, as: string): void => {
      const existing = under.children?.get(as);
      if (one.info.type === 'directory' && existing?.info.type === 'directory') {
        for (const child of [...(one.children?.values() ?? [])]) put(child, existing, child.name);
        return;
      }
      const made = copyOf(one, as, under);
      for (const node of below(made)) {
        node.info.layer = state.layer;
        if (!moves && !allKept) dropCapabilities(node);
        if (keeps && (worker.uid === 0 || moves)) continue;
        // What a set-group-ID folder hands down, it hands down all the way.
        const owner = newInfo(context, node.parent ?? under, node.info.type === 'directory' ? 'directory' : 'file', 0);
        const isNew = existing === undefined || node !== made;
        node.info.uid = isNew ? owner.uid : existing.info.uid;
        node.info.gid = isNew ? owner.gid : existing.info.gid;
        if (node.info.type !== 'symlink')
          node.info.mode = isNew ? (node.info.mode & ~command.umask & 0o777) | owner.mode : existing.info.mode;
        dropCapabilities(node);
      }
      under.children ??= new Map();
      under.children.set(as, made);
    };
    if (contents) for (const child of [...(source.children?.values() ?? [])]) put(child, folder, child.name);
    else put(source, parent, name);
    if (moves) source.parent.children?.delete(source.name);
  }
}

function dropCapabilities(node: BuildNode): void {
  const { fileCapabilities: _lost, ...info } = node.info;
  node.info = info;
}

/** sed -i, tee and the like: same file, other content. */
export function rewritten(context: RunContext, path: string): void {
  const { node } = context.state.tree.find(path);
  if (node?.info.type !== 'file' || !isKept(context, path)) return;
  if (!attempt(context, { kind: 'open', path: `${folderOf(pathOf(node))}/sedXXXXXX`, access: 'write', create: true })) return;
  node.content = UNKNOWN;
  node.info.layer = context.state.layer;
}
