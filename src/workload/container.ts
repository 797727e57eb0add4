/** What was asked for around an image, whoever asked: `docker run` flags, compose, a pod. All optional: absent = the image's or platform's default. */

export interface Volume {
  readonly kind: 'bind' | 'named' | 'anonymous' | 'tmpfs' | 'empty-dir';
  /** In the container, absolute. */
  readonly target: string;
  /** Host path of a bind; name of a named volume. */
  readonly source?: string;
  readonly readOnly?: boolean;
  /** tmpfs, empty-dir: the mode, uid, gid asked for; absent = the platform's rule. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes. */
  readonly sizeLimit?: number;
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
  readonly network?: 'none' | 'host' | 'bridge';
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
  /** The pod it belongs to: the kubelet's messages name it. */
  readonly pod?: { readonly name: string; readonly namespace?: string; readonly uid?: string };
}
