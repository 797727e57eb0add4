/** Whether an overlay puts another program into a container than its definition names: `images: [{name: app, newName: nginx}]`. */
import { locate } from '../../../../text/yaml/path.ts';
import type { KustomizeBuild } from './build.ts';
import type { Resource } from './resource.ts';
import { entryOf, type Traced, textAt } from './traced.ts';
import { imageParts } from './transformers.ts';

/** Of an object that has no containers, a Service: whether any object has such a container, for it changes when a port of one moves. */
export function imagesOfOthers(build: KustomizeBuild, resource: Resource): boolean {
  const own = containersOf(resource.object);
  if (own.length > 0) return own.some(hasAnother);
  // Its text comes from a file or a literal, and that is where it changes.
  if (textAt(resource.object, 'kind') === 'ConfigMap') return false;
  return build.resources.some(({ object }) => containersOf(object).some(hasAnother));
}

const LISTS = ['initContainers', 'containers'] as const;
/** No template lies deeper: CronJob has it at spec.jobTemplate.spec.template.spec. */
const DEEPEST = 8;

/** Wherever a pod template lies, also in kinds that nobody here knows. */
function containersOf(node: Traced, depth = 0): readonly Traced[] {
  if (node.kind !== 'map' || depth > DEEPEST) return [];
  const out: Traced[] = [];
  for (const [key, value] of node.entries)
    if (value.kind === 'list' && (LISTS as readonly string[]).includes(key)) out.push(...value.items);
    else if (value.kind === 'map') out.push(...containersOf(value, depth + 1));
  return out;
}

/** The same name in another registry is a mirror of it, another tag another version. */
function hasAnother(container: Traced): boolean {
  const image = entryOf(container, 'image');
  if (container.kind !== 'map' || image?.kind !== 'scalar' || typeof image.value !== 'string') return false;
  const [last] = image.origins;
  if (last === undefined || last.document.role === 'resource') return false;
  const defined = container.origins.find(({ document }) => document.role === 'resource' && document.root !== undefined);
  const said = defined && locate(defined.document.root!, [...defined.path, 'image'])?.node;
  if (said?.kind !== 'scalar' || typeof said.value !== 'string') return false;
  return baseName(said.value) !== baseName(image.value);
}

const baseName = (image: string): string => {
  const { name } = imageParts(image);
  return name.slice(name.lastIndexOf('/') + 1);
};
