/** COPY and ADD as instructions: their words and flags, and what they leave in the tree. */
import { UnrootError } from '../error.ts';
import { expand } from '../text/dockerfile/expand.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import { problemAt } from '../text/source-file.ts';
import { groupCalled, readAccounts, userCalled } from './build-accounts.ts';
import type { BuildContext } from './build-context.ts';
import { type BuildNode, type BuildTree, buildTree, directoryInfo, pathOf, UNKNOWN } from './build-tree.ts';
import { expanded, lookupOf, type StepContext, wordsOf } from './config-steps.ts';
import { type CopyOptions, contextTree, copyInto, sourcesOf } from './copy-files.ts';
import { modeAfter } from './mode-text.ts';
import { absolute } from './run-shell.ts';
import { unpackedTree } from './unpack-archive.ts';

export interface CopySources {
  readonly context: BuildContext | undefined;
  /** The tree of another stage or image. */
  from(name: string): Promise<SourceTree>;
}

/** `unsure`: why what is not in it may be there all the same. */
export type SourceTree = { readonly tree: BuildTree; readonly unsure?: string } | { readonly missing: string };

const ARCHIVE = /\.(?:tar|tar\.gz|tgz|tar\.bz2|tbz2|tar\.xz|txz|tar\.zst)$/i;

export async function copyStep(instruction: Instruction, step: StepContext, sources: CopySources): Promise<void> {
  const { state, problems, file } = step;
  const list = instruction.json?.map((word) => expanded(word, instruction, step)) ?? wordsOf(instruction, step);
  const to = list.at(-1);
  const wanted = list.slice(0, -1);
  const unknown = (why: string, path?: string): void => {
    const known = path === undefined ? {} : { path };
    state.opaque.push({
      span: instruction.span,
      instruction,
      text: why,
      kind: 'content',
      ...known,
      asRoot: true,
      layer: state.layer,
    });
  };
  if (list.length < 2) {
    problems.push(
      problemAt(
        file,
        instruction.span.start,
        `${instruction.name} requires at least two arguments, the last of them the destination`,
      ),
    );
    return;
  }
  if (to === undefined || wanted.includes(undefined))
    return unknown(`${instruction.name} with a variable that is not known`, to === undefined ? '/' : to);
  const slash = /(?:^|\/)\.?$/.test(to);
  const place = absolute(state.config.workingDir || '/', to);
  const destination = slash && place !== '/' ? `${place}/` : place;
  const owner = await ownerFrom(instruction, step);
  if (typeof owner === 'object' && 'nobody' in owner)
    problems.push(problemAt(file, instruction.span.start, `${instruction.name} --chown: ${owner.nobody}: the build stops here`));
  const mode = modeFrom(instruction, step);
  if (owner === 'unknown' || mode === 'unknown')
    return unknown(`${instruction.name} for an owner or mode that is not known`, place);
  const options: CopyOptions = {
    layer: state.layer,
    ...(owner === undefined || 'nobody' in owner ? {} : { owner }),
    ...(mode === undefined ? {} : { mode }),
  };
  const from = instruction.flags.find((flag) => flag.name === 'from')?.value;
  const tree = from === undefined ? treeOf(sources.context) : await sources.from(from);
  for (const [index, word] of (wanted as string[]).entries()) {
    const heredoc = heredocOf(instruction, word, step);
    const nodes =
      heredoc ?? (isRemote(instruction, word) ? remote(word) : 'missing' in tree ? undefined : sourcesOf(tree.tree, word));
    if (nodes === undefined) {
      unknown(`${instruction.name} ${word}: ${'missing' in tree ? tree.missing : ''}`, place);
      continue;
    }
    if (nodes.length === 0) {
      if ('unsure' in tree && tree.unsure !== undefined) {
        unknown(`${instruction.name} ${word}: ${tree.unsure}`, place);
        continue;
      }
      problems.push({
        ...problemAt(
          file,
          instruction.span.start,
          `${instruction.name} ${word}: ${from === undefined ? `there is no such file in the build context ${sources.context?.label ?? ''}`.trim() : `${from} has no such file`}`,
          'warning',
        ),
      });
      unknown(`${instruction.name} ${word}`, place);
      continue;
    }
    const several = wanted.length > 1 || nodes.length > 1 || index > 0;
    // One file after the other: archives are unpacked, the others are copied.
    const unpacks = instruction.name === 'ADD' && from === undefined && heredoc === undefined && !isRemote(instruction, word);
    const plain: BuildNode[] = [];
    for (const node of nodes) {
      const archive = unpacks && node.info.type === 'file' ? await archiveOf(node, sources.context) : undefined;
      if (archive === undefined) plain.push(node);
      else if (typeof archive === 'string') unknown(`ADD ${word} ${archive}`, place);
      else addArchive(state.tree, archive, destination, options);
    }
    const result = copyInto(state.tree, plain, destination, options, several);
    for (const path of result.lost)
      state.facts.push({ kind: 'capability-lost', span: instruction.span, instruction, path, by: `${instruction.name} ${word}` });
    if (result.blocked !== undefined)
      problems.push(
        problemAt(file, instruction.span.start, `${instruction.name} ${word}: ${result.blocked} is not a folder`, 'warning'),
      );
  }
}

