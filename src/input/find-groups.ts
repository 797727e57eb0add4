/** Overlays and charts among the files that were found: each is read as the group of objects that it makes. */
import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { isPlainObject } from '../text/yaml/dump.ts';
import { readYaml } from '../text/yaml/read.ts';
import { KUSTOMIZATION_NAMES } from '../workload/formats/kubernetes/kustomize/read-kustomization.ts';
import { chartGroup } from './helm-group.ts';
import { kustomizeGroup } from './kustomize-group.ts';
import type { RenderedGroup } from './rendered-group.ts';

export interface GroupOptions {
  /** Files of values for charts, the last counts most. */
  readonly values?: readonly string[];
}

export interface FoundGroups {
  readonly groups: readonly RenderedGroup[];
  /** Files that no group holds. */
  readonly rest: readonly SourceFile[];
  readonly problems: readonly TextProblem[];
}

export function findGroups(files: readonly SourceFile[], options: GroupOptions): FoundGroups {
  const charts = chartsIn(files);
  const problems: TextProblem[] = [];
  const groups: RenderedGroup[] = [];
  const held = new Set<string>();
  for (const chart of charts) {
    const made = chartGroup(chart, options.values ?? []);
    if (made.group !== undefined) {
      groups.push(made.group);
      for (const { path } of files) if (isBelow(chart, path)) held.add(path);
    }
    problems.push(...made.problems);
  }
  const kustomizations = files.filter((file) => isKustomization(file) && !charts.some((chart) => isBelow(chart, file.path)));
  if (kustomizations.length === 0 && charts.length === 0) return { groups, rest: files, problems };
  for (const { path } of kustomizations) held.add(path);
  for (const folder of rootsOf(kustomizations)) groups.push(kustomizeGroup(folder));
  const used = new Set(groups.flatMap((group) => group.files.map(({ path }) => resolve(path))));
  const rest = files.filter(({ path }) => !held.has(path) && (path === '-' || !used.has(resolve(path))));
  return { groups, rest, problems };
}

const isBelow = (folder: string, path: string): boolean => path !== '-' && resolve(path).startsWith(`${resolve(folder)}/`);

/** By its name, and by what it says: somebody may call an object's file so. */
function isKustomization({ path, text }: SourceFile): boolean {
  if (!KUSTOMIZATION_NAMES.includes(basename(path))) return false;
  if (/^apiVersion:\s*["']?(?!kustomize\.config\.k8s\.io)\S/m.test(text)) return false;
  return !/^kind:(?!\s*["']?(?:Kustomization|Component)["']?\s*(?:#|$))/m.test(text);
}

/** Folders of kustomizations that no other of them builds on, without components, which are parts of others. */
function rootsOf(files: readonly SourceFile[]): readonly string[] {
  const all = files.map((file) => ({ folder: dirname(file.path), ...partsOf(file) }));
  const used = new Set(all.flatMap(({ folder, names }) => names.map((name) => resolve(folder, name))));
  return all.filter(({ folder, component }) => !component && !used.has(resolve(folder))).map(({ folder }) => folder);
}

function partsOf(file: SourceFile): { readonly names: readonly string[]; readonly component: boolean } {
  const value = readYaml(file).documents.find((one) => isPlainObject(one.value))?.value;
  if (!isPlainObject(value)) return { names: [], component: false };
  const names = ['resources', 'bases', 'components'].flatMap((field) => {
    const list = value[field];
    return Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : [];
  });
  return { names, component: value.kind === 'Component' };
}

/** Folders with a Chart.yaml; those inside of another one are parts of it. */
function chartsIn(files: readonly SourceFile[]): readonly string[] {
  const folders = files
    .filter(
      ({ path, text }) => basename(path) === 'Chart.yaml' && /^name:/m.test(text) && isFolder(join(dirname(path), 'templates')),
    )
    .map(({ path }) => dirname(path));
  return folders.filter((folder) => !folders.some((other) => other !== folder && isBelow(other, folder)));
}

const isFolder = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false; // cannot be looked into: whoever reads it tells
  }
};
