/** What a build makes as one text: every place in it is told as the place in the file that the value came from. */
import { type Place, positionAt, type SourceFile } from '../../../../text/source-file.ts';
import { resolved, type YamlNode } from '../../../../text/yaml/node.ts';
import { locateNearest } from '../../../../text/yaml/path.ts';
import { readYaml } from '../../../../text/yaml/read.ts';
import { yamlText } from '../../../../text/yaml/write.ts';
import type { KustomizeBuild } from './build.ts';
import { entryOf, type Origin, plainValue, type Traced } from './traced.ts';

/** The line and column at which an origin stands; of a text inside a value, those of the file. */
export function placeOf({ document, path }: Origin, part: 'key' | 'value'): Place {
  const { source, root, within } = document;
  const found = root === undefined ? undefined : locateNearest(root, path);
  const start = found === undefined ? 0 : (part === 'key' ? (found.key ?? found.node) : found.node).start;
  const at = positionAt(source, start);
  if (within === undefined) return { file: source.path, ...at };
  const outer = placeOf(within, 'value');
  const around = within.document.source.text.split(/\r?\n/);
  if (within.document.within !== undefined || !/[|>][-+\d]*\s*(?:#.*)?$/.test(around[outer.line - 1] ?? '')) return outer;
  // A block: its first line is the next one.
  const indent = /^ */.exec(around[outer.line] ?? '')![0].length;
  return { file: outer.file, line: outer.line + at.line, column: at.column + indent };
}

/** `objects`: instead of those of the build, as a program made them; traced as far as they are the same. */
export function renderedSource(build: KustomizeBuild, objects?: readonly Traced[]): SourceFile {
  const all = objects ?? build.resources.map(({ object }) => object);
  const text = all.map((object) => yamlText(plainValue(object))).join('---\n');
  let places: readonly { readonly start: number; readonly origin: Origin; readonly part: 'key' | 'value' }[] | undefined;
  const source: SourceFile = {
    path: build.folder,
    text,
    world: build.folder,
    placed: (offset) => {
      places ??= placesIn(source, all);
      let [low, high] = [0, places.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (places[middle]!.start <= offset) low = middle;
        else high = middle - 1;
      }
      const found = places[low];
      return found === undefined ? { file: build.folder, line: 1, column: 1 } : placeOf(found.origin, found.part);
    },
  };
  return source;
}

function placesIn(
  { path, text }: SourceFile,
  objects: readonly Traced[],
): readonly { readonly start: number; readonly origin: Origin; readonly part: 'key' | 'value' }[] {
  const out: { start: number; origin: Origin; part: 'key' | 'value' }[] = [];
  const walk = (node: YamlNode, of: Traced | undefined): void => {
    const at = resolved(node);
    const origin = of?.origins[0];
    if (origin !== undefined) out.push({ start: at.start, origin, part: 'value' });
    if (at.kind === 'list')
      for (const [index, item] of at.items.entries()) walk(item, of?.kind === 'list' ? of.items[index] : undefined);
    if (at.kind !== 'map') return;
    for (const { key, value } of at.entries) {
      const own = of === undefined ? undefined : entryOf(of, String(key.value));
      const from = own?.origins[0];
      if (from !== undefined) out.push({ start: key.start, origin: from, part: 'key' });
      walk(value, own);
    }
  };
  for (const [index, { root }] of readYaml({ path, text }).documents.entries()) walk(root, objects[index]);
  // Where two begin at one place, the outer one counts, which was put in first: of equals the last is found.
  return out
    .map((one, index) => ({ one, index }))
    .sort((a, b) => a.one.start - b.one.start || b.index - a.index)
    .map(({ one }) => one);
}
