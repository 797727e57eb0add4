/** Which file execve gets, and the checks the runtime makes before it, in its words (Go's exec.LookPath in runc; crun's find_executable). */
import { ALL_CAPABILITIES } from '../linux/capability.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { DecisionStep, FileNode, FileTree, KernelFacts } from '../linux/decision.ts';
import { EXECUTE, permission } from '../linux/permission.ts';
import { isStop, type Question } from '../linux/question.ts';
import { walkTo } from '../linux/walk.ts';
import type { PlatformProfile, RuntimeKind } from '../platform/platform.ts';
import { phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';

export interface Executable {
  readonly kind: 'executable';
  /** Free of symlinks. */
  readonly path: string;
  readonly node: FileNode;
  readonly because: readonly Derivation[];
}

/** The file lies where nobody can look: no root file system at hand, or a bind of the host. */
export interface UnknownExecutable {
  readonly kind: 'unknown';
  readonly because: readonly Derivation[];
}

/** Why there is no file to execute. */
export interface Miss {
  readonly errno: 'ENOENT' | 'EACCES' | 'EISDIR' | 'ENOTDIR' | 'ELOOP' | 'unknown';
  /** Whether it was the lookup of the path (stat) that failed, or the right to execute the file. */
  readonly at: 'path' | 'file';
  readonly hasX?: boolean;
  readonly text: string;
}

/** `who` holds the sets the runtime has just set: their effective set still counts in the first execve. */
export function executableOf(
  argv0: string,
  env: readonly string[],
  cwd: string,
  tree: FileTree,
  who: Credentials,
  facts: KernelFacts,
  profile: PlatformProfile,
): Executable | UnknownExecutable | Stopped {
  const runtime = profile.runtime ?? 'runc';
  const path = env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const direct = argv0.includes('/');
  const candidates = direct
    ? [argv0.startsWith('/') ? argv0 : `${cwd}/${argv0}`]
    : path.split(':').map((directory) => (directory.startsWith('/') ? `${directory}/${argv0}` : `${cwd}/${directory}/${argv0}`));
  let denied: { candidate: string; miss: Miss } | undefined;
  for (const candidate of candidates) {
    const found = lookForFile(candidate, tree, who, facts);
    if ('node' in found) {
      const source = direct ? `argv[0] is "${argv0}"` : `"${argv0}" is found in PATH as ${candidate.replace(/\/+/g, '/')}`;
      const where = { path: found.path };
      return { kind: 'executable', ...found, because: [{ field: 'executable', value: found.path, source, where }] };
    }
    if (found.errno === 'unknown') return { kind: 'unknown', because: [{ field: 'executable', value: '', source: found.text }] };
    if (direct || stopsSearch(found, candidate, runtime, tree, facts)) {
      denied = { candidate, miss: found };
      break;
    }
  }
  const words =
    denied === undefined ? notInPath(argv0, runtime) : wordsFor(argv0, denied.candidate, denied.miss, runtime, tree, facts);
  const source = denied === undefined ? `"${argv0}" is in no directory of PATH=${path}` : denied.miss.text;
  const because: Derivation[] = [{ field: 'executable', value: '', source, where: { path: denied?.candidate ?? argv0 } }];
  return stopped('runtime', phaseReason(profile, 'start'), words, because, startShape(profile, words));
}

/** The file at a path, for somebody who wants to execute it. */
export function lookForFile(
  path: string,
  tree: FileTree,
  who: Credentials,
  facts: KernelFacts,
): { path: string; node: FileNode } | Miss {
  const steps: DecisionStep[] = [];
  const question: Question = { who, tree, facts, steps };
  const place = walkTo(question, path, 'follow');
  const text = steps.at(-1)?.text ?? path;
  if (isStop(place)) {
    if (place.unknown === true) return { errno: 'unknown', at: 'path', text };
    const errno = place.errno;
    return { errno: errno === 'EACCES' || errno === 'ENOTDIR' || errno === 'ELOOP' ? errno : 'ENOENT', at: 'path', text };
  }
  const { inode } = place.node;
  if (inode.type === 'directory') return { errno: 'EISDIR', at: 'file', hasX: true, text: `${place.path} is a directory` };
  const answer = permission(inode, who, EXECUTE);
  const hasX = (inode.mode & 0o111) !== 0;
  if (!answer.allowed)
    return {
      errno: 'EACCES',
      at: 'file',
      hasX,
      text: `${place.path} (${mode(inode.mode)} ${inode.uid}:${inode.gid}) may not be executed: ${answer.text}`,
    };
  if (place.node.noExec === true) return { errno: 'EACCES', at: 'file', hasX, text: `${place.path} lies on a mount with noexec` };
  return { path: place.path, node: place.node };
}

/** Newer runc skips what it may not execute and looks on; runc 1.1 takes the first with any x bit and then fails; crun looks as root first. */
function stopsSearch(miss: Miss, candidate: string, runtime: RuntimeKind, tree: FileTree, facts: KernelFacts): boolean {
  if (runtime === 'crun') return 'node' in lookForFile(candidate, tree, ROOT, facts);
  return runtime === 'runc-1.1' && miss.at === 'file' && miss.errno === 'EACCES' && miss.hasX === true;
}

const ROOT: Credentials = {
  uid: 0,
  gid: 0,
  groups: [],
  capabilities: {
    bounding: ALL_CAPABILITIES,
    permitted: ALL_CAPABILITIES,
    effective: ALL_CAPABILITIES,
    inheritable: [],
    ambient: [],
  },
  noNewPrivileges: false,
};

function notInPath(argv0: string, runtime: RuntimeKind): string {
  return runtime === 'crun'
    ? `executable file \`${argv0}\` not found in $PATH: No such file or directory`
    : `exec: "${argv0}": executable file not found in $PATH`;
}

const GO_WORDS = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  EISDIR: 'is a directory',
  unknown: '',
};

