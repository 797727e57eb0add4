/** Calls about identity, programs, processes and the machine, and who the process is afterwards. */
import type { Operation } from '../../linux/operation.ts';
import { done, effect, type Handler, idOf, number, settle } from './strace-call.ts';
import { readString, readStrings } from './strace-line.ts';
import { type Ids, own } from './strace-process.ts';

const keep = (id: number, old: number): number => (id === -1 || Number.isNaN(id) ? old : id);
/** What a successful call makes of the ids (setuid(2), setreuid(2), setresuid(2)). */
function changeIds(call: string, ids: readonly number[], old: Ids, privileged: boolean): Ids {
  const [a = -1, b = -1, c = -1] = ids;
  switch (call.slice(3).replace(/[ug]id$/, '')) {
    case '':
      return privileged ? { real: a, effective: a, saved: a } : { ...old, effective: a };
    case 'e':
      return { ...old, effective: a };
    case 're': {
      const effective = keep(b, old.effective);
      return { real: keep(a, old.real), effective, saved: a !== -1 || (b !== -1 && b !== old.real) ? effective : old.saved };
    }
    case 'res':
      return { real: keep(a, old.real), effective: keep(b, old.effective), saved: keep(c, old.saved) };
    default:
      return old;
  }
}
const setIds =
  (which: 'uid' | 'gid'): Handler =>
  (call, c) => {
    const name = call.name.replace(/32$/, '');
    const ids = call.args.map(idOf);
    if (ids.length === 0 || ids.some(Number.isNaN)) return undefined;
    if (done(call) && !name.includes('fs')) {
      c.process[which] = changeIds(name, ids, c.process[which], c.process.uid.effective === 0);
      settle(c.process);
    }
    const kind = `set${which}` as const;
    return { operation: { kind, call: name, ids } as Operation };
  };
/** What a process is told about its own ids is worth more than what was followed: a set-user-ID program changes them unseen. */
const seenIds =
  (which: 'uid' | 'gid', all: boolean): Handler =>
  (call, c) => {
    const ids = c.process[which];
    if (all) {
      const [real, effective, saved] = call.args.map((arg) => number(/\[(\d+)\]/.exec(arg)?.[1]));
      if (done(call) && ![real, effective, saved].some((id) => id === undefined || Number.isNaN(id)))
        c.process[which] = { real: real!, effective: effective!, saved: saved! };
    } else if (done(call) && call.value !== ids.effective) c.process[which] = { ...ids, effective: call.value! };
    return undefined;
  };
const setgroups: Handler = (call) => {
  const groups = [...(call.args[1] ?? '').matchAll(/\d+/g)].map((match) => Number(match[0]));
  return { operation: { kind: 'setgroups', groups } };
};
const prctl: Handler = (call) => {
  // Both need CAP_SETPCAP (capabilities(7)); the other requests change nothing that is decided by identity.
  return call.args[0] === 'PR_CAPBSET_DROP' || call.args[0] === 'PR_SET_SECUREBITS'
    ? { operation: { kind: 'bounding-drop' } }
    : undefined;
};

const exec =
  (at: number, name: number): Handler =>
  (call, c) => {
    const empty = readString(call.args[name])?.text === '';
    const located = empty
      ? c.paths.file(c.process, call.args[at])
      : c.paths.path(c.process, at < 0 ? undefined : call.args[at], call.args[name]);
    if (located === undefined) return undefined;
    const argv = readStrings(call.args[name + 1]).map((string) => string.text);
    if (done(call)) {
      c.process.group.program = own(located.path);
      c.process.group.argv = argv.map(own);
      settle(c.process);
    }
    return effect({ kind: 'exec', path: located.path, argv }, located);
  };
const NEW_NAMESPACE = /CLONE_NEW[A-Z]+/g;
const unshare: Handler = (call) => {
  const flags = call.args.join(' ').match(NEW_NAMESPACE) ?? [];
  return flags.length === 0 ? undefined : { operation: { kind: 'unshare', flags } };
};
const kill =
  (pidAt: number, signalAt: number, thread: boolean): Handler =>
  (call, c) => {
    const pid = number(call.args[pidAt]);
    const outer = /\/\* (\d+) in strace/.exec(call.args[pidAt] ?? '')?.[1];
    if (Number.isNaN(pid) || pid <= 0) return undefined;
    const target = outer === undefined ? (c.table.byInnerPid(pid) ?? c.table.peek(pid)) : c.table.peek(Number(outer));
    // A process may always signal itself; abort(3) and thread libraries do it all the time.
    if (target?.group === c.process.group || (thread && target === undefined && call.errno !== 'EPERM')) return undefined;
    const targetUid = target?.uid.effective;
    const signal = call.args[signalAt] ?? '';
    return { operation: { kind: 'kill', pid, signal, ...(targetUid === undefined ? {} : { targetUid }) } };
  };
