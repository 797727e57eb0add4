/** open(2), execve(2) and truncate(2): access to a file's content, checks in the kernel's order (fs/namei.c path_openat, fs/exec.c). */
import type { FileNode } from './decision.ts';
import { transitionOnExecve } from './execve.ts';
import type { Operation } from './operation.ts';
import { EXECUTE, owns, READ, WRITE } from './permission.ts';
import {
  deny,
  fail,
  isStop,
  type Question,
  requirePermission,
  requireWritableMount,
  type Stop,
  say,
  unknown,
} from './question.ts';
import { MAX_INTERPRETERS } from './script.ts';
import { type Found, type Place, walk, walkTo } from './walk.ts';

type Open = Extract<Operation, { kind: 'open' }>;

export function decideOpen(question: Question, operation: Open): Stop | undefined {
  if (operation.tmpfile === true) return decideTmpfile(question, operation);
  if (operation.access === 'path') {
    const place = walkTo(question, operation.path, operation.noFollow === true ? 'nofollow' : 'follow');
    if (isStop(place)) return place;
    return operation.directory === true ? requireDirectory(question, place) : undefined;
  }
  const create = operation.create === true;
  if (create && operation.directory === true) return fail(question, 'EINVAL', () => 'O_CREAT and O_DIRECTORY exclude each other');
  const noFollow = operation.noFollow === true || (create && operation.exclusive === true);
  const place = create
    ? walk(question, operation.path, noFollow ? 'create-nofollow' : 'create')
    : walkTo(question, operation.path, noFollow ? 'nofollow' : 'follow');
  if (isStop(place)) return place;
  if (create && place.last !== 'name' && operation.exclusive !== true) {
    return fail(question, 'EISDIR', () => `${place.path} is a directory`, place.path);
  }
  if (place.node === undefined) return decideCreate(question, place);
  if (create) {
    if (operation.exclusive === true)
      return fail(
        question,
        'EEXIST',
        () => `${place.path} is there already, and something new was asked for (O_CREAT with O_EXCL)`,
        place.path,
      );
    if (place.node.inode.type === 'directory') return fail(question, 'EISDIR', () => `${place.path} is a directory`, place.path);
    const refused = mayCreateInSticky(question, place as Found);
    if (refused !== undefined) return refused;
  }
  return openExisting(question, place as Found, operation);
}

function openExisting(question: Question, place: Found, operation: Open): Stop | undefined {
  const { node, path } = place;
  const { type } = node.inode;
  if (operation.directory === true && type !== 'directory')
    return fail(question, 'ENOTDIR', () => `${path} is not a directory`, path);
  // O_TRUNC asks for write permission and, for a regular file, for a writable mount before anything else.
  if (operation.truncate === true && type === 'file') {
    const readOnly = requireWritableMount(question, path, node);
    if (readOnly !== undefined) return readOnly;
  }
  if (type === 'symlink') return fail(question, 'ELOOP', () => `${path} is a symlink and O_NOFOLLOW was asked for`, path);
  const writes = operation.access === 'write' || operation.access === 'read-write';
  const want = (operation.access === 'write' ? 0 : READ) | (writes || operation.truncate === true ? WRITE : 0);
  if (type === 'directory' && (want & WRITE) !== 0) return fail(question, 'EISDIR', () => `${path} is a directory`, path);
  const denied = requirePermission(question, path, node, want);
  if (denied !== undefined) return denied;
  if (node.noDev === true && (type === 'character-device' || type === 'block-device')) {
    const at = { path, want, need: 'mode' as const };
    return deny(question, 'EACCES', () => `${path} is a device on a mount with nodev`, at, { source: 'mount(2)' });
  }
  if (node.noTerminal === true)
    return fail(question, 'ENXIO', () => `${path} is the process's own terminal, and the container is started without one`, path);
  if (type === 'socket') return fail(question, 'ENXIO', () => `${path} is a socket: open cannot`, path);
  // Devices and fifos are not written to the file system, so a read-only mount does not matter to them.
  return writes && type === 'file' ? requireWritableMount(question, path, node) : undefined;
}

/** A new file: write and search on its directory. */
function decideCreate(question: Question, place: Place): Stop | undefined {
  say(question, true, () => `${place.path} does not exist yet`, place.path);
  return (
    requireWritableMount(question, place.parent, place.parentNode) ??
    requirePermission(question, place.parent, place.parentNode, WRITE | EXECUTE)
  );
}

