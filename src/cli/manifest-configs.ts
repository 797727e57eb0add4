/** Images with the configuration that a manifest mounts into them: what a program reads is the ConfigMap's text, and there it is changed. */
import type { LayerChange } from '../finding/fix.ts';
import { portMoves } from '../fixes/move-port.ts';
import { movedLines } from '../fixes/moved-words.ts';
import type { Image } from '../image/image.ts';
import type { LayerEntry } from '../image/layer-entry.ts';
import { applyChange } from '../recipes/apply-change.ts';
import { matchingRecipes } from '../recipes/recipes.ts';
import type { FixResult } from '../unroot.ts';
import type { ContainerChange } from '../workload/change.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type MountedFile, mountedFiles } from '../workload/mounted-files.ts';

export interface ConfiguredImage {
  readonly image: Image;
  readonly original: Image;
  readonly files: readonly MountedFile[];
}

/** The image with the files of mounted ConfigMaps in it, as the program finds them; the image itself when none is known. */
export async function withConfigs(image: Image, settings: ContainerSettings): Promise<ConfiguredImage> {
  const { files, folders } = mountedFiles(settings);
  if (files.length === 0) return { image, original: image, files };
  const known = kept.get(image) ?? new Map<string, Promise<Image>>();
  kept.set(image, known);
  const key = JSON.stringify([files.map(({ path, text }) => [path, text]), folders]);
  const made = known.get(key) ?? laidOver(image, files, folders);
  known.set(key, made);
  return { image: await made, original: image, files };
}

/** Many containers of a folder have the same. */
const kept = new WeakMap<Image, Map<string, Promise<Image>>>();

async function laidOver(image: Image, files: readonly MountedFile[], folders: readonly string[]): Promise<Image> {
  const { deriveImage } = await import('../image/derive.ts');
  const fs = await image.rootFs();
  const hidden = folders.flatMap((folder): LayerEntry[] => {
    const { entry } = fs.resolve(folder);
    return entry?.type === 'directory'
      ? fs.list(entry.path).map((name) => ({ kind: 'remove', path: `${entry.path === '/' ? '' : entry.path}/${name}` }))
      : [];
  });
  const laid = new Set(files.map(({ path }) => fs.resolve(path).path));
  const entries = files.map(
    ({ path, text }): LayerEntry => ({ kind: 'file', path: realPath(fs, path), uid: 0, gid: 0, mode: 0o644, content: text }),
  );
  return deriveImage(image, {
    entries: [...hidden.filter(({ path }) => !laid.has(path)), ...entries],
    // What the image declares is what its own configuration says; this one says something else.
    config: files.some(({ text }) => LISTENS.test(text)) ? { exposedPorts: [] } : {},
  });
}

