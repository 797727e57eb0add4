/** What is run once before the roll-out: claims, and a job that gives them to the user. */
import { stringify } from 'yaml';
import { type ArtifactInput, dnsLabel } from './artifact.ts';
import { preparedVolumes, STEP_CAPABILITIES, stepImage, stepScript } from './volume-step.ts';

/** The claim of a prepared volume, in `pod.yaml` too. */
export const claimName = (input: ArtifactInput, index: number): string => `${dnsLabel(input.name).slice(0, 50)}-data-${index}`;

/** A container as root that does nothing but that; the claims are mounted beside the paths, because the image may fill them. */
function step(input: ArtifactInput): object {
  const volumes = preparedVolumes(input);
  const script = volumes.map((volume, index) => stepScript(input, volume, `/volumes/${index}`)).join('\n');
  return {
    name: 'volumes',
    image: stepImage(input),
    command: ['/bin/sh', '-ec', `${script}\n`],
    securityContext: {
      runAsNonRoot: false,
      runAsUser: 0,
      runAsGroup: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: STEP_CAPABILITIES },
    },
    volumeMounts: volumes.map((_, index) => ({ name: `data-${index}`, mountPath: `/volumes/${index}` })),
  };
}

/** undefined when fsGroup does, or nothing is needed. */
export function migrateYaml(input: ArtifactInput): string | undefined {
  const volumes = preparedVolumes(input);
  if (volumes.length === 0) return undefined;
  const label = dnsLabel(input.name);
  const claims = volumes.map(({ path }, index) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName(input, index), annotations: { 'unroot/path': path } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }));
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `${label.slice(0, 50)}-volumes` },
    spec: {
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          containers: [step(input)],
          volumes: claims.map(({ metadata }, index) => ({
            name: `data-${index}`,
            persistentVolumeClaim: { claimName: metadata.name },
          })),
        },
      },
    },
  };
  const comment = [
    'Once, before the roll-out, while nothing uses the volumes: kubectl apply -f migrate.yaml, and wait for the job.',
    'Claims that are there already: leave out the claims below, and put their names here and in pod.yaml.',
    'The job is root with three capabilities, which Pod Security baseline allows and restricted does not: where restricted is',
    'enforced, it needs the label pod-security.kubernetes.io/enforce=baseline on the namespace while it runs.',
  ];
  return [
    `${comment.map((line) => `# ${line}\n`).join('')}${stringify(claims[0])}`,
    ...[...claims.slice(1), job].map((one) => stringify(one)),
  ].join('---\n');
}

/** The same at every start instead, as comment lines for the pod. */
export function initContainerNotes(input: ArtifactInput): readonly string[] {
  if (preparedVolumes(input).length === 0) return [];
  const lines = stringify({ initContainers: [step(input)] })
    .trimEnd()
    .split('\n');
  return [
    'Its claims are made and handed over by migrate.yaml, once. Where restricted is not enforced, an init container does it too, at',
    'every start: these lines below spec.',
    ...lines.map((line) => `  ${line}`),
  ];
}
