/** The decision function: would the kernel let this process do that, and why. Order of checks as in the kernel, so that the errno is the real one. */
import { decideChmod, decideChown, decideSetxattr, decideUtimes } from './access-attributes.ts';
import { decideLink, decideMknod, decideNewEntry, decideRemove, decideRename } from './access-entries.ts';
import {
  decideAccess,
  decideConnect,
  decideEnter,
  decideExec,
  decideOpen,
  decideReadlink,
  decideTruncate,
} from './access-open.ts';
import {
  decideBind,
  decideCapset,
  decideIds,
  decideKill,
  decidePriority,
  decidePtrace,
  decideSetgroups,
  decideSetsockopt,
  decideSocket,
  decideUnshare,
} from './access-process.ts';
import type { Credentials } from './credentials.ts';
import type { Decision, DecisionStep, FileTree, KernelFacts, QuietDecision } from './decision.ts';
import type { Operation } from './operation.ts';
import { isStop, type Question, quietDecisionOf, requireCapability, type Stop } from './question.ts';
import { walkTo } from './walk.ts';

/** Pure: same question, same answer. Ids are those inside the process's user namespace; a file whose owner it does not know says so. */
export function decide(operation: Operation, who: Credentials, tree: FileTree, facts: KernelFacts): Decision {
  const steps: DecisionStep[] = [];
  const quiet = quietDecisionOf(answer({ who, tree, facts, steps }, operation));
  return { ...quiet, steps };
}

/** The same decision by the same code; only the sentences are never made, which is most of the work. */
export function decideQuietly(operation: Operation, who: Credentials, tree: FileTree, facts: KernelFacts): QuietDecision {
  return quietDecisionOf(answer({ who, tree, facts, steps: undefined }, operation));
}

function answer(question: Question, operation: Operation): Stop | undefined {
  switch (operation.kind) {
    case 'open':
      return decideOpen(question, operation);
    case 'exec':
      return decideExec(question, operation.path);
    case 'stat':
      return found(question, operation.path, operation.noFollow === true ? 'nofollow' : 'follow');
    case 'access':
      return decideAccess(question, operation.path, operation.want);
    case 'chdir':
      return decideEnter(question, operation.path);
    case 'chroot':
      return (
        decideEnter(question, operation.path) ??
        requireCapability(question, 'CAP_SYS_CHROOT', `chroot to ${operation.path}`, {
          path: operation.path,
          source: 'chroot(2)',
        })
      );
    case 'readlink':
      return decideReadlink(question, operation.path);
    case 'mkdir':
      return decideNewEntry(question, operation.path, 'directory');
    case 'symlink':
      return decideNewEntry(question, operation.path, 'other');
    case 'bind-unix':
      return decideNewEntry(question, operation.path, 'socket');
    case 'mknod':
      return decideMknod(question, operation);
    case 'unlink':
    case 'rmdir':
      return decideRemove(question, operation);
    case 'rename':
      return decideRename(question, operation);
    case 'link':
      return decideLink(question, operation);
    case 'chmod':
      return decideChmod(question, operation);
    case 'chown':
      return decideChown(question, operation);
    case 'truncate':
      return decideTruncate(question, operation.path);
    case 'utimes':
      return decideUtimes(question, operation);
    case 'setxattr':
      return decideSetxattr(question, operation);
    case 'connect-unix':
      return decideConnect(question, operation.path);
    case 'bind':
      return decideBind(question, operation);
    case 'socket':
      return decideSocket(question, operation);
    case 'setuid':
    case 'setgid':
      return decideIds(question, operation);
    case 'setgroups':
      return decideSetgroups(question, operation);
    case 'kill':
      return decideKill(question, operation);
    case 'ptrace':
      return decidePtrace(question, operation);
    case 'priority':
      return decidePriority(question, operation);
    case 'unshare':
      return decideUnshare(question, operation);
    case 'setsockopt':
      return decideSetsockopt(question, operation);
    case 'capset':
      return decideCapset(question);
    case 'mount':
      return requireCapability(question, 'CAP_SYS_ADMIN', `${operation.call} ${operation.path}`, { source: 'mount(2)' });
    case 'setns':
      return requireCapability(question, 'CAP_SYS_ADMIN', 'setns', { source: 'setns(2)' });
    case 'rlimit':
      if (!operation.raises) return undefined;
      return requireCapability(question, 'CAP_SYS_RESOURCE', `raising the hard limit ${operation.resource}`, {
        source: 'setrlimit(2)',
      });
    case 'sethostname':
      return requireCapability(question, 'CAP_SYS_ADMIN', 'sethostname', { source: 'sethostname(2)' });
    case 'settime':
      return requireCapability(question, 'CAP_SYS_TIME', 'setting the clock', { source: 'settimeofday(2)' });
    case 'bounding-drop':
      return requireCapability(question, 'CAP_SETPCAP', 'dropping from the bounding set', { source: 'prctl(2)' });
  }
}

function found(question: Question, path: string, ending: 'follow' | 'nofollow'): Stop | undefined {
  const place = walkTo(question, path, ending);
  return isStop(place) ? place : undefined;
}
