/** What the commands that read manifests share: every container of every workload with its image, opened when it is here. */
import type { Diagnostic } from '../finding/finding.ts';
import type { Image } from '../image/image.ts';
import type { LoadedManifests } from '../input/manifests.ts';
import { type ObjectRefusal, objectRefusal } from '../launch/object-refusal.ts';
import type { InWorkload } from '../report/report.ts';
import { type KubernetesWorkload, spanNearPodField } from '../workload/formats/kubernetes/read.ts';
import type { Span, WorkloadContainer } from '../workload/workload.ts';
import type { ContainerImages, Found } from './container-images.ts';

export interface ManifestContainer {
  readonly workload: KubernetesWorkload;
  readonly container: WorkloadContainer;
  /** The API server would not take the object at all. */
  readonly refusal?: ObjectRefusal;
  readonly in: InWorkload;
}

/** In the order of the files. */
export function* containersOf(workloads: Iterable<KubernetesWorkload>): Generator<ManifestContainer> {
  for (const workload of workloads) {
    const refusal = objectRefusal(workload);
    const { kind, name, namespace, object } = workload;
    for (const container of workload.containers) {
      const { file, line, column } = container.span ?? object.span;
      yield {
        workload,
        container,
        ...(refusal === undefined ? {} : { refusal }),
        in: { kind, name, ...(namespace === undefined ? {} : { namespace }), role: container.role, file, line, column },
      };
    }
  }
}

/** The container's image. An ephemeral container or a template may leave it out. */
export async function imageOf<T>(
  { container, workload }: ManifestContainer,
  images: ContainerImages,
  work: (image: Image) => Promise<T>,
): Promise<Found<T>> {
  if (container.image === undefined || container.image === '')
    return { missing: `container ${container.name} of ${workload.kind} ${workload.name} names no image` };
  return images.find(container.image, work);
}

/** Where the field of a refusal stands. */
export const refusalSpan = ({ workload }: ManifestContainer, refusal: ObjectRefusal): Span =>
  spanNearPodField(workload, refusal.field);

/** What was read and makes no pods, and what was not looked at. */
export function skippedText({ others, foreign, foreignFiles }: LoadedManifests): string {
  return [
    others.length === 0 ? '' : plural(others.length, 'object makes no pods', 'objects make no pods'),
    foreign === 0 ? '' : plural(foreign, 'document is no Kubernetes object', 'documents are no Kubernetes objects'),
    foreignFiles === 0 ? '' : plural(foreignFiles, 'file holds no Kubernetes object', 'files hold no Kubernetes objects'),
  ]
    .filter((text) => text !== '')
    .join(', ');
}

const plural = (count: number, one: string, several: string): string => `${count} ${count === 1 ? one : several}`;

/** `--image` for a name that no container has is a mistake worth a word. */
export const unusedImages = (images: ContainerImages): readonly Diagnostic[] =>
  images
    .unused()
    .map((name) => ({ severity: 'warning', message: `--image ${name}: no container has an image of that name`, where: {} }));
