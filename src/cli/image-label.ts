/** What to call an image in reports when nobody gave it a name. */
import { basename } from 'node:path';
import type { Image } from '../image/image.ts';

/** The image's own name; for a layout or an archive that has none (or only a tag), the name of its folder or file. */
export function imageLabel(target: string, image: Pick<Image, 'name' | 'transport'>): string {
  const { name, transport } = image;
  const named = name !== undefined && /[/:]/.test(name);
  if (named || !/^(?:oci|oci-archive|docker-archive)$/.test(transport)) return name ?? target;
  const path = target.replace(/^(?:oci|oci-archive|docker-archive):/, '').replace(/:[^/]*$/, '');
  return name === undefined || name === 'latest' ? basename(path).replace(/\.tar(?:\.gz|\.zst)?$/, '') : name;
}
