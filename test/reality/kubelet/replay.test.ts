/** Everything a real node told about these pods, worked out again by the model. `npm run reality:kubelet` records it anew. */
import { afterAll, describe, expect, it } from 'vitest';
import { fileTree } from '../../../src/launch/file-tree.ts';
import { credentialsOf, type Launch, type Refusal } from '../../../src/launch/launch.ts';
import { launchImage } from '../../../src/launch/launch-image.ts';
import { decide } from '../../../src/linux/access.ts';
import { capabilitiesFromMask, capabilityMask } from '../../../src/linux/capability.ts';
import type { FileTree } from '../../../src/linux/decision.ts';
import type { Operation } from '../../../src/linux/operation.ts';
import { isStop, type Question } from '../../../src/linux/question.ts';
import { walkTo } from '../../../src/linux/walk.ts';
import { profile, withRuntime } from '../../../src/platform/profiles.ts';
import { settingsOfPod } from '../../../src/workload/formats/kubernetes/pod-settings.ts';
import { surroundingsOf } from '../../../src/workload/formats/kubernetes/surroundings.ts';
import type { WorkloadContainer } from '../../../src/workload/workload.ts';
import { recordConformance } from '../../support/conformance.ts';
import { hostVolumes } from './host-volumes.ts';
import {
  hasImage,
  imageOf,
  podOf,
  type Recorded,
  type RecordedContainer,
  type RecordedPath,
  recordings,
  type Show,
} from './recorded.ts';

const all = recordings();
const counts: Record<string, number> = {};
let compared = 0;
let mismatches = 0;
let unknown = 0;

/** One fact: counted, and told with where it stood. */
function same(what: string, place: string, real: unknown, model: unknown, wrong: string[]): void {
  compared += 1;
  counts[what] = (counts[what] ?? 0) + 1;
  if (JSON.stringify(real) === JSON.stringify(model)) return;
  mismatches += 1;
  wrong.push(`${place} ${what}: real ${JSON.stringify(real)}, model ${JSON.stringify(model)}`);
}

describe.each(all.map((recorded) => [`${recorded.node.platform}: ${recorded.pod}`, recorded] as const))('%s', (_, recorded) => {
  it('is what the model says', () => {
    const { pod, objects } = podOf(recorded);
    const around = surroundingsOf(objects);
    const outcomes = settingsOfPod(pod, around).map((container) => [container, outcomeOf(container, recorded)] as const);
    // Images that are not there are no matter of this model.
    if (outcomes.some(([, outcome]) => outcome === undefined)) return;
    const wrong: string[] = [];
    const first = (outcomes.find(([, outcome]) => outcome?.kind === 'refusal') ?? outcomes[0])?.[1] as Launch | Refusal;
    if (recorded.rejected !== undefined) {
      const { reason, message } = recorded.rejected;
      same(
        'rejected',
        recorded.pod,
        { by: 'api-server', reason, message },
        told(first, (refusal) => ({ by: refusal.by, reason: refusal.reason, message: refusal.message })),
        wrong,
      );
    }
    if (recorded.status?.reason !== undefined && known(recorded.status.message)) {
      const { reason, message } = recorded.status;
      same(
        'not admitted',
        recorded.pod,
        { reason, message },
        told(first, (refusal) => ({ reason: refusal.reason, message: refusal.message })),
        wrong,
      );
    }
    const sandbox = recorded.events?.find(({ reason }) => reason === 'FailedCreatePodSandBox');
    if (sandbox !== undefined)
      same(
        'sandbox',
        recorded.pod,
        withoutIds(sandbox.message),
        told(first, (refusal) => refusal.message),
        wrong,
      );
    for (const [container, outcome] of outcomes) {
      const real = recorded.containers?.[container.name];
      if (real !== undefined && sandbox === undefined && outcome !== undefined)
        containerFacts(container, outcome, real, recorded.pod, hostVolumes(pod, container.settings, around), wrong);
    }
    expect(wrong).toEqual([]);
  });
});

it('there is something recorded', () => expect(all.length).toBeGreaterThan(0));

afterAll(() => {
  const node = all[0]?.node;
  if (node === undefined || mismatches > 0) return;
  recordConformance({
    id: 'kubelet',
    title: 'pods against a real node, recorded: refusals and their words, ids, capabilities, variables, files of volumes',
    against: [
      ...new Set(
        all.map(
          (one) =>
            `kubelet ${one.node.kubelet}, containerd ${one.node.containerd}, runc ${one.node.runc}, Linux ${one.node.kernel}`,
        ),
      ),
    ].join('; '),
    compared,
    mismatches,
    unknown,
    counts: { pods: all.length, ...counts },
    notes: ['recorded by npm run reality:kubelet, replayed from test/reality/kubelet/recorded'],
  });
});

