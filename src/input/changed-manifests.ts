/** Changes of objects as edits of the files they come from, overlays and charts included; and everything read again as it would be then. */
import type { TextEdit } from '../text/edit.ts';
import { applyEdits, editsByFile } from '../text/edits.ts';
import { positionAt, type SourceFile, sourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { changeYaml, type YamlChange } from '../text/yaml/edit.ts';
import { readYaml } from '../text/yaml/read.ts';
import { sameValue } from '../text/yaml/value-change.ts';
import { sameChange } from '../workload/formats/kubernetes/kustomize/overlay-changes.ts';
import { editsOfObjects, type ObjectChange } from '../workload/formats/kubernetes/object-change.ts';
import type { KubernetesObject } from '../workload/formats/kubernetes/objects.ts';
import type { OriginChange } from '../workload/formats/kubernetes/origin-change.ts';
import { changedValue } from '../workload/formats/kubernetes/patches.ts';
import { type Manifests, readManifests } from '../workload/formats/kubernetes/read.ts';
import type { RenderedGroup } from './rendered-group.ts';
import type { ChangedText } from './write-texts.ts';

export interface PlacedEdit extends TextEdit {
  readonly line: number;
  readonly column: number;
}

export interface ChangedManifests {
  readonly problems: readonly TextProblem[];
  /** Of all files, those that stay as they are too. */
  readonly texts: readonly ChangedText[];
  /** In the order in which they were read before. */
  readonly again: Manifests;
  readonly editsOf: (object: KubernetesObject) => readonly PlacedEdit[];
  /** Objects that stay as they are, because no file of theirs can say what was asked for; with the reason. */
  readonly unwritten: ReadonlyMap<KubernetesObject, string>;
}

/** `plain`: files whose objects are written in them. */
export function changeManifests(
  objects: readonly ObjectChange[],
  plain: readonly SourceFile[],
  groups: readonly RenderedGroup[],
): ChangedManifests {
  const grouped = new Map(groups.map((group) => [group.source, group]));
  const own = objects.filter(({ object }) => !grouped.has(object.source));
  const written = editsOfObjects(own);
  const made = changeGroups(
    objects.filter(({ object }) => grouped.has(object.source)),
    groups,
  );
  const byFile = editsByFile([...written.edits, ...made.edits]);
  const files = [
    ...plain,
    ...new Map(groups.flatMap(({ files: all }) => all.map((file) => [file.path, file] as const))).values(),
  ];
  const texts = files.map(({ path, text }) => ({
    path,
    before: text,
    after: made.whole.get(path) ?? applyEdits(text, byFile.get(path) ?? []).text,
  }));
  const changed = changedTexts(texts);
  const again = readManifests([
    ...texts.slice(0, plain.length).map(({ path, after }) => sourceFile(path, after)),
    ...groups.map((group) => (changed.size === 0 ? group.source : group.again(changed))),
  ]);
  const sources = new Map(files.map((file) => [file.path, file]));
  const editsIn = editsByFile(written.edits);
  const beside = bySource(own);
  return {
    problems: [...written.problems, ...made.problems],
    texts,
    again,
    unwritten: made.unwritten,
    editsOf: (object) => {
      const edits = grouped.has(object.source)
        ? (made.of.get(object) ?? [])
        : ownEdits(object, beside.get(object.source) ?? [], editsIn.get(object.source.path) ?? []);
      return edits.flatMap((edit) => {
        const source = sources.get(edit.file);
        return source === undefined ? [] : [{ ...edit, ...positionAt(source, edit.start) }];
      });
    },
  };
}

const changedTexts = (texts: readonly ChangedText[]): ReadonlyMap<string, string> =>
  new Map(texts.filter(({ before, after }) => before !== after).map(({ path, after }) => [path, after]));

/** Of the edits of a file, those that stand in the object. */
function ownEdits(object: KubernetesObject, beside: readonly ObjectChange[], edits: readonly TextEdit[]): readonly TextEdit[] {
  const holder = (edit: TextEdit): KubernetesObject | undefined =>
    beside.findLast((one) => edit.start >= one.object.span.start - 1)?.object ?? beside[0]?.object;
  return edits.filter((edit) => holder(edit) === object);
}

function bySource(objects: readonly ObjectChange[]): ReadonlyMap<SourceFile, readonly ObjectChange[]> {
  const out = new Map<SourceFile, ObjectChange[]>();
  for (const one of objects) {
    const known = out.get(one.object.source);
    if (known === undefined) out.set(one.object.source, [one]);
    else known.push(one);
  }
  return out;
}

interface GroupEdits extends MadeEdits {
  readonly unwritten: ReadonlyMap<KubernetesObject, string>;
}

interface MadeEdits {
  readonly edits: readonly TextEdit[];
  /** Files that are one value, with their new text. */
  readonly whole: ReadonlyMap<string, string>;
  readonly problems: readonly TextProblem[];
  readonly of: ReadonlyMap<KubernetesObject, readonly TextEdit[]>;
}

interface Wanted {
  readonly change: ObjectChange;
  readonly group: RenderedGroup;
  readonly index: number;
  attempt: number;
  /** What must come out of this attempt. */
  wanted: ObjectChange;
}

/** Each object's changes are tried in one place after the other until the group, made again, says what was asked for. */
function changeGroups(objects: readonly ObjectChange[], groups: readonly RenderedGroup[]): GroupEdits {
  const wanted = objects.flatMap((change): Wanted[] => {
    const group = groups.find(({ source }) => source === change.object.source);
    return group === undefined ? [] : [{ change, group, index: numberOf(change.object), attempt: 0, wanted: change }];
  });
  const none: GroupEdits = { edits: [], whole: new Map(), problems: [], of: new Map(), unwritten: new Map() };
  if (wanted.length === 0) return none;
  const most = Math.max(...wanted.map(({ group }) => group.attempts));
  let faults = new Map<Wanted, string>();
  for (let round = 0; ; round += 1) {
    faults = new Map();
    const made = madeOf(wanted, faults);
    const again = againOf(wanted, made);
    for (const one of wanted) {
      if (faults.has(one) || one.attempt >= one.group.attempts) continue;
      const value = valuesOf(again.get(one.group)!)[one.index];
      if (!asWanted(one, value, again.get(one.group)!)) faults.set(one, 'what comes out would not say it');
    }
    const failed = [...faults.keys()].filter(({ attempt, group }) => attempt < group.attempts);
    if (failed.length === 0 || round > most) {
      const unwritten = wanted.filter(({ attempt, group }) => attempt >= group.attempts);
      const why = new Map(unwritten.map((one) => [one, faults.get(one) ?? 'no file of it can say that']));
      return {
        ...made,
        problems: [...made.problems, ...tellings(why)],
        unwritten: new Map([...why].map(([{ change }, reason]) => [change.object, reason])),
      };
    }
    for (const one of failed) one.attempt += 1;
  }
}

function tellings(unwritten: ReadonlyMap<Wanted, string>): readonly TextProblem[] {
  return [...unwritten].map(([{ change, group }, why]): TextProblem => {
    const { object } = change;
    const { file, line, column } = object.span;
    return {
      severity: 'warning',
      message: `${object.kind} ${object.name} of ${group.name} stays as it is: ${why}`,
      where: { file, line, column },
    };
  });
}

function madeOf(wanted: readonly Wanted[], faults: Map<Wanted, string>): MadeEdits {
  const all: { readonly one: Wanted; readonly change: OriginChange }[] = [];
  for (const one of wanted) {
    if (one.attempt >= one.group.attempts) {
      const last = one.group.changesOf(one.index, one.change, one.group.attempts - 1);
      if ('fault' in last) faults.set(one, last.fault);
      continue;
    }
    const made = one.group.changesOf(one.index, one.change, one.attempt);
    if ('fault' in made) faults.set(one, made.fault);
    else {
      one.wanted = made.wanted ?? one.change;
      for (const change of made.changes) all.push({ one, change });
    }
  }
  const whole = new Map<string, string>();
  const byFile = new Map<
    string,
    { readonly source: SourceFile; readonly changes: { readonly one: Wanted; readonly change: YamlChange }[] }
  >();
  for (const { one, change } of all) {
    if (change.kind === 'text') whole.set(change.source.path, change.text);
    else {
      const file = byFile.get(change.source.path) ?? { source: change.source, changes: [] };
      byFile.set(change.source.path, file);
      const put = { ...change.change, from: change.root };
      // What two overlays ask of their base is asked once.
      if (!file.changes.some((other) => other.change.from?.start === put.from.start && sameChange(other.change, put)))
        file.changes.push({ one, change: put });
    }
  }
  const edits: TextEdit[] = [];
  const problems: TextProblem[] = [];
  const of = new Map<KubernetesObject, readonly TextEdit[]>();
  for (const { source, changes } of byFile.values()) {
    const made = changeYaml(
      source,
      changes.map(({ change }) => change),
    );
    edits.push(...made.edits);
    problems.push(...made.problems);
    for (const one of new Set(changes.map((each) => each.one))) {
      const alone = changeYaml(
        source,
        changes.filter((each) => each.one === one).map(({ change }) => change),
      );
      of.set(one.change.object, [...(of.get(one.change.object) ?? []), ...alone.edits]);
    }
  }
  for (const { one, change } of all)
    if (change.kind === 'text') {
      const edit = { file: change.source.path, start: 0, end: change.source.text.length, text: change.text };
      of.set(one.change.object, [...(of.get(one.change.object) ?? []), edit]);
    }
  return { edits, whole, problems, of };
}

function againOf(wanted: readonly Wanted[], { edits, whole }: MadeEdits): ReadonlyMap<RenderedGroup, SourceFile> {
  const groups = [...new Set(wanted.map(({ group }) => group))];
  const byFile = editsByFile(edits);
  const texts = new Map(whole);
  for (const { files } of groups)
    for (const { path, text } of files) {
      const own = byFile.get(path);
      if (own !== undefined && !texts.has(path)) texts.set(path, applyEdits(text, own).text);
    }
  return new Map(groups.map((group) => [group, texts.size === 0 ? group.source : group.again(texts)]));
}

const valuesOf = (source: SourceFile): readonly unknown[] => readYaml(source).documents.map(({ value }) => value);

/** The number of the object's document in its text. */
const numberOf = ({ source, node }: KubernetesObject): number =>
  readYaml(source).documents.findIndex(({ root }) => root.start <= node.start && node.end <= root.end);

/** Names that a hash ends may be others: what they lead to has changed. */
function asWanted({ wanted, group }: Wanted, value: unknown, again: SourceFile): boolean {
  const asked = changedValue(wanted);
  if (sameValue(asked, value)) return true;
  const names = (source: SourceFile): readonly string[] =>
    valuesOf(source).map((one) => (one as { readonly metadata?: { readonly name?: string } } | null)?.metadata?.name ?? '');
  const [before, after] = [names(group.source), names(again)];
  let text = JSON.stringify(asked);
  for (const [index, name] of before.entries())
    if (name !== '' && after[index] !== undefined && after[index] !== name)
      text = text.replaceAll(JSON.stringify(name), JSON.stringify(after[index]));
  return sameValue(JSON.parse(text), value);
}
