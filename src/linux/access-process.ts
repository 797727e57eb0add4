/** What needs no file: changing ids, signals, ports and sockets, priorities, limits, and the calls reserved to an administrator. */
import type { Capability } from './capability.ts';
import { isMapped } from './credentials.ts';
import type { Operation } from './operation.ts';
import { hasCapability, inGroup } from './permission.ts';
import { deny, fail, type Question, requireCapability, type Stop, say } from './question.ts';

type Of<K extends Operation['kind']> = Extract<Operation, { kind: K }>;

/** bind(2) to a port (inet_port_requires_bind_service); port 0 lets the kernel choose a high one. */
export function decideBind(question: Question, operation: Of<'bind'>): Stop | undefined {
  const { port } = operation;
  const { who, facts } = question;
  const start = facts.unprivilegedPortStart;
  const source = 'net.ipv4.ip_unprivileged_port_start, ip(7)';
  if (port === 0 || port >= start) {
    const why =
      port === 0 ? 'the kernel picks a free one, which needs no capability' : `ports from ${start} on need no capability`;
    say(question, true, () => `port ${port} is open to everybody: ${why}`, undefined, source);
    return undefined;
  }
  const text = () => `port ${port} is below ${start} and needs CAP_NET_BIND_SERVICE`;
  if (hasCapability(who, 'CAP_NET_BIND_SERVICE')) {
    say(question, true, () => `${text()}, which uid ${who.uid} has`, undefined, source);
    return undefined;
  }
  const at = { path: `:${port}/${operation.protocol}`, want: 0, need: 'port' as const };
  return deny(question, 'EACCES', () => `${text()}, which uid ${who.uid} does not have`, at, {
    capability: 'CAP_NET_BIND_SERVICE',
    source,
  });
}

export function decideSocket(question: Question, operation: Of<'socket'>): Stop | undefined {
  const { who, facts } = question;
  if (operation.type === 'netlink') return undefined;
  if (operation.type !== 'ping')
    return requireCapability(question, 'CAP_NET_RAW', `a ${operation.type} socket`, { source: 'socket(7)' });
  const [low, high] = facts.pingGroupRange;
  const source = 'net.ipv4.ping_group_range, icmp(7)';
  const gid = [who.gid, ...who.groups].find((one) => one >= low && one <= high);
  if (gid !== undefined) {
    say(question, true, () => `ping sockets are open to groups ${low} to ${high}: gid ${gid} is one of them`, undefined, source);
    return undefined;
  }
  const groups = low > high ? 'nobody' : `groups ${low} to ${high} only`;
  const text = () => `ping sockets are open to ${groups}; no group of uid ${who.uid} is among them, and no capability helps`;
  return deny(question, 'EACCES', text, { path: '', want: 0, need: 'capability' }, { source });
}

/** Which of its own ids a call lets a process take without a capability, by the place of the argument (kernel/sys.c). */
function ownIds(
  call: Of<'setuid' | 'setgid'>['call'],
  ids: { real: number; effective: number; saved: number },
): readonly number[][] {
  const { real, effective, saved } = ids;
  const any = [real, effective, saved];
  switch (call) {
    case 'setuid':
    case 'setgid':
      // Not the effective one: to keep what one is, one has to have it as real or saved id.
      return [[real, saved]];
    case 'setreuid':
    case 'setregid':
      // setregid takes the saved one for the real id no more than setreuid, but compares the effective with all three.
      return [[real, effective], any];
    default:
      return [any, any, any];
  }
}

/** Changing ids: to one's own, or with CAP_SETUID or CAP_SETGID. */
export function decideIds(question: Question, operation: Of<'setuid' | 'setgid'>): Stop | undefined {
  const { who } = question;
  const isUser = operation.kind === 'setuid';
  const name = isUser ? 'uid' : 'gid';
  const { call } = operation;
  const source = `${call}(2)`;
  // The calls with one id know no "leave unchanged": -1 is an id that nobody has. setfsuid cannot fail and says the id it has.
  if (operation.ids.length === 1 && operation.ids[0] === -1 && !call.startsWith('setfs'))
    return fail(question, 'EINVAL', () => `${call}: -1 is no ${name}`);
  const known = isUser ? who.userNamespace?.uids : who.userNamespace?.gids;
  const stranger = known === undefined ? undefined : operation.ids.find((id) => id !== -1 && !isMapped(id, known));
  if (stranger !== undefined) return fail(question, 'EINVAL', () => `${call}: the user namespace has no ${name} ${stranger}`);
  const effective = isUser ? who.uid : who.gid;
  const real = (isUser ? who.realUid : who.realGid) ?? effective;
  const saved = (isUser ? who.savedUid : who.savedGid) ?? effective;
  const own = ownIds(call, { real, effective, saved });
  const foreign = operation.ids.find((id, index) => id !== -1 && own[index]?.includes(id) !== true);
  if (foreign === undefined) {
    say(question, true, () => `${call} asks for the ${name} it has`, undefined, source);
    return undefined;
  }
  return requireCapability(question, isUser ? 'CAP_SETUID' : 'CAP_SETGID', `${call} to ${name} ${foreign}`, { source });
}

