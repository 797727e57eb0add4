/** The root file system while an image is being built: the base's, changed step by step. Owners and modes are known, contents where they matter. */
import type { ReadFilesOptions, Resolved, RootEntry, RootFs } from '../image/image.ts';
import { MAX_SYMLINKS } from '../image/merged-tree.ts';
import { DEFAULT_FILE_LIMIT, tooLarge } from '../image/root-fs.ts';

/** Where the bytes of a file come from. `unknown`: a program wrote them. */
export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'image'; readonly fs: RootFs; readonly path: string }
  | { readonly kind: 'read'; readonly read: (limit: number) => Promise<Uint8Array> }
  | { readonly kind: 'unknown' };

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Everything about an entry but where it is. */
export type NodeInfo = Omit<RootEntry, 'path' | 'hardlinkTo' | 'passedBy'>;

export interface BuildNode {
  name: string;
  parent: BuildNode | undefined;
  info: Writable<NodeInfo>;
  content: Content;
  children: Map<string, BuildNode> | undefined;
  /** Owner and mode are what is usual, not what is known: a program that was not understood made it, or may have changed it. */
  assumed: boolean;
}

export interface Found {
  readonly node: BuildNode | undefined;
  /** Free of symlinks; of what is not there, where it would be, if its folder is. */
  readonly path: string | undefined;
  readonly parent: BuildNode | undefined;
  readonly error?: 'ELOOP' | 'ENOENT' | 'ENOTDIR';
}

export interface BuildTree extends RootFs {
  readonly root: BuildNode;
  find(path: string, follow?: boolean): Found;
  /** Adds or replaces a child. */
  put(parent: BuildNode, name: string, info: NodeInfo, content?: Content): BuildNode;
  /** A copy that can be changed by itself. */
  fork(): BuildTree;
}

const NOTHING: Content = { kind: 'bytes', bytes: new Uint8Array(0) };
export const UNKNOWN: Content = { kind: 'unknown' };

/** Folders that nothing describes. */
export const directoryInfo = (layer: number, uid = 0, gid = 0, mode = 0o755): NodeInfo => ({
  type: 'directory',
  uid,
  gid,
  mode,
  size: 0,
  mtime: 0,
  layer,
});

const makeNode = (name: string, parent: BuildNode | undefined, info: NodeInfo, content: Content): BuildNode => ({
  name,
  parent,
  info: { ...info },
  content,
  children: undefined,
  assumed: false,
});

/** An empty root, or a copy of an image's. */
export function buildTree(base?: RootFs): BuildTree {
  const root = makeNode('', undefined, directoryInfo(-1), NOTHING);
  if (base !== undefined) {
    for (const entry of base.entries()) {
      const { path, hardlinkTo: _link, passedBy: _passed, ...info } = entry;
      if (path === '/') {
        root.info = { ...info };
        continue;
      }
      const cut = path.lastIndexOf('/');
      const parent = nodeAt(root, path.slice(0, cut));
      if (parent === undefined) continue;
      const content: Content = info.type === 'file' ? { kind: 'image', fs: base, path } : NOTHING;
      attach(parent, makeNode(path.slice(cut + 1), parent, info, content));
    }
  }
  return treeOf(root);
}

function attach(parent: BuildNode, node: BuildNode): BuildNode {
  parent.children ??= new Map();
  parent.children.set(node.name, node);
  return node;
}

function nodeAt(root: BuildNode, path: string): BuildNode | undefined {
  let at: BuildNode | undefined = root;
  for (const part of path.split('/')) if (part !== '') at = at?.children?.get(part);
  return at;
}

