/** `lab.md` → Lab: front matter, story, steps with their fences. Pure; every error says the line. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { UnrootError } from '../error.ts';
import type { Lab, LabCheck, LabNeed, LabPicture, LabStep, Quiz } from './lab.ts';
import { type Reject, readCheck } from './read-check.ts';

const NEEDS: readonly LabNeed[] = ['root', 'overlay', 'runc', 'podman', 'loop', 'idmap', 'strace', 'qemu', 'selinux', 'cluster'];
const FRONT = ['id', 'title', 'goal', 'minutes', 'covers', 'needs', 'images', 'explains', 'next', 'pictures', 'paths', 'walls'];
const PICTURES: readonly LabPicture[] = ['processes', 'capabilities', 'walk', 'layers', 'walls'];
/** Fences that are no text for the reader. */
/** Fences that are no text for the learner. */
export const FENCES = ['hint', 'check', 'solution', 'wrong', 'quiz', 'setup'] as const;
type Special = (typeof FENCES)[number];

interface Fence {
  readonly kind: Special;
  readonly text: string;
  /** Line of its first line of text, counted from 1. */
  readonly line: number;
}

interface Section {
  readonly heading: string;
  readonly line: number;
  readonly text: string;
  readonly fences: readonly Fence[];
}

/** Reads one. `name`: the folder's; `file`: for errors. */
export function readLab(text: string, name: string, file: string = `labs/${name}/lab.md`): Lab {
  const reject =
    (offset: number): Reject =>
    (message, line, expected) => {
      throw new UnrootError(`${file}:${offset + line}: ${message}`, {
        code: 'lab.invalid',
        where: { file, line: offset + line },
        ...(expected === undefined ? {} : { expected }),
      });
    };
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const close = lines.indexOf('---', 1);
  if (lines[0] !== '---' || close < 0) reject(0)('a lab begins with front matter between two lines of ---', 1);
  const front = readFront(lines.slice(1, close).join('\n'), reject(1));
  const sections = split(lines.slice(close + 1), close + 1, reject(0));
  const [first, ...rest] = sections;
  const steps: LabStep[] = [];
  let explanation = '';
  for (const section of rest) {
    const step = /^Step: (.+?)(?:\s+\{#([a-z0-9-]+)\})?$/.exec(section.heading);
    if (step !== null) steps.push(readStep(section, step[1]!, step[2] ?? slug(step[1]!), reject));
    else if (section.heading === 'Explanation') explanation = section.text;
    else reject(0)(`no section is called ${JSON.stringify(section.heading)}`, section.line, '“Step: …” or “Explanation”');
  }
  const twice = steps.find((step, index) => steps.findIndex(({ id }) => id === step.id) !== index);
  if (twice !== undefined) reject(0)(`two steps are called ${twice.id}`, 1);
  const nowhere = front.walls?.find((wall) => !steps.some(({ id }) => id === wall.step));
  if (nowhere !== undefined) reject(0)(`a wall falls with step ${nowhere.step}, which is not there`, 1);
  if (steps.length === 0) reject(0)('it has no step', close + 1, '## Step: …');
  const setup = first!.fences.filter(({ kind }) => kind === 'setup').map((fence) => fence.text);
  return {
    name,
    ...front,
    story: first!.text,
    ...(setup.length === 0 ? {} : { setup: setup.join('\n') }),
    steps,
    explanation,
  };
}

function readFront(text: string, reject: Reject): Omit<Lab, 'name' | 'story' | 'steps' | 'explanation'> {
  const { value, lineOf } = readYaml(text, reject);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return reject('front matter is a mapping', 1);
  const map = value as Record<string, unknown>;
  for (const key of Object.keys(map))
    if (!FRONT.includes(key)) reject(`front matter has no ${JSON.stringify(key)}`, lineOf([key]), FRONT.join(', '));
  const string = (key: string): string => {
    const found = map[key];
    return typeof found === 'string' && found !== '' ? found : reject(`${key} is missing or no text`, lineOf([key]), 'text');
  };
  const list = (key: string): readonly string[] => {
    const found = map[key] ?? [];
    if (Array.isArray(found) && found.every((each) => typeof each === 'string')) return found as string[];
    return reject(`${key} is no list of texts`, lineOf([key]), '[…], with numbers in quotes');
  };
  const id = string('id');
  if (!/^\d\d$/.test(id)) reject(`id ${JSON.stringify(id)}`, lineOf(['id']), 'two digits in quotes: "09"');
  const { minutes } = map;
  if (typeof minutes !== 'number' || !(minutes > 0)) reject('minutes is no number', lineOf(['minutes']), 'a number above 0');
  const needs = list('needs');
  for (const need of needs)
    if (!(NEEDS as readonly string[]).includes(need))
      reject(`nothing is known as need ${need}`, lineOf(['needs']), NEEDS.join(', '));
  const pictures = list('pictures');
  for (const picture of pictures)
    if (!(PICTURES as readonly string[]).includes(picture))
      reject(`there is no picture ${picture}`, lineOf(['pictures']), PICTURES.join(', '));
  const paths = list('paths');
  for (const path of paths)
    if (!/^[a-z]+ \/.*$/.test(path))
      reject(`${JSON.stringify(path)} is no path with what is done to it`, lineOf(['paths']), 'append /etc/hosts');
  return {
    id,
    title: string('title'),
    goal: string('goal'),
    minutes: minutes as number,
    covers: list('covers'),
    needs: needs as LabNeed[],
    images: list('images'),
    explains: list('explains'),
    next: list('next'),
    ...(pictures.length === 0 ? {} : { pictures: pictures as LabPicture[] }),
    ...(paths.length === 0 ? {} : { paths }),
    ...(map.walls === undefined
      ? {}
      : { walls: readWalls(map.walls, (message) => reject(message, lineOf(['walls']), '- step: ID, says: …')) }),
  };
}

function readWalls(value: unknown, reject: (message: string) => never): NonNullable<Lab['walls']> {
  if (!Array.isArray(value)) return reject('walls are a list');
  return value.map((wall: unknown) => {
    const { step, says } = (wall ?? {}) as Record<string, unknown>;
    return typeof step === 'string' && typeof says === 'string'
      ? { step, says }
      : reject('a wall has a step, at whose end it fell, and says');
  });
}

function readStep(section: Section, title: string, id: string, rejectFrom: (offset: number) => Reject): LabStep {
  const of = (kind: Special): readonly Fence[] => section.fences.filter((fence) => fence.kind === kind);
  const checks: LabCheck[] = of('check').flatMap((fence) => {
    const reject = rejectFrom(fence.line - 1);
    const { value, lineOf } = readYaml(fence.text, reject);
    if (!Array.isArray(value)) return reject('checks are a list', 1, '- KIND: {…}');
    return value.map((entry, index) => readCheck(entry, reject, (path) => lineOf([index, ...path])));
  });
  const [quiz, another] = of('quiz');
  if (another !== undefined) rejectFrom(0)('a step has one quiz', another.line);
  const solution = of('solution')
    .map(({ text }) => text)
    .join('\n');
  return {
    id,
    title,
    text: section.text,
    hints: of('hint').map(({ text }) => text),
    checks,
    ...(quiz === undefined ? {} : { quiz: readQuiz(quiz, rejectFrom(quiz.line - 1)) }),
    solution,
    wrong: of('wrong').map(({ text }) => text),
  };
}

function readQuiz(fence: Fence, reject: Reject): Quiz {
  const { value, lineOf } = readYaml(fence.text, reject);
  const { question, choices } = (value ?? {}) as Partial<Quiz>;
  if (typeof question !== 'string') return reject('a quiz has a question', 1);
  if (!Array.isArray(choices) || choices.length < 2) return reject('a quiz has two choices or more', lineOf(['choices']));
  return {
    question,
    choices: choices.map((choice: unknown, index) => {
      const { text, right, because } = (choice ?? {}) as Record<string, unknown>;
      if (typeof text !== 'string' || typeof because !== 'string' || ![undefined, true, false].includes(right as boolean))
        return reject('a choice has text, because, and right: true when it is', lineOf(['choices', index]));
      return { text, right: right === true, because };
    }),
  };
}

/** The value, and the line of what is at a path in it (or of its nearest parent). */
export function readYaml(
  text: string,
  reject: Reject,
): { readonly value: unknown; readonly lineOf: (path: readonly (string | number)[]) => number } {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, maxAliasCount: 0 } as object);
  const [error] = document.errors;
  if (error !== undefined) reject(error.message, counter.linePos(error.pos[0]).line);
  const lineOf = (path: readonly (string | number)[]): number => {
    let node: unknown = document.contents;
    let line = 1;
    const note = (at: unknown): void => {
      const range = (at as Node | null | undefined)?.range;
      if (range) line = counter.linePos(range[0]).line;
    };
    note(node);
    for (const key of path) {
      const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
      if (pair !== undefined) note(pair.key);
      node = pair?.value ?? (isSeq(node) ? node.items[Number(key)] : undefined);
      if (node === undefined || node === null) break;
      if (pair === undefined) note(node);
    }
    return line;
  };
  return { value: document.toJS(), lineOf };
}

