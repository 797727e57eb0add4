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
  { path: '/data', uid: 999, gid: 999 },
];

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-compose-styles-'));
  nowhere = { XDG_DATA_HOME: folder, HOME: folder, DOCKER_HOST: `unix://${folder}/none` };
  const image = (name: string, config: Record<string, unknown>): string[] => [
    '--image',
    `${name}=oci:${writeLayout(join(folder, 'images', name.replace(/\W/g, '-')), { layers: [base], config: { Cmd: ['/bin/app'], ...config } })}`,
  ];
  images = [...image('root:1', {}), ...image('named:1', { User: 'app' }), ...image('vol:1', { Volumes: { '/data': {} } })];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);
const run = (...args: string[]): Promise<CliResult> => unroot([...args, ...images], { env: nowhere, cwd: folder });
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

describe('places', () => {
  const text = `services:
  web:
    image: root:1
    volumes: [data:/data]
  left:
    image: root:1
    cap_add: [SYS_ADMIN]
    volumes: [other:/data]
  last:
    image: root:1
    user: "0"
    privileged: true
volumes: {data: , other: }
`;

  it('are those of the file as it is, and a fix is whole by itself', async () => {
    const path = write('places/compose.yaml', text);
    const fixed = await json<TextFixReport>('fix', path);
    expect(byObject(fixed)).toMatchObject({ 'service/web': 'changed' });
    const lines = text.split('\n');
    const roots = fixed.unresolved.filter(({ id }) => id === 'runs-as-root');
    expect(roots.map(({ object, where }) => [object, lines[(where.line ?? 0) - 1]?.trim()])).toEqual([
      ['service/left', 'image: root:1'],
      ['service/last', 'user: "0"'],
    ]);
    expect(fixed.fixes.map(({ object }) => object)).toEqual(['service/web']);
    const edits = [...fixed.fixes[0]!.edits].sort((a, b) => b.start - a.start);
    const alone = edits.reduce((now, { start, end, text: put }) => now.slice(0, start) + put + now.slice(end), text);
    expect(alone).toMatch(/depends_on:\n +web-volumes-init:/);
    expect(alone).toMatch(/^ {2}web-volumes-init:$/m);
    expect(fixed.files[0]!.diff).not.toContain('last-volumes');
    const { stdout } = await run('fix', '-o', 'sarif', path);
    const [{ results }] = JSON.parse(stdout).runs;
    expect(results.length).toBeGreaterThan(1);
    expect(results.filter((one: { fixes?: unknown }) => one.fixes !== undefined)).toEqual([]);
  });

  it('of findings are the new ones once the file is written', async () => {
    const path = write('written/compose.yaml', text);
    const { unresolved } = await json<TextFixReport>('fix', '--write', path);
    const after = readFileSync(path, 'utf8').split('\n');
    const root = unresolved.find(({ id, object }) => id === 'runs-as-root' && object === 'service/last');
    expect(after[(root?.where.line ?? 0) - 1]?.trim()).toBe('user: "0"');
  });
});

describe('volumes', () => {
  it('with a name are handed over, whatever the image would have there', async () => {
    const path = write(
      'handed/compose.yaml',
      `services:
  cache:
    image: vol:1
    volumes: ["cache:/data"]
  bare:
    image: vol:1
    volumes:
      - type: volume
        source: bare
        target: /data
        volume: {nocopy: true}
  none:
    image: vol:1
volumes: {cache: , bare: }
`,
    );
    const fixed = await json<TextFixReport>('fix', '--write', path);
    expect(byObject(fixed)).toMatchObject({
      'service/cache': 'changed',
      'service/bare': 'changed',
      'service/none': expect.stringMatching(/^left the image must change.* unroot fix oci:\S+vol-1 --out DIR makes it$/),
    });
    const after = readFileSync(path, 'utf8');
    expect(after).toMatch(/^ {2}cache-volumes-init:$/m);
    expect(after).toMatch(/^ {2}bare-volumes-init:$/m);
    const { findings } = await json<CheckReport>('check', path);
    expect(findings.filter(({ severity }) => severity === 'error').map(({ object }) => object)).toEqual(['service/none']);
    expect((await json<TextFixReport>('fix', path)).files).toEqual([]);
  });
});

describe('check', () => {
  it('asks what fix would write: Podman starts a container that adds all capabilities', async () => {
    const path = write(
      'all/compose.yaml',
      'services:\n  base: {image: "root:1", cap_add: [ALL]}\n  web:\n    extends: {service: base}\n  both: {image: "root:1", cap_add: [ALL], cap_drop: [ALL]}\n',
    );
    const refused = async (profile: string): Promise<readonly (string | undefined)[]> =>
      (await json<CheckReport>('check', path, '--platform-profile', profile)).findings
        .filter(({ id }) => id === 'start-refused')
        .map(({ object }) => object);
    expect(await refused('podman')).toEqual(['service/both']);
    expect(await refused('docker')).toEqual([]);
  });

  it('has nothing against names of users where no kubelet is', async () => {
    const path = write('names/compose.yaml', 'services:\n  a: {image: "named:1"}\n  b: {image: "named:1", user: "0:0"}\n');
    const { findings } = await json<CheckReport>('check', path);
    expect(findings.filter(({ id }) => id === 'named-user')).toEqual([]);
    expect(findings.filter(({ id }) => id === 'runs-as-root').map(({ object }) => object)).toEqual(['service/b']);
  });
});

describe('include', () => {
  it('makes a file part of the project: it is neither one of its own nor left aside', async () => {
    write('including/compose.yaml', 'include: [inc.yaml]\nservices:\n  web: {image: "root:1"}\n');
    write('including/inc.yaml', 'services:\n  db: {image: "root:1"}\n');
    write('including/prod.yaml', 'services:\n  web: {image: "root:1"}\n');
    const { findings, diagnostics } = await json<CheckReport>('check', join(folder, 'including'));
    expect(findings.filter(({ id }) => id === 'runs-as-root').map(({ object }) => object)).toEqual(['service/web', 'service/db']);
    const aside = diagnostics.filter(({ message }) => message.includes('not read by itself'));
    expect(aside.map(({ where }) => where.file?.split('/').at(-1))).toEqual(['prod.yaml']);
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
