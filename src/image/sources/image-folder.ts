/** A folder of OCI layouts as a store of named images: `$UNROOT_IMAGES/debian` is `debian`, of which tag it has but one. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { familiarToFull } from '../reference.ts';

/** Names that are told, at most. */
const MAX_NAMES = 30;

/** What `$UNROOT_IMAGES` has, for whoever asked for something else; undefined without such a folder. */
export function namesInFolder(): { readonly folder: string; readonly names: readonly string[] } | undefined {
  const folder = process.env.UNROOT_IMAGES;
  if (!folder || !existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'oci-layout')));
  return { folder, names: names.sort().slice(0, MAX_NAMES) };
}

/** The layout that is meant by a name, when `$UNROOT_IMAGES` has one. */
export function findInFolder(name: string): { readonly folder: string; readonly tag: string | undefined } | undefined {
  const folder = process.env.UNROOT_IMAGES;
  if (!folder || name.includes('@')) return undefined;
  const familiar = familiarToFull(name)
    .replace(/^docker\.io\/(?:library\/)?/, '')
    .replace(/:latest$/, '');
  const [, path = '', tag] = /^([^:]+)(?::([^:/]+))?$/.exec(familiar) ?? [];
  // One folder deep and no way out of it.
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(path) || !existsSync(join(folder, path, 'oci-layout'))) return undefined;
  return { folder: join(folder, path), tag };
}
