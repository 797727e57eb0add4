/** A pod that runs the result and passes Pod Security restricted; where it cannot, the file says so. */
import { stringify } from 'yaml';
import { type ArtifactInput, dnsLabel, titled } from './artifact.ts';
import { fillContainer, filledFolders } from './fill-step.ts';
import { claimName } from './migrate.ts';
import { podNotes } from './pod-notes.ts';
import { serviceOf } from './service.ts';
import { preparedVolumes } from './volume-step.ts';

export function podYaml(input: ArtifactInput): string {
  const label = dnsLabel(input.name);
  const [uid, gid] = input.run.user.split(':').map(Number) as [number, number];
  // An emptyDir hides what the image has there; then the runtime's own volume, which copies it, is left in charge.
  const filled = filledFolders(input);
  const hiding = new Set(input.withContent.filter((path) => !filled.includes(path)));
  const prepared = preparedVolumes(input).map(({ path }) => path);
  const paths = [...input.run.volumes.map((volume) => volume.path), ...input.volumes];
  const writable = [...new Set([...prepared, ...paths.filter((path) => !hiding.has(path))])].map((path, index) => ({
    name: `data-${index}`,
    path,
    source: prepared.includes(path) ? { persistentVolumeClaim: { claimName: claimName(input, index) } } : { emptyDir: {} },
  }));
  const scratch = [...input.run.tmpfs, ...(input.run.tmpfsInside ?? [])].map((spec, index) => ({
    name: `tmp-${index}`,
    path: spec.split(':')[0] as string,
    source: { emptyDir: { medium: 'Memory' } },
  }));
  const volumes = [...writable, ...scratch];
  const fill = fillContainer(input, volumes);
  const sysctls = Object.entries(sysctlsForKubernetes(input)).map(([name, value]) => ({ name, value }));
  const env = Object.entries(input.run.env).map(([name, value]) => ({ name, value }));
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: label, labels: { app: label } },
    spec: {
      ...(input.run.network === 'host' ? { hostNetwork: true } : {}),
      // Root inside is nobody outside.
      ...(uid === 0 ? { hostUsers: false } : {}),
      securityContext: {
        ...(uid === 0 ? {} : { runAsNonRoot: true }),
        runAsUser: uid,
        runAsGroup: gid,
        ...(writable.length > 0 && prepared.length === 0 ? { fsGroup: gid, fsGroupChangePolicy: 'OnRootMismatch' } : {}),
        seccompProfile: { type: 'RuntimeDefault' },
        ...(sysctls.length > 0 ? { sysctls } : {}),
      },
      ...(fill === undefined ? {} : { initContainers: [fill] }),
      containers: [
        {
          name: label,
          image: input.name,
          ...(input.run.entrypoint === undefined ? {} : { command: input.run.entrypoint }),
          ...(input.run.command === undefined ? {} : { args: input.run.command }),
          ...(input.run.workdir === undefined ? {} : { workingDir: input.run.workdir }),
          ...(env.length > 0 ? { env } : {}),
          ...(input.exposedPorts.length > 0
            ? {
                ports: input.exposedPorts.map(({ port, protocol }) => ({
                  containerPort: port,
                  protocol: protocol.toUpperCase(),
                })),
              }
            : {}),
          securityContext: {
            allowPrivilegeEscalation: !input.run.noNewPrivileges,
            capabilities: { drop: input.run.capDrop, ...(input.run.capAdd.length > 0 ? { add: input.run.capAdd } : {}) },
            ...(input.run.readOnly ? { readOnlyRootFilesystem: true } : {}),
          },
          ...(volumes.length > 0 ? { volumeMounts: volumes.map(({ name, path }) => ({ name, mountPath: path })) } : {}),
        },
      ],
      ...(volumes.length > 0 ? { volumes: volumes.map(({ name, source }) => ({ name, ...source })) } : {}),
    },
  };
  const service = serviceOf(input, label);
  const notes = podNotes(input, pod).map((note) => `# ${note}\n`);
  const first = titled(input, `${notes.join('')}${stringify(pod)}`);
  return [first, ...(service === undefined ? [] : [stringify(service)])].join('---\n');
}

/**
 * Whether a low port is open to everybody differs between the runtimes below Kubernetes (containerd 2 says yes, CRI-O and containerd 1 say no), so
 * the pod asks for it by itself: a safe sysctl, which Pod Security restricted allows.
 */
function sysctlsForKubernetes({ run }: ArtifactInput): Readonly<Record<string, string>> {
  // The host's network takes no settings from a pod (kubernetes pkg/kubelet/sysctl: net.* is forbidden with hostNetwork).
  if (run.network === 'host') return Object.fromEntries(Object.entries(run.sysctls).filter(([name]) => !name.startsWith('net.')));
  const lowest = Math.min(...run.ports.map((port) => port.to));
  return lowest < 1024 ? { 'net.ipv4.ip_unprivileged_port_start': String(lowest), ...run.sysctls } : run.sysctls;
}
