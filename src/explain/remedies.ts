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
  /** What a Launch with one more capability asked for would be allowed. */
  readonly withCapability: (name: string) => { readonly launch: Launch | Refusal; readonly allowed: boolean };
}

export interface Remedies {
  readonly remedies: readonly Remedy[];
  /** Why something that looks near is not among them. */
  readonly notes: readonly string[];
}

/** Empty when it is allowed, fails for no want of permission, or nobody knows. */
export function remediesFor(operation: Operation, decision: Decision, context: RemedyContext): Remedies {
  const need = decision.deniedAt?.need;
  if (decision.allowed || !decision.known || need === undefined) return { remedies: [], notes: [] };
  if (need === 'read-only') return { remedies: [...writable(decision, context)], notes: [] };
  // Root is handed nothing: what it lacks is a capability.
  const fixes = context.launch.uid === 0 ? { remedies: [], notes: [] } : planned(operation, decision, context);
  return { remedies: [...fixes.remedies, ...capability(decision, context)], notes: fixes.notes };
}

/** The check that would report it decides which remedies are tried. */
const checkOf = (operation: Operation, decision: Decision): string => {
  if (decision.deniedAt?.need === 'capability') return 'capability-needed';
  if (operation.kind === 'chown') return 'ownership-change';
  if (operation.kind === 'exec') return 'path-not-executable';
  return operation.kind === 'open' && operation.access === 'read' ? 'path-not-readable' : 'path-not-writable';
};

function planned(operation: Operation, decision: Decision, { launch, fixes, walk }: RemedyContext): Remedies {
  const id = checkOf(operation, decision);
  const at = decision.deniedAt?.path ?? '';
  const { uid, gid } = fixes.recipient;
  if (operation.kind === 'chmod') {
    const note = 'only the owner of a file may change its mode; most programs want it to write, which takes less';
    return { remedies: [{ id: 'own-path', title: `${at}: owner ${uid}:${gid}`, disposition: 'needs-review', note }], notes: [] };
  }
  const { mount } = walk.find(({ path, verdict }) => path === at && verdict === 'no') ?? {};
  if (mount !== undefined && mount.target !== at && ['bind', 'volume', 'tmpfs'].includes(mount.type)) {
    const title = `${at}, which lies on the ${mount.type} at ${mount.target}: give it to ${uid}:${gid} there`;
    const note =
      'the image cannot settle what is mounted over it; in Kubernetes fsGroup gives the group of a volume (not of a hostPath)';
    return { remedies: [{ id: 'volume-owner', title, disposition: 'needs-review', note }], notes: [] };
  }
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
  return {
    remedies: plan.fixes.map((fix) => ({
      id: fix.id,
      title: fix.title,
      disposition: fix.disposition,
      ...(fix.note === undefined ? {} : { note: fix.note }),
    })),
    notes: plan.unresolved
      .filter(({ finding: { id } }) => id.startsWith('path-'))
      .map(({ reason }) => `no change of the image: ${reason}`),
  };
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
      note: 'the last resort: every program of the container may then do more than this',
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
