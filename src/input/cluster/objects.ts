/** Objects of a cluster: listed page by page; what may not be seen is said, and the rest is read. */
import type { SourceFile } from '../../text/source-file.ts';
import { sourceFile } from '../../text/source-file.ts';
import type { Cluster } from './connection.ts';
import { messageOf } from './connection.ts';
import { CLUSTER_KINDS, type ClusterKind, collectionPath } from './kinds.ts';

/** As much of an object as is looked at here; everything else stays in it. */
export interface ClusterObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly uid: string;
      readonly controller?: boolean;
    }[];
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface Seen {
  readonly objects: readonly ClusterObject[];
  /** Undefined when the list of namespaces may not be seen. */
  readonly namespaces: readonly ClusterObject[];
  /** What could not be seen, in words. */
  readonly unseen: readonly string[];
}

const PAGE = 500;
/** No cluster has more objects of a kind (Kubernetes, large clusters: 150,000 pods). */
const MOST_PAGES = 400;

/** Everything that makes pods, and the namespaces. `namespace` undefined = all. */
export async function readCluster(
  cluster: Cluster,
  namespace: string | undefined,
  onProgress: (message: string) => void,
): Promise<Seen> {
  const unseen: string[] = [];
  const objects: ClusterObject[] = [];
  /** Kinds by the reason why they are not seen. */
  const hidden = new Map<string, string[]>();
  const hide = (why: string, plural: string): void => void hidden.set(why, [...(hidden.get(why) ?? []), plural]);
  const namespaces = await readNamespaces(cluster, namespace, unseen);
  for (const kind of CLUSTER_KINDS) {
    const count = objects.length;
    const told = (found: number): void => onProgress(`${kind.plural}: ${found} read, ${count + found} objects in all`);
    const whole = await list(cluster, kind, namespace, told);
    if ('objects' in whole) {
      objects.push(...whole.objects);
      continue;
    }
    if (namespace !== undefined || whole.status !== 403 || namespaces.length === 0) {
      hide(whyUnseen(whole, namespace), kind.plural);
      continue;
    }
    // Not all at once: perhaps in some namespaces.
    const closed: string[] = [];
    for (const one of namespaces) {
      const part = await list(cluster, kind, one.metadata.name, told);
      if ('objects' in part) objects.push(...part.objects);
      else closed.push(one.metadata.name);
    }
    if (closed.length > 0) hide(`in ${some(closed)}: not allowed to list them`, kind.plural);
  }
  return { objects, namespaces, unseen: [...unseen, ...[...hidden].map(([why, plurals]) => `${plurals.join(', ')} ${why}`)] };
}

async function readNamespaces(
  cluster: Cluster,
  namespace: string | undefined,
  unseen: string[],
): Promise<readonly ClusterObject[]> {
  if (namespace !== undefined) {
    const { status, body } = await cluster.get(`/api/v1/namespaces/${encodeURIComponent(namespace)}`);
    if (status === 200) return [body as ClusterObject];
    unseen.push(
      status === 404
        ? `namespace ${namespace}: there is none`
        : `namespace ${namespace} itself, so its Pod Security level: ${messageOf(body)}`,
    );
    return [];
  }
  const found = await list(cluster, { kind: 'Namespace', apiVersion: 'v1', plural: 'namespaces', short: [] }, undefined);
  if ('objects' in found) return found.objects;
  unseen.push(`namespaces, so their Pod Security levels: ${found.message}`);
  return [];
}

const whyUnseen = ({ status, message }: { status: number; message: string }, namespace: string | undefined): string =>
  `in ${namespace ?? 'all namespaces'}: ${status === 403 ? 'not allowed to list them' : message}`;

const some = (names: readonly string[]): string =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more namespaces`;

/** All pages. A list whose continuation has expired goes on where the server says (410, inconsistent continuation). */
async function list(
  cluster: Cluster,
  kind: ClusterKind,
  namespace: string | undefined,
  onProgress: (found: number) => void = () => undefined,
): Promise<{ readonly objects: readonly ClusterObject[] } | { readonly status: number; readonly message: string }> {
  const objects: ClusterObject[] = [];
  let next = '';
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
    const { status, body } = await cluster.get(`${collectionPath(kind, namespace)}?limit=${PAGE}${more}`);
    const { items = [], metadata } = body as { items?: readonly ClusterObject[]; metadata?: { continue?: string } };
    const token = metadata?.continue ?? '';
    if (status === 410 && token !== '' && token !== next) {
      next = token;
      continue;
    }
    if (status !== 200) return { status, message: messageOf(body) };
    // Items of a list do not say what they are.
    for (const item of items) objects.push({ ...item, apiVersion: kind.apiVersion, kind: kind.kind });
    onProgress(objects.length);
    if (token === '') break;
    next = token;
  }
  return { objects };
}

/** The object as a manifest: what it says, without what the server keeps about it. */
export function manifestOf(name: string, { apiVersion, kind, metadata, spec, ...rest }: ClusterObject): SourceFile {
  const { managedFields: _, ...own } = metadata as ClusterObject['metadata'] & { managedFields?: unknown };
  const { status: _status, ...more } = rest;
  return sourceFile(name, `${JSON.stringify({ apiVersion, kind, metadata: own, spec, ...more }, null, 2)}\n`);
}
