/** What somebody wrote down to be run: a pod template, a compose service, a Dockerfile stage — with the containers it starts and where each thing stands. */
import type { Span } from '../text/span.ts';
import type { ContainerSettings } from './container.ts';
import type { Pod } from './formats/kubernetes/pod-spec.ts';

export type { Span } from '../text/span.ts';

/** In the order in which Kubernetes starts them; compose services are `container`. */
export type ContainerRole = 'init' | 'sidecar' | 'container' | 'ephemeral';

export interface WorkloadContainer {
  readonly name: string;
  readonly role: ContainerRole;
  /** As written; undefined when the author left it out. */
  readonly image?: string;
  /** Everything around the image, pod and container level already merged the way the platform does it. */
  readonly settings: ContainerSettings;
  /** Why nobody can tell here who it runs as, whatever the image is: what decides it hangs on something that is not known. */
  readonly unknown?: string;
  /** The container's own mapping. */
  readonly span?: Span;
  /** Where a field of `settings` was written, by its name there (`runAsUser`, `capDrop` …). */
  readonly spans: Readonly<Record<string, Span>>;
}

export interface Workload {
  readonly format: 'kubernetes' | 'compose' | 'dockerfile';
  /** `Deployment`, `Pod`, `service` … */
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  readonly span?: Span;
  readonly containers: readonly WorkloadContainer[];
  /** Kubernetes: the pod that the template would make, with its metadata; what Pod Security and the kubelet look at. */
  readonly pod?: Pod;
}
