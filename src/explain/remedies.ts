/** What would turn a denial, smallest first: the same fixes that `unroot fix` makes, else a setting, at last a capability. */
import { deniedFinding } from '../finding/denied.ts';
import type { FixContext } from '../fixes/context.ts';
import { planFixes } from '../fixes/plan.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Decision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import type { Component, Remedy } from './explanation.ts';

export interface RemedyContext {
  readonly launch: Launch;
  readonly fixes: FixContext;
  readonly walk: readonly Component[];
  /** The decision under a Launch with one more capability asked for; undefined when nothing starts then. */
  readonly withCapability: (name: string) => { readonly launch: Launch | Refusal; readonly allowed: boolean };
}

/** Empty when it is allowed, fails for no want of permission, or nobody knows. */
export function remediesFor(operation: Operation, decision: Decision, context: RemedyContext): readonly Remedy[] {
  const need = decision.deniedAt?.need;
  if (decision.allowed || !decision.known || need === undefined) return [];
  if (need === 'read-only') return [...writable(decision, context)];
  return [...planned(operation, decision, context), ...capability(decision, context)];
}

/** The check that would report it decides which remedies are tried. */
const checkOf = (operation: Operation, decision: Decision): string => {
  if (decision.deniedAt?.need === 'capability') return 'capability-needed';
  if (operation.kind === 'chown' || operation.kind === 'chmod') return 'ownership-change';
  if (operation.kind === 'exec') return 'path-not-executable';
  return operation.kind === 'open' && operation.access === 'read' ? 'path-not-readable' : 'path-not-writable';
};

function planned(operation: Operation, decision: Decision, { launch, fixes }: RemedyContext): readonly Remedy[] {
  const id = checkOf(operation, decision);
  const finding = deniedFinding({
    id,
    severity: 'error',
    operation,
    decision,
    program: '',
    uid: launch.uid,
    rootFs: fixes.rootFs,
    evidence: [],
  });
  const plan = planFixes([finding], fixes);
  const owns = id === 'ownership-change' && operation.kind === 'chmod' && decision.deniedAt !== undefined;
  if (owns) {
    const { uid, gid } = fixes.recipient;
    return [
      {
        id: 'own-path',
        title: `${decision.deniedAt?.path}: owner ${uid}:${gid}`,
        disposition: 'needs-review',
        note: 'only the owner of a file may change its mode; most programs need it only to write, which a group does too',
      },
    ];
  }
  return plan.fixes.map((fix) => ({
    id: fix.id,
    title: fix.title,
    disposition: fix.disposition,
    ...(fix.note === undefined ? {} : { note: fix.note }),
  }));
}

/** A read-only file system has no owner to change: something writable must be mounted, or the mount made writable. */
function* writable(decision: Decision, { launch, walk }: RemedyContext): Generator<Remedy> {
  const at = decision.deniedAt?.path ?? '/';
  const { mount, type } = [...walk].reverse().find(({ path }) => path === at) ?? {};
  const folder = type === 'directory' ? at : at.slice(0, at.lastIndexOf('/')) || '/';
  if (mount?.readOnly === true && mount.origin === 'settings') {
    yield { id: 'mount', title: `mount ${mount.target} without "ro"`, disposition: 'needs-review' };
    return;
  }
  if (mount !== undefined && mount.origin === 'platform') return;
  yield {
    id: 'tmpfs',
    title: `a tmpfs at ${folder} (--tmpfs ${folder}:mode=0770,uid=${launch.uid},gid=${launch.gid}; Kubernetes: an emptyDir)`,
    disposition: folder === '/' || /^\/(?:etc|usr|bin|sbin|lib|opt)(?:\/|$)/.test(folder) ? 'needs-review' : 'safe',
    note: 'the root file system stays read-only; what lies there in the image is covered, and what is written is gone with the container',
  };
}

/** Last, because it lets the process do more than was asked. Whether the platform would hand it over is worked out, not assumed. */
function* capability(decision: Decision, { launch, withCapability }: RemedyContext): Generator<Remedy> {
  const name = decision.capability;
  if (name === undefined) return;
  const short = name.replace(/^CAP_/, '');
  const given = withCapability(short);
  if (given.allowed) {
    yield {
      id: 'cap-add',
      title: `cap-add ${short}`,
      disposition: 'needs-review',
      note: 'gives every program of the container more than this one operation',
    };
    return;
  }
  const has = given.launch.kind === 'launch' && given.launch.capabilities.bounding.includes(name);
  if (has && launch.uid !== 0) {
    yield {
      id: 'cap-add',
      title: `cap-add ${short} alone does not help`,
      disposition: 'needs-review',
      note: `${launch.platform.name} puts it into the bounding set of uid ${launch.uid} only; a program with ${name.toLowerCase()}+ep as file capability would get it from there`,
    };
  }
}
