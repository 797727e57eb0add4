/** ConfigMaps and Secrets that a kustomization makes from files, lines and words. */
import type { SourceFile } from '../../../../text/source-file.ts';
import { entryOf, made, type Origin, type Traced, type TracedMap, textAt } from './traced.ts';

export interface GeneratorFiles {
  /** The file's text, or why there is none; `bytes` when it is no text. */
  readonly read: (name: string, at: Origin) => { readonly source: SourceFile; readonly base64?: string } | undefined;
}

export interface Generated {
  readonly object: TracedMap;
  readonly behavior: 'create' | 'merge' | 'replace';
  readonly hashed: boolean;
}

const texts = (node: Traced | undefined): readonly { readonly text: string; readonly origin: Origin }[] =>
  node?.kind === 'list'
    ? node.items.flatMap((item) =>
        item.kind === 'scalar' && item.value !== null ? [{ text: String(item.value), origin: item.origins[0]! }] : [],
      )
    : [];

const isTrue = (node: Traced | undefined): boolean => node?.kind === 'scalar' && node.value === true;

/** `generatorOptions` of the kustomization are those of all its generators. */
export function generate(
  kind: 'ConfigMap' | 'Secret',
  spec: TracedMap,
  common: Traced | undefined,
  files: GeneratorFiles,
  tell: (origin: Origin, message: string) => void,
): Generated | undefined {
  const origin = spec.origins[0]!;
  const name = textAt(spec, 'name');
  if (name === undefined) {
    tell(origin, `a ${kind === 'Secret' ? 'secretGenerator' : 'configMapGenerator'} needs a name`);
    return undefined;
  }
  const data = new Map<string, Traced>();
  const binary = new Map<string, Traced>();
  const add = (key: string, value: string, from: Origin, base64?: string): void => {
    if (data.has(key) || binary.has(key)) tell(from, `${kind} ${name} repeats the key ${key}`);
    const scalar = (text: string): Traced => ({ kind: 'scalar', value: text, origins: [from] });
    if (kind === 'Secret') data.set(key, scalar(inLines(base64 ?? base64Of(value))));
    else if (base64 === undefined) data.set(key, scalar(value));
    else binary.set(key, scalar(inLines(base64)));
  };
  const envs = [...texts(entryOf(spec, 'envs'))];
  const env = entryOf(spec, 'env');
  if (env?.kind === 'scalar' && typeof env.value === 'string') envs.push({ text: env.value, origin: env.origins[0]! });
  for (const { text, origin: at } of envs) {
    const file = files.read(text, at);
    for (const [index, line] of (file?.source.text ?? '')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .entries()) {
      const [key = '', ...rest] = line.trimStart().split('=');
      if (key !== '' && !key.startsWith('#'))
        add(key, rest.join('='), { document: { source: file!.source, role: 'generator' }, path: [index] });
    }
  }
  for (const { text, origin: at } of texts(entryOf(spec, 'literals'))) {
    const cut = text.indexOf('=');
    if (cut <= 0) tell(at, `${text} is no key=value`);
    else add(text.slice(0, cut), withoutQuotes(text.slice(cut + 1)), at);
  }
  for (const { text, origin: at } of texts(entryOf(spec, 'files'))) {
    const [first = '', second] = text.split('=');
    const path = second ?? first;
    const file = files.read(path, at);
    if (file !== undefined)
      add(
        second === undefined ? path.slice(path.lastIndexOf('/') + 1) : first,
        file.source.text,
        { document: { source: file.source, role: 'generator' }, path: [] },
        file.base64,
      );
  }
  return {
    object: objectOf(kind, name, spec, common, data, binary, origin),
    behavior: behaviorOf(spec),
    hashed: ![entryOf(spec, 'options'), common].some((one) => isTrue(one && entryOf(one, 'disableNameSuffixHash'))),
  };
}

function behaviorOf(spec: TracedMap): Generated['behavior'] {
  const text = textAt(spec, 'behavior');
  return text === 'merge' || text === 'replace' ? text : 'create';
}

function objectOf(
  kind: 'ConfigMap' | 'Secret',
  name: string,
  spec: TracedMap,
  common: Traced | undefined,
  data: Map<string, Traced>,
  binary: Map<string, Traced>,
  origin: Origin,
): TracedMap {
  const namespace = textAt(spec, 'namespace');
  const object = made(
    { apiVersion: 'v1', kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } },
    origin,
  ) as TracedMap;
  const metadata = object.entries.get('metadata') as TracedMap;
  const options = entryOf(spec, 'options');
  for (const field of ['labels', 'annotations'] as const) {
    const pairs = [common, options].flatMap((one) => {
      const map = one && entryOf(one, field);
      return map?.kind === 'map' ? [...map.entries] : [];
    });
    if (pairs.length > 0) metadata.entries.set(field, { kind: 'map', entries: new Map(pairs), origins: [origin] });
  }
  const map = (entries: Map<string, Traced>): TracedMap => ({ kind: 'map', entries, origins: [origin] });
  if (data.size > 0) object.entries.set('data', map(data));
  if (binary.size > 0) object.entries.set('binaryData', map(binary));
  if (kind === 'Secret')
    object.entries.set('type', { kind: 'scalar', value: textAt(spec, 'type') ?? 'Opaque', origins: [origin] });
  if ([options, common].some((one) => isTrue(one && entryOf(one, 'immutable'))))
    object.entries.set('immutable', { kind: 'scalar', value: true, origins: [origin] });
  return object;
}

/** Only a pair round all of it. */
const withoutQuotes = (text: string): string =>
  text.length >= 2 && text[0] === text.at(-1) && (text[0] === '"' || text[0] === "'") ? text.slice(1, -1) : text;

function base64Of(text: string): string {
  let out = '';
  for (const byte of new TextEncoder().encode(text)) out += String.fromCharCode(byte);
  return btoa(out);
}

const WIDTH = 70;

/** kyaml breaks long ones. */
function inLines(base64: string): string {
  if (base64.length < WIDTH) return base64;
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += WIDTH) lines.push(base64.slice(at, at + WIDTH));
  return `${lines.join('\n')}\n`;
}