const setpriority: Handler = (call, c) => {
  const nice = number(call.args[2]);
  if (Number.isNaN(nice)) return undefined;
  const lowers = nice < c.process.group.nice;
  if (done(call) && call.args[0] === 'PRIO_PROCESS' && number(call.args[1]) === 0) c.process.group.nice = nice;
  return { operation: { kind: 'priority', call: call.name, lowers } };
};
const scheduler: Handler = (call) => ({
  operation: {
    kind: 'priority',
    call: call.name,
    lowers: /SCHED_(?:FIFO|RR|DEADLINE)|IOPRIO_CLASS_RT/.test(call.args.join(' ')),
  },
});
/** `1024*1024`, `RLIM64_INFINITY`. */
const limitOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (text.includes('INFINITY')) return Number.POSITIVE_INFINITY;
  const product = text.split('*').reduce((value, factor) => value * Number(factor), 1);
  return Number.isNaN(product) ? undefined : product;
};
const hardLimit = (arg: string | undefined): number | undefined => limitOf(/rlim_max=([^,}]*)/.exec(arg ?? '')?.[1]);
/** Lowering is free, raising the hard limit needs CAP_SYS_RESOURCE (setrlimit(2)). */
const rlimit =
  (resourceAt: number, newAt: number, oldAt: number): Handler =>
  (call, c) => {
    const resource = call.args[resourceAt] ?? '';
    const limits = c.process.group.limits;
    const old = hardLimit(call.args[oldAt]);
    if (done(call) && old !== undefined) limits.set(resource, old);
    const wanted = newAt < 0 ? undefined : hardLimit(call.args[newAt]);
    if (wanted === undefined) return undefined;
    const known = limits.get(resource);
    const raises = known === undefined ? call.errno === 'EPERM' : wanted > known;
    if (done(call)) limits.set(resource, wanted);
    return { operation: { kind: 'rlimit', resource, raises } };
  };

const plain =
  (operation: Operation): Handler =>
  () => ({ operation });

/** Calls that change or ask who a process is, start programs, or reach for other processes and for the machine. */
export const PROCESS_CALLS: readonly (readonly [string, Handler])[] = [
  ['execve', exec(-1, 0)],
  ['execveat', exec(0, 1)],
  ['setuid', setIds('uid')],
  ['setuid32', setIds('uid')],
  ['setreuid', setIds('uid')],
  ['setreuid32', setIds('uid')],
  ['setresuid', setIds('uid')],
  ['setresuid32', setIds('uid')],
  ['setfsuid', setIds('uid')],
  ['setfsuid32', setIds('uid')],
  ['setgid', setIds('gid')],
  ['setgid32', setIds('gid')],
  ['setregid', setIds('gid')],
  ['setregid32', setIds('gid')],
  ['setresgid', setIds('gid')],
  ['setresgid32', setIds('gid')],
  ['setfsgid', setIds('gid')],
  ['setfsgid32', setIds('gid')],
  ['geteuid', seenIds('uid', false)],
  ['geteuid32', seenIds('uid', false)],
  ['getegid', seenIds('gid', false)],
  ['getegid32', seenIds('gid', false)],
  ['getresuid', seenIds('uid', true)],
  ['getresuid32', seenIds('uid', true)],
  ['getresgid', seenIds('gid', true)],
  ['getresgid32', seenIds('gid', true)],
  ['setgroups', setgroups],
  ['setgroups32', setgroups],
  ['capset', plain({ kind: 'capset' })],
  ['prctl', prctl],
  ['kill', kill(0, 1, false)],
  ['tkill', kill(0, 1, true)],
  ['tgkill', kill(0, 2, true)],
  ['unshare', unshare],
  ['clone', unshare],
  ['clone3', unshare],
  ['setns', plain({ kind: 'setns' })],
  ['setpriority', setpriority],
  ['sched_setscheduler', scheduler],
  ['sched_setattr', scheduler],
  ['ioprio_set', scheduler],
  ['prlimit64', rlimit(1, 2, 3)],
  ['setrlimit', rlimit(0, 1, -1)],
  ['getrlimit', rlimit(0, -1, 1)],
  ['ugetrlimit', rlimit(0, -1, 1)],
  ['sethostname', plain({ kind: 'sethostname' })],
  ['setdomainname', plain({ kind: 'sethostname' })],
  ['settimeofday', plain({ kind: 'settime' })],
  ['clock_settime', plain({ kind: 'settime' })],
  ['clock_settime64', plain({ kind: 'settime' })],
  ['adjtimex', (call) => (/modes=0[,}]/.test(call.args[0] ?? '') ? undefined : { operation: { kind: 'settime' } })],
  ['clock_adjtime', (call) => (/modes=0[,}]/.test(call.args[1] ?? '') ? undefined : { operation: { kind: 'settime' } })],
  [
    'ptrace',
    (call, c) => {
      if (!/^PTRACE_(?:ATTACH|SEIZE)$/.test(call.args[0] ?? '')) return undefined;
      const pid = number(call.args[1]);
      const targetUid = (c.table.byInnerPid(pid) ?? c.table.peek(pid))?.uid.effective;
      return { operation: { kind: 'ptrace', ...(targetUid === undefined ? {} : { targetUid }) } };
    },
  ],
];
