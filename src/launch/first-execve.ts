/** The execve of the entrypoint by the runtime: which ids and capabilities the process has after it, or why it fails. */
import type { CapabilityState } from '../linux/capability.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { FileNode, FileTree, KernelFacts } from '../linux/decision.ts';
import { transitionOnExecve } from '../linux/execve.ts';
import type { Inode } from '../linux/inode.ts';
import { permission, READ } from '../linux/permission.ts';
import type { Program } from '../linux/program.ts';
import { MAX_INTERPRETERS } from '../linux/script.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { type Executable, lookForFile, type UnknownExecutable } from './executable.ts';
import { phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation, Launch } from './launch.ts';

export interface Started {
  readonly kind: 'started';
  readonly capabilities: CapabilityState;
  readonly ids: Pick<Launch, 'effectiveUid' | 'effectiveGid'>;
  /** See Launch.notDumpable. */
  readonly notDumpable?: true;
  readonly because: readonly Derivation[];
}

/** What the kernel says no with, in the words of Go's syscall.Errno; crun speaks as strerror(3) does. */
const WORDS = {
  EPERM: 'operation not permitted',
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  EINVAL: 'invalid argument',
  ERANGE: 'numerical result out of range',
  ENOEXEC: 'exec format error',
} as const;

/** What a file is; undefined = nobody looked into it. */
export type ProgramAt = (path: string) => Program | undefined;

/** Of a file nobody knows, the usual is assumed: a program of this machine, no set-id bits, no file capabilities. */
export function firstExecve(
  executable: Executable | UnknownExecutable,
  who: Credentials,
  tree: FileTree | undefined,
  programAt: ProgramAt,
  cwd: string,
  facts: KernelFacts,
  profile: PlatformProfile,
): Started | Stopped {
  const path = executable.kind === 'executable' ? executable.path : undefined;
  const where = path === undefined ? {} : { where: { path } };
  const refuse = (errno: keyof typeof WORDS, value: string, source: string): Stopped => {
    // The runtime has reported success by then: the words are in the container's log (runc exits 255, 1.1 with 1).
    const text = WORDS[errno];
    const words =
      profile.runtime === 'crun'
        ? `exec container process ${errno === 'ENOENT' ? '(missing dynamic library?) ' : ''}\`${path}\`: ${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
        : `exec ${path}: ${text}`;
    return stopped('runtime', phaseReason(profile, 'execve'), words, [{ field: 'capabilities', value, source, ...where }]);
  };

  const told: string[] = [];
  let node: FileNode | undefined = executable.kind === 'executable' ? executable.node : undefined;
  let at = path;
  let interpreted = false;
  let loader: FileNode | undefined;
  const unsure: Derivation[] = [];
  for (let depth = 0; at !== undefined && tree !== undefined; depth += 1) {
    const program: Program | undefined = programAt(at);
    if (program === undefined || program.kind === 'unread') break;
    if (program.kind === 'invalid') return refuse('ENOEXEC', at, `${at} cannot be executed: ${program.why} (execve(2))`);
    if (program.kind === 'foreign') {
      const source = `${at}: ${program.why}: it starts only where binfmt_misc hands such programs to an emulator, else "${WORDS.ENOEXEC}"`;
      unsure.push({ field: 'executable', value: at, source, where: { path: at } });
      break;
    }
    const named: string | undefined = program.kind === 'script' ? program.interpreter : program.loader;
    if (named === undefined) break;
    if (program.kind === 'script' && depth === MAX_INTERPRETERS)
      return refuse('ELOOP', at, `more than ${MAX_INTERPRETERS} interpreters one behind the other`);
    const next = lookForFile(named.startsWith('/') ? named : `${cwd}/${named}`, tree, who, facts);
    const what = program.kind === 'script' ? 'interpreter' : 'dynamic loader';
    if (!('node' in next) && next.errno !== 'unknown')
      return refuse(next.errno === 'EISDIR' ? 'EACCES' : next.errno, named, `the ${what} of ${at}: ${next.text}`);
    if (program.kind === 'elf') {
      if ('node' in next) loader = next.node;
      break;
    }
    interpreted = true;
    if (node !== undefined && isSpecial(node.inode))
      told.push(
        `${at} is a script for ${named}: its own set-id bits and file capabilities count for nothing, the interpreter's do`,
      );
    // A bind of the host, say: nobody knows, and the usual interpreter has nothing special.
    node = 'node' in next ? next.node : undefined;
    if (!('node' in next)) break;
    at = next.path;
  }

  const inode = node?.inode;
  const after = transitionOnExecve(who, {
    mode: inode?.mode ?? 0o755,
    uid: inode?.uid ?? 0,
    gid: inode?.gid ?? 0,
    ...(inode?.fileCapabilities === undefined ? {} : { fileCapabilities: inode.fileCapabilities }),
    ...(node?.noSuid === undefined ? {} : { noSuid: node.noSuid }),
  });
  const steps = [...told, ...after.steps].join('; ') || 'nothing changes at the first execve';
  if (after.kind === 'refused') return refuse(after.errno, after.missing ?? '', steps);
  const because: Derivation[] = [
    ...unsure,
    {
      field: 'capabilities.effective',
      value: after.capabilities.effective.join(','),
      source: `first execve: ${steps}`,
      ...where,
    },
  ];
  const what = interpreted ? `the interpreter ${at}` : 'the entrypoint';
  if (after.uid !== who.uid)
    because.push({ field: 'effectiveUid', value: String(after.uid), source: `${what} is set-user-id`, ...where });
  if (after.gid !== who.gid)
    because.push({ field: 'effectiveGid', value: String(after.gid), source: `${what} is set-group-id`, ...where });
  const ids = {
    ...(after.uid === who.uid ? {} : { effectiveUid: after.uid }),
    ...(after.gid === who.gid ? {} : { effectiveGid: after.gid }),
  };
  // would_dump (fs/exec.c): asked with the runtime's capabilities, of the program and its loader, not of a script.
  const secret = [node, loader].some((one) => one !== undefined && !permission(one.inode, who, READ).allowed);
  if (secret) {
    const source = `uid ${who.uid} may execute ${at} but not read it: the process is not dumpable, and its files in /proc are root's (proc(5))`;
    because.push({ field: 'notDumpable', value: 'true', source, ...where });
  }
  return { kind: 'started', capabilities: after.capabilities, ids, ...(secret ? { notDumpable: true } : {}), because };
}

const isSpecial = ({ mode, fileCapabilities }: Inode): boolean => (mode & 0o6000) !== 0 || fileCapabilities !== undefined;
