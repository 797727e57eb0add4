/** Compose files in other styles than most: JSON, and services whose names are words of YAML 1.1. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
let nowhere: Record<string, string> = {};
let images: string[] = [];

const base: readonly LayerItem[] = [
  { path: '/etc' },
  { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n' },
  { path: '/bin' },
  { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
  { path: '/bin/sh', content: smallestProgram(), mode: 0o755 },
  { path: '/bin/chown', content: smallestProgram(), mode: 0o755 },
  { path: '/tmp', mode: 0o1777 },
];

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-compose-styles-'));
  nowhere = { XDG_DATA_HOME: folder, HOME: folder, DOCKER_HOST: `unix://${folder}/none` };
  const image = (name: string, config: Record<string, unknown>): string[] => [
    '--image',
    `${name}=oci:${writeLayout(join(folder, 'images', name.replace(/\W/g, '-')), { layers: [base], config: { Cmd: ['/bin/app'], ...config } })}`,
  ];
  images = [...image('root:1', {}), ...image('named:1', { User: 'app' })];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);
const run = (...args: string[]): Promise<CliResult> =>
  unroot([...args, '--image', images[1]!, '--image', images[3]!], { env: nowhere, cwd: folder });
async function json<T>(...args: string[]): Promise<T> {
  const { stdout, stderr } = await run(...args, '-o', 'json');
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as T;
}
const byObject = ({ containers }: TextFixReport): Record<string, string> =>
  Object.fromEntries(containers.map(({ object, outcome, message = '' }) => [object, `${outcome} ${message}`.trim()]));

describe('JSON', () => {
  it.each([
    ['one/compose.yaml', '{"services":{"web":{"image":"root:1"}}}\n'],
    ['two/compose.json', '{\n  "name": "two",\n  "services": {\n    "web": {\n      "image": "root:1"\n    }\n  }\n}\n'],
    ['three/docker-compose.json', '{"services": {"web": {"image": "root:1"}}}\n'],
    ['four/stack.yaml', '# by hand\n---\n{services: {web: {image: "root:1"}}}\n'],
  ])('%s is read, and changed in its own style', async (name, text) => {
    const path = write(name, text);
    const found = await json<CheckReport>('check', path);
    expect(found.findings.map(({ id, object }) => [id, object])).toContainEqual(['runs-as-root', 'service/web']);
    const fixed = await json<TextFixReport>('fix', '--write', path);
    expect(byObject(fixed)).toEqual({ 'service/web': 'changed' });
    const after = readFileSync(path, 'utf8');
    expect(after).toMatch(/"?user"?: ?"10001:10001"/);
    if (path.endsWith('.json') || name.startsWith('one'))
      expect(JSON.parse(after).services.web).toMatchObject({ user: '10001:10001', cap_drop: ['ALL'] });
    if (text.startsWith('#')) expect(after).toMatch(/^# by hand\n---\n\{services: \{web: \{image: "root:1", user: /);
    if (name.startsWith('two')) expect(after).toContain('\n      "user": "10001:10001",\n');
    expect((await json<TextFixReport>('fix', path)).files).toEqual([]);
  });

  it('in a folder is found; other JSON with such words is none', async () => {
    write('mixed/compose.json', '{"services":{"web":{"image":"root:1"}}}\n');
    write('mixed/tsconfig.json', '{"include": ["src"], "services": "none"}\n');
    const { findings, diagnostics } = await json<CheckReport>('check', join(folder, 'mixed'));
    expect(findings.map(({ object }) => object)).toContain('service/web');
    expect(diagnostics.map(({ message }) => message).join()).not.toContain('tsconfig');
  });
});

describe('words of YAML 1.1', () => {
  it('are names of services like any other', async () => {
    const text =
      'services:\n  on:\n    image: root:1\n  y:\n    image: root:1\n    depends_on: [on, "off"]\n    volumes:\n      - data:/data\n  off:\n    image: root:1\n  n: {image: root:1}\nvolumes:\n  data:\n';
    const path = write('words/compose.yaml', text);
    const fixed = await json<TextFixReport>('fix', '--write', path);
    expect(byObject(fixed)).toEqual({
      'service/on': 'changed',
      'service/y': 'changed',
      'service/off': 'changed',
      'service/n': 'changed',
    });
    const after = readFileSync(path, 'utf8');
    expect(after.match(/user: ["']?10001:10001/g)).toHaveLength(4);
    for (const name of ['  on:\n', '  y:\n', '  off:\n', '  n: {']) expect(after).toContain(name);
    expect(after).toMatch(/y-volumes-init/);
    expect(after).not.toMatch(/["']?true["']?:\n/);
    expect((await json<TextFixReport>('fix', path)).files).toEqual([]);
    const found = await json<CheckReport>('check', path);
    expect(found.findings.filter(({ id }) => id === 'runs-as-root').map(({ object }) => object)).toEqual([
      'service/y-volumes-init',
    ]);
  });
});