export function pathOf(node: BuildNode): string {
  let path = '';
  for (let at: BuildNode | undefined = node; at?.parent !== undefined; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}

/** The node and everything below it, parents first. */
export function* below(node: BuildNode): Generator<BuildNode> {
  const todo = [node];
  while (todo.length > 0) {
    const next = todo.pop()!;
    yield next;
    if (next.children !== undefined) todo.push(...next.children.values());
  }
}

/** A node with everything below it, under a new parent. */
export function copyOf(node: BuildNode, name: string, parent: BuildNode | undefined): BuildNode {
  const made: BuildNode = { ...node, name, parent, info: { ...node.info }, children: undefined };
  const todo: [BuildNode, BuildNode][] = [[node, made]];
  while (todo.length > 0) {
    const [from, to] = todo.pop()!;
    for (const child of from.children?.values() ?? []) {
      const copy: BuildNode = { ...child, parent: to, info: { ...child.info }, children: undefined };
      attach(to, copy);
      todo.push([child, copy]);
    }
  }
  return made;
}

function treeOf(root: BuildNode): BuildTree {
  const find = (path: string, follow = true): Found => walk(root, path, follow);
  const entryOf = (node: BuildNode): RootEntry => ({ ...node.info, path: pathOf(node) });

  function resolve(path: string, options: { readonly follow?: boolean } = {}): Resolved {
    const found = find(path, options.follow ?? true);
    if (found.node !== undefined) return { path: pathOf(found.node), entry: entryOf(found.node) };
    return { path: found.path ?? path, entry: undefined, error: found.error ?? 'ENOENT' };
  }

  async function readFiles(paths: Iterable<string>, options: ReadFilesOptions = {}): Promise<ReadonlyMap<string, Uint8Array>> {
    const limit = options.limit ?? DEFAULT_FILE_LIMIT;
    const out = new Map<string, Uint8Array>();
    const images = new Map<RootFs, Map<string, string[]>>();
    for (const path of paths) {
      const { node } = find(path);
      if (node?.info.type !== 'file') continue;
      if (node.info.size > limit && options.head !== true) throw tooLarge(path, node.info.size, limit, { entry: path });
      const { content } = node;
      if (content.kind === 'bytes') out.set(path, content.bytes.subarray(0, limit));
      else if (content.kind === 'read') out.set(path, (await content.read(limit)).subarray(0, limit));
      else if (content.kind === 'image') {
        const list = images.get(content.fs) ?? new Map<string, string[]>();
        list.set(content.path, [...(list.get(content.path) ?? []), path]);
        images.set(content.fs, list);
      }
    }
    for (const [fs, list] of images)
      for (const [from, bytes] of await fs.readFiles(list.keys(), options))
        for (const path of list.get(from) ?? []) out.set(path, bytes);
    return out;
  }

  function* entries(): Generator<RootEntry> {
    const todo: [BuildNode, string][] = [[root, '/']];
    while (todo.length > 0) {
      const [node, path] = todo.pop()!;
      yield { ...node.info, path };
      const prefix = path === '/' ? '/' : `${path}/`;
      const names = [...(node.children?.keys() ?? [])].sort().reverse();
      for (const name of names) todo.push([node.children!.get(name)!, prefix + name]);
    }
  }

  return {
    root,
    find,
    put: (parent, name, info, content = NOTHING) => attach(parent, makeNode(name, parent, info, content)),
    fork: () => treeOf(copyOf(root, '', undefined)),
    get: (path) => {
      const node = nodeAt(root, path);
      return node === undefined ? undefined : entryOf(node);
    },
    resolve,
    list: (path) => [...(find(path).node?.children?.keys() ?? [])].sort(),
    entries,
    readFile: async (path, options) => (await readFiles([path], options)).get(path),
    readFiles,
  };
}

/** path_resolution(7) inside the root. */
function walk(root: BuildNode, path: string, follow: boolean): Found {
  const todo = path.split('/').reverse();
  let at = root;
  let links = 0;
  const none = { node: undefined, path: undefined, parent: undefined };
  while (todo.length > 0) {
    const part = todo.pop()!;
    if (part === '' || part === '.') continue;
    if (at.info.type !== 'directory') return { ...none, error: 'ENOTDIR' };
    if (part === '..') {
      at = at.parent ?? at;
      continue;
    }
    const next = at.children?.get(part);
    const last = todo.every((rest) => rest === '');
    if (next === undefined) {
      if (!last) return { ...none, error: 'ENOENT' };
      const parent = pathOf(at);
      return { node: undefined, parent: at, path: parent === '/' ? `/${part}` : `${parent}/${part}`, error: 'ENOENT' };
    }
    if (next.info.type === 'symlink' && (follow || !last)) {
      if (++links > MAX_SYMLINKS) return { ...none, error: 'ELOOP' };
      const target = next.info.target ?? '';
      if (target === '') return { ...none, error: 'ENOENT' };
      if (target.startsWith('/')) at = root;
      todo.push(...target.split('/').reverse());
      continue;
    }
    at = next;
  }
  if (path.endsWith('/') && at.info.type !== 'directory') return { ...none, error: 'ENOTDIR' };
  return { node: at, path: pathOf(at), parent: at.parent };
}

/** The folder, made with its missing parents. Undefined: something else is in the way. */
export function makeFolders(tree: BuildTree, path: string, made: (parent: BuildNode) => NodeInfo): BuildNode | undefined {
  let at = '';
  let node: BuildNode = tree.root;
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    at = part === '..' ? at.slice(0, at.lastIndexOf('/')) : `${at}/${part}`;
    const found = tree.find(at === '' ? '/' : at);
    if (found.node !== undefined) {
      if (found.node.info.type !== 'directory') return undefined;
      node = found.node;
    } else if (found.parent !== undefined) {
      const name = found.path!.slice(found.path!.lastIndexOf('/') + 1);
      node = tree.put(found.parent, name, made(found.parent));
    } else return undefined;
  }
  return node;
}
