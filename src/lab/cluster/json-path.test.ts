/** `-o jsonpath` against what kubectl prints of the same objects. */
import { expect, it } from 'vitest';
import { jsonPath } from './json-path.ts';

const pod = (name: string, ready: boolean, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  spec: {
    containers: [
      { name: 'a', image: 'web' },
      { name: 'b', image: 'log' },
    ],
  },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], restarts: 2 },
});
const list = { kind: 'List', items: [pod('web-1', true, { app: 'web', 'example.com/team': 'x' }), pod('web-2', false)] };

it.each([
  ['{.items[0].metadata.name}', 'web-1'],
  ['{.items[*].metadata.name}', 'web-1 web-2'],
  ['{$.items[-1:].metadata.name}', 'web-2'],
  ['{.items[-1].metadata.name}', 'web-2'],
  ['{.items[0:1].metadata.name}', 'web-1'],
  ["{.items[0].metadata.labels['app']}", 'web'],
  ['{.items[0].metadata.labels.example\\.com/team}', 'x'],
  ["{.items[0]['metadata.name','kind']}", ''],
  ["{.items[0].status['phase','restarts']}", 'Running 2'],
  ['{.items[*].spec.containers[*].image}', 'web log web log'],
  ['{..image}', 'web log web log'],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', 'web-1\tRunning\nweb-2\tRunning\n'],
  ['{range .items[*]}{range .spec.containers[*]}{.name};{end}{end}', 'a;b;a;b;'],
  ['{.items[?(@.metadata.name=="web-2")].status.conditions[?(@.type=="Ready")].status}', 'False'],
  ['{.items[?(@.status.restarts > 1)].metadata.name}', 'web-1 web-2'],
  ['{.items[?(@.metadata.labels.app)].metadata.name}', 'web-1'],
  ['{.items[0].metadata.labels}', '{"app":"web","example.com/team":"x"}'],
  ['pod {.kind}!', 'pod List!'],
  ['{.nothing.at.all}', ''],
  ['{@.kind}', 'List'],
])('%s', (template, printed) => expect(jsonPath(template, list)).toBe(printed));

it.each([
  ['{.items', /unclosed action/],
  ['{.items[0}', /unclosed action|unterminated array/],
  ['{range .items[*]}x', /unclosed range/],
  ['{end}', /nothing to end/],
  ['{.items[x]}', /invalid array index x/],
  ['{.a b}', /unrecognized character/],
])('refuses %s', (template, why) => expect(() => jsonPath(template, list)).toThrow(why));
