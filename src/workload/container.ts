/** What was asked for around an image, whoever asked: `docker run` flags, compose, a pod. All optional: absent = the image's or platform's default. */
import type { Pod } from './formats/kubernetes/pod-spec.ts';

/** A file that the kubelet writes into a volume. */
export interface VolumeFile {
  /** Below the volume's root, `nested/name` too. */
  readonly path: string;
  readonly mode: number;
  /** A token, trust bundle or pod certificate: 0600 as soon as the pod has one user or an fsGroup, and owned by that user. */
  readonly credential?: boolean;
  /** Of a ConfigMap or a bound file whose text is at hand: where it stands, and what it says. `fixed`: it is nobody's to change. */
  readonly of?: { readonly name: string; readonly key: string; readonly text: string; readonly fixed?: true };
}

export interface Volume {
  /** `projected`: the kubelet writes its files (secret, configMap, downwardAPI, projected). `external`: its files come from elsewhere (a claim, nfs, csi, another image). */
  readonly kind: 'bind' | 'named' | 'anonymous' | 'tmpfs' | 'empty-dir' | 'projected' | 'external';
  /** In the container, absolute. */
  readonly target: string;
  /** Host path of a bind; name of a named volume; what an external volume refers to. */
  readonly source?: string;
  /** Of a pod: the volume's name, and its kind as the API spells it (`secret`, `persistentVolumeClaim`, `nfs` …). */
  readonly name?: string;
  readonly type?: string;
  /** Only this folder or file of the volume is mounted. `…` stands for what is not known before the pod exists. */
  readonly subPath?: string;
  /** emptyDir. */
  readonly medium?: 'Memory' | 'HugePages';
  /** hostPath: `DirectoryOrCreate`, `File` …; any other bind: `Directory` or `File`, where somebody has looked. */
  readonly hostPathType?: string;
  /** projected: what the kubelet writes. bind: what lies there, as far as it was read. */
  readonly files?: readonly VolumeFile[];
  /** projected: there are more files, whose names nobody here knows; they have this mode. */
  readonly otherFilesMode?: number;
  /** Of a pod: folders the kubelet makes in the volume because something else is mounted there. */
  readonly mountpoints?: readonly string[];
  /** Of a pod: folders of the volume, seen from here, that the same container mounts somewhere else by `subPath`; the kubelet makes them. */
  readonly subFolders?: readonly string[];
  /** Of a pod: another container mounts it too and may have put files there; `before` = one that starts earlier. */
  readonly shared?: 'before' | 'beside';
  /** external: the folder of the node that it is (a PersistentVolume `local`). */
  readonly nodePath?: string;
  /** external: whether the kubelet gives the files to fsGroup, and the rule that says so. */
  readonly takesFsGroup?: { readonly answer: 'yes' | 'no' | 'unknown'; readonly source: string; readonly policyHeeded?: boolean };
  readonly readOnly?: boolean;
  /** named: what the image has there is not copied into it (`nocopy`). */
  readonly noCopy?: boolean;
  /** Podman's `U`: everything in it is given to the container's user at the start. */
  readonly chown?: boolean;
  /** tmpfs, empty-dir: the mode, uid, gid asked for; absent = the platform's rule. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes. */
  readonly sizeLimit?: number;
}

/** A device node of the host handed in (`--device`, a device plugin's). */
export interface Device {
  /** On the host. */
  readonly source: string;
  /** In the container; absent = the same path. */
  readonly target?: string;
}

/** A port of the container, as it was written. */
export interface DeclaredPort {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
}

/** A file of nobody's but the container; `text` where it is at hand. */
export interface WrittenFile {
  readonly path: string;
  readonly text?: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface ContainerSettings {
  readonly name?: string;
  /** `--user`: overrides the image's USER. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** Added to or replacing the image's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly privileged?: boolean;
  readonly readOnly?: boolean;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly volumes?: readonly Volume[];
  /** Files that are written into the container before it starts (texts of compose `configs` and `secrets`). */
  readonly writtenFiles?: readonly WrittenFile[];
  readonly devices?: readonly Device[];
  /** A terminal of its own: without one /dev/tty cannot be opened. */
  readonly tty?: boolean;
  readonly network?: 'none' | 'host' | 'bridge';
  /** Ports inside that somebody expects it to listen on (compose `ports`); what a pod says stands in its `object`. */
  readonly ports?: readonly DeclaredPort[];
  readonly hostname?: string;
  /** Kubernetes only. */
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly hostUsers?: boolean;
  /** `Strict` leaves the image's /etc/group out; absent = `Merge`. */
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict';
  /** `OnRootMismatch` leaves a volume alone whose root is right already; absent = `Always`. */
  readonly fsGroupChangePolicy?: 'Always' | 'OnRootMismatch';
  /** procMount Unmasked: nothing in /proc is hidden or read-only. */
  readonly unmaskedProc?: boolean;
  /** Windows: the effective runAsUserName. */
  readonly windowsUserName?: string;
  /** Where the runtime mounts the file for the last words; absent = /dev/termination-log. */
  readonly terminationMessagePath?: string;
  /** Variables that are set to something nobody here knows (a secret's key, the pod's address), in order. */
  readonly unknownEnv?: readonly string[];
  /** The kubelet cannot work out what to ask for; its words (`missing value for POD_NAME`). */
  readonly configError?: string;
  /** The pod it belongs to: the kubelet's messages name it. `object` is the whole of it, which admission and the other containers' users need. */
  readonly pod?: { readonly name: string; readonly namespace?: string; readonly uid?: string; readonly object?: Pod };
}
