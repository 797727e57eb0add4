import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyPath, anyValue, type Chance, seeded, writtenBySomebody } from '../../../test/support/yaml-documents.ts';
import { applyEdits, undoEdits } from '../edits.ts';
import { sourceFile } from '../source-file.ts';
import { unifiedDiff } from '../unified-diff.ts';
import { changeYaml, type YamlChange } from './edit.ts';
import { parsePath } from './path.ts';
import { readYaml } from './read.ts';
import { sameValue, withValue } from './value-change.ts';

const set = (path: string, value: unknown, rest: Partial<YamlChange> = {}): YamlChange => ({
  op: 'set',
  path: parsePath(path),
  value,
  ...rest,
});

function edited(text: string, ...changes: readonly YamlChange[]): string {
  const { edits, problems } = changeYaml(sourceFile('f.yaml', text), changes);
  expect(problems).toEqual([]);
  const after = applyEdits(text, edits);
  expect(after.conflicts).toEqual([]);
  expect(applyEdits(after.text, undoEdits(text, edits)).text).toBe(text);
  const again = changeYaml(
    sourceFile('f.yaml', after.text),
    changes.filter(({ op }) => op !== 'insert'),
  );
  if (changes.every(({ op }) => op !== 'insert')) expect(again).toEqual({ edits: [], problems: [] });
  return after.text;
}

const problemsOf = (text: string, ...changes: readonly YamlChange[]): readonly string[] =>
  changeYaml(sourceFile('f.yaml', text), changes).problems.map(
    ({ message, where }) => `${where.line}:${where.column} ${message}`,
  );