function outcomeOf(container: WorkloadContainer, { node }: Recorded): Launch | Refusal | undefined {
  if (!hasImage(container.image ?? '')) return undefined;
  const platform = withRuntime(profile(node.platform, node.containerd), 'runc', node.runc);
  return launchImage({
    image: imageOf(container.image ?? ''),
    settings: container.settings,
    profile: platform,
    name: container.name,
    host: { ...(node.bounding === undefined ? {} : { bounding: capabilitiesFromMask(BigInt(`0x${node.bounding}`)) }) },
  });
}

function told(outcome: Launch | Refusal, words: (refusal: Refusal) => unknown): unknown {
  return outcome.kind === 'refusal' ? words(outcome) : `starts as ${outcome.uid}:${outcome.gid}`;
}

/** What no manifest tells: objects of the cluster that are not there, the node's own files and modules. */
const NODE_SAYS =
  /(?:configmap|secret) ".*" not found|failed to prepare subPath|cannot load seccomp profile|AppArmor is not enabled/;

function known(words: string | undefined): boolean {
  if (words === undefined || !NODE_SAYS.test(words)) return true;
  unknown += 1;
  return false;
}

/** Names by chance: of a sandbox, and of the folder where containerd 1 mounts an image to look into it. */
const withoutIds = (text: string): string =>
  text
    .replace(/"[0-9a-f]{64}"/g, '"…"')
    .replace(/\/var\/lib\/containerd\/tmpmounts\/containerd-mount\d+(?=\/)/g, '…')
    .replace(/(\/tmpmounts\/containerd-mount)\d+/g, '$1…');

function containerFacts(
  container: WorkloadContainer,
  outcome: Launch | Refusal,
  real: RecordedContainer,
  pod: string,
  binds: ReadonlyMap<string, FileTree>,
  wrong: string[],
): void {
  const place = `${pod}/${container.name}`;
  const { waiting, terminated, user, show } = real;
  // A container that is refused stands in its waiting reason, or in what its first start ended with.
  const failed = waiting !== undefined && !['PodInitializing', 'ContainerCreating', 'CrashLoopBackOff'].includes(waiting.reason);
  if (failed && !known(waiting.message)) return;
  if (failed) {
    same(
      'waiting',
      place,
      { reason: waiting.reason, message: withoutIds(waiting.message ?? '') },
      told(outcome, ({ reason, message }) => ({ reason, message })),
      wrong,
    );
  } else if (terminated?.reason === 'StartError') {
    same(
      'start error',
      place,
      { reason: 'RunContainerError', message: terminated.message },
      told(outcome, ({ reason, message }) => ({ reason, message })),
      wrong,
    );
  }
  if (outcome.kind === 'refusal') {
    if (show !== undefined) same('starts', place, 'starts', `refused: ${outcome.message}`, wrong);
    return;
  }
  if (user !== undefined) {
    const { uid, gid, supplementalGroups = [] } = user;
    same(
      'status.user',
      place,
      { uid, gid, groups: sorted(supplementalGroups) },
      { uid: outcome.uid, gid: outcome.gid, groups: sorted(outcome.groups) },
      wrong,
    );
  }
  if (show !== undefined) shown(place, outcome, show, container, binds, wrong);
}

const sorted = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);

