/** What one decision is about while it is being made: the process, the tree, the steps so far; and how it ends. */
import type { Capability } from './capability.ts';
import type { Credentials } from './credentials.ts';
import type { Decision, DecisionStep, FileNode, FileTree, KernelFacts, PermissionFacts, QuietDecision } from './decision.ts';
import type { Inode } from './inode.ts';
import type { Errno } from './operation.ts';
import {
  EXECUTE,
  hasCapability,
  isBeyond,
  mayAccess,
  ownerAndMode,
  type Permission,
  permission,
  rwx,
  WRITE,
} from './permission.ts';

export interface Question {
  readonly who: Credentials;
  readonly tree: FileTree;
  readonly facts: KernelFacts;
  /** Grows as the decision is made; undefined = nobody wants to know why, and no sentence is made. */
  readonly steps: DecisionStep[] | undefined;
}

/** A sentence that is made only when somebody listens. */
export type Words = () => string;

/** The operation ends here. Without errno: it ends well, or nobody knows. */
export interface Stop {
  readonly stop: true;
  readonly errno?: Errno;
  readonly deniedAt?: Decision['deniedAt'];
  readonly capability?: Capability;
  readonly unknown?: true;
}

export function isStop<T extends object>(value: T | Stop | undefined): value is Stop {
  return value !== undefined && 'stop' in value;
}

export function say(
  question: Question,
  ok: boolean,
  words: Words,
  path?: string,
  source?: string,
  facts?: () => PermissionFacts,
): void {
  if (question.steps === undefined) return;
  const text = words();
  // The same directory is searched again for every symlink through it: one sentence is enough.
  if (question.steps.some((step) => step.text === text)) return;
  question.steps.push({
    text,
    ok,
    ...(path === undefined ? {} : { path }),
    ...(source === undefined ? {} : { source }),
    ...(facts === undefined ? {} : { permission: facts() }),
  });
}

/** Fails for a reason that is no permission: the file is missing, is a directory … */
export function fail(question: Question, errno: Errno, text: Words, path?: string): Stop {
  say(question, false, text, path);
  return { stop: true, errno };
}

export function unknown(question: Question, path: string): Stop {
  say(question, false, () => `${path} is outside what is known: no answer`, path);
  return { stop: true, unknown: true };
}

type Need = NonNullable<Decision['deniedAt']>['need'];

/** Fails for want of permission. */
export function deny(
  question: Question,
  errno: Errno,
  text: Words,
  at: { readonly path: string; readonly want: number; readonly need: Need },
  extra: { readonly capability?: Capability | undefined; readonly source?: string; readonly facts?: () => PermissionFacts } = {},
): Stop {
  say(question, false, text, at.path, extra.source, extra.facts);
  return { stop: true, errno, deniedAt: at, ...(extra.capability === undefined ? {} : { capability: extra.capability }) };
}

const VERBS: Readonly<Record<number, string>> = {
  1: 'execute',
  2: 'write',
  3: 'write and search',
  4: 'read',
  5: 'read and execute',
  6: 'read and write',
  7: 'read, write and execute',
};

/** inode_permission on a node; says one sentence either way. */
export function requirePermission(question: Question, path: string, node: FileNode, want: number): Stop | undefined {
  const { who } = question;
  const { inode } = node;
  const allowed = mayAccess(inode, who, want);
  if (allowed && question.steps === undefined) return undefined;
  const text = (): string => {
    const verb = inode.type === 'directory' && want === EXECUTE ? 'search' : (VERBS[want] ?? rwx(want));
    return `${path} is ${ownerAndMode(inode)}: ${permission(inode, who, want).text}, ${allowed ? 'may' : 'may not'} ${verb}`;
  };
  const facts = (): PermissionFacts => factsOf(permission(inode, who, want), want);
  const source = 'path_resolution(7)';
  if (allowed) {
    say(question, true, text, path, source, facts);
    return undefined;
  }
  const { missing } = permission(inode, who, want);
  return deny(question, 'EACCES', text, { path, want, need: 'mode' }, { capability: missing, source, facts });
}

function factsOf({ class: decides, entry, granted, through }: Permission, want: number): PermissionFacts {
  return {
    class: decides,
    ...(entry === undefined ? {} : { entry }),
    needed: rwx(want).replaceAll('-', ''),
    granted: rwx(granted),
    ...(through === undefined ? {} : { through }),
  };
}

/** mnt_want_write: asked by everything that changes something, before or after permission, depending on the call. */
export function requireWritableMount(question: Question, path: string, node: FileNode): Stop | undefined {
  if (node.readOnly !== true) return undefined;
  const text = () => `${path} lies on a read-only file system`;
  return deny(question, 'EROFS', text, { path, want: WRITE, need: 'read-only' }, { source: 'mount(2)' });
}

/** A plain "has it or EPERM" capability question. */
export function requireCapability(
  question: Question,
  capability: Capability,
  what: string,
  at: {
    readonly path?: string;
    readonly errno?: Errno;
    readonly source?: string;
    /** The file it must reach. */
    readonly inode?: Inode;
    /** It must be held on the machine itself: having it in a user namespace does not help. */
    readonly machine?: boolean;
  } = {},
): Stop | undefined {
  const source = at.source ?? 'capabilities(7)';
  const { who } = question;
  const beyond = (at.machine === true && who.userNamespace !== undefined) || (at.inode !== undefined && isBeyond(who, at.inode));
  if (hasCapability(who, capability) && !beyond) {
    say(question, true, () => `${what} needs ${capability}, which uid ${who.uid} has`, at.path, source);
    return undefined;
  }
  const lacks = beyond ? 'cannot have outside its user namespace' : 'does not have';
  const text = () => `${what} needs ${capability}, which uid ${who.uid} ${lacks}`;
  return deny(question, at.errno ?? 'EPERM', text, { path: at.path ?? '', want: 0, need: 'capability' }, { capability, source });
}

/** The answer without the story. */
export function quietDecisionOf(stop: Stop | undefined): QuietDecision {
  if (stop === undefined) return ALLOWED;
  return {
    allowed: stop.errno === undefined && stop.unknown !== true,
    ...(stop.errno === undefined ? {} : { errno: stop.errno }),
    ...(stop.deniedAt === undefined ? {} : { deniedAt: stop.deniedAt }),
    ...(stop.capability === undefined ? {} : { capability: stop.capability }),
    known: stop.unknown !== true,
  };
}

const ALLOWED: QuietDecision = { allowed: true, known: true };
