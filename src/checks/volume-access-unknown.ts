/** A volume whose owners and modes nobody here can know: what worked for root may not work for the user. */
import type { Finding, Severity } from '../finding/finding.ts';
import type { Launch } from '../launch/launch.ts';
import type { Volume } from '../workload/container.ts';
import type { Check } from './check.ts';

type Recipient = Pick<Launch, 'name' | 'uid' | 'settings' | 'platform'>;

/** Sockets of container engines, which are root's (or of a group that no image knows) with mode 0660 everywhere. */
const ENGINE_SOCKETS = /(?:^|\/)(?:docker|containerd|crio|podman|buildkitd|cri-dockerd|dockershim)\.sock$/;

export const volumeAccessUnknown: Check = {
  id: 'volume-access-unknown',
  summary: 'A volume comes from a node or a storage that cannot be looked at, and its files may not be the user’s.',
  severity: 'warning',
  authority:
    'Kubernetes pkg/volume/hostpath, pkg/volume/volume_linux.go (fsGroup reaches neither hostPath nor what its driver keeps to itself)',
  run: ({ asIs, target }): Finding[] => {
    // Root may do anything there; what is not root in the manifest already is used to what it finds, except for a new claim.
    if (target.kind === 'refusal' || target.uid === 0) return [];
    return [...unknownAccess(target, asIs.kind === 'launch' && (asIs.effectiveUid ?? asIs.uid) === 0)];
  },
};

/** Of a container that is not root. `wasRoot`: so far it is. */
export const unknownAccess = (target: Recipient, wasRoot: boolean): readonly Finding[] =>
  (target.settings.volumes ?? []).flatMap((volume) => told(volume, target, wasRoot));

function told(volume: Volume, target: Recipient, wasRoot: boolean): readonly Finding[] {
  const { uid, settings } = target;
  const at = `${volume.type ?? volume.kind} ${volume.source ?? volume.name ?? ''}`.trimEnd();
  if (volume.kind === 'bind') {
    if (!target.platform.kubelet) return [];
    if (ENGINE_SOCKETS.test(volume.source ?? ''))
      return [
        finding(
          target,
          volume,
          'error',
          `uid ${uid} may not connect to ${volume.target}: ${volume.source} of a node is root's, mode 0660`,
          [
            'the socket of a container engine belongs to root or to a group of the node; whoever may use it is root there all the same',
          ],
        ),
      ];
    if (!wasRoot) return madeByKubelet(volume, target, at);
    return [
      finding(
        target,
        volume,
        'warning',
        `whether uid ${uid} may use ${volume.target} is not known: ${at} has the owners it has on the node`,
        ['fsGroup does not reach a hostPath'],
      ),
    ];
  }
  if (volume.kind !== 'external' || volume.readOnly === true || volume.type === 'image') return [];
  const takes = volume.takesFsGroup?.answer;
  if (settings.fsGroup !== undefined && takes !== 'no') return [];
  const rule = volume.takesFsGroup?.source;
  return [
    finding(
      target,
      volume,
      'warning',
      settings.fsGroup === undefined && takes !== 'no'
        ? `uid ${uid} may not write in ${volume.target} when it is new: ${at} starts as root's, 0755, and there is no fsGroup`
        : `whether uid ${uid} may use ${volume.target} is not known: ${at} keeps its owners whatever fsGroup says`,
      rule === undefined ? [] : [rule],
    ),
  ];
}

/** What the kubelet makes when it is not there (pkg/volume/hostpath, DirectoryOrCreate 0755 and FileOrCreate 0644, root's). */
function madeByKubelet(volume: Volume, target: Recipient, at: string): readonly Finding[] {
  const made = volume.hostPathType === 'DirectoryOrCreate' ? 'in ' : volume.hostPathType === 'FileOrCreate' ? '' : undefined;
  if (made === undefined || volume.readOnly === true) return [];
  const mode = made === '' ? '0644' : '0755';
  const message = `uid ${target.uid} may not write ${made}${volume.target} when it is new: the kubelet makes ${at} as root's, ${mode}`;
  return [finding(target, volume, 'warning', message, ['fsGroup does not reach a hostPath'])];
}

const finding = (
  target: Recipient,
  volume: Volume,
  severity: Severity,
  message: string,
  because: readonly string[],
): Finding => ({
  id: 'volume-access-unknown',
  severity,
  confidence: 'medium',
  message,
  container: target.name,
  where: { path: volume.target },
  evidence: because.map((text) => ({ kind: 'assumed', text })),
});
