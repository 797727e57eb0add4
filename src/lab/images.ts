/** Images of the labs: a recipe as data → an OCI layout over the minimal Debian or another image of the labs, kept by recipe. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { storeLayers } from '../engine/rootfs/store.ts';
import { openImage } from '../image/sources/index.ts';
import { type BuildOptions, installed, made, minimalSystem, recipeHash } from './debian.ts';
import { filesLayer, layersOf, minimalLayer, shared, upperLayer, writeLayout } from './image-layers.ts';
import { type LabImage, readImage } from './image-recipe.ts';

/** Folder of an image's recipe. */
export type FindImage = (name: string) => string;

/** The layout of an image, built when it is not there. */
export async function buildImage(name: string, find: FindImage, options: BuildOptions): Promise<string> {
  const folder = find(name);
  const recipe = readImage(folder, name);
  const base = recipe.base === undefined ? undefined : await buildImage(recipe.base, find, options);
  const contents = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [file.slice(folder.length), createHash('sha256').update(readFileSync(file)).digest('hex')]);
  const hash = recipeHash('image', recipe, contents, ...(base === undefined ? [] : [base]));
  return made(join(options.cacheFolder, 'images', `${name}-${hash}`), options, async (building) => {
    options.onProgress?.(`Building image ${name}`);
    const layout = join(building, 'root');
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    const below = base === undefined ? undefined : layersOf(base, layout);
    const layers = [...(below?.layers ?? [shared(await minimalLayer(options), layout)])];
    const [upper, ...lower] = await systems(recipe, find, options);
    if (upper !== undefined && isSystem(recipe))
      layers.push(await upperLayer(upper, lower, building, layout, `packages ${recipe.packages.join(' ')}`));
    if (recipe.files.length > 0)
      layers.push(await filesLayer({ createdBy: 'files of the recipe', files: recipe.files }, folder, building, layout));
    for (const layer of recipe.layers ?? []) layers.push(await filesLayer(layer, folder, building, layout));
    writeLayout(layout, name, { ...below?.config, ...recipe.config }, layers);
    // Unpacked where the nodes' own unroot finds it: the first container of a learner starts at once.
    const image = await openImage(`oci:${layout}`);
    try {
      const stored = await storeLayers(image, { folder: join(options.cacheFolder, 'store') });
      stored.release();
    } finally {
      await image.close();
    }
  });
}

const isSystem = ({ packages, script }: LabImage): boolean => packages.length > 0 || script !== '';

/** Folders of an overlay, top first: what packages and scripts changed, of this recipe and those below it, and the minimal Debian. */
async function systems(recipe: LabImage, find: FindImage, options: BuildOptions): Promise<readonly string[]> {
  const below =
    recipe.base === undefined
      ? [await minimalSystem(options)]
      : await systems(readImage(find(recipe.base), recipe.base), find, options);
  if (!isSystem(recipe)) return below;
  const { folder } = await installed(`image-${recipe.name}`, recipe.packages, recipe.script, options, below.slice(0, -1));
  return [folder, ...below];
}

/** Beside the labs, else the package's. */
export const imageFolder = (labs: string, packaged: string, name: string): string => {
  const own = join(labs, 'images', name);
  return existsSync(own) ? own : join(packaged, 'labs/images', name);
};
