/** What a cluster is to whoever asks it. */
import type { ClusterObject, deploymentSpec } from './objects.ts';
import type { ClusterPod, PodEventLine } from './pod.ts';

/** Pods of one template. */
export interface ReplicaSet {
  readonly name: string;
  readonly namespace: string;
  /** Key of its Deployment. */
  readonly owner: string;
  readonly hash: string;
  readonly template: ReturnType<typeof deploymentSpec>['template'];
  readonly since: number;
  replicas: number;
  /** Why its pods are not let in. */
  refused?: string;
}

/** What happened, and to what. */
export interface ClusterEvent extends PodEventLine {
  readonly namespace: string;
  /** `pod/web-1`. */
  readonly object: string;
}

export interface ClusterOptions {
  /** A folder of its own. */
  readonly folder: string;
  /** `unroot.js`. */
  readonly program: string;
  /** What / of the node is. */
  readonly hostRoot: string;
  /** Where NodePorts listen; a node of a lab has its loopback only. */
  readonly host: string;
}

export interface Cluster {
  readonly objects: ReadonlyMap<string, ClusterObject>;
  /** Key of an object → when it came. */
  readonly since: ReadonlyMap<string, number>;
  readonly sets: readonly ReplicaSet[];
  readonly pods: readonly ClusterPod[];
  events(): readonly ClusterEvent[];
  /** As `kubectl apply` would leave it; undefined = it is not there yet. Changes nothing. */
  merged(object: ClusterObject): ClusterObject;
  apply(object: ClusterObject): Promise<'created' | 'configured' | 'unchanged'>;
  /** False = there is no such thing. */
  delete(key: string): Promise<boolean>;
  /** Whether the Deployment is all new and all there; its standing in words otherwise. */
  rollout(deployment: ClusterObject): { readonly done: boolean; readonly words: string };
  /** Resolves with the next change, or after that time. */
  changed(ms: number): Promise<void>;
  close(): Promise<void>;
}
