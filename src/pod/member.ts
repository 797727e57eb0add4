/** One container of a pod on its way to being started: what was written, its image, and the process it would be, or who refuses it. */
import type { Image } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';
import type { WorkloadContainer } from '../workload/workload.ts';

export interface Member {
  readonly container: WorkloadContainer;
  readonly spec: PodContainer;
  /** Absent: the image is not at hand (`ErrImagePull`), in words. */
  readonly image: Image | { readonly missing: string };
  readonly launch?: Launch | Refusal;
}

/** As `kubectl describe` lists them. `count` is left out: each is told when it happens. */
export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** Container; absent = the pod. */
  readonly container?: string;
  readonly message: string;
}