describe('what is there keeps its dress', () => {
  test('comments, quotes and blanks of a scalar', () => {
    expect(edited('a:   "x"  # why\nb: 1\n', set('a', 'y'))).toBe('a:   "y"  # why\nb: 1\n');
    expect(edited("a: 'x'\n", set('a', "it's"))).toBe("a: 'it''s'\n");
    expect(edited('a: x # why\n', set('a', 'true'))).toBe('a: "true" # why\n');
    expect(edited('a: "80"\n', set('a', 80))).toBe('a: 80\n');
    expect(edited('a:   # later\nb: 1\n', set('a', 80))).toBe('a: 80   # later\nb: 1\n');
    expect(edited('a: &x !!str\nb: *x\n', set('b', 'c'))).toBe('a: &x !!str\nb: c\n');
  });

  test('line ends, byte order mark, markers, missing line end', () => {
    expect(edited('\ufeff---\r\na: 1\r\nb:\r\n  c: 2\r\n...\r\n', set('b.d', 3))).toBe(
      '\ufeff---\r\na: 1\r\nb:\r\n  c: 2\r\n  d: 3\r\n...\r\n',
    );
    expect(edited('a:\n  b: 1', set('a.c', 2))).toBe('a:\n  b: 1\n  c: 2');
    expect(edited('a:\r\n  b: 1', set('a.c.d', 2))).toBe('a:\r\n  b: 1\r\n  c:\r\n    d: 2');
    expect(edited('a: 1\nb: 2', { op: 'remove', path: ['b'] })).toBe('a: 1');
    expect(edited('a: {b: 1}\n---\na: 2\n', set('a.c', 2))).toBe('a: {b: 1, c: 2}\n---\na: 2\n');
  });

  test('empty lines between entries, where every one has them', () => {
    expect(edited('s:\n  a:\n    x: 1\n\n  b: # why\n    x: 1\n\nv: 1\n', set('s.c.x', 1))).toBe(
      's:\n  a:\n    x: 1\n\n  b: # why\n    x: 1\n\n  c:\n    x: 1\n\nv: 1\n',
    );
    expect(edited('s:\r\n  a:\r\n    x: |\r\n      1\r\n\r\n  b: 1', set('s.c.x', 1))).toBe(
      's:\r\n  a:\r\n    x: |\r\n      1\r\n\r\n  b: 1\r\n\r\n  c:\r\n    x: 1',
    );
    expect(edited('a:\n  x: 1\n\nb:\n  x: 1\n', set('c.x', 1, { before: ['a'] }))).toBe(
      'c:\n  x: 1\n\na:\n  x: 1\n\nb:\n  x: 1\n',
    );
    // One line among others, or entries that do not all stand apart.
    expect(edited('a:\n  x: 1\n\nb:\n  x: 1\n', set('c', 1))).toBe('a:\n  x: 1\n\nb:\n  x: 1\nc: 1\n');
    expect(edited('a: 1\nb: 1\n\nd:\n  x: 1\n', set('c.x', 1))).toBe('a: 1\nb: 1\n\nd:\n  x: 1\nc:\n  x: 1\n');
  });

  test('indentation, and where dashes stand', () => {
    expect(edited('a:\n    b:\n        c: 1\n', set('a.d.e', 1))).toBe('a:\n    b:\n        c: 1\n    d:\n        e: 1\n');
    expect(edited('a:\n  - x: 1\n', set('b', [1]))).toBe('a:\n  - x: 1\nb:\n  - 1\n');
    expect(edited('a:\n- x: 1\n', set('b', [{ c: 1, d: [2] }]))).toBe('a:\n- x: 1\nb:\n- c: 1\n  d:\n  - 2\n');
    expect(edited('a:\n-   x: 1\n    y: 2\n', set('a[1].z', 3))).toBe('a:\n-   x: 1\n    y: 2\n-   z: 3\n');
  });

  test('brackets stay brackets', () => {
    expect(edited('a: { b: 1 } # c\n', set('a.c', 'x'))).toBe('a: { b: 1, c: x } # c\n');
    expect(edited('drop: ["NET_RAW"]\n', set('drop', ['ALL']))).toBe('drop: ["ALL"]\n');
    expect(edited('drop: ["NET_RAW"]\nadd:\n', set('add', ['KILL']))).toBe('drop: ["NET_RAW"]\nadd: ["KILL"]\n');
    expect(edited('a: {} # c\nb: 1\n', set('a.c', 'x'))).toBe('a: # c\n  c: x\nb: 1\n');
    expect(edited('a: {b: {}}\n', set('a.b.c', 'x: y'))).toBe('a: {b: {c: "x: y"}}\n');
    expect(edited('a: [\n  1, # one\n  2 # two\n]\n', set('a[2]', 3))).toBe('a: [\n  1, # one\n  2, # two\n  3\n]\n');
    expect(edited('a: {b: 1,}\n', set('a.c', 2))).toBe('a: {b: 1, c: 2,}\n');
  });

  test('JSON stays JSON, in its spacing', () => {
    expect(edited('{"a":{"b":[]}}', set('a.b', ['x']), set('a.c.d', true))).toBe('{"a":{"b":["x"],"c":{"d":true}}}');
    expect(edited('{\n  "a": {},\n  "b": 1\n}\n', set('a.c.d', ['x']))).toBe(
      '{\n  "a": {\n    "c": {\n      "d": [\n        "x"\n      ]\n    }\n  },\n  "b": 1\n}\n',
    );
    expect(edited('{\n\t"a": 1\n}\n', { op: 'remove', path: ['a'] })).toBe('{}\n');
  });

  test('texts of several lines stay behind |', () => {
    const text = 'data:\n  nginx.conf: |\n    listen 80;\n\n    root /srv;\n  other: x\n';
    expect(edited(text, set('data["nginx.conf"]', 'listen 8080;\n\nroot /srv;\n'))).toBe(text.replace('80', '8080'));
    expect(edited('a: |-\n  x\n  y', set('a', 'x\nz'))).toBe('a: |-\n  x\n  z');
    expect(edited('a: "x\\ny"\n', set('a', 'x\nz'))).toBe('a: "x\\nz"\n');
  });
});