function decideTmpfile(question: Question, operation: Open): Stop | undefined {
  const place = walkTo(question, operation.path, operation.noFollow === true ? 'nofollow' : 'follow');
  if (isStop(place)) return place;
  return (
    requireDirectory(question, place) ??
    requireWritableMount(question, place.path, place.node) ??
    requirePermission(question, place.path, place.node, WRITE | EXECUTE)
  );
}

export function requireDirectory(question: Question, place: Found): Stop | undefined {
  if (place.node.inode.type === 'directory') return undefined;
  return fail(question, 'ENOTDIR', () => `${place.path} is not a directory`, place.path);
}

/**
 * may_create_in_sticky: fs.protected_regular and fs.protected_fifos. No capability helps. Sockets, devices and unfollowed symlinks are
 * refused in world-writable sticky directories whatever the sysctls say.
 */
function mayCreateInSticky(question: Question, place: Found): Stop | undefined {
  const { inode } = place.node;
  const directory = place.parentNode.inode;
  if ((directory.mode & 0o1000) === 0 || owns(question.who, inode)) return undefined;
  const strangers = [inode, directory].filter((one) => one.unmapped?.uid === true).length;
  if (strangers === 0 && inode.uid === directory.uid) return undefined;
  const sysctl = { file: 'fs.protected_regular', fifo: 'fs.protected_fifos' }[inode.type as string];
  const level = inode.type === 'fifo' ? question.facts.protectedFifos : question.facts.protectedRegular;
  if (sysctl !== undefined && level === 0) return undefined;
  if ((directory.mode & 0o002) === 0 && !(sysctl !== undefined && level >= 2 && (directory.mode & 0o020) !== 0)) return undefined;
  // Two owners outside the user namespace may be one and the same.
  if (strangers === 2) return unknown(question, place.path);
  const rule = sysctl === undefined ? 'the kernel' : `${sysctl}=${level}`;
  const text = () =>
    `${place.path} belongs to uid ${inode.uid} and lies in a sticky directory of uid ${directory.uid}: ${rule} forbids to open it with O_CREAT`;
  return deny(question, 'EACCES', text, { path: place.path, want: WRITE, need: 'sticky' }, { source: 'proc_sys_fs(5)' });
}

export function decideExec(question: Question, path: string): Stop | undefined {
  let program = path;
  for (let depth = 0; depth <= MAX_INTERPRETERS; depth += 1) {
    const place = walkTo(question, program, 'follow');
    if (isStop(place)) return place;
    const refused = mayExecute(question, place);
    if (refused !== undefined) return refused;
    const broken = isExecutableFormat(question, place);
    if (broken !== undefined) return broken;
    if (place.node.interpreter === undefined) return fileCapabilitiesAllow(question, place);
    say(question, true, () => `${place.path} is a script for ${place.node.interpreter}`, place.path, 'execve(2)');
    program = place.node.interpreter;
    if (!program.startsWith('/')) return unknown(question, program);
  }
  return fail(question, 'ELOOP', () => `${path} leads through more than ${MAX_INTERPRETERS} interpreters`, path);
}

/** The content: ENOEXEC when nothing in the kernel knows it, and what stands behind a missing loader. */
function isExecutableFormat(question: Question, { node, path }: Found): Stop | undefined {
  const { program } = node;
  if (program === undefined || program.kind === 'script') return undefined;
  const source = 'execve(2)';
  if (program.kind === 'invalid') {
    say(question, false, () => `${path} cannot be executed: ${program.why}`, path, source);
    return { stop: true, errno: 'ENOEXEC' };
  }
  if (program.kind === 'foreign') {
    const text = () => `${path}: ${program.why}: ENOEXEC, unless binfmt_misc hands such programs to an emulator`;
    say(question, false, text, path, source);
    return { stop: true, unknown: true };
  }
  if (program.kind === 'unread') return unknown(question, path);
  if (program.loader === undefined) return undefined;
  say(question, true, () => `${path} asks for the dynamic loader ${program.loader}`, path, source);
  if (!program.loader.startsWith('/')) return unknown(question, program.loader);
  const loader = walkTo(question, program.loader, 'follow');
  return isStop(loader) ? loader : mayExecute(question, loader);
}

