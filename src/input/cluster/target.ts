/** `k8s://[context/]namespace/kind/name`: one object of a cluster as a target. */
import { UnrootError } from '../../error.ts';
import { rememberText } from '../read-before.ts';
import { connect, messageOf } from './connection.ts';
import { CLUSTER_KINDS, clusterKind, collectionPath } from './kinds.ts';
import { type ClusterObject, manifestOf } from './objects.ts';

export const isClusterTarget = (target: string): boolean => target.startsWith('k8s://');

/** Contexts may hold slashes themselves: the last three parts are the object. */
function parts(target: string): {
  readonly context?: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
} {
  const words = target.slice('k8s://'.length).split('/');
  const [name = '', kind = '', namespace = ''] = words.slice(-3).reverse();
  const context = words.slice(0, -3).join('/');
  if (words.length < 3 || [name, kind, namespace].some((one) => one === ''))
    throw new UnrootError(`${target} is not understood`, {
      code: 'cluster.target',
      expected: 'k8s://[CONTEXT/]NAMESPACE/KIND/NAME',
      hint: 'k8s://shop/deployment/web',
    });
  return { ...(context === '' ? {} : { context }), namespace, kind, name };
}

/** Fetches the objects, so that whoever reads targets finds them. Throws `cluster.*`. */
export async function fetchClusterTargets(targets: readonly string[], signal: AbortSignal, kubeconfig?: string): Promise<void> {
  for (const target of targets) {
    const { context, namespace, kind: word, name } = parts(target);
    const kind = clusterKind(word);
    if (kind === undefined)
      throw new UnrootError(`${target}: ${word} is no kind that makes pods`, {
        code: 'cluster.target',
        expected: CLUSTER_KINDS.map((one) => one.kind.toLowerCase()).join(', '),
      });
    const cluster = await connect({
      signal,
      ...(context === undefined ? {} : { context }),
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
    });
    try {
      const { status, body } = await cluster.get(`${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`);
      if (status !== 200)
        throw new UnrootError(`Cannot read ${kind.kind} ${namespace}/${name} of ${cluster.context}: ${messageOf(body)}`, {
          code: status === 404 ? 'cluster.not-found' : 'cluster.forbidden',
          expected: status === 404 ? 'the name of an object that is there' : 'the right to get it',
        });
      rememberText(target, manifestOf(target, { ...(body as ClusterObject), apiVersion: kind.apiVersion, kind: kind.kind }));
    } finally {
      cluster.close();
    }
  }
}
