/** Compared with what sigs.k8s.io/yaml 1.6.0 made of the same text (YAMLToJSON). */
import { expect, it } from 'vitest';
import { sourceFile } from '../source-file.ts';
import { readYaml } from './read.ts';

/** Text, and the JSON that came out. */
const READ: readonly (readonly [string, string])[] = [
  ['a: 0644', '{"a":420}'],
  ['a: 0o644', '{"a":420}'],
  ['a: 08', '{"a":8}'],
  ['a: 0b11', '{"a":3}'],
  ['a: 0x1F', '{"a":31}'],
  ['a: 1_000', '{"a":1000}'],
  ['a: +5', '{"a":5}'],
  ['a: -0644', '{"a":-420}'],
  ['a: 1e3', '{"a":1000}'],
  ['a: 1e+3', '{"a":1000}'],
  ['a: .5', '{"a":0.5}'],
  ['a: 1.', '{"a":1}'],
  ['a: 190:20:30', '{"a":"190:20:30"}'],
  ['a: yes', '{"a":true}'],
  ['a: y', '{"a":true}'],
  ['a: n', '{"a":false}'],
  ['a: on', '{"a":true}'],
  ['a: Off', '{"a":false}'],
  ['a: NO', '{"a":false}'],
  ['a: True', '{"a":true}'],
  ['a: tRue', '{"a":"tRue"}'],
  ['a: ~', '{"a":null}'],
  ['a: Null', '{"a":null}'],
  ['a: NULL', '{"a":null}'],
  ['a:', '{"a":null}'],
  ['a: 2001-01-01', '{"a":"2001-01-01"}'],
  ['a: 9223372036854775807', '{"a":9223372036854775807}'],
  ['a: 9223372036854775808', '{"a":9223372036854775808}'],
  ['a: 18446744073709551616', '{"a":18446744073709552000}'],
  ['a: 1\nb: 2\na: 3', '{"a":3,"b":2}'],
  ['x: &x {a: 1, b: 2}\ny:\n  a: 9\n  <<: *x', '{"true":{"a":1,"b":2},"x":{"a":1,"b":2}}'],
  ['x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 9', '{"true":{"a":9,"b":2},"x":{"a":1,"b":2}}'],
  ['x: &x {a: 1}\nw: &w {a: 2, b: 3}\ny:\n  <<: [*x, *w]', '{"true":{"a":1,"b":3},"w":{"a":2,"b":3},"x":{"a":1}}'],
  ['"<<": {a: 1}', '{"\\u003c\\u003c":{"a":1}}'],
  ['a: !!str 1', '{"a":"1"}'],
  ['a: !!int "1"', '{"a":1}'],
  ['a: !!binary aGVsbG8=', '{"a":"hello"}'],
  ['a: !foo bar', '{"a":"bar"}'],
  ['a: !!float 1', '{"a":1}'],
  ['a: "\\x41"', '{"a":"A"}'],
  ['a: 1\n...\nb: 2', '{"a":1}'],
  ['a: 0.0', '{"a":0}'],
  ['a: 1.50', '{"a":1.5}'],
  ['a: -0', '{"a":0}'],
  ['a: 0_8', '{"a":8}'],
  ['a: 123abc', '{"a":"123abc"}'],
  ['a: 1e400', '{"a":"1e400"}'],
  ['a: =', '{"a":"="}'],
  ['a: 0777777777777777777777777', '{"a":7.777777777777778e+23}'],
  ['a: 00', '{"a":0}'],
  ['- a\n- b', '["a","b"]'],
  ['hello', '"hello"'],
  ['a: 0X1f', '{"a":31}'],
  ['a: 0B1', '{"a":1}'],
  ['a: 0O7', '{"a":7}'],
  ['a: -0x1', '{"a":-1}'],
  ['a: -0b1', '{"a":-1}'],
  ['a: 1__0', '{"a":10}'],
  ['a: _1', '{"a":"_1"}'],
  ['a: .', '{"a":"."}'],
  ['a: 1.0e5', '{"a":100000}'],
  ['a: 12e03', '{"a":12000}'],
  ['a: 685_230.15', '{"a":685230.15}'],
  ['a: "a\\\n  b"', '{"a":"ab"}'],
  ['a: |\n  x\n  y\n', '{"a":"x\\ny\\n"}'],
  ['a: x #c', '{"a":"x"}'],
  ['a: x#c', '{"a":"x#c"}'],
  ['a: !!bool yes', '{"a":true}'],
  ['a: [a, b: c]', '{"a":["a",{"b":"c"}]}'],
  ['a: {b, c: d}', '{"a":{"b":null,"c":"d"}}'],
  ['a: {b: }', '{"a":{"b":null}}'],
  ['a: 2001-12-14t21:59:43.10-05:00', '{"a":"2001-12-14t21:59:43.10-05:00"}'],
  ['a: <<', '{"a":"\\u003c\\u003c"}'],
];

it.each(READ)('%j is %s', (text, json) => {
  const { documents, broken } = readYaml(sourceFile('a.yaml', text));
  expect(broken).toEqual([]);
  // Key order and -0 are no part of JSON's meaning.
  expect(documents[0]!.value).toEqual(JSON.parse(json));
});

/** What it refuses. */
const REFUSED: readonly string[] = [
  '? {a: 1}\n: b',
  'a: {{ .Values.x }}',
  '{{- if x }}\na: 1',
  'a: &x [*x]',
  'a: *x',
  'a:\n\tb: 1',
  'a: - b',
  'a: -',
  'a: @x',
  'a: `x`',
  'a: %x',
  'a: b: c',
  'a: [1, 2',
  'a: "x',
  '\ta: 1',
];

it.each(REFUSED.map((text) => [text]))('%j is refused, with a place', (text) => {
  const { documents, broken } = readYaml(sourceFile('a.yaml', text));
  expect(documents).toEqual([]);
  expect(broken[0]!.problem).toMatchObject({ severity: 'error', where: { file: 'a.yaml', line: expect.any(Number) } });
});
