/**
 * Fields that the API server does not know, around everything Pod Security looks at. By default it drops them with a warning
 * (fieldValidation=Warn), so a misspelt `hostnetwork: true` asks for nothing, and a misspelt `securitycontext` protects nothing.
 * Names as in k8s.io/api/core/v1 types.go; they are compared with upper and lower case, as the server's decoder does.
 */
import type { FieldPath } from './control.ts';

/** What a mapping may hold: each field with what is below it, `undefined` where nobody looks further. */
interface Shape {
  readonly [field: string]: Shape | readonly [Shape] | undefined;
}

const fields = (names: string): Shape => Object.fromEntries(names.split(' ').map((name) => [name, undefined]));

const PROFILES: Shape = {
  seLinuxOptions: fields('user role type level'),
  seccompProfile: fields('type localhostProfile'),
  appArmorProfile: fields('type localhostProfile'),
  windowsOptions: fields('gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess'),
};

const CONTAINER: Shape = {
  ...fields('name image command args workingDir envFrom env resources resizePolicy restartPolicy restartPolicyRules'),
  ...fields('volumeMounts volumeDevices livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath'),
  ...fields('terminationMessagePolicy imagePullPolicy stdin stdinOnce tty'),
  ports: [fields('name hostPort containerPort protocol hostIP')],
  securityContext: {
    ...fields('privileged runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation procMount'),
    ...PROFILES,
    capabilities: fields('add drop'),
  },
};

const POD_SPEC: Shape = {
  ...fields('volumes restartPolicy terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector nodeName'),
  ...fields('serviceAccountName serviceAccount automountServiceAccountToken hostNetwork hostPID hostIPC hostUsers'),
  ...fields('shareProcessNamespace imagePullSecrets hostname hostnameOverride subdomain affinity schedulerName tolerations'),
  ...fields('hostAliases priorityClassName priority dnsConfig readinessGates runtimeClassName enableServiceLinks'),
  ...fields('preemptionPolicy overhead topologySpreadConstraints setHostnameAsFQDN schedulingGates resourceClaims resources'),
  ...fields('workloadRef schedulingGroup'),
  os: fields('name'),
  initContainers: [CONTAINER],
  containers: [CONTAINER],
  ephemeralContainers: [{ ...CONTAINER, targetContainerName: undefined }],
  securityContext: {
    ...fields('runAsUser runAsGroup runAsNonRoot supplementalGroups supplementalGroupsPolicy fsGroup fsGroupChangePolicy'),
    ...fields('seLinuxChangePolicy'),
    ...PROFILES,
    sysctls: [fields('name value')],
  },
};

const POD: Shape = { ...fields('apiVersion kind metadata status'), spec: POD_SPEC };

/** No pod needs more of them. */
const MOST = 100;

/** Paths from the pod down to each, in the order of the file. */
export function unknownFields(pod: unknown): readonly FieldPath[] {
  const found: FieldPath[] = [];
  const look = (value: unknown, shape: Shape | readonly [Shape], path: FieldPath): void => {
    if (typeof value !== 'object' || value === null) return;
    if (isList(shape)) {
      if (Array.isArray(value)) for (const [index, one] of value.entries()) look(one, shape[0], [...path, index]);
      return;
    }
    if (Array.isArray(value)) return;
    for (const [name, below] of Object.entries(value)) {
      if (found.length >= MOST) return;
      const known = Object.hasOwn(shape, name);
      if (!known) found.push([...path, name]);
      else if (shape[name] !== undefined) look(below, shape[name], [...path, name]);
    }
  };
  look(pod, POD, []);
  return found;
}

const isList = (shape: Shape | readonly [Shape]): shape is readonly [Shape] => Array.isArray(shape);
