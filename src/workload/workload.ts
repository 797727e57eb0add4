/** What somebody wrote down to be run: a pod template, a compose service, a Dockerfile stage — with the containers it starts and where each thing stands. */
import type { ContainerSettings } from './container.ts';
import type { Pod } from './formats/kubernetes/pod-spec.ts';

/** A place in a text: offsets in UTF-16 units, `end` exclusive; lines and columns from 1. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** In the order in which Kubernetes starts them; compose services are `container`. */
export type ContainerRole = 'init' | 'sidecar' | 'container' | 'ephemeral';

export interface WorkloadContainer {
  readonly name: string;
  readonly role: ContainerRole;
  /** As written; undefined when the author left it out. */
  readonly image?: string;
  /** Everything around the image, pod and container level already merged the way the platform does it. */
  readonly settings: ContainerSettings;
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
