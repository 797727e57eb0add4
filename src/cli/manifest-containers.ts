/** What the commands that read manifests share: every container of every workload with its image, opened when it is here. */
import type { Diagnostic } from '../finding/finding.ts';
import type { Image } from '../image/image.ts';
import type { LoadedManifests } from '../input/manifests.ts';
import { type ObjectRefusal, objectRefusal } from '../launch/object-refusal.ts';
import type { InWorkload } from '../report/report.ts';
import type { ComposeWorkload } from '../workload/formats/compose/read.ts';
import { type KubernetesWorkload, spanNearPodField } from '../workload/formats/kubernetes/read.ts';
import type { Span, WorkloadContainer } from '../workload/workload.ts';
import type { ContainerImages, FindOptions, Found } from './container-images.ts';

export type AnyWorkload = KubernetesWorkload | ComposeWorkload;

export interface ManifestContainer<W extends AnyWorkload = KubernetesWorkload> {
  readonly workload: W;
  readonly container: WorkloadContainer;
  /** The API server would not take the object at all. */
  readonly refusal?: ObjectRefusal;
  readonly in: InWorkload;
}

/** A pod's container, or a service. */
export type AnyContainer = ManifestContainer<AnyWorkload>;

/** All that was read: pods, then services. */
export function* containersIn({ workloads, services }: LoadedManifests): Generator<AnyContainer> {
  yield* containersOf(workloads);
  yield* containersOf(services);
}

/** In the order of the files. */
export function* containersOf<W extends AnyWorkload>(workloads: Iterable<W>): Generator<ManifestContainer<W>> {
  for (const workload of workloads) {
    const refusal = workload.format === 'kubernetes' ? objectRefusal(workload) : undefined;
    const { kind, name, namespace } = workload;
    for (const container of workload.containers) {
      const { file, line, column } = container.span ?? spanOfWorkload(workload);
      yield {
        workload,
        container,
        ...(refusal === undefined ? {} : { refusal }),
        in: { kind, name, ...(namespace === undefined ? {} : { namespace }), role: container.role, file, line, column },
      };
    }
  }
}

/** Where the workload stands. */
export const spanOfWorkload = (workload: AnyWorkload): Span =>
  workload.format === 'kubernetes' ? workload.object.span : (workload.span as Span);

/** The container's image. An ephemeral container or a template may leave it out, and so may a service that says how it is built. */
export async function imageOf<T>(
  { container, workload }: AnyContainer,
  images: ContainerImages,
  work: (image: Image) => Promise<T>,
  options: FindOptions = {},
): Promise<Found<T>> {
  if (workload.format === 'compose' && workload.service.build !== undefined)
    return builtImage(workload, container.image, images, work);
  if (container.image === undefined || container.image === '')
    return { missing: `container ${container.name} of ${workload.kind} ${workload.name} names no image` };
  return images.find(container.image, work, options);
}

/** What was built here lies in a local store: a registry's image of that name is another one. Compose 1 and podman-compose join names with `_`. */
async function builtImage<T>(
  { namespace, name, service }: ComposeWorkload,
  image: string | undefined,
  images: ContainerImages,
  work: (image: Image) => Promise<T>,
): Promise<Found<T>> {
  const names = image === undefined || image === '' ? [`${namespace}-${name}`, `${namespace}_${name}`] : [image];
  for (const one of names) {
    const found = await images.find(one, work, { local: true });
    if ('value' in found) return found;
  }
  const from = service.build?.dockerfile ?? service.build?.context ?? '';
  return { missing: `service ${name} is built from ${from}, and image ${names[0]} is not here: build it first` };
}

/** What `unroot fix` would be given to look at the same image. */
export function targetOf({ workload, container: { image } }: AnyContainer, images: ContainerImages): string {
  const built = workload.format === 'compose' ? `${workload.namespace}-${workload.name}` : 'IMAGE';
  const name = image === undefined || image === '' ? built : image;
  return images.targetOf?.(name) ?? name;
}

/** Where the field of a refusal stands. */
export const refusalSpan = ({ workload }: AnyContainer, refusal: ObjectRefusal): Span =>
  workload.format === 'kubernetes' ? spanNearPodField(workload, refusal.field) : spanOfWorkload(workload);

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
export const unusedImages = (images: ContainerImages): readonly Diagnostic[] => images.unused().map(unusedImage);

export const unusedImage = (name: string): Diagnostic => ({
  severity: 'warning',
  message: `--image ${name}: no container has an image of that name`,
  where: {},
});
