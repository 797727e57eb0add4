/**
 * What is wrong with a JUnit document by what Jenkins' junit-10.xsd allows, and more strictly where other readers are. The reader takes no more XML
 * than such a document needs, and is strict about that: what it lets through is well-formed.
 */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
}

type Growing = { name: string; attributes: Record<string, string>; children: Growing[]; text: string };

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(raw: string): string {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(raw))
    throw new Error(`no character of XML 1.0 in ${JSON.stringify(raw)}`);
  return raw.replace(/&(?:#(\d+);|(\w+);)?/g, (whole, code: string | undefined, name: string | undefined) => {
    if (code !== undefined) return String.fromCodePoint(Number(code));
    const char = ENTITIES[name ?? ''];
    if (char === undefined) throw new Error(`bare & in ${JSON.stringify(raw)} at ${whole}`);
    return char;
  });
}

/** The root element; throws for what is not well-formed. */
export function parseXml(source: string): Element {
  const root: Growing = { name: '', attributes: {}, children: [], text: '' };
  const open: Growing[] = [root];
  const token = /<\?xml [^>]*\?>|<\/([\w-]+)>|<([\w-]+)((?: [\w-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  let at = 0;
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    at = token.lastIndex;
    const [, closed, opened, attributes = '', empty, text] = match;
    const parent = open.at(-1)!;
    if (closed !== undefined) {
      if (open.pop()!.name !== closed || open.length === 0) throw new Error(`</${closed}> closes nothing`);
    } else if (opened !== undefined) {
      const element: Growing = { name: opened, attributes: {}, children: [], text: '' };
      for (const [, name, value] of attributes.matchAll(/([\w-]+)="([^"]*)"/g)) {
        if (element.attributes[name!] !== undefined) throw new Error(`${name} is there twice`);
        element.attributes[name!] = decoded(value!);
      }
      parent.children.push(element);
      if (empty === '') open.push(element);
    } else if (text !== undefined) {
      if (text.includes(']]>')) throw new Error(']]> in text');
      parent.text += decoded(text);
    }
  }
  if (at !== source.length) throw new Error(`no markup: ${JSON.stringify(source.slice(at, at + 80))}`);
  if (open.length !== 1 || root.children.length !== 1) throw new Error('not one root element');
  return root.children[0]!;
}

interface Rule {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Children in their order; one of a group. */
  readonly children: readonly { readonly names: readonly string[]; readonly most: number }[];
  readonly text: boolean;
}

const many = Number.POSITIVE_INFINITY;
const RESULT: Rule = { required: ['message', 'type'], optional: [], children: [], text: true };
const RULES: Readonly<Record<string, Rule>> = {
  testsuites: {
    required: [],
    optional: ['name', 'tests', 'failures', 'errors', 'time'],
    children: [{ names: ['testsuite'], most: many }],
    text: false,
  },
  testsuite: {
    required: ['name', 'tests', 'failures', 'errors', 'time'],
    optional: ['skipped'],
    children: [{ names: ['testcase'], most: many }],
    text: false,
  },
  testcase: {
    required: ['name', 'classname', 'time'],
    optional: [],
    children: [
      { names: ['skipped', 'error', 'failure'], most: 1 },
      { names: ['system-out'], most: 1 },
    ],
    text: false,
  },
  failure: RESULT,
  error: RESULT,
  skipped: { required: [], optional: ['message'], children: [], text: false },
  'system-out': { required: [], optional: [], children: [], text: true },
};

/** What is wrong; empty = nothing. */
export function junitErrors(source: string): readonly string[] {
  const root = parseXml(source);
  return root.name === 'testsuites' ? errorsIn(root, 'testsuites') : [`the root is ${root.name}`];
}

function errorsIn(element: Element, path: string): readonly string[] {
  const rule = RULES[element.name];
  if (rule === undefined) return [`${path}: unknown element`];
  const { attributes, children, text } = element;
  const errors: string[] = [];
  for (const name of rule.required) if ((attributes[name] ?? '') === '') errors.push(`${path}: no ${name}`);
  for (const [name, value] of Object.entries(attributes)) {
    if (![...rule.required, ...rule.optional].includes(name)) errors.push(`${path}: unknown attribute ${name}`);
    if (/^(?:tests|failures|errors|skipped)$/.test(name) && !/^\d+$/.test(value)) errors.push(`${path}: ${name} is ${value}`);
    if (name === 'time' && !/^\d+(?:\.\d+)?$/.test(value)) errors.push(`${path}: time is ${value}`);
  }
  if (!rule.text && text.trim() !== '') errors.push(`${path}: text ${JSON.stringify(text.trim())}`);
  let from = 0;
  for (const { names, most } of rule.children) {
    let count = 0;
    for (; names.includes(children[from]?.name ?? ''); from += 1) count += 1;
    if (count > most) errors.push(`${path}: ${count} of ${names.join(' or ')}`);
  }
  if (from < children.length) errors.push(`${path}: ${children[from]!.name} has no place there`);
  errors.push(...countErrors(element, path));
  return [...errors, ...children.flatMap((child, index) => errorsIn(child, `${path}/${child.name}[${index}]`))];
}

/** The numbers in the attributes are those of the cases. */
function countErrors(element: Element, path: string): readonly string[] {
  if (element.name !== 'testsuite' && element.name !== 'testsuites') return [];
  const cases = element.name === 'testsuite' ? element.children : element.children.flatMap(({ children }) => children);
  const having = (name: string): number => cases.filter(({ children }) => children.some((child) => child.name === name)).length;
  const counts = { tests: cases.length, failures: having('failure'), errors: having('error'), skipped: having('skipped') };
  const wrong = Object.entries(counts).filter(
    ([name, count]) => element.attributes[name] !== undefined && element.attributes[name] !== String(count),
  );
  return wrong.map(([name, count]) => `${path}: ${name} is ${element.attributes[name]}, there are ${count}`);
}