/** Sections at `## `; the first is what stands before. Special fences are taken out of the text. */
function split(lines: readonly string[], before: number, reject: Reject): readonly Section[] {
  const sections: { heading: string; line: number; text: string[]; fences: Fence[] }[] = [
    { heading: '', line: before + 1, text: [], fences: [] },
  ];
  let open:
    | { readonly mark: string; readonly kind: Special | undefined; readonly line: number; readonly text: string[] }
    | undefined;
  for (const [index, line] of lines.entries()) {
    const number = before + index + 1;
    const section = sections.at(-1)!;
    if (open !== undefined) {
      if (/^(`{3,}|~{3,})\s*$/.test(line) && line.trim()[0] === open.mark[0] && line.trim().length >= open.mark.length) {
        if (open.kind === undefined) section.text.push(line);
        else section.fences.push({ kind: open.kind, text: open.text.join('\n'), line: open.line + 1 });
        open = undefined;
      } else (open.kind === undefined ? section.text : open.text).push(line);
      continue;
    }
    const fence = /^(`{3,}|~{3,})\s*(\S*)/.exec(line);
    if (fence !== null) {
      const kind = (FENCES as readonly string[]).includes(fence[2]!) ? (fence[2] as Special) : undefined;
      open = { mark: fence[1]!, kind, line: number, text: [] };
      if (kind === undefined) section.text.push(line);
    } else if (line.startsWith('## ')) {
      sections.push({ heading: line.slice(3).trim(), line: number, text: [], fences: [] });
    } else section.text.push(line);
  }
  if (open !== undefined) reject('this fence is not closed', open.line);
  return sections.map(({ text, ...rest }) => ({
    ...rest,
    text: text
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
  }));
}

const slug = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