/** `listen 8080;`, `Listen 8080`, `port = 6379`, `bind *:8080`. */
const LISTENS = /^[ \t]*(?:listen|port|bind|http_port|listener)\b[^\n#]*\d{2,5}/im;

/** Where a mount really lies: links among the folders on the way are followed. */
const realPath = (fs: Awaited<ReturnType<Image['rootFs']>>, path: string): string => {
  const { entry, path: real } = fs.resolve(path);
  return entry?.type === 'file' ? entry.path : real;
};

export interface ConfigEdits {
  readonly result: FixResult;
  readonly image: Image;
  readonly files: NonNullable<ContainerChange['configFiles']>;
  readonly ports: readonly { readonly from: number; readonly to: number }[];
}

/** The order in which changes are tried; what does not help is left as it was. */
const PURPOSES = ['pid', 'cache', 'logs', 'port', 'identity'] as const;

/**
 * Changes of the mounted configuration by which the image itself need not change: each that brings the fix nearer is kept.
 * Undefined when none does. `again`: the fix of an image with such a configuration.
 */
export async function editConfigs(
  { original, files }: ConfiguredImage,
  settings: ContainerSettings,
  before: FixResult,
  again: (image: Image) => Promise<FixResult>,
): Promise<ConfigEdits | undefined> {
  const { argv } = before.asIs;
  const has = (path: string): boolean => before.subject.rootFs.get(path) !== undefined;
  const recipes = matchingRecipes({ programs: argv, has });
  let state: ConfigEdits | undefined;
  let best = costOf(before);
  const texts = new Map(files.flatMap(({ path, text, fixed }) => (fixed === true ? [] : [[path, text] as const])));
  const attempt = async (changed: ReadonlyMap<string, string>, ports: ConfigEdits['ports']): Promise<void> => {
    if ([...changed].every(([path, text]) => texts.get(path) === text)) return;
    const next = new Map([...texts, ...changed]);
    const { image } = await withConfigs(original, withTexts(settings, files, next));
    const result = await again(image);
    const cost = costOf(result);
    if (cost >= best) return;
    best = cost;
    for (const [path, text] of next) texts.set(path, text);
    const written = files.filter(({ path, text }) => next.get(path) !== text);
    state = {
      result,
      image,
      files: written.map(({ name, key, path }) => ({ name, key, text: next.get(path)! })),
      ports: [...(state?.ports ?? []), ...ports],
    };
  };
  for (const purpose of PURPOSES) {
    const now = state?.result ?? before;
    const moves = purpose === 'port' ? portMoves(lowPorts(now), new Set()) : [undefined];
    for (const port of moves) {
      const input = { rootFs: now.subject.rootFs, argv, user: now.recipient, ...(port === undefined ? {} : { port }) };
      for (const recipe of recipes)
        for (const change of (recipe.changes ?? []).filter((one) => one.for === purpose)) {
          const applied = applyChange(recipe, change, { ...input, configs: texts });
          const edits = (applied?.layer ?? []).flatMap((one) =>
            one.kind === 'file' && texts.has(one.path) ? [[one.path, one.content] as const] : [],
          );
          await attempt(new Map(edits), port === undefined ? [] : [port]);
        }
      if (port === undefined || !lowPorts(state?.result ?? before).includes(port.from)) continue;
      const moved = [...texts].flatMap(([path, text]) => {
        const other = movedLines(text, port, false);
        return other === undefined ? [] : [[path, other] as const];
      });
      await attempt(new Map(moved), [port]);
    }
  }
  return state;
}

const lowPorts = ({ unresolved, fixes }: FixResult): readonly number[] => [
  ...new Set([
    ...unresolved.flatMap(({ finding: { operation } }) => (operation?.kind === 'bind' ? [operation.port] : [])),
    ...fixes.flatMap(({ id, subject }) => (id === 'port-capability' ? [Number(subject?.slice(1))] : [])),
  ]),
];

const HEAVY = 100;

/** What would not work; then how much is said about it at all. */
const costOf = ({ findings }: FixResult): number =>
  findings.filter(({ severity }) => severity === 'error').length * HEAVY + findings.length;

/** Nothing that would not work is left: what the image could change besides is about what its scripts try and can do without. */
export function withoutImageChanges(result: FixResult): FixResult | undefined {
  if (result.findings.some(({ severity, operation }) => severity === 'error' && operation?.kind !== 'bind')) return undefined;
  return { ...result, fixes: result.fixes.filter(({ layer }) => layer.length === 0), layer: [] };
}

const withTexts = (
  settings: ContainerSettings,
  files: readonly MountedFile[],
  texts: ReadonlyMap<string, string>,
): ContainerSettings => {
  const byKey = new Map(files.map(({ name, key, path, text }) => [`${name}/${key}`, texts.get(path) ?? text]));
  const volumes = (settings.volumes ?? []).map((volume) =>
    volume.files === undefined
      ? volume
      : {
          ...volume,
          files: volume.files.map((file) =>
            file.of === undefined
              ? file
              : { ...file, of: { ...file.of, text: byKey.get(`${file.of.name}/${file.of.key}`) ?? file.of.text } },
          ),
        },
  );
  return { ...settings, volumes };
};

/** Of layer changes, those that a ConfigMap says instead, and those that only an image can. */
export function splitLayer(
  settings: ContainerSettings,
  layer: readonly LayerChange[],
): { readonly files: NonNullable<ContainerChange['configFiles']>; readonly rest: readonly LayerChange[] } {
  const own = mountedFiles(settings).files.filter(({ fixed }) => fixed !== true);
  const mounted = new Map(own.map((file) => [file.path, file]));
  const files = layer.flatMap((one) => {
    const file = one.kind === 'file' ? mounted.get(one.path) : undefined;
    return file === undefined || one.kind !== 'file' ? [] : [{ name: file.name, key: file.key, text: one.content }];
  });
  return { files, rest: layer.filter(({ path }) => !mounted.has(path)) };
}

/** What mounted ConfigMaps say from then on, and the ports that move by it. */
export function withConfigEdits(
  change: ContainerChange,
  edits: ConfigEdits | undefined,
  found: NonNullable<ContainerChange['configFiles']>,
): ContainerChange {
  const files = new Map([...(edits?.files ?? []), ...found].map((file) => [`${file.name}/${file.key}`, file]));
  if (files.size === 0) return change;
  const ports = [...(change.ports ?? []), ...(edits?.ports ?? [])];
  return { ...change, configFiles: [...files.values()], ...(ports.length === 0 ? {} : { ports }) };
}
