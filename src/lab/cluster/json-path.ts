/**
 * `-o jsonpath=…` as kubectl has it, as far as people type it: fields, `['…']`, indexes, slices, `[*]`, `.*`, `..name`, filters of one comparison,
 * several in one bracket, `{range …}…{end}`, texts in quotes. What is not there is nothing, as kubectl prints it. Pure.
 * Source: kubernetes client-go/util/jsonpath (parser.go, jsonpath.go).
 */
import { refused } from './objects.ts';

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'below'; readonly name: string }
  | { readonly kind: 'slice'; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: 'index'; readonly at: number }
  | { readonly kind: 'either'; readonly steps: readonly Step[] }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator?: string; readonly value?: unknown };

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly steps: readonly Step[] }
  | { readonly kind: 'range'; readonly steps: readonly Step[]; readonly parts: readonly Part[] };

/** What kubectl would print. Throws for a template that is none. */
export function jsonPath(template: string, root: unknown): string {
  return print(readTemplate(template), root);
}

const bad = (template: string, why: string): never => {
  throw refused(`error: error parsing jsonpath ${template}, ${why}`);
};

function readTemplate(template: string): readonly Part[] {
  const stack: { readonly steps: readonly Step[]; readonly parts: Part[] }[] = [{ steps: [], parts: [] }];
  const add = (part: Part): void => void stack.at(-1)!.parts.push(part);
  for (let at = 0; at < template.length; ) {
    if (template[at] !== '{') {
      const end = template.indexOf('{', at);
      add({ kind: 'text', text: template.slice(at, end < 0 ? undefined : end) });
      at = end < 0 ? template.length : end;
      continue;
    }
    const end = closing(template, at, '{', '}');
    if (end < 0) bad(template, 'unclosed action');
    const action = template.slice(at + 1, end).trim();
    at = end + 1;
    if (action === 'end') {
      const inner = stack.pop()!;
      if (stack.length === 0) bad(template, 'not in range, nothing to end');
      add({ kind: 'range', steps: inner.steps, parts: inner.parts });
    } else if (/^range\s/.test(action)) stack.push({ steps: readPath(action.slice(5).trim(), template), parts: [] });
    else if (/^(["']).*\1$/s.test(action)) add({ kind: 'text', text: unquoted(action) });
    else add({ kind: 'path', steps: readPath(action, template) });
  }
  if (stack.length > 1) bad(template, 'unclosed range');
  return stack[0]!.parts;
}

/** Where the bracket at `start` closes; quoted texts do not count. */
function closing(text: string, start: number, open: string, close: string): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text[at]!;
    if (char === '"' || char === "'") {
      for (at += 1; at < text.length && text[at] !== char; at += 1) if (text[at] === '\\') at += 1;
    } else if (char === open) depth += 1;
    else if (char === close) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return -1;
}

const unquoted = (text: string): string =>
  text.slice(1, -1).replace(/\\(.)/gs, (_, char: string) => ({ n: '\n', t: '\t', r: '\r' })[char] ?? char);

function readPath(path: string, template: string): readonly Step[] {
  const steps: Step[] = [];
  let rest = path.replace(/^[$@]/, '');
  while (rest !== '') {
    const name = /^(\.{0,2})((?:[^.[\]\\\s]|\\.)+)/.exec(rest);
    if (rest.startsWith('[')) {
      const end = closing(rest, 0, '[', ']');
      if (end < 0) bad(template, 'unterminated array');
      steps.push(readBracket(rest.slice(1, end).trim(), template));
      rest = rest.slice(end + 1);
    } else if (name !== null) {
      const word = name[2]!.replace(/\\(.)/g, '$1');
      steps.push(
        name[1] === '..' ? { kind: 'below', name: word } : word === '*' ? { kind: 'all' } : { kind: 'field', name: word },
      );
      rest = rest.slice(name[0].length);
    } else if (/^\.($|\[)/.test(rest)) rest = rest.slice(1);
    else bad(template, `unrecognized character in action: ${rest.slice(0, 12)}`);
  }
  return steps;
}

function readBracket(inner: string, template: string): Step {
  if (inner === '*') return { kind: 'all' };
  if (inner.startsWith('?(') && inner.endsWith(')')) return readFilter(inner.slice(2, -1).trim(), template);
  const parts = inner.split(',').map((one) => one.trim());
  if (parts.length > 1) return { kind: 'either', steps: parts.map((one) => readBracket(one, template)) };
  if (/^(["']).*\1$/s.test(inner)) return { kind: 'field', name: unquoted(inner) };
  if (/^-?\d+$/.test(inner)) return { kind: 'index', at: Number(inner) };
  const slice = /^(-?\d*):(-?\d*)$/.exec(inner);
  if (slice === null) return bad(template, `invalid array index ${inner}`);
  const [from, to] = [slice[1], slice[2]].map((one) => (one === '' || one === undefined ? undefined : Number(one)));
  return { kind: 'slice', from, to };
}

function readFilter(text: string, template: string): Step {
  const found = /^(@[^=!<>]*?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+))?$/s.exec(text);
  if (found === null) return bad(template, `a filter is @.FIELD == VALUE: ${text}`);
  const path = readPath(found[1]!.trim(), template);
  if (found[2] === undefined) return { kind: 'filter', path };
  const word = found[3]!.trim();
  const value = /^(["']).*\1$/s.test(word) ? unquoted(word) : word === 'true' ? true : word === 'false' ? false : Number(word);
  if (Number.isNaN(value)) bad(template, `${word} is no number and no text in quotes`);
  return { kind: 'filter', path, operator: found[2], value };
}

function walk(steps: readonly Step[], from: readonly unknown[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>((values, step) => values.flatMap((value) => take(step, value)), from);
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function take(step: Step, value: unknown): readonly unknown[] {
  switch (step.kind) {
    case 'field':
      return isMap(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'all':
      return Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];
    case 'below': {
      const inner = Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];
      return [...take({ kind: 'field', name: step.name }, value), ...inner.flatMap((one) => take(step, one))];
    }
    case 'index':
      return Array.isArray(value) && value.at(step.at) !== undefined ? [value.at(step.at)] : [];
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from ?? 0, step.to) : [];
    case 'either':
      return step.steps.flatMap((one) => take(one, value));
    case 'filter':
      return (Array.isArray(value) ? value : []).filter((one) => holds(step, one));
  }
}

function holds({ path, operator, value }: Step & { kind: 'filter' }, one: unknown): boolean {
  const [found] = walk(path, [one]);
  if (operator === undefined) return found !== undefined;
  if (found === undefined) return false;
  if (operator === '==') return found === value;
  if (operator === '!=') return found !== value;
  const [left, right] = [found, value] as [number, number];
  return operator === '<' ? left < right : operator === '>' ? left > right : operator === '<=' ? left <= right : left >= right;
}

/** A range's inner paths begin at its item. */
function print(parts: readonly Part[], at: unknown): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      const values = walk(part.steps, [at]);
      return part.kind === 'range'
        ? values.map((value) => print(part.parts, value)).join('')
        : values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
    })
    .join('');
}
