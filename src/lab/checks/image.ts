/** `image`: an OCI layout the learner made, read with the reader every command uses: every byte is held against its digest. */
import { openImage } from '../../image/sources/index.ts';
import { openInside } from './inside.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

export async function checkImage(check: CheckOf<'image'>, { node }: CheckWorld): Promise<Look> {
  const found = openInside(node.root, check.path);
  if (found === undefined) return red(`${check.path} is not there`);
  try {
    const mark = openInside(found.path, '/oci-layout');
    mark?.close();
    if (mark === undefined) return red(`${check.path} is no OCI layout`);
    const image = await openImage(`oci:${found.path}`);
    try {
      const user = image.config.user ?? '';
      if (check.user !== undefined && user !== check.user)
        return red(`its USER is ${JSON.stringify(user)}, not ${JSON.stringify(check.user)}`);
      if (check.layers !== undefined && image.layers.length !== check.layers)
        return red(`it has ${image.layers.length} layers, not ${check.layers}`);
      const bytes = image.layers.reduce((sum, { size }) => sum + size, 0);
      if (check.maxBytes !== undefined && bytes > check.maxBytes)
        return red(`its layers have ${bytes} bytes, more than ${check.maxBytes}`);
      const fs = check.files === undefined ? undefined : await image.rootFs();
      for (const file of check.files ?? []) {
        const inode = fs!.get(file.path);
        if (inode === undefined) return red(`${file.path} is not in it`);
        const owner = `${inode.uid}:${inode.gid}`;
        const mode = (inode.mode & 0o7777).toString(8).padStart(4, '0');
        if (file.owner !== undefined && owner !== file.owner) return red(`${file.path} belongs to ${owner}, not ${file.owner}`);
        if (file.mode !== undefined && mode !== file.mode.padStart(4, '0'))
          return red(`${file.path} has mode ${mode}, not ${file.mode}`);
      }
      return green(`USER ${JSON.stringify(user)}, ${image.layers.length} layers, ${bytes} bytes`);
    } finally {
      await image.close();
    }
  } catch (error) {
    return red((error as Error).message);
  } finally {
    found.close();
  }
}
