/** Pictures that are drawn on request from a node: a walk, an exec, the layers of an image that is in it. In a guest they are drawn there. */
import { UnrootError } from '../../error.ts';
import { withImageOf } from '../checks/image-facts.ts';
import { openInside } from '../checks/inside.ts';
import type { LabNode } from '../node.ts';
import { drawExec } from './pictures/exec.ts';
import { drawImage, drawLayers } from './pictures/layers.ts';
import { drawWalk } from './pictures/walk.ts';
import type { Answers, Ask } from './protocol.ts';

/** What is asked of the node itself. */
export type NodeAsk = Extract<Ask, { readonly kind: 'walk' | 'exec' | 'layers' }>;

/** Where the node is. */
export const draw = async <K extends NodeAsk['kind']>(
  ask: Extract<Ask, { readonly kind: K }>,
  node: LabNode,
): Promise<Answers[K]> =>
  (await (node.guest === undefined ? drawAsked(ask as NodeAsk, node) : node.guest.ask('draw', ask))) as Answers[K];

/** In the node's own kernel. */
export async function drawAsked(ask: NodeAsk, node: LabNode): Promise<Answers[NodeAsk['kind']]> {
  if (ask.kind === 'walk') return drawWalk(ask, node.proc);
  if (ask.kind === 'exec') return drawExec(node.proc, ask.pid, ask.path);
  const { image } = ask;
  if (!image.startsWith('/')) {
    const drawn = await withImageOf(node.root, { name: image }, (one) => drawImage(one, image));
    if (typeof drawn === 'string') throw new UnrootError(`${image} is not there yet`, { code: 'lab.no-image' });
    return drawn;
  }
  // The learner's own links must not lead out of the node.
  const found = openInside(node.root, image);
  const inside = found === undefined ? undefined : openInside(found.path, '/oci-layout');
  try {
    if (found === undefined || inside === undefined) throw new UnrootError(`${image} is not there yet`, { code: 'lab.no-image' });
    return await drawLayers(found.path, image);
  } finally {
    inside?.close();
    found?.close();
  }
}