describe('where new things go', () => {
  test('behind the comments that are about what is above, and above those that are about what follows', () => {
    const text = 'a:\n  caps:\n    add: [X]\n    # drop: [ALL]\n\n      # and so on\n  # later: 1\nb: 1\n';
    expect(edited(text, set('a.bar', false))).toBe(
      'a:\n  caps:\n    add: [X]\n    # drop: [ALL]\n\n      # and so on\n  bar: false\n  # later: 1\nb: 1\n',
    );
    expect(edited('a:\n- b: 1\n  # c: 2\n# - d: 3', { op: 'insert', path: ['a', 1], value: { e: 4 } })).toBe(
      'a:\n- b: 1\n  # c: 2\n- e: 4\n# - d: 3',
    );
    expect(edited('a:\n  b:\n    c: 1\n    # d', set('a.e', 2))).toBe('a:\n  b:\n    c: 1\n    # d\n  e: 2');
  });

  test('JSON that is indented with tabs', () => {
    expect(
      edited('{\n\t"a": {\n\t\t"b": 1\n\t},\n\t"e": {}\n}\n', set('a.c', { d: [1] }), set('e', { f: 1 }), set('g', {})),
    ).toBe(
      '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": {\n\t\t\t"d": [\n\t\t\t\t1\n\t\t\t]\n\t\t}\n\t},\n\t"e": {\n\t\t"f": 1\n\t},\n\t"g": {}\n}\n',
    );
  });

  test('behind the last entry, before the comments of what follows', () => {
    expect(edited('a:\n  b: 1\n\n# about c\nc: 1\n', set('a.d', 2))).toBe('a:\n  b: 1\n  d: 2\n\n# about c\nc: 1\n');
  });

  test('before a key that is named, above its comments', () => {
    const before = { before: ['initContainers', 'containers'] };
    expect(edited('spec:\n  a: 1\n  # all of them\n  containers: []\n', set('spec.s.u', 1, before))).toBe(
      'spec:\n  a: 1\n  s:\n    u: 1\n  # all of them\n  containers: []\n',
    );
    expect(edited('spec:\n  # all of them\n  containers: []\n', set('spec.s', 1, before))).toBe(
      'spec:\n  s: 1\n  # all of them\n  containers: []\n',
    );
    expect(edited('- containers: []\n  z: 1\n', set('[0].s', 1, before))).toBe('- s: 1\n  containers: []\n  z: 1\n');
  });

  test('items', () => {
    expect(edited('a:\n- 1\n- 2\n', { op: 'insert', path: ['a', 0], value: 0 })).toBe('a:\n- 0\n- 1\n- 2\n');
    expect(edited('a:\n- "x"\n', { op: 'insert', path: ['a', 9], value: 'y' })).toBe('a:\n- "x"\n- "y"\n');
    expect(edited('a:\n', { op: 'insert', path: ['a', 0], value: { b: 1 } })).toBe('a:\n- b: 1\n');
    expect(edited('a: [1, 3]\n', { op: 'insert', path: ['a', 1], value: 2 })).toBe('a: [1, 2, 3]\n');
  });

  test('what goes leaves the rest', () => {
    expect(edited('a: 1\nb: 2 # two\nc: 3\n', { op: 'remove', path: ['b'] })).toBe('a: 1\nc: 3\n');
    expect(edited('- a: 1\n  b: 2\n', { op: 'remove', path: [0, 'a'] })).toBe('- b: 2\n');
    expect(edited('a:\n  b: 1\nc: 1\n', { op: 'remove', path: ['a', 'b'] })).toBe('a: {}\nc: 1\n');
    expect(edited('a: {b: 1, c: 2}\n', { op: 'remove', path: ['a', 'b'] })).toBe('a: {c: 2}\n');
    expect(edited('a: 1\n', { op: 'remove', path: ['b', 'c'] })).toBe('a: 1\n');
  });
});

