/** One entry of a ```check fence → LabCheck: one key names the kind, every field has its form. Pure. */
import { CAPABILITIES } from '../linux/capability.ts';
import type { LabCheck, LabCheckKind } from './lab.ts';

/** Throws: what is wrong, at which line of the text at hand, what was expected. */
export type Reject = (message: string, line: number, expected?: string) => never;

type Kind = LabCheckKind['kind'];
type Form = readonly [name: string, test: (value: unknown) => boolean];

const text: Form = ['text', (value) => typeof value === 'string'];
const number: Form = ['a number', (value) => Number.isInteger(value)];
const bool: Form = ['true or false', (value) => typeof value === 'boolean'];
const absolute: Form = ['an absolute path', (value) => typeof value === 'string' && value.startsWith('/')];
const expression: Form = ['a regular expression', isExpression];
const ids: Form = ['a list of numbers', (value) => Array.isArray(value) && value.every(Number.isInteger)];
const owner: Form = ['UID:GID in quotes', (value) => typeof value === 'string' && /^\d+:\d+$/.test(value)];
const user: Form = ['UID or UID:GID in quotes', (value) => typeof value === 'string' && /^\d+(:\d+)?$/.test(value)];
const mode: Form = ['an octal mode in quotes, as "0644"', (value) => typeof value === 'string' && /^[0-7]{3,5}$/.test(value)];
const port: Form = ['a port', (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65536];
const oneOf = (...words: readonly unknown[]): Form => [words.join(', '), (value) => words.includes(value)];
const map = (fields: Readonly<Record<string, Form>>): Form => [
  `a mapping of ${Object.keys(fields).join(', ')}`,
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(value).every(([key, each]) => fields[key]?.[1](each) === true),
];
const listOf = ([name, test]: Form): Form => [`a list, each ${name}`, (value) => Array.isArray(value) && value.every(test)];

const sets = map(
  Object.fromEntries(
    ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'].map((name) => [
      name,
      ['hexadecimal digits in quotes', (value: unknown) => typeof value === 'string' && /^[0-9a-f]+$/.test(value)] as Form,
    ]),
  ),
);
const match = map({ command: expression, program: expression, container: bool, env: text });
const capabilities = listOf([
  'a capability, as CAP_SYS_ADMIN',
  (value) => typeof value === 'string' && (CAPABILITIES as readonly string[]).includes(value),
]);
const facts = map({
  uid: number,
  gid: number,
  groups: ids,
  notUid: number,
  capabilities: sets,
  noNewPrivileges: bool,
  seccomp: oneOf(0, 2),
  pidInside: number,
  holds: capabilities,
  lacks: capabilities,
  userNamespace: oneOf('node', 'own'),
  mountNamespace: oneOf('node', 'own'),
  controlGroup: oneOf('node', 'own'),
});

/** Fields of each kind; those that must be there first. */
const KINDS: Readonly<Record<Kind, { readonly needed: readonly string[]; readonly fields: Readonly<Record<string, Form>> }>> = {
  process: { needed: ['match'], fields: { match, is: facts, count: number, every: bool } },
  file: {
    needed: ['path'],
    fields: {
      path: absolute,
      container: match,
      exists: bool,
      owner: user,
      mode,
      modeLacks: mode,
      matches: expression,
      matchesNot: expression,
      lines: number,
      unchanged: bool,
      fileSystem: text,
    },
  },
  attempt: {
    needed: ['match', 'operation', 'target', 'gives'],
    fields: {
      match,
      operation: oneOf('read', 'append', 'create', 'mkdir', 'unlink', 'chown', 'bind'),
      target: ['a path or a port', (value) => port[1](value) || absolute[1](value) || port[1](Number(value))],
      gives: oneOf('ok', 'EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EADDRINUSE'),
    },
  },
  listens: { needed: ['port'], fields: { port, protocol: oneOf('tcp', 'udp'), uid: number, match } },
  http: { needed: ['port', 'status'], fields: { port, path: absolute, status: number, matches: expression, match } },
  run: { needed: ['command'], fields: { command: text, exit: number, stdout: expression, stderr: expression } },
  image: {
    needed: [],
    fields: {
      path: absolute,
      name: text,
      user: text,
      files: listOf(map({ path: absolute, exists: bool, owner, mode, layer: number, copies: number, capabilities: bool })),
      layers: number,
      maxBytes: number,
      history: expression,
    },
  },
  answer: {
    needed: ['path', 'image', 'is'],
    fields: {
      path: absolute,
      image: map({ path: absolute, name: text }),
      is: oneOf('layers', 'bytes', 'wasted', 'bytes-of-layer', 'first-layer-of', 'last-layer-of', 'copies-of'),
      of: text,
    },
  },
  record: {
    needed: [],
    fields: {
      target: expression,
      refused: expression,
      status: text,
      started: bool,
      argv: expression,
      exit: number,
      output: expression,
      uid: number,
    },
  },
};

/** Reads one entry; `lineOf` a path in it. */
export function readCheck(entry: unknown, reject: Reject, lineOf: (path: readonly string[]) => number): LabCheck {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return reject('a check is a mapping', lineOf([]));
  const { says, ...rest } = entry as Record<string, unknown>;
  const [kind, ...more] = Object.keys(rest);
  if (kind === undefined || more.length > 0 || !Object.hasOwn(KINDS, kind))
    return reject(
      `a check has one kind, not ${Object.keys(rest).join(' and ') || 'none'}`,
      lineOf([kind ?? 'says']),
      Object.keys(KINDS).join(', '),
    );
  if (typeof says !== 'string' || says === '')
    return reject('a check says what is so when it is green', lineOf([kind]), 'says: …');
  const { needed, fields } = KINDS[kind as Kind];
  const values = rest[kind];
  if (typeof values !== 'object' || values === null) return reject(`${kind} is a mapping`, lineOf([kind]));
  for (const [name, value] of Object.entries(values)) {
    const form = fields[name];
    if (form === undefined)
      return reject(`${kind} has no ${JSON.stringify(name)}`, lineOf([kind, name]), Object.keys(fields).join(', '));
    if (!form[1](value)) return reject(`${kind}: ${name} is ${JSON.stringify(value)}`, lineOf([kind, name]), form[0]);
  }
  for (const name of needed) if (!Object.hasOwn(values, name)) return reject(`${kind} lacks ${name}`, lineOf([kind]));
  const place = kind === 'image' ? values : (values as { image?: object }).image;
  if (place !== undefined && Object.hasOwn(place, 'path') === Object.hasOwn(place, 'name'))
    return reject(`${kind}: an image lies in a folder or has a name`, lineOf([kind]), 'path or name');
  const target = (values as { target?: unknown }).target;
  return { kind, says, ...values, ...(target === undefined ? {} : { target: String(target) }) } as unknown as LabCheck;
}

function isExpression(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    new RegExp(value, 'm');
    return true;
  } catch {
    return false;
  }
}
