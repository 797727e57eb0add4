/** The fast reader against the full one: where it reads at all, it reads the same, offsets included. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { composeDocument } from './compose.ts';
import { simpleDocument } from './simple.ts';
import { splitDocuments } from './split.ts';
import { yamlValue } from './value.ts';

const MANIFEST = `# a shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {a: b, "c/d": 'e'}
  labels:
    "app.kubernetes.io/name": 'it''s'   # quoted
spec:
  replicas: 2
  template:
    spec:
      securityContext:
        runAsNonRoot: yes
        fsGroup: 0644
      containers:
      - name: nginx
        image: "nginx:1.27"
        args: ["-g", "daemon off;", 1, [a, {b: c}]]
        command:
        -   sh
        - -c
        - |
          set -e

            exec "$@"
        ports:
          - containerPort: 80
            name: http
          -
            containerPort: 443
        env: []
        resources: {}
        x: |-
          a: b
          # no comment

      - name: other
        image: redis
        empty:
      volumes:
      - - nested
        - list
`;

/** What is put in at random places. */
const PIECES: readonly string[] = [
  ' ',
  '  ',
  '\n',
  '\n\n',
  '\t',
  '\r\n',
  '#',
  ' #x',
  ': ',
  ':',
  '- ',
  '-',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  '|',
  '|+',
  '|2',
  '>',
  '>-',
  '&a ',
  '*a',
  '<<',
  '!!str ',
  '? ',
  '%',
  '@',
  '`',
  'a',
  '0',
  '~',
  '\\',
  '\\n',
  '\\x',
  '\\u00e9',
  'é',
  '...',
  '---',
  '\n---\n',
  '\u0085',
  '=',
  'key: value\n',
];

const compare = (text: string): boolean => {
  let read = false;
  for (const { start, end } of splitDocuments(text)) {
    const simple = simpleDocument(text, start, end);
    if (simple === undefined) continue;
    read = true;
    const full = composeDocument(text, start, end);
    // Kubernetes does not mind the indentation inside brackets.
    if ('fault' in full && full.fault.message.startsWith('Flow ')) continue;
    if ('fault' in full) throw new Error(`only the fast reader reads it: ${full.fault.message}`);
    expect(yamlValue(simple)).toEqual(yamlValue(full.root));
    expect(starts(simple)).toEqual(starts(full.root));
  }
  return read;
};

/** Where scalars stand; ends of collections and of nothing are a matter of taste. */
function starts(node: object): unknown {
  return JSON.parse(
    JSON.stringify(node, (key, value: unknown) => {
      if (key === 'start' || key === 'end') return undefined;
      if (typeof value !== 'object' || value === null || !('kind' in value)) return value;
      const { kind, start, end, style } = value as { kind: string; start: number; end: number; style?: string };
      const at = kind === 'scalar' ? (start === end ? undefined : style === 'block' ? start : [start, end]) : undefined;
      return { ...value, at };
    }),
  );
}

it('reads a usual manifest, and JSON', () => {
  expect(compare(MANIFEST)).toBe(true);
  expect(compare(MANIFEST.replaceAll('\n', '\r\n'))).toBe(true);
  expect(compare(JSON.stringify({ a: [1, 'x\ny', { b: null, c: true }], '<<': '\u00e9"\\' }, null, 2))).toBe(true);
  expect(compare(JSON.stringify({ a: [1, 'x\ny', { b: null, c: -1.5e3 }] }))).toBe(true);
  expect(compare('---\n# words\n---\na: b\n--- # more\nc: d')).toBe(true);
});

it('leaves alone what is not simple', () => {
  for (const text of [
    'a: &x 1',
    'a: *x',
    'a: b\n  c',
    'a: "b\n  c"',
    'a: >\n  b',
    'a: |2\n   b',
    '<<: {a: 1}',
    'a: !!str 1',
    'just text',
    '? a\n: b',
  ])
    expect(simpleDocument(text, 0, text.length), text).toBeUndefined();
});

it('reads nothing differently', () => {
  let read = 0;
  const edit = fc.tuple(fc.nat(MANIFEST.length), fc.nat(12), fc.constantFrom(...PIECES));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = MANIFEST;
      for (const [at, removed, piece] of edits)
        text = text.slice(0, at) + piece + text.slice(at + (removed > 6 ? removed - 6 : 0));
      if (compare(text)) read += 1;
    }),
    { numRuns: Number(process.env.YAML_RUNS ?? 1500) },
  );
  expect(read).toBeGreaterThan(100);
});