function shown(
  place: string,
  launch: Launch,
  show: Show,
  container: WorkloadContainer,
  binds: ReadonlyMap<string, FileTree>,
  wrong: string[],
): void {
  const who = credentialsOf(launch);
  // A set-user-ID file changes all but the real ids.
  same('uid', place, show.uid, [launch.uid, who.uid, who.uid, who.uid], wrong);
  same('gid', place, show.gid, [launch.gid, who.gid, who.gid, who.gid], wrong);
  same('groups', place, sorted(show.groups), sorted([...new Set(who.groups)]), wrong);
  for (const set of ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'] as const) {
    const mask = capabilityMask(who.capabilities[set]).toString(16).padStart(16, '0');
    same(`${set} capabilities`, place, show.capabilities[set], mask, wrong);
  }
  same('no_new_privs', place, show.noNewPrivileges, launch.noNewPrivileges, wrong);
  same('argv', place, show.argv, launch.argv, wrong);
  same('cwd', place, show.cwd, launch.cwd, wrong);
  same('umask', place, show.umask, launch.umask.toString(8).padStart(4, '0'), wrong);
  const hidden = container.settings.unknownEnv ?? [];
  // Of services and of the host's name the model says nothing.
  const env = show.env.filter(
    (entry) => !/^(?:KUBERNETES_|HOSTNAME=)/.test(entry) && !hidden.some((name) => entry.startsWith(`${name}=`)),
  );
  same('variables', place, [...env].sort(), [...launch.env].sort(), wrong);
  unknown += hidden.length;
  if (show.kernel !== undefined) {
    const port = show.kernel['net.ipv4.ip_unprivileged_port_start'];
    const ping = show.kernel['net.ipv4.ping_group_range'];
    if (port !== undefined) same('unprivileged port start', place, Number(port), launch.facts.unprivilegedPortStart, wrong);
    // In a user namespace of its own the kernel's "1 0", nobody, is shown as ids without a mapping.
    const group = ping === '65534 65534' || ping === '65534\t65534' ? [1, 0] : ping?.split(/\s+/).map(Number);
    if (group !== undefined) same('ping group range', place, group, launch.facts.pingGroupRange, wrong);
  }
  const { rootFs } = imageOf(launch.image);
  if (rootFs === undefined) return;
  const tree = fileTree(launch, rootFs, { binds });
  for (const [path, real] of Object.entries(show.paths))
    pathFacts(place, payload(path.startsWith('/') ? path : `${launch.cwd}/${path}`), real, launch, tree, binds, wrong);
}

/** The folder behind `..data` is named by the clock and by chance. */
const payload = (text: string): string => text.replace(/\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+/, '..<timestamp>');

function pathFacts(
  place: string,
  path: string,
  real: RecordedPath,
  launch: Launch,
  tree: FileTree,
  binds: ReadonlyMap<string, FileTree>,
  wrong: string[],
): void {
  const who = credentialsOf(launch);
  const question: Question = { who, tree, facts: launch.facts, steps: [] };
  const found = walkTo(question, path, 'nofollow');
  const at = `${place} ${path}`;
  // A kernel without CONFIG_MAGIC_SYSRQ.
  if (path === '/proc/sysrq-trigger' && real.error === 'ENOENT') return;
  if (isStop(found)) {
    if (found.unknown === true) unknown += 1;
    else same('path', at, real.error ?? real, found.errno, wrong);
    return;
  }
  if (real.error !== undefined) {
    same('path', at, real.error, 'found', wrong);
    return;
  }
  const { inode, target } = found.node;
  const mode = inode.mode.toString(8).padStart(4, '0');
  const owner = {
    type: real.type,
    mode: real.mode,
    uid: real.uid,
    gid: real.gid,
    target: real.target === undefined ? undefined : payload(real.target),
  };
  const mount = launch.mounts.find((one) => one.target === path);
  const external = launch.settings.volumes?.some((volume) => volume.target === path && volume.kind === 'external') === true;
  if (mount?.contentUnknown === true && external && !binds.has(path)) {
    // Of a disk that the kubelet gave to a group, the group and its rights are certain, no more.
    const rights = Number.parseInt(real.mode ?? '', 8) & inode.mode;
    const certain = { type: inode.type, gid: inode.gid, rights: inode.mode };
    same('root given to fsGroup', at, { type: real.type, gid: real.gid, rights }, certain, wrong);
  } else
    same(`${inode.type} owner and mode`, at, owner, { type: inode.type, mode, uid: inode.uid, gid: inode.gid, target }, wrong);
  const asked: readonly (readonly [string, string | undefined, Operation])[] = [
    ['read', real.read, { kind: 'open', path, access: 'read' }],
    ['write', real.write, { kind: 'open', path, access: 'write' }],
    [
      'create',
      real.create,
      { kind: 'open', path: `${path === '/' ? '' : path}/.show`, access: 'write', create: true, exclusive: true, mode: 0o600 },
    ],
    ['search', real.search, { kind: 'stat', path: `${path}/.` }],
    ['exec', real.exec, { kind: 'access', path, want: 1 }],
  ];
  for (const [what, answer, operation] of asked) {
    // No terminal; and file systems of the kernel, which have no entries made by hand: no matter of permission.
    if (answer === undefined || answer === 'ENXIO' || (what === 'create' && /^\/(?:proc|dev\/pts)\b/.test(path))) continue;
    const decision = decide(operation, who, tree, launch.facts);
    if (!decision.known) unknown += 1;
    else same(what, at, answer, decision.allowed ? 'ok' : decision.errno, wrong);
  }
}