function wordsFor(
  argv0: string,
  candidate: string,
  miss: Miss,
  runtime: RuntimeKind,
  tree: FileTree,
  facts: KernelFacts,
): string {
  if (runtime === 'crun') {
    if (miss.errno === 'ENOENT') return notInPath(argv0, runtime);
    // Root found it, the user may not run it: execve itself fails, after the container counts as started.
    const asRoot = 'node' in lookForFile(candidate, tree, ROOT, facts);
    if (asRoot) return `exec container process \`${candidate}\`: Permission denied`;
    return miss.errno === 'EISDIR' ? 'open executable: Operation not permitted' : 'open executable: Permission denied';
  }
  const old = runtime === 'runc-1.1';
  if (miss.at === 'path') return `exec: "${argv0}": stat ${candidate}: ${GO_WORDS[miss.errno]}`;
  // Go before 1.20, with which runc 1.1 is built, calls a directory "permission denied"; its own eaccess check speaks without quotes.
  if (old && miss.errno === 'EACCES' && miss.hasX === true) return `exec ${candidate}: permission denied`;
  return `exec: "${argv0}": ${old ? GO_WORDS.EACCES : GO_WORDS[miss.errno]}`;
}

/** How a platform wraps what its runtime says at the start. `%s` stands for the words. Podman files an error by its text (libpod/define ErrOCIRuntime…, getOCIRuntimeError). */
export function startShape(profile: PlatformProfile, words: string): string | undefined {
  const runtime = profile.runtime ?? 'runc';
  const byText = profile.refusals?.startByText;
  const advice = /not a directory/.test(words) ? (profile.refusals?.notDirectoryAdvice ?? '') : '';
  if (byText === undefined) return profile.refusals?.start === undefined ? undefined : profile.refusals.start + advice;
  const missing = /executable file .*not found in|no such file or directory/i.test(words);
  const shape = missing
    ? byText.notFound
    : /permission denied|operation not permitted/i.test(words)
      ? byText.denied
      : byText.other;
  return shape.replace('%s', `${runtime === 'crun' ? byText.prefix.crun : byText.prefix.runc}%s`);
}

const mode = (bits: number): string => (bits & 0o7777).toString(8).padStart(4, '0');
