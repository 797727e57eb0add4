/** Which kinds of volume the kubelet gives to fsGroup, and which of them heed fsGroupChangePolicy, as data (kubernetes pkg/volume). */
import type { CsiDriver, PersistentVolume } from './surroundings.ts';

export interface FsGroupRule {
  /** `if-writable`: not when the volume is read-only. `csi`: see `csiTakesFsGroup`. */
  readonly applies: 'always' | 'never' | 'if-writable' | 'csi' | 'unknown';
  /** OnRootMismatch can skip the walk. */
  readonly policyHeeded: boolean;
  readonly source: string;
}

const never = (source: string): FsGroupRule => ({ applies: 'never', policyHeeded: false, source });
const written = (source: string): FsGroupRule => ({ applies: 'always', policyHeeded: false, source });
const disk = (source: string): FsGroupRule => ({ applies: 'if-writable', policyHeeded: true, source });

/** By the name of the field in the API: of a pod's volume, or of a PersistentVolume. */
export const VOLUME_KINDS: Readonly<Record<string, FsGroupRule>> = {
  emptyDir: written('pkg/volume/emptydir/empty_dir.go SetUpAt'),
  configMap: written('pkg/volume/configmap/configmap.go SetUpAt'),
  secret: written('pkg/volume/secret/secret.go SetUpAt'),
  downwardAPI: written('pkg/volume/downwardapi/downwardapi.go SetUpAt'),
  projected: written('pkg/volume/projected/projected.go SetUpAt'),
  csi: { applies: 'csi', policyHeeded: true, source: 'pkg/volume/csi/csi_mounter.go supportsFSGroup' },
  local: disk('pkg/volume/local/local.go SetUpAt: the first mount of it on the node'),
  fc: disk('pkg/volume/fc/disk_manager.go'),
  iscsi: disk('pkg/volume/iscsi/disk_manager.go'),
  flexVolume: { ...disk('pkg/volume/flexvolume/mounter.go: when the driver has the capability'), applies: 'unknown' },
  gitRepo: written('pkg/volume/git_repo'),
  hostPath: never('pkg/volume/hostpath/host_path.go: not managed'),
  nfs: never('pkg/volume/nfs/nfs.go: not managed'),
  image: never('pkg/volume/image/image.go: read-only, owners as in that image'),
};

export interface Answer {
  readonly answer: 'yes' | 'no' | 'unknown';
  readonly source: string;
  readonly policyHeeded: boolean;
}

export function takesFsGroup(volume: PersistentVolume, driver: CsiDriver | undefined, inline: boolean): Answer {
  const rule = Object.hasOwn(VOLUME_KINDS, volume.type) ? VOLUME_KINDS[volume.type] : undefined;
  if (rule === undefined)
    return { answer: 'unknown', source: `nothing is known of volumes of the kind ${volume.type}`, policyHeeded: true };
  return { ...answerOf(rule, volume, driver, inline), policyHeeded: rule.policyHeeded };
}

type Plain = Omit<Answer, 'policyHeeded'>;

function answerOf(rule: FsGroupRule, volume: PersistentVolume, driver: CsiDriver | undefined, inline: boolean): Plain {
  const { source } = rule;
  switch (rule.applies) {
    case 'always':
      return { answer: 'yes', source };
    case 'never':
      return { answer: 'no', source };
    case 'if-writable':
      return volume.readOnly === true
        ? { answer: 'no', source: `${source}: the volume is read-only` }
        : { answer: 'yes', source };
    case 'csi':
      return csiTakesFsGroup(volume, driver, inline, source);
    case 'unknown':
      return { answer: 'unknown', source };
  }
}

/** Without a CSIDriver object at hand nobody knows its fsGroupPolicy; the default is ReadWriteOnceWithFSType. */
function csiTakesFsGroup(volume: PersistentVolume, driver: CsiDriver | undefined, inline: boolean, source: string): Plain {
  if (driver?.volumeMountGroup === true) return { answer: 'unknown', source: `${source}: the driver itself is told the fsGroup` };
  const policy = driver?.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy === 'None') return { answer: 'no', source: `${source}: fsGroupPolicy None` };
  if (volume.readOnly === true) return { answer: 'no', source: `${source}: the volume is read-only` };
  if (policy === 'File') return { answer: 'yes', source: `${source}: fsGroupPolicy File` };
  if ((volume.fsType ?? '') === '') {
    if (driver === undefined)
      return { answer: 'unknown', source: `${source}: nothing is known of the driver ${volume.driver ?? ''}` };
    return { answer: 'no', source: `${source}: fsGroupPolicy ${policy}, and the volume has no fsType` };
  }
  const modes = volume.accessModes ?? [];
  const once = inline || modes.includes('ReadWriteOnce') || modes.includes('ReadWriteOncePod');
  if (!once && driver !== undefined)
    return { answer: 'no', source: `${source}: fsGroupPolicy ${policy}, and the volume is not ReadWriteOnce` };
  if (driver === undefined)
    return { answer: 'unknown', source: `${source}: nothing is known of the driver ${volume.driver ?? ''}` };
  return { answer: 'yes', source: `${source}: fsGroupPolicy ${policy}, fsType ${volume.fsType}, ReadWriteOnce` };
}
