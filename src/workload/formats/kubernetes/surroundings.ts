/** Objects of the cluster that a pod refers to, as far as somebody has them: written in the same file, or read from the cluster. */

export interface PersistentVolume {
  /** The source's field in the API: `csi`, `local`, `hostPath`, `nfs`, `iscsi`, `fc` … */
  readonly type: string;
  readonly fsType?: string;
  readonly accessModes?: readonly string[];
  readonly readOnly?: boolean;
  /** hostPath, local, nfs. */
  readonly path?: string;
  /** Name of the CSI driver. */
  readonly driver?: string;
  /** Annotation `pv.beta.kubernetes.io/gid`: one more group of the process. */
  readonly gid?: number;
  /** volumeMode Block: no file system is mounted. */
  readonly block?: boolean;
}

export interface CsiDriver {
  readonly fsGroupPolicy?: string;
  /** Node capability VOLUME_MOUNT_GROUP: the driver is told the fsGroup. */
  readonly volumeMountGroup?: boolean;
}

/** By name, all of the pod's namespace. A name that is not there is not known; it may exist. */
export interface Surroundings {
  readonly configMaps?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Values decoded; what is not text is ''. */
  readonly secrets?: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** By the name of the claim. */
  readonly claims?: ReadonlyMap<string, PersistentVolume>;
  readonly csiDrivers?: ReadonlyMap<string, CsiDriver>;
  readonly serviceAccounts?: ReadonlyMap<string, { readonly automountServiceAccountToken?: boolean }>;
  /** False: the cluster has no ServiceAccount admission, so no token is mounted that the pod does not name. */
  readonly mountsServiceAccountToken?: boolean;
}
