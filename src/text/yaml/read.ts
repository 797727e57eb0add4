/** All documents of a file, each with its tree and its value; what is wrong with one does not touch the others. */
import { problemAt, type SourceFile } from '../source-file.ts';
import type { TextProblem } from '../span.ts';
import { composeDocument } from './compose.ts';
import { coreWords, type YamlWords } from './core-words.ts';
import type { YamlNode } from './node.ts';
import { simpleDocument } from './simple.ts';
import { splitDocuments } from './split.ts';
import { yamlValue } from './value.ts';

export interface YamlDocument {
  readonly root: YamlNode;
  /** Objects, arrays, strings, numbers, booleans, null. What is anchored and used again is one object. */
  readonly value: unknown;
}

export interface BrokenDocument {
  readonly start: number;
  readonly end: number;
  readonly problem: TextProblem;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  /** About documents that could be read all the same. */
  readonly problems: readonly TextProblem[];
  readonly broken: readonly BrokenDocument[];
}

/** Reads YAML or JSON. */
export function readYaml(file: SourceFile, words: YamlWords = '1.1'): YamlFile {
  const documents: YamlDocument[] = [];
  const problems: TextProblem[] = [];
  const broken: BrokenDocument[] = [];
  for (const { start, end } of splitDocuments(file.text)) {
    const simple = simpleDocument(file.text, start, end);
    const tree = simple === undefined ? composeDocument(file.text, start, end) : { root: simple };
    const composed = words === '1.1' || 'fault' in tree ? tree : { root: coreWords(file.text, tree.root) };
    const read = 'fault' in composed ? composed : yamlValue(composed.root, simple === undefined);
    if ('fault' in read) broken.push({ start, end, problem: problemAt(file, read.fault.offset, read.fault.message) });
    else if (!('fault' in composed)) {
      documents.push({ root: composed.root, value: read.value });
      for (const { offset, message } of read.faults) problems.push(problemAt(file, offset, message, 'warning'));
    }
  }
  return { documents, problems, broken };
}