function mayExecute(question: Question, place: Found): Stop | undefined {
  const { node, path } = place;
  if (node.inode.type !== 'file')
    return fail(question, 'EACCES', () => `${path} is no regular file, so it cannot be executed`, path);
  if (node.noExec === true) {
    return deny(
      question,
      'EACCES',
      () => `${path} lies on a mount with noexec`,
      { path, want: EXECUTE, need: 'mode' },
      { source: 'mount(2)' },
    );
  }
  return requirePermission(question, path, node, EXECUTE);
}

function fileCapabilitiesAllow(question: Question, place: Found): Stop | undefined {
  const answer = transitionOnExecve(question.who, executableOf(place.node));
  if (answer.kind === 'runs') return undefined;
  const at = { path: place.path, want: EXECUTE, need: 'capability' as const };
  return deny(question, 'EPERM', () => `${place.path}: ${answer.steps.at(-1)}`, at, {
    capability: answer.missing,
    source: 'capabilities(7)',
  });
}

function executableOf(node: FileNode): Parameters<typeof transitionOnExecve>[1] {
  const { mode, uid, gid, fileCapabilities } = node.inode;
  return {
    mode,
    uid,
    gid,
    ...(fileCapabilities === undefined ? {} : { fileCapabilities }),
    ...(node.noSuid === undefined ? {} : { noSuid: node.noSuid }),
  };
}

export function decideTruncate(question: Question, path: string): Stop | undefined {
  const place = walkTo(question, path, 'follow');
  if (isStop(place)) return place;
  const { type } = place.node.inode;
  if (type === 'directory') return fail(question, 'EISDIR', () => `${place.path} is a directory`, place.path);
  if (type !== 'file') return fail(question, 'EINVAL', () => `${place.path} is no regular file`, place.path);
  // Permission first since Linux 6.x; before, a read-only mount was noticed first.
  return requirePermission(question, place.path, place.node, WRITE) ?? requireWritableMount(question, place.path, place.node);
}

/** access(2) asks for the real uid and drops the capabilities of everybody but root (access_override_creds). */
export function decideAccess(question: Question, path: string, want: number): Stop | undefined {
  const { who } = question;
  const { realUid: uid = who.uid, realGid: gid = who.gid } = who;
  const effective = uid === 0 ? who.capabilities.permitted : [];
  const asking: Question = { ...question, who: { ...who, uid, gid, capabilities: { ...who.capabilities, effective } } };
  const place = walkTo(asking, path, 'follow');
  if (isStop(place)) return place;
  const { node } = place;
  if ((want & EXECUTE) !== 0 && node.inode.type === 'file' && node.noExec === true) {
    const at = { path: place.path, want: EXECUTE, need: 'mode' as const };
    return deny(asking, 'EACCES', () => `${place.path} lies on a mount with noexec`, at, { source: 'access(2)' });
  }
  if ((want & 7) !== 0) {
    const denied = requirePermission(asking, place.path, node, want & 7);
    if (denied !== undefined) return denied;
  }
  const onDisk = node.inode.type === 'file' || node.inode.type === 'directory' || node.inode.type === 'symlink';
  return (want & WRITE) !== 0 && onDisk ? requireWritableMount(asking, place.path, node) : undefined;
}

/** chdir(2) and chroot(2): a directory that may be searched. */
export function decideEnter(question: Question, path: string): Stop | undefined {
  const place = walkTo(question, path, 'follow');
  if (isStop(place)) return place;
  return requireDirectory(question, place) ?? requirePermission(question, place.path, place.node, EXECUTE);
}

/** connect(2) to a named socket: write permission on it (unix(7)). */
export function decideConnect(question: Question, path: string): Stop | undefined {
  const place = walkTo(question, path, 'follow');
  if (isStop(place)) return place;
  const denied = requirePermission(question, place.path, place.node, WRITE);
  if (denied !== undefined) return denied;
  return place.node.inode.type === 'socket'
    ? undefined
    : fail(question, 'ECONNREFUSED', () => `${place.path} is no socket`, place.path);
}

/** readlink(2). */
export function decideReadlink(question: Question, path: string): Stop | undefined {
  const place = walkTo(question, path, 'nofollow');
  if (isStop(place)) return place;
  return place.node.inode.type === 'symlink'
    ? undefined
    : fail(question, 'EINVAL', () => `${place.path} is no symlink`, place.path);
}
