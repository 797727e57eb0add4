/** The execve of the entrypoint by the runtime: which ids and capabilities the process has after it, or why it fails. */
import type { CapabilityState } from '../linux/capability.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { FileNode, FileTree, KernelFacts } from '../linux/decision.ts';
import { transitionOnExecve } from '../linux/execve.ts';
import { MAX_INTERPRETERS } from '../linux/script.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { type Executable, lookForFile, type UnknownExecutable } from './executable.ts';
import { phaseReason, type Stopped, stopped } from './input.ts';
import type { Derivation, Launch } from './launch.ts';

export interface Started {
  readonly kind: 'started';
  readonly capabilities: CapabilityState;
  readonly ids: Pick<Launch, 'effectiveUid' | 'effectiveGid'>;
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
} as const;

/** Of a file nobody knows, the usual is assumed: no set-id bits, no file capabilities. `scripts`: script → interpreter. */
export function firstExecve(
  executable: Executable | UnknownExecutable,
  who: Credentials,
  tree: FileTree | undefined,
  scripts: ReadonlyMap<string, string> | undefined,
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
        ? `exec container process \`${path}\`: ${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
        : `exec ${path}: ${text}`;
    return stopped('runtime', phaseReason(profile, 'execve'), words, [{ field: 'capabilities', value, source, ...where }]);
  };

  const told: string[] = [];
  let node: FileNode | undefined = executable.kind === 'executable' ? executable.node : undefined;
  let at = path;
  for (let depth = 0; at !== undefined && tree !== undefined; depth += 1) {
    const interpreter: string | undefined = scripts?.get(at);
    if (interpreter === undefined) break;
    if (depth === MAX_INTERPRETERS) return refuse('ELOOP', at, `more than ${MAX_INTERPRETERS} interpreters one behind the other`);
    told.push(
      `${at} is a script for ${interpreter}: its own set-id bits and file capabilities count for nothing, the interpreter's do`,
    );
    const next = lookForFile(interpreter.startsWith('/') ? interpreter : `${cwd}/${interpreter}`, tree, who, facts);
    if ('node' in next) {
      at = next.path;
      node = next.node;
      continue;
    }
    // A bind of the host, say: nobody knows, and the usual interpreter has nothing special.
    if (next.errno === 'unknown') node = undefined;
    else return refuse(next.errno === 'EISDIR' ? 'EACCES' : next.errno, interpreter, `the interpreter of ${at}: ${next.text}`);
    break;
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
    {
      field: 'capabilities.effective',
      value: after.capabilities.effective.join(','),
      source: `first execve: ${steps}`,
      ...where,
    },
  ];
  const what = told.length === 0 ? 'the entrypoint' : `the interpreter ${at}`;
  if (after.uid !== who.uid)
    because.push({ field: 'effectiveUid', value: String(after.uid), source: `${what} is set-user-id`, ...where });
  if (after.gid !== who.gid)
    because.push({ field: 'effectiveGid', value: String(after.gid), source: `${what} is set-group-id`, ...where });
  const ids = {
    ...(after.uid === who.uid ? {} : { effectiveUid: after.uid }),
    ...(after.gid === who.gid ? {} : { effectiveGid: after.gid }),
  };
  return { kind: 'started', capabilities: after.capabilities, ids, because };
}
