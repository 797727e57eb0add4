/** `image`: an image the learner made, read with the reader every command uses: every byte is held against its digest. */

import type { Image } from '../../image/image.ts';
import { imageFacts, withImageOf } from './image-facts.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

export async function checkImage(check: CheckOf<'image'>, { node }: CheckWorld): Promise<Look> {
  try {
    const look = await withImageOf(node.root, check, (image) => judge(check, image));
    return typeof look === 'string' ? red(look) : look;
  } catch (error) {
    return red((error as Error).message);
  }
}

async function judge(check: CheckOf<'image'>, image: Image): Promise<Look> {
  const user = image.config.user ?? '';
  if (check.user !== undefined && user !== check.user)
    return red(`its USER is ${JSON.stringify(user)}, not ${JSON.stringify(check.user)}`);
  if (check.layers !== undefined && image.layers.length !== check.layers)
    return red(`it has ${image.layers.length} layers, not ${check.layers}`);
  const bytes = image.layers.reduce((sum, { size }) => sum + size, 0);
  if (check.maxBytes !== undefined && bytes > check.maxBytes)
    return red(`its layers have ${bytes} bytes, more than ${check.maxBytes}`);
  if (check.history !== undefined) {
    const lines = image.layers.map(({ createdBy = '' }) => createdBy);
    if (!new RegExp(check.history, 'm').test(lines.join('\n'))) return red('none of its layers came about that way');
  }
  const fs = check.files === undefined ? undefined : await image.rootFs();
  for (const file of check.files ?? []) {
    const inode = fs!.get(file.path);
    if (file.copies !== undefined) {
      const { length } = (await imageFacts(image)).holders(file.path);
      if (length !== file.copies) return red(`${file.path} is stored in ${length} layers, not ${file.copies}`);
    }
    if (file.exists === false) {
      if (inode !== undefined) return red(`${file.path} is in it`);
      continue;
    }
    if (inode === undefined) return red(`${file.path} is not in it`);
    const owner = `${inode.uid}:${inode.gid}`;
    const mode = (inode.mode & 0o7777).toString(8).padStart(4, '0');
    if (file.owner !== undefined && owner !== file.owner) return red(`${file.path} belongs to ${owner}, not ${file.owner}`);
    if (file.mode !== undefined && mode !== file.mode.padStart(4, '0'))
      return red(`${file.path} has mode ${mode}, not ${file.mode}`);
    if (file.layer !== undefined && inode.layer !== file.layer)
      return red(`${file.path} is as layer ${inode.layer} has it, not layer ${file.layer}`);
    const capable = inode.fileCapabilities !== undefined;
    if (file.capabilities !== undefined && file.capabilities !== capable)
      return red(`${file.path} has ${capable ? '' : 'no '}file capabilities`);
  }
  return green(`USER ${JSON.stringify(user)}, ${image.layers.length} layers, ${bytes} bytes`);
}
