/** From an operation that will be denied to the finding that says so. */
import type { RootFs } from '../image/image.ts';
import type { Decision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import type { Evidence, Finding, FindingWhere, Severity } from './finding.ts';

/** What a person would say the program does. */
export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'open': {
      if (operation.tmpfile) return `creates a temporary file in ${operation.path}`;
      if (operation.create && operation.access !== 'read') return `creates or writes ${operation.path}`;
      if (operation.access === 'read' || operation.access === 'path') return `reads ${operation.path}`;
      return `writes ${operation.path}`;
    }
    case 'exec':
      return `executes ${operation.path}`;
    case 'stat':
    case 'access':
    case 'readlink':
      return `looks at ${operation.path}`;
    case 'chdir':
      return `changes directory to ${operation.path}`;
    case 'mkdir':
      return `makes directory ${operation.path}`;
    case 'rmdir':
      return `removes directory ${operation.path}`;
    case 'unlink':
      return `removes ${operation.path}`;
    case 'rename':
      return `renames ${operation.path} to ${operation.to}`;
    case 'link':
      return `links ${operation.path} as ${operation.to}`;
    case 'symlink':
      return `makes symlink ${operation.path}`;
    case 'mknod':
      return `makes ${operation.type} ${operation.path}`;
    case 'chmod':
      return `changes the mode of ${operation.path} to ${operation.mode.toString(8).padStart(4, '0')}`;
    case 'chown':
      return `changes the owner of ${operation.path} to ${idOrSame(operation.uid)}:${idOrSame(operation.gid)}`;
    case 'truncate':
      return `truncates ${operation.path}`;
    case 'utimes':
      return `sets the times of ${operation.path}`;
    case 'setxattr':
      return `sets ${operation.name} on ${operation.path}`;
    case 'bind':
      return `binds ${operation.protocol} port ${operation.port}`;
    case 'bind-unix':
      return `makes socket ${operation.path}`;
    case 'connect-unix':
      return `connects to socket ${operation.path}`;
    case 'socket':
      return `opens a ${operation.type} socket`;
    case 'setuid':
    case 'setgid':
      return `calls ${operation.call}(${operation.ids.join(', ')})`;
    case 'setgroups':
      return `calls setgroups([${operation.groups.join(', ')}])`;
    case 'chroot':
      return `changes its root to ${operation.path}`;
    case 'mount':
      return `calls ${operation.call} on ${operation.path}`;
    case 'kill':
      return `sends ${operation.signal} to process ${operation.pid}`;
    case 'unshare':
      return `unshares ${operation.flags.join(', ') || 'a namespace'}`;
    case 'setns':
      return 'enters another namespace';
    case 'priority':
      return `calls ${operation.call} for a higher priority`;
    case 'rlimit':
      return `raises the limit ${operation.resource}`;
    case 'sethostname':
      return 'sets the host name';
    case 'settime':
      return 'sets the clock';
    case 'capset':
      return 'changes its capability sets';
    case 'bounding-drop':
      return 'drops capabilities from the bounding set';
    case 'ptrace':
      return 'traces another process';
    case 'setsockopt':
      return `sets socket option ${operation.name}`;
  }
}

const idOrSame = (id: number): string => (id < 0 || id === 0xffffffff ? '(same)' : String(id));

/** The path an operation is about, if it is about one. */
export function operationPath(operation: Operation): string | undefined {
  return 'path' in operation ? operation.path : undefined;
}

/** `0755 root:root`-like words for the inode a decision stopped at. */
function owner(rootFs: RootFs, path: string): { text: string; layer: number } | undefined {
  const entry = rootFs.resolve(path).entry;
  if (!entry) return undefined;
  return { text: `${entry.path} is ${entry.mode.toString(8).padStart(4, '0')} ${entry.uid}:${entry.gid}`, layer: entry.layer };
}

export interface DeniedInput {
  readonly id: string;
  readonly severity: Severity;
  readonly operation: Operation;
  readonly decision: Decision;
  readonly program: string;
  readonly uid: number;
  readonly rootFs: RootFs;
  readonly evidence: readonly Evidence[];
  readonly container?: string;
  readonly layerDigests?: readonly string[];
  readonly confidence?: Finding['confidence'];
  /** Said instead of who does what, when nothing was seen doing it: `uid 10001 may not write in /data, a VOLUME of the image`. */
  readonly claim?: string;
}

/** The finding for a denied operation: who did it, on which path, whose it is, which layer made it so, which rule denies it. */
export function deniedFinding(input: DeniedInput): Finding {
  const { decision, operation } = input;
  const at =
    decision.deniedAt?.need === 'mode' || decision.deniedAt?.need === 'owner' || decision.deniedAt?.need === 'sticky'
      ? decision.deniedAt.path
      : undefined;
  const held = at === undefined ? undefined : owner(input.rootFs, at);
  const path = operationPath(operation);
  const program = input.program.split('/').pop() || 'the program';
  const why = held ? `${held.text}${held.layer >= 0 ? ` (layer ${held.layer})` : ''}` : lastStep(decision);
  const where: FindingWhere = {
    ...(path === undefined ? {} : { path }),
    ...(held && held.layer >= 0 ? { layer: held.layer } : {}),
    ...(held && held.layer >= 0 && input.layerDigests?.[held.layer] ? { layerDigest: input.layerDigests[held.layer]! } : {}),
  };
  return {
    id: input.id,
    severity: input.severity,
    confidence: input.confidence ?? (decision.known ? 'high' : 'low'),
    message:
      input.claim === undefined
        ? `${program} ${describeOperation(operation)}; uid ${input.uid} gets ${decision.errno ?? 'EACCES'}: ${why}`
        : `${input.claim}: ${why}`,
    ...(input.container === undefined ? {} : { container: input.container }),
    where,
    evidence: input.evidence,
    operation,
    decision,
  };
}

function lastStep(decision: Decision): string {
  const failed = [...decision.steps].reverse().find((step) => !step.ok);
  return failed?.text ?? (decision.capability ? `it needs ${decision.capability}` : 'denied');
}