/** kill(2): the sender's real or effective uid must be the target's real or saved one. A target whose owner is unknown gives no answer. */
export function decideKill(question: Question, operation: Of<'kill'>): Stop | undefined {
  const { who } = question;
  const { pid, targetUid, targetSavedUid = targetUid } = operation;
  const mine = [who.uid, who.realUid ?? who.uid];
  if ((targetUid !== undefined && mine.includes(targetUid)) || (targetSavedUid !== undefined && mine.includes(targetSavedUid))) {
    say(question, true, () => `process ${pid} belongs to uid ${targetUid}, and so does the sender`, undefined, 'kill(2)');
    return undefined;
  }
  const target = targetUid === undefined ? 'of an unknown uid' : `of uid ${targetUid}`;
  if (!hasCapability(who, 'CAP_KILL')) {
    if (targetUid === undefined) return noAnswer(question, `process ${pid} is ${target}`);
    // Within a session everybody may be told to go on.
    if (operation.signal === 'SIGCONT') {
      if (operation.sameSession === true) return undefined;
      if (operation.sameSession === undefined)
        return noAnswer(question, `whether process ${pid} is of the same session is not known`);
    }
  }
  return requireCapability(question, 'CAP_KILL', `signalling process ${pid} ${target}`, { source: 'kill(2)' });
}

export function decidePtrace(question: Question, operation: Of<'ptrace'>): Stop | undefined {
  const { who } = question;
  if (hasCapability(who, 'CAP_SYS_PTRACE')) return undefined;
  // Even the same uid is refused when the target has capabilities the tracer lacks, or is not dumpable; neither is known.
  if (operation.targetUid === undefined) return noAnswer(question, 'the traced process is of an unknown uid');
  if (operation.targetUid === who.uid) return undefined;
  return requireCapability(question, 'CAP_SYS_PTRACE', `tracing a process of uid ${operation.targetUid}`, {
    source: 'ptrace(2)',
  });
}

/** Raising one's own priority: nice values above the RLIMIT_NICE ceiling, whose default is none. */
export function decidePriority(question: Question, operation: Of<'priority'>): Stop | undefined {
  if (!operation.lowers) return undefined;
  // setpriority answers EACCES, everything else EPERM (kernel/sys.c set_one_prio).
  const errno = operation.call === 'setpriority' ? 'EACCES' : 'EPERM';
  return requireCapability(question, 'CAP_SYS_NICE', `${operation.call} to a better priority`, {
    errno,
    source: 'setpriority(2)',
  });
}

const NAMESPACE_FREE = new Set([
  'CLONE_FILES',
  'CLONE_FS',
  'CLONE_SYSVSEM',
  'CLONE_THREAD',
  'CLONE_SIGHAND',
  'CLONE_VM',
  'CLONE_NEWUSER',
]);

/** unshare(2): new namespaces need CAP_SYS_ADMIN, which a new user namespace brings along. */
export function decideUnshare(question: Question, operation: Of<'unshare'>): Stop | undefined {
  const needy = operation.flags.filter((flag) => !NAMESPACE_FREE.has(flag));
  if (needy.length === 0 || operation.flags.includes('CLONE_NEWUSER')) return undefined;
  return requireCapability(question, 'CAP_SYS_ADMIN', `unshare ${needy.join('|')}`, { source: 'unshare(2)' });
}

/** Which options need what (net/core/sock.c, net/ipv4/ip_sockglue.c); SO_BINDTODEVICE on an unbound socket is free since Linux 5.7. */
const SOCKET_OPTIONS: Readonly<Record<string, readonly Capability[]>> = {
  SO_MARK: ['CAP_NET_RAW', 'CAP_NET_ADMIN'],
  SO_RCVBUFFORCE: ['CAP_NET_ADMIN'],
  SO_SNDBUFFORCE: ['CAP_NET_ADMIN'],
  SO_DEBUG: ['CAP_NET_ADMIN'],
  IP_TRANSPARENT: ['CAP_NET_RAW', 'CAP_NET_ADMIN'],
  IPV6_TRANSPARENT: ['CAP_NET_RAW', 'CAP_NET_ADMIN'],
};

export function decideSetsockopt(question: Question, operation: Of<'setsockopt'>): Stop | undefined {
  const needs = SOCKET_OPTIONS[operation.name];
  if (needs === undefined) return undefined;
  const errno = operation.name === 'SO_DEBUG' ? 'EACCES' : 'EPERM';
  const held = needs.find((capability) => hasCapability(question.who, capability));
  return requireCapability(question, held ?? needs[0]!, `setsockopt ${operation.name}`, { errno, source: 'socket(7)' });
}

/** capset(2): taking away is free; what was asked for is not known, so an empty permitted set is the one sure case. */
export function decideCapset(question: Question): Stop | undefined {
  if (hasCapability(question.who, 'CAP_SETPCAP')) return undefined;
  return noAnswer(question, 'capset may drop any capability but add none, and which it asked for is not known');
}

/** setgroups(2), or a plain administrator's call. */
export function decideSetgroups(question: Question, operation: Of<'setgroups'>): Stop | undefined {
  const groups = operation.groups.length === 0 ? 'none' : operation.groups.join(', ');
  const same = operation.groups.every((gid) => inGroup(question.who, gid));
  const what = `setgroups to ${groups}${same ? ' (even though it is in all of them)' : ''}`;
  const refused = requireCapability(question, 'CAP_SETGID', what, { source: 'setgroups(2)' });
  const known = question.who.userNamespace?.gids;
  if (refused !== undefined || known === undefined || operation.groups.every((gid) => isMapped(gid, known))) return refused;
  return fail(question, 'EINVAL', () => `setgroups: the user namespace has not all of ${groups}`);
}

function noAnswer(question: Question, why: string): Stop {
  say(question, false, () => `no answer: ${why}`);
  return { stop: true, unknown: true };
}