describe('text that several share', () => {
  test('what is asked for all that share it is written once; for some, with each', () => {
    const text = 'a:\n- &b\n  n: 1\n- <<: *b\n  n: 2\nc:\n- <<: *b\n  n: 3\n';
    const all = ['a[0].s', 'a[1].s', 'c[0].s'].map((path) => set(path, { x: true }));
    expect(edited(text, ...all)).toBe('a:\n- &b\n  n: 1\n  s:\n    x: true\n- <<: *b\n  n: 2\nc:\n- <<: *b\n  n: 3\n');
    expect(edited(text, all[0]!, all[1]!, set('c[0].s', { x: false }))).toBe(
      'a:\n- &b\n  n: 1\n  s:\n    x: true\n- <<: *b\n  n: 2\nc:\n- <<: *b\n  n: 3\n  s:\n    x: false\n',
    );
    // Who shall not have `s` writes out the rest.
    expect(edited(text, all[0]!, all[1]!)).toBe('a:\n- &b\n  n: 1\n  s:\n    x: true\n- <<: *b\n  n: 2\nc:\n- n: 3\n');
  });

  test('what others would get by << and shall not have is written out there, unless it does no harm', () => {
    const text = 'a: &one # all\n  x: 0 # why\nb:\n- <<: *one # as a\n  # own\n  w: 2\n- {<<: *one, w: 3}\n- *one\n';
    expect(edited(text, set('a.z', true))).toBe(
      'a: &one # all\n  x: 0 # why\n  z: true\nb:\n- x: 0 # as a\n  # own\n  w: 2\n- {x: 0, w: 3}\n- x: 0\n',
    );
    const also = [parsePath('b[0].z'), parsePath('b[2].z')];
    expect(edited(text, set('a.z', true, { also }), set('b[0].x', 1))).toBe(
      'a: &one # all\n  x: 0 # why\n  z: true\nb:\n- <<: *one # as a\n  # own\n  w: 2\n  x: 1\n- {x: 0, w: 3}\n- *one\n',
    );
  });

  const shared = 'x: &ctx\n  user: 0\n  drop: [ALL]\na: *ctx\nb: *ctx\n';

  test('an alias gets its own, and goes on to share the rest', () => {
    expect(edited(shared, set('a.user', 1))).toBe('x: &ctx\n  user: 0\n  drop: [ALL]\na:\n  <<: *ctx\n  user: 1\nb: *ctx\n');
    expect(edited('x: &ctx [a]\nz: *ctx\n', set('z[1]', 'b'))).toBe('x: &ctx [a]\nz: [a, b]\n');
    expect(edited('x: &n 1\nw: {z: *n}\n', set('w.z', 2))).toBe('x: &n 1\nw: {z: 2}\n');
  });

  test('a change that all want is made once', () => {
    expect(edited(shared, set('x.user', 1), set('a.user', 1), set('b.user', 1))).toBe(shared.replace('user: 0', 'user: 1'));
  });

  test('those who do not want the change keep what they had', () => {
    expect(edited(shared, set('x.user', 1), set('a.user', 1))).toBe(
      'x: &ctx\n  user: 1\n  drop: [ALL]\na: *ctx\nb:\n  <<: *ctx\n  user: 0\n',
    );
  });

  test('what comes in by << is overridden', () => {
    const text = 'x: &b {user: 0, cap: {drop: [A]}}\nw:\n  <<: *b\n  z: 1\n';
    expect(edited(text, set('w.user', 1))).toBe(`${text}  user: 1\n`);
    expect(edited(text, set('w.cap.add', ['B']))).toBe(`${text}  cap:\n    drop: [A]\n    add: [B]\n`);
    const without = (name: string): string => edited(text, { op: 'remove', path: ['w', name] });
    expect(without('user')).toBe(text.replace('<<: *b', 'cap:\n    drop: [A]'));
    expect(without('cap')).toBe(text.replace('<<: *b', 'user: 0'));
  });
});

test('what cannot be changed is told with its place, and the other changes are made', () => {
  expect(problemsOf('a: text\nb: 1\n', set('a.b', 1))).toEqual(['1:1 cannot change this: a.b has no place in what is there']);
  const { edits, problems } = changeYaml(sourceFile('f', 'a: text\nb: 1\n'), [set('a.b', 1), set('b', 2)]);
  expect([edits.map(({ text }) => text), problems.length]).toEqual([['2'], 1]);
  expect(problemsOf('a: [\n', set('a', 1))[0]).toMatch(/^1:5 |^2:1 /);
  expect(problemsOf('# nothing\n', set('a', 1))).toEqual(['1:1 there is no document to change']);
});

/** One change by chance in a document by chance: the wanted value, everything else untouched, and back again. */
function tryOne(chance: Chance): 'tried' | 'left' {
  const value = anyValue(chance);
  const { text } = writtenBySomebody(chance, value);
  const file = sourceFile('f', text);
  expect(readYaml(file).documents.map((one) => one.value)).toEqual([value]);
  const path = [...anyPath(chance, value)];
  const op = (['set', 'set', 'set', 'remove', 'insert'] as const)[chance(5)]!;
  if (op === 'set' && chance(2) === 0) path.push(['newKey', 'securityContext', 'y'][chance(3)]!);
  if (op === 'insert') path.push(chance(3));
  const put = op === 'remove' ? undefined : anyValue(chance, 1 + chance(3));
  const wanted = withValue(value, path, op, put);
  if (wanted === undefined) return 'left';
  const { edits, problems } = changeYaml(file, [{ op, path, value: put }]);
  expect(problems).toEqual([]);
  const after = applyEdits(text, edits);
  expect(after.conflicts).toEqual([]);
  const [document, ...more] = readYaml(sourceFile('f', after.text)).documents;
  expect(more).toEqual([]);
  expect(sameValue(document!.value, wanted.value)).toBe(true);
  expect(applyEdits(after.text, undoEdits(text, edits)).text).toBe(text);
  if (op !== 'insert' && !(op === 'remove' && typeof path.at(-1) === 'number'))
    expect(changeYaml(sourceFile('f', after.text), [{ op, path, value: put }]).edits).toEqual([]);
  // What comes new into a mapping that is written line by line takes no line away, but for the last one without an end.
  const grows = op === 'set' && path.at(-1) === 'newKey' && path.length === 1 && !text.includes('{') && /\n$/.test(text);
  const lost = unifiedDiff('f', text, after.text).match(/^-(?!--)/gm)?.length ?? 0;
  if (grows) expect(lost).toBe(0);
  const simple = (one: unknown): boolean => typeof one !== 'object' && !(typeof one === 'string' && one.includes('\n'));
  const known = path.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], value);
  if (op === 'set' && known !== undefined && simple(known) && simple(put)) expect(lost).toBeLessThanOrEqual(1);
  return 'tried';
}

