/** What a reader of the pod has to know before the cluster says it. */
import { evaluate, violationsText } from '../../pod-security/evaluate.ts';
import { readPod } from '../../pod-security/read-pod.ts';
import type { ArtifactInput } from './artifact.ts';
import { filledFolders } from './fill-step.ts';
import { initContainerNotes } from './migrate.ts';
import { filled, preparedVolumes } from './volume-step.ts';

/** One line each; none for a pod that goes everywhere. */
export function podNotes(input: ArtifactInput, pod: unknown): readonly string[] {
  const read = readPod(pod).pod;
  const fails = (level: 'baseline' | 'restricted'): string => violationsText(evaluate(read, { level, version: 'latest' }));
  const notes: string[] = [];
  const [baseline, restricted] = [fails('baseline'), fails('restricted')];
  if (baseline !== '') notes.push(`Pod Security baseline and restricted refuse this pod: ${baseline}`);
  else if (restricted !== '') notes.push(`Pod Security restricted refuses this pod, baseline takes it: ${restricted}`);
  const ambient = input.run.user.startsWith('0:') ? [] : withoutFile(input);
  if (ambient.length > 0)
    notes.push(
      `${ambient.join(', ')}: Kubernetes does not make an added capability effective for a user that is not root (no ambient capabilities, KEP-2763),`,
      'and no file of the image carries it: fix it for a Kubernetes profile (--platform-profile containerd-2) to have the program do so',
    );
  if (input.run.network === 'host' && input.run.ports.some(({ from, to }) => from !== to))
    notes.push("the host's network: nodes answer on the new port only; the Service keeps the old one inside the cluster");
  notes.push(...hiddenContent(input));
  return [...notes, ...initContainerNotes(input)];
}

/** Added capabilities that only a runtime which makes them ambient (Podman) hands to the program. */
function withoutFile({ run, layer }: ArtifactInput): readonly string[] {
  const carried = new Set(layer.flatMap((change) => (change.kind === 'own' ? (change.capabilities ?? []) : [])));
  const added = run.capAdd.map((name) => name.toUpperCase().replace(/^CAP_/, ''));
  return added.filter((name) => ![...carried].includes(`CAP_${name}` as never));
}

/** A claim starts out empty and hides what the image has there; an engine's volume, and a runtime's own for a VOLUME, takes it over. */
function hiddenContent(input: ArtifactInput): readonly string[] {
  const prepared = preparedVolumes(input).map(({ path }) => path);
  const copied = filledFolders(input);
  return input.run.volumes
    .filter((volume) => input.withContent.includes(volume.path) && !filled(input, volume) && !copied.includes(volume.path))
    .map(({ path }) =>
      prepared.includes(path)
        ? `${path}: the image has content there, which the empty claim hides, and no shell to fill it with: copy it into the claim before the first start`
        : `${path}: nothing is mounted there, because the image has content that an empty claim would hide. To keep the data: a claim, filled once with that content (cp -a)`,
    );
}
