import { describe, expect, it } from 'vitest';
import { shellCall } from './shell-call.ts';

describe('what a shell is handed', () => {
  it.each<[string[], unknown]>([
    [['/bin/sh', '-c', 'echo $1', 'me', 'a', 'b'], { kind: 'text', text: 'echo $1', zero: 'me', positional: ['a', 'b'] }],
    [['sh', '-c', 'x'], { kind: 'text', text: 'x', zero: 'sh', positional: [] }],
    [['bash', '-euo', 'pipefail', '-c', 'x'], { kind: 'text', text: 'x', zero: 'bash', positional: [] }],
    [['/usr/bin/bash', '-exc', 'x'], { kind: 'text', text: 'x', zero: '/usr/bin/bash', positional: [] }],
    [['bash', '--login', '-c', 'x'], { kind: 'text', text: 'x', zero: 'bash', positional: [] }],
    [['busybox', 'sh', '-c', 'x'], { kind: 'text', text: 'x', zero: 'sh', positional: [] }],
    [['sh', '-e', '/run.sh', 'a'], { kind: 'file', path: '/run.sh', positional: ['a'] }],
    [['sh', '--', '-odd', 'a'], { kind: 'file', path: '-odd', positional: ['a'] }],
    [['sh'], undefined],
    [['sh', '-c'], undefined],
    [['sh', '-s', 'a'], undefined],
    [['/app', '-c', 'x'], undefined],
  ])('%j', (argv, call) => expect(shellCall(argv)).toEqual(call));
});