/** Owners and modes are the archive's, but for `--chown`; so is that of the folder it goes into, when the archive has one (moby archive.Unpack). */
function addArchive(tree: BuildTree, { root }: BuildTree, destination: string, { layer, owner }: CopyOptions): void {
  copyInto(tree, [root], destination, { layer, ...(owner === undefined ? {} : { owner }) }, false);
  const top = tree.find(destination).node;
  const { uid, gid, mode } = root.info;
  if (!root.assumed && top !== undefined) Object.assign(top.info, { uid, gid, mode, ...owner, layer });
}

/** Undefined: no archive. A text: why nobody here knows what is in it. */
async function archiveOf(node: BuildNode, context: BuildContext | undefined): Promise<BuildTree | string | undefined> {
  const path = pathOf(node).slice(1);
  try {
    const archive = await context?.archive?.(path);
    if (archive !== undefined) return await unpackedTree(archive, path);
  } catch (error) {
    const { code, message } = error instanceof UnrootError ? error : { code: '', message: '' };
    // Compressed, and no archive inside, or a broken one: what a builder makes of that is not known.
    return ARCHIVE.test(path) || code === 'archive.unreadable'
      ? `unpacks an archive that cannot be read here (${message})`
      : undefined;
  }
  return context?.archive === undefined && ARCHIVE.test(path) ? 'unpacks an archive that cannot be read here' : undefined;
}

function treeOf(context: BuildContext | undefined): SourceTree {
  const tree = context === undefined ? undefined : contextTree(context);
  if (tree !== undefined) return { tree };
  return {
    missing: context === undefined ? 'the build context is not known' : `the build context ${context.label} has too many files`,
  };
}

function heredocOf({ heredocs }: Instruction, word: string, step: StepContext): readonly BuildNode[] | undefined {
  const name = /^\d*<<-?(.+)$/.exec(word)?.[1]?.replace(/^(['"])(.*)\1$/, '$2');
  const heredoc = heredocs.find((one) => one.name === name);
  if (heredoc === undefined) return undefined;
  // Variables are put in, quotes stay (BuildKit instructions.SourceContent, shell.Lex with RawQuotes).
  const said = heredoc.expand ? expand(heredoc.content, lookupOf(step.state), step.mark, true) : { text: heredoc.content };
  if ('unknown' in said) return [fileNode(heredoc.name, 0o644)];
  return [fileNode(heredoc.name, 0o644, new TextEncoder().encode('text' in said ? said.text : heredoc.content))];
}

const isRemote = ({ name }: Instruction, word: string): boolean =>
  name === 'ADD' && /^(?:https?|ftp):\/\/|^git@|\.git(?:#|$)/.test(word);

/** Files from elsewhere are 0600 (Dockerfile reference, ADD); a repository is a folder of who knows what. */
function remote(word: string): readonly BuildNode[] | undefined {
  if (/\.git(?:#|$)|^git@/.test(word)) return undefined;
  const name =
    word
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) ?? '';
  return name === '' ? undefined : [fileNode(name, 0o600)];
}

function fileNode(name: string, mode: number, bytes?: Uint8Array): BuildNode {
  const tree = buildTree();
  return tree.put(
    tree.root,
    name,
    { ...directoryInfo(0), type: 'file', mode, size: bytes?.length ?? 0 },
    bytes === undefined ? UNKNOWN : { kind: 'bytes', bytes },
  );
}

/** By name among the accounts of this stage; a number alone is the group's too (BuildKit solver/llbsolver/file/user_linux.go). */
async function ownerFrom(
  instruction: Instruction,
  step: StepContext,
): Promise<{ readonly uid: number; readonly gid: number } | { readonly nobody: string } | 'unknown' | undefined> {
  const flag = instruction.flags.find(({ name }) => name === 'chown');
  if (flag?.value === undefined) return undefined;
  const text = expanded(flag.value, instruction, step);
  if (text === undefined) return 'unknown';
  const [user = '', group] = text.split(':');
  const accounts = await readAccounts(step.state.tree);
  const found = userCalled(user, accounts);
  if (found === undefined) return isComplete(step, '/etc/passwd') ? { nobody: `no user ${user} in /etc/passwd` } : 'unknown';
  const numeric = /^\d+$/.test(user);
  const gid = group === undefined || group === '' ? (numeric ? found.uid : found.gid) : groupCalled(group, accounts);
  if (gid !== undefined) return { uid: found.uid, gid };
  return isComplete(step, '/etc/group') ? { nobody: `no group ${group} in /etc/group` } : 'unknown';
}

/** Whether nothing but what was read can have put a line there. */
function isComplete({ state }: StepContext, path: string): boolean {
  if (state.baseMissing !== undefined) return false;
  const touched = state.opaque.some(
    ({ kind, path: at }) => kind !== 'content' || at === path || path.startsWith(`${at}/`) || at === '/',
  );
  const entry = state.tree.get(path);
  // From another stage it comes as that one left it, with all that was not understood there.
  const from = entry === undefined ? undefined : state.layers.get(entry.layer);
  return !touched && !(from?.flags.some(({ name }) => name === 'from') ?? false);
}

function modeFrom(instruction: Instruction, step: StepContext): CopyOptions['mode'] | 'unknown' {
  const flag = instruction.flags.find(({ name }) => name === 'chmod');
  if (flag?.value === undefined) return undefined;
  const text = expanded(flag.value, instruction, step);
  if (text === undefined || modeAfter(text, 0, false) === undefined) return 'unknown';
  return (old, directory) =>
    /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) & 0o7777 : (modeAfter(text, old, directory, 0) ?? old);
}
