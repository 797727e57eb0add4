/** What would turn a denial, smallest first: the same fixes that `unroot fix` makes, else a setting, at last a capability. */
import { deniedFinding } from '../finding/denied.ts';
import type { Finding } from '../finding/finding.ts';
import type { Fix, LayerChange } from '../finding/fix.ts';
import type { FixContext } from '../fixes/context.ts';
import { mergeLayer } from '../fixes/merge.ts';
import { planFixes } from '../fixes/plan.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Decision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import type { Component, Remedy } from './explanation.ts';

export interface RemedyContext {
  readonly launch: Launch;
  readonly fixes: FixContext;
  readonly walk: readonly Component[];
  /** The same question on the files as layer changes leave them. */
  readonly changed: (layer: readonly LayerChange[]) => Decision;
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
  if (need === 'read-only') {
    const written = writtenByKubelet(decision, context);
    if (written !== undefined)
      return { remedies: [], notes: [ofReadOnlyMount(decision.deniedAt?.path ?? written.target, written)] };
    return { remedies: [...writable(decision, context)], notes: [] };
  }
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

function planned(operation: Operation, decision: Decision, context: RemedyContext): Remedies {
  const { fixes, walk } = context;
  const at = decision.deniedAt?.path ?? '';
  const { uid, gid } = fixes.recipient;
  const { mount } = walk.find(({ path, verdict }) => path === at && verdict === 'no') ?? {};
  if (mount?.readOnly === true) return { remedies: [], notes: [ofReadOnlyMount(at, mount)] };
  if (mount !== undefined && mount.target !== at && ['bind', 'volume', 'tmpfs'].includes(mount.type)) {
    const title = `${at}, which lies on the ${mount.type} at ${mount.target}: give it to ${uid}:${gid} there`;
    const note =
      'the image cannot settle what is mounted over it; in Kubernetes fsGroup gives the group of a volume (not of a hostPath)';
    return { remedies: [{ id: 'volume-owner', title, disposition: 'needs-review', note }], notes: [] };
  }
  if (operation.kind === 'chmod') return ownedForChmod(at, context);
  return checked(operation, decision, context);
}

/** Whoever wrote it decided whose it is, and nobody in the container changes that. */
function ofReadOnlyMount(at: string, { target }: NonNullable<Component['mount']>): string {
  return `no remedy: ${at} lies on ${target}, which is mounted read-only, so neither the image nor the process changes its owner or mode. To read what the kubelet writes (secret, configMap), set fsGroup or a wider defaultMode; to own or change it, copy it into an emptyDir first (an init container); a single value can come as an environment variable`;
}

function ownedForChmod(at: string, { fixes, changed }: RemedyContext): Remedies {
  const { rootFs, recipient, target } = fixes;
  const { platform } = target;
  if (at === '/' && platform.rootDirectoryMode !== undefined)
    return { remedies: [], notes: [`no change of the image: ${platform.name} makes / itself, whatever the layers say`] };
  const mode = rootFs.get(at)?.mode ?? 0o755;
  const after = changed([{ kind: 'own', path: at, uid: recipient.uid, gid: recipient.gid, mode }]);
  if (after.deniedAt !== undefined) return { remedies: [], notes: [NOTHING_HELPS] };
  const note = 'only the owner of a file may change its mode; most programs want it to write, which takes less';
  const title = `${at}: owner ${recipient.uid}:${recipient.gid}`;
  return { remedies: [{ id: 'own-path', title, disposition: 'needs-review', note }], notes: [] };
}

const NOTHING_HELPS = 'no change of the image: no change of owner or mode that unroot makes would allow it';

/** A fix may only open the way to the next denial: planned again with that one too, until the operation passes or nothing new comes. */
const MOST_ROUNDS = 8;

/** What `fix` would do about it, and only when the same operation is no longer denied on the tree that this leaves. */
function checked(operation: Operation, first: Decision, { launch, fixes, changed }: RemedyContext): Remedies {
  const findings: Finding[] = [];
  let decision = first;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const id = checkOf(operation, decision);
    const said = { severity: 'error', program: '', uid: launch.uid, rootFs: fixes.rootFs, evidence: [] } as const;
    findings.push(deniedFinding({ id, operation, decision, ...said }));
    const plan = planFixes(findings, fixes);
    const reasons = [
      ...new Set(
        plan.unresolved
          .filter(({ finding }) => finding.id.startsWith('path-'))
          .map(({ reason }) => `no change of the image: ${reason}`),
      ),
    ];
    const settings = plan.fixes.some(({ run }) => run.env !== undefined || run.sysctls !== undefined);
    const after = changed(mergeLayer(plan.fixes));
    // What changes the run as well (another HOME) makes the program ask for something else.
    if (settings || after.deniedAt === undefined) return { remedies: plan.fixes.map(remedyOf), notes: reasons };
    const seen = findings.some(
      ({ decision: one }) => one?.deniedAt?.path === after.deniedAt?.path && one?.deniedAt?.need === after.deniedAt?.need,
    );
    if (seen || after.deniedAt.need === 'capability')
      return { remedies: [], notes: reasons.length > 0 ? reasons : ownReasons(id) };
    decision = after;
  }
  return { remedies: [], notes: [NOTHING_HELPS] };
}

/** Of identity and capabilities nobody expected a file to help. */
const ownReasons = (id: string): readonly string[] => (id.startsWith('path-') ? [NOTHING_HELPS] : []);

const remedyOf = ({ id, title, disposition, note }: Fix): Remedy => ({
  id,
  title,
  disposition,
  ...(note === undefined ? {} : { note }),
});

/** Secrets, configMaps and tokens are mounted read-only whatever the pod asks for (pkg/volume/secret, configmap, projected: ReadOnly: true). */
function writtenByKubelet({ deniedAt }: Decision, { launch, walk }: RemedyContext): Component['mount'] {
  const { mount } = [...walk].reverse().find(({ path }) => path === deniedAt?.path) ?? {};
  // An emptyDir has folders only.
  const written = launch.mounts.some(
    ({ target, entries, contentUnknown }) =>
      target === mount?.target && entries?.some(({ inode }) => contentUnknown === true || inode.type !== 'directory') === true,
  );
  return written && launch.platform.kubelet ? mount : undefined;
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