test('fast-check: change, read, undo', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(1 << 30)), (numbers) => {
      tryOne((below) => (numbers.next().value as number) % below);
    }),
    { numRuns: 300 },
  );
});

test('ten thousand documents: the change and nothing else, and back to the byte', () => {
  let tried = 0;
  for (let seed = 0; seed < 10_000; seed += 1) if (tryOne(seeded(seed)) === 'tried') tried += 1;
  expect(tried).toBeGreaterThan(5_000);
});

test('anchors by chance: those who share text and shall not change do not', () => {
  let shared = 0;
  for (let seed = 0; seed < 600; seed += 1) {
    const chance = seeded(seed);
    const value = { base: { user: 0, list: ['a', { b: 1 }], map: { x: 1, y: 'z' } }, own: anyValue(chance, 1) };
    const users = ['*base', '{<<: *base, user: 7}', '\n  <<: *base\n  more: [1]', '\n  - *base\n  - *base'];
    const chosen = Array.from({ length: 1 + chance(4) }, () => users[chance(users.length)]!);
    const base =
      chance(2) === 0
        ? '&base {user: 0, list: [a, {b: 1}], map: {x: 1, y: z}}'
        : '&base\n  user: 0\n  list:\n  - a\n  - b: 1\n  map:\n    x: 1\n    y: z';
    const text = `base: ${base}\nown: ${JSON.stringify(value.own)}\n${chosen.map((user, index) => `u${index}: ${user}\n`).join('')}`;
    const file = sourceFile('f', text);
    const document = readYaml(file).documents[0]!;
    const changes: YamlChange[] = [];
    let wanted: unknown = document.value;
    for (let count = 1 + chance(3); count > 0; count -= 1) {
      const path = [...anyPath(chance, wanted)];
      if (chance(2) === 0 && !Array.isArray(path.reduce<unknown>((at, part) => (at as never)[part], wanted))) path.push('fresh');
      const put = anyValue(chance, 3);
      const next = withValue(wanted, path, 'set', put);
      if (next === undefined) continue;
      wanted = next.value;
      changes.push({ op: 'set', path, value: put });
    }
    const { edits, problems } = changeYaml(file, changes);
    if (problems.length > 0) continue;
    shared += 1;
    const after = readYaml(sourceFile('f', applyEdits(text, edits).text)).documents[0]!;
    expect(sameValue(after.value, wanted), `${seed}`).toBe(true);
  }
  expect(shared).toBeGreaterThan(450);
});

const CORPUS = '/work/shared/fixtures/pod-security';
const corpus = ((): readonly string[] => {
  try {
    return readdirSync(CORPUS, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name));
  } catch {
    return [];
  }
})();

test.skipIf(corpus.length === 0)(`manifests of Kubernetes itself${corpus.length === 0 ? `: ${CORPUS} is missing` : ''}`, () => {
  for (const path of corpus) {
    const text = readFileSync(path, 'utf8');
    const before = readYaml(sourceFile(path, text)).documents[0]!.value;
    const changes = [
      set('spec.securityContext.runAsUser', 10001),
      set('spec.containers[0].securityContext.readOnlyRootFilesystem', true),
    ];
    const wanted = changes.reduce<unknown>((value, one) => withValue(value, one.path, 'set', one.value)!.value, before);
    const after = edited(text, ...changes);
    expect(sameValue(readYaml(sourceFile(path, after)).documents[0]!.value, wanted)).toBe(true);
    // Lines are only added, but where a value is replaced.
    expect(unifiedDiff(path, text, after).match(/^-(?!--)/gm)?.length ?? 0).toBeLessThanOrEqual(2);
  }
});
