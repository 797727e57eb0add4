/** `.unroot.yaml`: defaults for flags, and findings to live with. Found beside the target or above it; every mistake in it is told with its place. */
import { dirname, relative, resolve } from 'node:path';
import { UnrootError } from '../error.ts';
import type { FindingWhere } from '../finding/finding.ts';
import type { Ignore, IgnorePatterns } from '../finding/ignore.ts';
import { isDay } from '../finding/ignore-text.ts';
import { positionAt, type SourceFile } from '../text/source-file.ts';
import { keyText, resolved, type YamlMap, type YamlNode } from '../text/yaml/node.ts';
import { readYaml } from '../text/yaml/read.ts';
import { readManifestFiles } from './manifest-files.ts';

export interface ConfigValue {
  readonly key: string;
  readonly value: string | number | boolean | readonly string[];
  readonly where: FindingWhere;
}

export interface ConfigFile {
  readonly path: string;
  /** Absolute; paths in the file are meant from here. */
  readonly folder: string;
  readonly values: readonly ConfigValue[];
  readonly ignores: readonly Ignore[];
}

/** A path below the folder of the configuration, with `/`; undefined when it lies elsewhere. */
export function belowFolder(folder: string, file: string): string | undefined {
  const path = relative(folder, resolve(file)).replaceAll('\\', '/');
  return path === '' || path === '..' || path.startsWith('../') ? undefined : path;
}

/** Reads it; throws `config.*` with the place. `keys`: what may stand in it beside `ignore`. */
export function readConfig(path: string, keys: readonly string[]): ConfigFile {
  const { files, problems } = readManifestFiles([path]);
  const [file] = files;
  if (file === undefined || files.length > 1)
    throw new UnrootError(problems[0]?.message ?? `${path} is a folder`, {
      code: 'config.unreadable',
      where: { file: path },
      expected: 'a YAML file, as .unroot.yaml',
    });
  const { documents, broken } = readYaml(file);
  if (broken[0] !== undefined) throw invalid(broken[0].problem.message, broken[0].problem.where);
  const config = { path, folder: dirname(resolve(path)) };
  const [document, second] = documents;
  if (second !== undefined) throw wrong(file, second.root, 'it has more than one document');
  if (document === undefined || (document.root.kind === 'scalar' && document.root.value === null))
    return { ...config, values: [], ignores: [] };
  const values: ConfigValue[] = [];
  const ignores: Ignore[] = [];
  for (const { key, value } of mapping(file, document.root, 'a mapping of flags and their values').entries) {
    const name = keyText(key);
    const node = resolved(value);
    if (values.some((one) => one.key === name)) throw wrong(file, key, `${name} is there twice`);
    if (name === 'ignore') {
      if (node.kind !== 'list') throw wrong(file, node, 'ignore is no list', 'a list of { id, reason, … }');
      for (const item of node.items) ignores.push(ignoreOf(file, item));
    } else if (!keys.includes(name)) {
      throw wrong(file, key, `there is no setting ${JSON.stringify(name)}`, `one of ${[...keys, 'ignore'].join(', ')}`);
    } else values.push({ key: name, value: settingOf(file, name, node), where: { file: path, ...positionAt(file, key.start) } });
  }
  return { ...config, values, ignores };
}

const invalid = (message: string, where: FindingWhere, expected?: string): UnrootError =>
  new UnrootError(`${where.file}: ${message}`, {
    code: 'config.invalid',
    where: {
      ...(where.file === undefined ? {} : { file: where.file }),
      ...(where.line === undefined ? {} : { line: where.line }),
      ...(where.column === undefined ? {} : { column: where.column }),
    },
    ...(expected === undefined ? {} : { expected }),
  });

const wrong = (file: SourceFile, node: { readonly start: number }, message: string, expected?: string): UnrootError =>
  invalid(message, { file: file.path, ...positionAt(file, node.start) }, expected);

function mapping(file: SourceFile, from: YamlNode, expected: string): YamlMap {
  const node = resolved(from);
  if (node.kind !== 'map') throw wrong(file, node, `${node.kind === 'list' ? 'a list' : 'a value'} stands here`, expected);
  return node;
}

function settingOf(file: SourceFile, key: string, node: ReturnType<typeof resolved>): ConfigValue['value'] {
  if (node.kind === 'scalar' && node.value !== null) return node.value;
  if (node.kind === 'list') return strings(file, key, node);
  throw wrong(file, node, `${key} has no value`, 'a text, a number, true, false, or a list of texts');
}

/** One text, or a list of them. */
function strings(file: SourceFile, key: string, from: YamlNode): readonly string[] {
  const node = resolved(from);
  const items = node.kind === 'list' ? node.items.map(resolved) : [node];
  return items.map((item) => {
    if (item.kind !== 'scalar' || item.value === null || item.value === '')
      throw wrong(file, item, `${key} holds something that is no text`, 'a text, or a list of texts');
    return String(item.value);
  });
}

/** Both forms, because one is written more often and the other is what it is. */
const PATTERNS: readonly (readonly [string, keyof IgnorePatterns])[] = (
  ['file', 'object', 'container', 'path', 'target'] as const
).flatMap((name): (readonly [string, keyof IgnorePatterns])[] => [
  [name, `${name}s`],
  [`${name}s`, `${name}s`],
]);
const IGNORE_KEYS = ['id', 'ids', ...PATTERNS.map(([name]) => name), 'reason', 'until', 'owner'];

function ignoreOf(file: SourceFile, from: YamlNode): Ignore {
  const map = mapping(file, from, 'a mapping with id and reason');
  const where = { file: file.path, ...positionAt(file, map.start) };
  const of = (name: string): YamlNode | undefined => map.entries.find(({ key }) => keyText(key) === name)?.value;
  const text = (name: string): string | undefined => {
    const node = of(name);
    return node === undefined ? undefined : strings(file, name, node).join(' ').trim();
  };
  const odd = map.entries.find(({ key }) => !IGNORE_KEYS.includes(keyText(key)));
  if (odd !== undefined)
    throw wrong(file, odd.key, `an ignore has no ${JSON.stringify(keyText(odd.key))}`, `one of ${IGNORE_KEYS.join(', ')}`);
  const ids = ['id', 'ids'].flatMap((name) => (of(name) === undefined ? [] : strings(file, name, of(name)!)));
  if (ids.length === 0) throw wrong(file, map, 'this ignore names no check', 'id: the id of a check, or a pattern');
  const reason = text('reason') ?? '';
  if (reason === '') throw wrong(file, map, `this ignore of ${ids.join(', ')} gives no reason`, 'reason: why it may stay');
  const until = text('until');
  if (until !== undefined && !isDay(until)) throw wrong(file, of('until')!, `${JSON.stringify(until)} is no day`, 'YYYY-MM-DD');
  const patterns: Partial<Record<keyof IgnorePatterns, readonly string[]>> = {};
  for (const [name, kind] of PATTERNS) {
    const node = of(name);
    if (node !== undefined) patterns[kind] = [...(patterns[kind] ?? []), ...strings(file, name, node)];
  }
  return { by: 'file', ids, reason, ...(until === undefined ? {} : { until }), where, patterns };
}
