/** Reads one YAML document of any form with the `yaml` package. Slower than simple.ts, which reads the usual forms. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type ParsedNode,
  parseDocument,
  Scalar,
  type YAMLParseError,
} from 'yaml';
import type { YamlMap, YamlNode, YamlPair, YamlScalar } from './node.ts';
import { plainValue, taggedValue } from './scalar.ts';

/** What is wrong with a document, and where. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
}

export type Composed = { readonly root: YamlNode } | { readonly fault: YamlFault };

class Broken extends Error {
  readonly fault: YamlFault;
  constructor(offset: number, message: string) {
    super(message);
    this.fault = { offset, message };
  }
}

/** goyaml.v2 readerc.go: what may stand in a document, turned round. */
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd]|[\ufeff]/;

/** Behind `...` there may be another document, which Kubernetes does not read. */
const accepted = ({ code }: YAMLParseError): boolean => code === 'MULTIPLE_DOCS';

/** The document in `text` from `start` to `end`; a document that cannot be read whole is not read at all. */
export function composeDocument(text: string, start: number, end: number): Composed {
  const odd = FORBIDDEN.exec(text.slice(start, end));
  if (odd !== null) return { fault: { offset: start + odd.index, message: 'control characters are not allowed' } };
  try {
    const document = parseDocument(text.slice(start, end), {
      schema: 'failsafe',
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: 'silent',
    });
    const error = document.errors.find((one) => !accepted(one));
    if (error !== undefined) return { fault: { offset: start + error.pos[0], message: error.message } };
    return { root: convert(document, start) };
  } catch (error) {
    if (error instanceof Broken) return { fault: error.fault };
    // Thousands of brackets in each other: the reader's stack ends before the text does.
    if (error instanceof RangeError) return { fault: { offset: start, message: 'it is nested too deeply to be read' } };
    throw error;
  }
}

function convert(document: Document.Parsed<ParsedNode>, base: number): YamlNode {
  const anchors = new Map<string, YamlNode>();
  const open = new Set<YamlNode>();

  const nothing = (offset: number): YamlScalar => ({ kind: 'scalar', value: null, style: 'plain', start: offset, end: offset });

  const node = (from: ParsedNode | null, at: number): YamlNode => {
    if (from === null) return nothing(at);
    const start = base + from.range[0];
    const end = base + from.range[1];
    if (isAlias(from)) {
      const target = anchors.get(from.source);
      if (target === undefined) throw new Broken(start, `unknown anchor '${from.source}' referenced`);
      if (open.has(target)) throw new Broken(start, `anchor '${from.source}' value contains itself`);
      return { kind: 'alias', name: from.source, target, start, end };
    }
    if (isScalar(from)) {
      const made = scalar(from as Scalar, start, end);
      if (from.anchor !== undefined) anchors.set(from.anchor, made);
      return made;
    }
    if (isMap(from)) {
      const entries: YamlPair[] = [];
      const made: YamlMap = { kind: 'map', entries, ...tagOf(from), start, end };
      if (from.anchor !== undefined) anchors.set(from.anchor, made);
      open.add(made);
      for (const pair of from.items) {
        const key = keyOf(node(pair.key as ParsedNode, start), start);
        entries.push({ key, value: node(pair.value as ParsedNode | null, key.end) });
      }
      open.delete(made);
      return made;
    }
    if (!isSeq(from)) throw new Broken(start, 'this is neither a scalar, a mapping nor a list');
    const items: YamlNode[] = [];
    const made: YamlNode = { kind: 'list', items, ...tagOf(from), start, end };
    if (from.anchor !== undefined) anchors.set(from.anchor, made);
    open.add(made);
    for (const item of from.items) items.push(node(item as ParsedNode | null, start));
    open.delete(made);
    return made;
  };
  return node(document.contents, base);
}

const tagOf = ({ tag }: { readonly tag?: string | undefined }): { readonly tag?: string } => (tag === undefined ? {} : { tag });

function keyOf(key: YamlNode, at: number): YamlScalar {
  const target = key.kind === 'alias' ? key.target : key;
  if (target.kind !== 'scalar') throw new Broken(key.start || at, 'invalid map key: only text can be a key');
  return key.kind === 'alias' ? { ...target, start: key.start, end: key.end } : target;
}

function scalar(from: Scalar, start: number, end: number): YamlScalar {
  const text = typeof from.value === 'string' ? from.value : (from.source ?? '');
  const style =
    from.type === Scalar.PLAIN || from.type === undefined
      ? 'plain'
      : from.type === Scalar.BLOCK_LITERAL || from.type === Scalar.BLOCK_FOLDED
        ? 'block'
        : 'quoted';
  const value = from.tag !== undefined ? taggedValue(text, from.tag) : style === 'plain' ? plainValue(text) : text;
  return { kind: 'scalar', value, style, ...tagOf(from), start, end };
}
