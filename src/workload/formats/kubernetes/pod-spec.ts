/**
 * A pod as the Kubernetes API spells it (v1 PodSpec), as far as identity, access and admission look at it. Only shapes: nothing here is
 * checked, so a reader must expect any JSON value where the file's author put one. All fields optional but names: absent = not written.
 */

export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Pod {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
  readonly spec?: PodSpec;
}

export interface SeLinuxOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly level?: string;
}

/** seccompProfile and appArmorProfile: `RuntimeDefault`, `Localhost` (with localhostProfile), `Unconfined`. */
export interface SecurityProfile {
  readonly type?: string;
  readonly localhostProfile?: string;
}

export interface WindowsOptions {
  readonly hostProcess?: boolean;
  readonly runAsUserName?: string;
  readonly gmsaCredentialSpecName?: string;
  readonly gmsaCredentialSpec?: string;
}

export interface PodSecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly fsGroup?: number;
  readonly fsGroupChangePolicy?: 'Always' | 'OnRootMismatch';
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: 'Merge' | 'Strict';
  readonly seLinuxOptions?: SeLinuxOptions;
  readonly seLinuxChangePolicy?: string;
  readonly seccompProfile?: SecurityProfile;
  readonly appArmorProfile?: SecurityProfile;
  readonly sysctls?: readonly { readonly name: string; readonly value: string }[];
  readonly windowsOptions?: WindowsOptions;
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly procMount?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seLinuxOptions?: SeLinuxOptions;
  readonly seccompProfile?: SecurityProfile;
  readonly appArmorProfile?: SecurityProfile;
  readonly windowsOptions?: WindowsOptions;
}

export type Port = number | string;

/** One of exec, httpGet, tcpSocket, grpc, sleep. */
export interface Handler {
  readonly exec?: { readonly command?: readonly string[] };
  readonly httpGet?: { readonly host?: string; readonly port: Port; readonly path?: string; readonly scheme?: string };
  readonly tcpSocket?: { readonly host?: string; readonly port: Port };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly sleep?: { readonly seconds: number };
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly resourceFieldRef?: { readonly resource: string; readonly containerName?: string; readonly divisor?: string };
    readonly configMapKeyRef?: { readonly name?: string; readonly key: string; readonly optional?: boolean };
    readonly secretKeyRef?: { readonly name?: string; readonly key: string; readonly optional?: boolean };
  };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly subPathExpr?: string;
  readonly readOnly?: boolean;
  readonly recursiveReadOnly?: string;
  readonly mountPropagation?: string;
}

export interface PodContainer {
  readonly name: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly {
    readonly prefix?: string;
    readonly configMapRef?: { readonly name?: string; readonly optional?: boolean };
    readonly secretRef?: { readonly name?: string; readonly optional?: boolean };
  }[];
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort?: number;
    readonly hostPort?: number;
    readonly hostIP?: string;
    readonly protocol?: string;
  }[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly volumeDevices?: readonly { readonly name: string; readonly devicePath: string }[];
  readonly securityContext?: SecurityContext;
  readonly livenessProbe?: Handler;
  readonly readinessProbe?: Handler;
  readonly startupProbe?: Handler;
  readonly lifecycle?: { readonly postStart?: Handler; readonly preStop?: Handler };
  /** `Always` makes a sidecar of an init container. */
  readonly restartPolicy?: string;
  readonly terminationMessagePath?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
}

/** Which file of a configMap, secret … goes where, and its mode (decimal in JSON, 0-octal in YAML 1.1: a number here). */
export interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export interface ProjectedSource {
  readonly configMap?: { readonly name?: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly secret?: { readonly name?: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly downwardAPI?: { readonly items?: readonly { readonly path: string; readonly mode?: number }[] };
  readonly serviceAccountToken?: { readonly path: string; readonly audience?: string; readonly expirationSeconds?: number };
  readonly clusterTrustBundle?: { readonly path: string; readonly name?: string };
  readonly podCertificate?: {
    readonly keyPath?: string;
    readonly certificateChainPath?: string;
    readonly credentialBundlePath?: string;
  };
}

/** A pod's volume: exactly one of the kinds; kinds unknown here are kept as they are (`awsElasticBlockStore`, `glusterfs` …). */
export interface PodVolume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string } | null;
  readonly configMap?: {
    readonly name?: string;
    readonly defaultMode?: number;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  readonly secret?: {
    readonly secretName?: string;
    readonly defaultMode?: number;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  readonly downwardAPI?: {
    readonly defaultMode?: number;
    readonly items?: readonly { readonly path: string; readonly mode?: number }[];
  };
  readonly projected?: { readonly defaultMode?: number; readonly sources?: readonly ProjectedSource[] | null };
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly ephemeral?: { readonly volumeClaimTemplate?: unknown };
  readonly csi?: { readonly driver: string; readonly fsType?: string; readonly readOnly?: boolean };
  readonly nfs?: { readonly server?: string; readonly path?: string; readonly readOnly?: boolean };
  readonly iscsi?: { readonly readOnly?: boolean; readonly fsType?: string };
  readonly fc?: { readonly readOnly?: boolean; readonly fsType?: string };
  readonly image?: { readonly reference?: string; readonly pullPolicy?: string };
  readonly [kind: string]: unknown;
}

export interface PodSpec {
  readonly initContainers?: readonly PodContainer[];
  readonly containers?: readonly PodContainer[];
  readonly ephemeralContainers?: readonly (PodContainer & { readonly targetContainerName?: string })[];
  readonly securityContext?: PodSecurityContext;
  readonly volumes?: readonly PodVolume[];
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
  readonly hostUsers?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly runtimeClassName?: string;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly restartPolicy?: string;
  readonly os?: { readonly name?: string };
}
