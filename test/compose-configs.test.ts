/** Configuration that a compose project binds into its services: read as what the program finds, and changed where it is a file of the project. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { writeNginx } from './support/nginx-image.ts';

let folder = '';
let image: readonly string[] = [];
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-compose-configs-'));
  const layout = writeNginx(join(folder, 'image'));
  image = ['--image', `nginx:1=oci:${layout}`];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function json<T>(...args: readonly string[]): Promise<T> {
  const { stdout, stderr } = await unroot([...args, '-o', 'json', ...image], {
    cwd: folder,
    env: { HOME: folder, XDG_DATA_HOME: folder },
  });
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as T;
}
const errors = ({ findings }: CheckReport): readonly string[] =>
  findings.flatMap(({ id, severity, object, where }) =>
    severity === 'error' ? [`${object} ${id} ${where.path ?? ''}`.trim()] : [],
  );

const GOOD =
  'pid /tmp/nginx.pid;\nevents {}\nhttp { client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; access_log /dev/stdout; error_log /dev/stderr;\n  server { listen 8080; } }\n';
const compose = (mount: string): string =>
  `services:\n  web:\n    image: nginx:1\n    ports: ["80:8080"]\n    volumes:\n      - ${mount}\n`;

it('is what is read, file or folder', async () => {
  writeBelow(folder, 'bare/compose.yaml', 'services:\n  web: {image: "nginx:1"}\n');
  expect(errors(await json<CheckReport>('check', join(folder, 'bare'))).length).toBeGreaterThan(1);
  writeBelow(folder, 'good/compose.yaml', compose('./nginx.conf:/etc/nginx/nginx.conf:ro'));
  writeBelow(folder, 'good/nginx.conf', GOOD);
  expect(errors(await json<CheckReport>('check', join(folder, 'good')))).toEqual([]);
  writeBelow(folder, 'whole/compose.yaml', compose('./conf:/etc/nginx'));
  writeBelow(folder, 'whole/conf/nginx.conf', GOOD);
  expect(errors(await json<CheckReport>('check', join(folder, 'whole')))).toEqual([]);
  const { containers } = await json<TextFixReport>('fix', join(folder, 'good'));
  expect(containers.map(({ outcome }) => outcome)).toEqual(['changed']);
});

it('is changed where it is a file of the project, and nowhere else', async () => {
  const low = GOOD.replace('pid /tmp/nginx.pid', 'pid /run/nginx.pid');
  writeBelow(folder, 'low/compose.yaml', compose('./etc/nginx.conf:/etc/nginx/nginx.conf:ro'));
  const config = writeBelow(folder, 'low/etc/nginx.conf', low);
  const before = await json<TextFixReport>('fix', join(folder, 'low'));
  expect(before.files.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(['compose.yaml', 'nginx.conf']);
  expect(readFileSync(config, 'utf8')).toBe(low);
  await json<TextFixReport>('fix', '--write', join(folder, 'low'));
  const after = readFileSync(config, 'utf8');
  expect(after).not.toContain('/run/nginx.pid');
  expect(after.split('\n').slice(1)).toEqual(low.split('\n').slice(1));
  expect(errors(await json<CheckReport>('check', join(folder, 'low')))).toEqual([]);
  expect((await json<TextFixReport>('fix', join(folder, 'low'))).files).toEqual([]);

  const other = writeBelow(folder, 'elsewhere/nginx.conf', low);
  writeBelow(folder, 'outside/compose.yaml', compose(`${other}:/etc/nginx/nginx.conf:ro`));
  const { containers, files } = await json<TextFixReport>('fix', join(folder, 'outside'));
  expect(files.map(({ path }) => path).filter((path) => path.includes('elsewhere'))).toEqual([]);
  expect(containers.map(({ outcome }) => outcome)).toEqual(['left']);
});

it('that the user may not read stops a change', async () => {
  writeBelow(folder, 'private/compose.yaml', compose('./nginx.conf:/etc/nginx/nginx.conf:ro'));
  chmodSync(writeBelow(folder, 'private/nginx.conf', GOOD), 0o600);
  expect(errors(await json<CheckReport>('check', join(folder, 'private')))).toContain(
    'service/web volume-not-readable /etc/nginx/nginx.conf',
  );
  const { containers, files } = await json<TextFixReport>('fix', join(folder, 'private'));
  expect(containers.map(({ outcome, message }) => `${outcome} ${message}`)[0]).toMatch(/^left .*may not read/);
  expect(files).toEqual([]);
});

it('and texts that compose writes have the mode that is asked for', async () => {
  const text = `services:
  closed:
    image: nginx:1
    configs: [{source: inline, target: /etc/nginx/nginx.conf, mode: 0400}]
  quoted:
    image: nginx:1
    configs: [{source: inline, target: /etc/nginx/nginx.conf, mode: "0400", uid: "10001"}]
  open:
    image: nginx:1
    configs: [{source: inline, target: /etc/nginx/nginx.conf}]
configs:
  inline:
    content: |
${GOOD.replace(/^/gm, '      ').trimEnd()}
`;
  writeBelow(folder, 'inline/compose.yaml', text);
  expect(errors(await json<CheckReport>('check', join(folder, 'inline')))).toEqual([
    'service/closed volume-not-readable /etc/nginx/nginx.conf',
  ]);
  const { containers } = await json<TextFixReport>('fix', join(folder, 'inline'));
  expect(containers.map(({ object, outcome }) => `${object} ${outcome}`)).toEqual([
    'service/closed left',
    'service/quoted changed',
    'service/open changed',
  ]);
});
