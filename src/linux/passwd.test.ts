import { expect, test } from 'vitest';
import { parsePasswd, userById, userByName } from './passwd.ts';

const TEXT = `root:x:0:0:root:/root:/bin/bash
# app:x:7:7::/:/bin/sh
toor:x:0:0::/:/bin/sh

  app:x:1000:2000:App:/home/app:/bin/sh\r
app:x:1001:1001::/other:
garbage
nan:x:one:two
huge:x:99999999999999999999:-1
`;

test('the first match wins, by name and by uid', () => {
  const passwd = parsePasswd(TEXT);
  expect(userByName(passwd, 'app')).toEqual({
    name: 'app',
    uid: 1000,
    gid: 2000,
    gecos: 'App',
    home: '/home/app',
    shell: '/bin/sh',
    line: 5,
  });
  expect(userById(passwd, 0)?.name).toBe('root');
  expect(userById(passwd, 1001)?.home).toBe('/other');
  expect(userByName(passwd, 'nobody')).toBeUndefined();
});

test('broken lines are users too, with uid 0: that is what the runtimes make of them', () => {
  const passwd = parsePasswd(TEXT);
  expect(userByName(passwd, 'garbage')).toMatchObject({ uid: 0, gid: 0, home: '' });
  expect(userByName(passwd, 'nan')).toMatchObject({ uid: 0, gid: 0 });
  expect(userByName(passwd, '# app')?.uid).toBe(7);
  expect(userByName(passwd, 'huge')).toMatchObject({ uid: Number(2n ** 63n - 1n), gid: -1 });
});

test('one line of 64 KiB makes the runtimes refuse the file', () => {
  const fits = `${'x'.repeat(65535 - ':x:5:5:::'.length)}:x:5:5:::`;
  expect(parsePasswd(`${fits}\n`).entries).toHaveLength(1);
  expect(parsePasswd(`root:x:0:0:::\n${fits}y\n`)).toEqual({ entries: [], failure: 'bufio.Scanner: token too long' });
  expect(parsePasswd('é'.repeat(32768)).failure).toBe('bufio.Scanner: token too long');
});
