/** Flags as kubectl takes them. */
import { expect, it } from 'vitest';
import { fileNamed, readFlags } from './flags.ts';

const read = (line: string) => readFlags(line.split(' '), 'KNOWN');

it.each([
  ['get pods -n web -w', { words: ['get', 'pods'], namespace: 'web', watch: true }],
  ['-nweb get pods -owide', { words: ['get', 'pods'], namespace: 'web', output: 'wide' }],
  [
    'get po --namespace=web --output=jsonpath={.items[0].metadata.name}',
    { namespace: 'web', output: 'jsonpath={.items[0].metadata.name}' },
  ],
  ['get pods -A', { namespace: undefined }],
  ['logs -f web', { words: ['logs', 'web'], follow: true }],
  ['apply -f web.yaml --dry-run=server', { file: 'web.yaml', dryRun: true }],
  [
    'exec -it web -c a -- sh -c x',
    { words: ['exec', 'web'], command: ['sh', '-c', 'x'], stdin: true, tty: true, container: 'a', old: false },
  ],
  ['exec -it -n web pod sh -l', { words: ['exec', 'pod'], command: ['sh', '-l'], old: true }],
  ['exec web -ti -- cat -f', { words: ['exec', 'web'], command: ['cat', '-f'] }],
  ['get events --watch', { watch: true }],
  ['get events --watch=false', { watch: false }],
])('%s', (line, flags) => expect(read(line)).toMatchObject(flags));

it.each(['get pods --wide', 'get -x pods', 'apply --dry-run=client -f a', 'get pods -n'])('refuses %s', (line) =>
  expect(() => read(line)).toThrow(/unknown flag here: .*\nKNOWN|flag needs an argument: -n/),
);

it('names the file that is to be read, and no other', () => {
  expect(fileNamed(['apply', '-f', 'a.yaml'])).toBe('a.yaml');
  expect(fileNamed(['apply', '--filename=a.yaml'])).toBe('a.yaml');
  for (const line of ['logs -f web', 'exec web -- grep -f x', 'apply -f']) expect(fileNamed(line.split(' '))).toBeUndefined();
});
