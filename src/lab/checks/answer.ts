/** `answer`: a number that the learner wrote to a file, held against what the player counts itself. */
import { type ImageFacts, imageFacts, withImageOf } from './image-facts.ts';
import { readInside } from './inside.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

export async function checkAnswer(check: CheckOf<'answer'>, { node }: CheckWorld): Promise<Look> {
  const text = readInside(node.root, check.path)?.trim();
  if (text === undefined) return red(`${check.path} is not there`);
  if (!/^\d{1,15}$/.test(text)) return red(`${check.path} does not hold one number`);
  try {
    const truth = await withImageOf(node.root, check.image, async (image) => factOf(check, await imageFacts(image)));
    if (typeof truth !== 'number') return red(truth);
    // The right number is not told.
    return Number(text) === truth ? green(`${check.path}: ${text}`) : red(`${check.path} says ${text}, and it is not that`);
  } catch (error) {
    return red((error as Error).message);
  }
}

function factOf({ is, of = '' }: CheckOf<'answer'>, facts: ImageFacts): number | string {
  const holders = facts.holders(of);
  switch (is) {
    case 'layers':
      return facts.layers.length;
    case 'bytes':
      return facts.bytes;
    case 'wasted':
      return facts.wasted(of || '/');
    case 'bytes-of-layer':
      return facts.layers[Number(of)] ?? `there is no layer ${of}`;
    case 'first-layer-of':
      return holders[0] ?? `no layer has ${of}`;
    case 'last-layer-of':
      return holders.at(-1) ?? `no layer has ${of}`;
    case 'copies-of':
      return holders.length;
  }
}
