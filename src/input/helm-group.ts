/** A chart as one group of objects: rendered by helm, its places those of the templates, and fixed through the values that it exposes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Place, positionAt, type SourceFile, sourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { isPlainObject } from '../text/yaml/dump.ts';
import type { Path } from '../text/yaml/path.ts';
import { readYaml } from '../text/yaml/read.ts';
import { splitDocuments } from '../text/yaml/split.ts';
import { valueAt } from '../text/yaml/value-change.ts';
import { yamlText } from '../text/yaml/write.ts';
import { chartChanges } from '../workload/formats/kubernetes/chart-changes.ts';
import { type Exposed, exposedIn, markedValues, marksFor, namedValues } from '../workload/formats/kubernetes/chart-values.ts';
import { templateLines } from '../workload/formats/kubernetes/template-lines.ts';
import { hasHelm, helmTemplate } from './helm-run.ts';
import type { RenderedGroup } from './rendered-group.ts';

export interface ChartRead {
  /** Absent: there is no helm, or it refused. */
  readonly group?: RenderedGroup;
  readonly problems: readonly TextProblem[];
}

export function chartGroup(chart: string, valueFiles: readonly string[]): ChartRead {
  const manifest = join(chart, 'Chart.yaml');
  if (/^type:\s*["']?library/m.test(readFileSync(manifest, 'utf8'))) return { problems: [] };
  const problem = (message: string, severity: TextProblem['severity']): ChartRead => ({
    problems: [{ severity, message, where: { file: manifest, line: 1, column: 1 } }],
  });
  if (!hasHelm())
    return problem(
      `this is a chart, and helm is not here to render it: helm template ${chart} | unroot check - looks at it, and a post-renderer of one line, exec unroot fix - --write --fail-on none, fixes what it installs`,
      'warning',
    );
  const rendered = helmTemplate(chart, valueFiles);
  if ('fault' in rendered) return problem(`helm template ${chart} says: ${rendered.fault}`, 'error');
  const source = placedSource(chart, rendered.text);
  const values = valueSources(chart, valueFiles);
  let exposed: readonly Exposed[] | undefined;
  return {
    problems: [],
    group: {
      name: chart,
      source,
      files: values,
      problems: [],
      attempts: 2,
      changesOf: (_index, change, attempt) => {
        exposed ??= findExposed(chart, valueFiles, values);
        const made = chartChanges(change, exposed, attempt === 1);
        if ('fault' in made) return made;
        const changes = made.changes.map((one) => {
          const file = fileFor(values, one.path);
          return file === undefined ? undefined : { kind: 'yaml' as const, source: file, root: rootOf(file)!, change: one };
        });
        const there = changes.filter((one) => one !== undefined);
        return there.length < changes.length
          ? { fault: `${chart} has no file of values` }
          : { changes: there, ...(made.wanted === undefined ? {} : { wanted: made.wanted }) };
      },
      again: (texts) => {
        const put = values.map(({ path, text }) => texts.get(path) ?? text);
        const next = helmTemplate(chart, [], put);
        return 'fault' in next ? { ...source, text: '' } : placedSource(chart, next.text);
      },
    },
  };
}

/** The chart's own first: the last counts most. */
function valueSources(chart: string, files: readonly string[]): readonly SourceFile[] {
  const own = join(chart, 'values.yaml');
  return [...(existsSync(own) ? [own] : []), ...files].map((path) => sourceFile(path, readFileSync(path, 'utf8')));
}

const rootOf = (file: SourceFile): ReturnType<typeof readYaml>['documents'][number]['root'] | undefined =>
  readYaml(file).documents.find(({ value }) => isPlainObject(value))?.root;

const valuesOf = (file: SourceFile): unknown => readYaml(file).documents.find(({ value }) => isPlainObject(value))?.value ?? {};

/** The last file that says it, or something just above it; the chart's own when none does. */
function fileFor(files: readonly SourceFile[], path: Path): SourceFile | undefined {
  const usable = files.filter((file) => rootOf(file) !== undefined);
  return (
    usable.findLast((file) => valueAt(valuesOf(file), path) !== undefined) ??
    usable.findLast((file) => path.length > 1 && valueAt(valuesOf(file), path.slice(0, -1)) !== undefined) ??
    usable.findLast((file) => valueAt(valuesOf(file), path.slice(0, 1)) !== undefined) ??
    usable[0]
  );
}

function findExposed(chart: string, files: readonly string[], sources: readonly SourceFile[]): readonly Exposed[] {
  const values = sources.reduce<unknown>((all, file) => merged(all, valuesOf(file)), {});
  const marks = marksFor(namedValues(templatesOf(join(chart, 'templates'), 0)), values);
  const ask = (some: typeof marks): readonly Exposed[] | undefined => {
    const rendered = helmTemplate(chart, files, [yamlText(markedValues(values, some))]);
    if ('fault' in rendered) return undefined;
    return exposedIn(
      readYaml(sourceFile(chart, rendered.text)).documents.map(({ value }) => value),
      some,
    );
  };
  // A chart that does not take all marks at once is asked by halves.
  const search = (some: typeof marks): readonly Exposed[] => {
    if (some.length === 0) return [];
    const found = ask(some);
    if (found !== undefined) return found;
    if (some.length === 1) return [];
    const half = some.length >> 1;
    return [...search(some.slice(0, half)), ...search(some.slice(half))];
  };
  return search(marks);
}

function merged(a: unknown, b: unknown): unknown {
  if (!isPlainObject(a) || !isPlainObject(b)) return b;
  return Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [
      key,
      key in b ? (key in a ? merged(a[key], b[key]) : b[key]) : a[key],
    ]),
  );
}

const DEEPEST = 8;

function templatesOf(folder: string, depth: number): readonly string[] {
  if (depth > DEEPEST || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return templatesOf(path, depth + 1);
    return entry.isFile() && /\.(?:ya?ml|tpl)$/.test(entry.name) ? [readFileSync(path, 'utf8')] : [];
  });
}

/** What helm made, with the template of each line. */
function placedSource(chart: string, text: string): SourceFile {
  const parts = splitDocuments(text);
  const lines = new Map<number, readonly number[]>();
  const plain = sourceFile(chart, text);
  const fileOf = (part: number): string => {
    const { start, end } = parts[part]!;
    const named = /^# Source: [^/\n]+\/(.+)$/m.exec(text.slice(start, end))?.[1];
    const path = named === undefined ? undefined : join(chart, named.trim());
    return path !== undefined && existsSync(path) ? path : join(chart, 'Chart.yaml');
  };
  const placed = (offset: number): Place => {
    const part = Math.max(
      0,
      parts.findLastIndex(({ start }) => start <= offset),
    );
    if (parts[part] === undefined) return { file: join(chart, 'Chart.yaml'), line: 1, column: 1 };
    const file = fileOf(part);
    if (file.endsWith('Chart.yaml')) return { file, line: 1, column: 1 };
    const { start, end } = parts[part]!;
    const template = readFileSync(file, 'utf8').split(/\r?\n/);
    const own = lines.get(part) ?? templateLines(text.slice(start, end).split('\n'), template);
    lines.set(part, own);
    const at = positionAt(plain, offset).line - positionAt(plain, start).line;
    const line = own[Math.min(at, own.length - 1)] ?? 0;
    return { file, line: line + 1, column: (/^[\s-]*/.exec(template[line] ?? '')?.[0].length ?? 0) + 1 };
  };
  return { path: chart, text, world: chart, placed };
}
