/** Compose files through the command line: who, check and fix, on stacks and on what is wrong with them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, ExplainReport, TextFixReport, WhoReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

const stacks: string = fileURLToPath(new URL('compose/stacks/', import.meta.url));
let folder = '';
let nowhere: Record<string, string> = {};
let images: string[] = [];

const base: readonly LayerItem[] = [
  { path: '/etc' },
  { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235::/home/app:/bin/sh\n' },
  { path: '/etc/group', content: 'root:x:0:\napp:x:1235:\nlogs:x:4:app\n' },
  { path: '/bin' },
  { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
  { path: '/tmp', mode: 0o1777 },
  { path: '/srv' },
  { path: '/srv/data', mode: 0o755, uid: 1234, gid: 1235 },
];

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-compose-cli-'));
  writeFileSync(join(folder, 'storage.conf'), `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/store"\n`);
  nowhere = {
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    XDG_DATA_HOME: folder,
    HOME: folder,
    DOCKER_HOST: `unix://${folder}/none`,
  };
  const image = (name: string, config: Record<string, unknown>): string[] => [
    '--image',
    `${name}=oci:${writeLayout(join(folder, 'images', name.replace(/\W/g, '-')), { layers: [base], config: { Cmd: ['/bin/app'], ...config } })}`,
  ];
  images = [...image('root:1', {}), ...image('named:1', { User: 'app' }), ...image('shop-built', { User: '1234' })];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);
const run = (...args: string[]): Promise<CliResult> => unroot(args, { env: nowhere, cwd: folder });

async function report<T>(kind: 'who' | 'check' | 'fix', ...args: string[]): Promise<T & { readonly code: number | null }> {
  const { stdout, stderr, code } = await run(kind, '-o', 'json', ...args);
  expect(stdout, stderr).not.toBe('');
  const document = JSON.parse(stdout) as T;
  expect(schemaErrors(kind, document)).toEqual([]);
  return { ...document, code };
}

const SHOP = `name: shop
services:
  web:
    image: root:1
    ports: ["8080:80"]
  app:
    image: named:1
    group_add: ["7"]
    volumes: [data:/srv/data]
  job:
    image: named:1
    user: "55:66"
  built:
    build: .
  later:
    image: root:1
    user: "\${WHO}"
volumes: {data: }
`;

describe('who', () => {
  it('answers for every service, by the rules of an engine', async () => {
    const file = write('shop/compose.yaml', SHOP);
    const who = await report<WhoReport>('who', file, ...images);
    expect(
      who.containers.map(({ name, platform, outcome, uid, gid, groups }) => [name, platform, outcome, uid, gid, groups]),
    ).toEqual([
      ['web', 'docker', 'starts', 0, 0, [0]],
      ['app', 'docker', 'starts', 1234, 1235, [1235, 4, 7]],
      ['job', 'docker', 'starts', 55, 66, [66]],
      ['built', 'docker', 'starts', 1234, 1235, [1235, 4]],
      ['later', 'docker', 'unknown', undefined, undefined, undefined],
    ]);
    expect(who.containers[2]?.workload).toEqual({
      kind: 'service',
      name: 'job',
      namespace: 'shop',
      role: 'container',
      file,
      line: 11,
      column: 5,
    });
    expect(who.containers[2]?.because.find(({ field }) => field === 'uid')?.where).toEqual({ file, line: 12, column: 11 });
    expect(who.containers[4]?.message).toBe('its user hangs on WHO, which is not set here');
    const podman = await report<WhoReport>('who', file, '--platform-profile', 'podman', ...images);
    expect(podman.containers[0]?.platform).toBe('podman');
    const refused = await run('who', file, '--platform-profile', 'containerd-2');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('a compose file is for an engine')]);
  });

  it('takes pods and services of one folder each by its own rules', async () => {
    write('both/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "root:1"}]}\n');
    write('both/compose.yaml', 'services: {web: {image: "root:1"}}\n');
    write('both/compose.override.yaml', 'services: {web: {user: "9"}}\n');
    write('both/compose.prod.yaml', 'services: {web: {user: "10"}}\n');
    write('both/other/docker-compose.yml', 'services: {db: {image: "root:1"}}\n');
    const who = await report<WhoReport>('who', join(folder, 'both'), ...images);
    expect(who.containers.map(({ name, platform, uid }) => [name, platform, uid])).toEqual([
      ['c', 'containerd-2', 0],
      ['web', 'docker', 9],
      ['db', 'docker', 0],
    ]);
    expect(who.diagnostics?.map(({ message }) => message)[0]).toContain('compose.prod.yaml: it is not read by itself');
    const asked = ['compose.yaml', 'compose.prod.yaml'].map((name) => join(folder, 'both', name));
    const laid = await report<WhoReport>('who', ...asked, ...images);
    expect(laid.containers.map(({ uid }) => uid)).toEqual([10]);
    write('both/parts/docker-compose.base.yml', 'services: {web: {image: "root:1"}}\n');
    write('both/parts/docker-compose.dev.yml', 'services: {web: {user: "3"}}\n');
    const parts = await report<WhoReport>('who', join(folder, 'both/parts'), ...images);
    expect(parts.containers.map(({ uid }) => uid)).toEqual([0]);
    expect(parts.diagnostics?.[0]?.message).toContain('dev.yml: a service of it has neither an image nor a build');
    rmSync(join(folder, 'both/parts'), { recursive: true });
    const crio = await report<WhoReport>('who', join(folder, 'both'), '--platform-profile', 'crio', ...images);
    expect(crio.containers.map(({ platform }) => platform)).toEqual(['crio', 'docker', 'docker']);
  });

  it('takes the files, the environment and the name that the environment says', async () => {
    const base = (user: string): string => `services: {web: {image: "root:1", user: "${user}"}}\n`;
    write('env/compose.yaml', base('1'));
    write('env/base.yml', base('2'));
    write('env/more/over.yml', `services: {web: {user: "\${WHO}"}, tool: {image: "root:1", profiles: [debug]}}\n`);
    const folder_ = join(folder, 'env');
    const who = async (at: string, env: Record<string, string>): Promise<WhoReport['containers']> => {
      const { stdout, stderr } = await unroot(['who', '-o', 'json', at, ...images], {
        env: { ...nowhere, ...env },
        cwd: folder_,
      });
      expect(stdout, stderr).not.toBe('');
      return (JSON.parse(stdout) as WhoReport).containers;
    };
    const both = { COMPOSE_FILE: 'base.yml:more/over.yml', WHO: '7' };
    expect((await who('.', {})).map(({ uid }) => uid)).toEqual([1]);
    const asked = await who('.', { ...both, COMPOSE_PROJECT_NAME: 'mine' });
    expect(asked.map(({ name, uid, workload }) => [name, uid, workload?.namespace])).toEqual([
      ['web', 7, 'mine'],
      ['tool', 0, 'mine'],
    ]);
    // A file that somebody names is meant alone.
    expect((await who('compose.yaml', both)).map(({ uid }) => uid)).toEqual([1]);
    write('env/.env', 'COMPOSE_FILE=base.yml,more/over.yml\nCOMPOSE_PATH_SEPARATOR=,\nWHO=8\n');
    expect((await who(folder_, {})).map(({ uid }) => uid)).toEqual([8, 0]);
    write('env/other.env', 'WHO=9\n');
    expect(
      (
        await who('.', { COMPOSE_FILE: 'base.yml:more/over.yml', COMPOSE_PATH_SEPARATOR: ':', COMPOSE_ENV_FILES: 'other.env' })
      ).map(({ uid }) => uid)[0],
    ).toBe(9);
    const off = await who('.', { ...both, WHO: '', COMPOSE_DISABLE_ENV_FILE: '1', COMPOSE_FILE: 'base.yml' });
    expect(off.map(({ uid }) => uid)).toEqual([2]);
    const missing = await unroot(['who', '.', ...images], { env: { ...nowhere, COMPOSE_FILE: 'none.yml' }, cwd: folder_ });
    expect([missing.code, (missing.stdout + missing.stderr).replace(/\s+/g, ' ')]).toEqual([
      2,
      expect.stringContaining('names none.yml: there is no such file'),
    ]);
  });

  it.each(readdirSync(stacks))('says of every service of %s what it can', async (name) => {
    const who = await report<WhoReport>('who', join(stacks, name));
    expect(who.code).toBe(0);
    // Dockerfiles lie there too.
    const services = who.containers.filter(({ workload }) => workload?.kind === 'service');
    expect(services.length).toBeGreaterThan(1);
    expect(services.filter(({ outcome }) => outcome !== 'unknown')).toEqual([]);
  });

  it('knows numbers without the image', async () => {
    const who = await report<WhoReport>('who', join(stacks, 'monitoring'));
    expect(who.containers.find(({ name }) => name === 'prometheus')).toMatchObject({ uid: 65534, gid: 65534 });
  });
});

describe('explain and prove', () => {
  it('explain one service, its mounts of this machine too', async () => {
    const file = write(
      'explain/compose.yaml',
      'services:\n  web: {image: "named:1", volumes: ["./private:/private"]}\n  db: {image: "root:1"}\n',
    );
    write('explain/private/x', '');
    chmodSync(join(folder, 'explain/private'), 0o700);
    const asked = async (service: string, ...more: string[]): Promise<ExplainReport> => {
      const { stdout, stderr } = await run('explain', '-o', 'json', `${file}#${service}`, ...more, ...images);
      expect(stdout, stderr).not.toBe('');
      return JSON.parse(stdout) as ExplainReport;
    };
    const denied = await asked('web', '/private/x');
    expect([denied.workload?.name, denied.platform, denied.answers[0]?.allowed]).toEqual(['web', 'docker', false]);
    expect((await asked('db', '/srv/data')).answers[0]?.allowed).toBe(true);
    expect((await run('explain', `${file}#none`, '/x')).stderr).toContain('one of web, db');
  });

  it('prove says what keeps a project from being run, all of it', async () => {
    const text =
      'services:\n  web: {image: "none:1"}\n  host: {image: "root:1", privileged: true}\n  etc: {image: "root:1", volumes: ["/etc:/x", "/srv:/y"]}\n';
    const result = await run('prove', write('prove/compose.yaml', text), ...images);
    const said = result.stderr.replace(/\s+/g, ' ');
    expect(result.code).toBe(2);
    for (const words of [
      'web: image none:1 is not here',
      'host is privileged',
      'etc mounts /etc, which no trial run is given',
      '--allow-bind /srv',
    ])
      expect(said).toContain(words);
    const pod = await run(
      'prove',
      write('prove/pod.yaml', 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: x}]}\n'),
    );
    expect([pod.code, pod.stderr.replace(/\s+/g, ' ')]).toEqual([2, expect.stringContaining('--prove')]);
  });
});

describe('check', () => {
  it('puts findings where they were written', async () => {
    const file = write(
      'check/compose.yaml',
      'services:\n  web:\n    image: root:1\n    user: root\n  none:\n    image: none:1\n    user: "0"\n',
    );
    const { findings, diagnostics, platform, code } = await report<CheckReport>('check', file, ...images.slice(0, 2));
    expect([platform, code]).toEqual(['docker', 0]);
    expect(
      findings.filter(({ severity }) => severity !== 'info').map(({ id, object, where }) => [id, object, where.line]),
    ).toEqual([
      ['runs-as-root', 'service/web', 4],
      ['runs-as-root', 'service/none', 7],
    ]);
    expect(diagnostics[0]?.message).toContain('image none:1 is not here');
  });

  it.each([
    ['broken YAML', 'services:\n  web: {image: a\n', 2, 'docker-compose.yml:3:1: '],
    ['a cycle', 'services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: a}\n', 2, 'circular reference'],
    ['a missing env_file', 'services: {a: {image: x, env_file: none.env}}\n', 2, 'docker-compose.yml:1:36: env file'],
    [
      'a missing env_file that need not be there, and one of a service that is not started',
      'services: {a: {image: x, env_file: [{path: none.env, required: false}]}, b: {image: x, profiles: [p], env_file: no.env}}\n',
      0,
      'image x is not here',
    ],
    ['an unknown field', 'services: {a: {image: x, imgae: y}}\n', 0, 'services.a.imgae is no field that compose knows'],
    ['services that are none', 'services:\n  a: 5\n', 2, 'services.a must be a mapping'],
    ['a file of version 1', 'web:\n  image: x\n', 2, 'version 1'],
  ])('%s is told', async (_name, text, code, words) => {
    const result = await run('check', write('bad/docker-compose.yml', text));
    expect((result.stdout + result.stderr).replace(/\s+/g, ' ')).toContain(words);
    expect(result.code).toBe(code);
  });
});

describe('fix', () => {
  it('writes what the service and its image allow, once, and check agrees', async () => {
    const text = `# the shop
services:
  web:
    image: root:1   # as it comes
    ports:
      - "8080:80"

  app:
    image: named:1
    security_opt: ["no-new-privileges:true"]
  host:
    image: root:1
    privileged: true
  none:
    image: none:1
`;
    const file = write('fix/compose.yaml', text);
    const shown = await run('fix', 'fix/compose.yaml', '--diff', ...images);
    const wrote = await report<TextFixReport>('fix', file, '--write', ...images);
    expect(wrote.containers.map(({ container, outcome, user }) => [container, outcome, user])).toEqual([
      ['web', 'changed', '10001:10001'],
      ['app', 'changed', undefined],
      ['host', 'left', undefined],
      ['none', 'unknown', undefined],
    ]);
    const after = readFileSync(file, 'utf8');
    expect(after).toBe(`# the shop
services:
  web:
    image: root:1   # as it comes
    ports:
      - "8080:80"
    user: "10001:10001"
    security_opt:
      - no-new-privileges:true
    cap_drop:
      - ALL

  app:
    image: named:1
    security_opt: ["no-new-privileges:true"]
    cap_drop:
      - ALL
  host:
    image: root:1
    privileged: true
  none:
    image: none:1
`);
    const copy = mkdtempSync(join(tmpdir(), 'unroot-compose-patch-'));
    cpSync(join(folder, 'fix'), join(copy, 'fix'), { recursive: true });
    writeFileSync(join(copy, 'fix/compose.yaml'), text);
    const patched = spawnSync('git', ['apply', '-'], { cwd: copy, input: shown.stdout, encoding: 'utf8' });
    expect(patched.error ?? patched.status, patched.stdout + patched.stderr).toBe(0);
    expect(readFileSync(join(copy, 'fix/compose.yaml'), 'utf8')).toBe(after);
    rmSync(copy, { recursive: true });
    const second = await report<TextFixReport>('fix', file, '--write', ...images);
    expect(second.files).toEqual([]);
    const { findings } = await report<CheckReport>('check', file, ...images);
    expect(findings.filter(({ container, severity }) => container === 'web' && severity !== 'info')).toEqual([]);
  });

  it('leaves the stacks alone whose images are not here, but for what they say themselves', async () => {
    for (const name of readdirSync(stacks)) {
      const copy = join(folder, 'stacks', name);
      cpSync(stacks, join(folder, 'stacks'), { recursive: true });
      const { containers, files, code } = await report<TextFixReport>('fix', copy);
      expect([name, code]).toEqual([name, 0]);
      // Dockerfiles lie there too.
      const changed = containers.filter(({ outcome, object }) => outcome === 'changed' && object.startsWith('service/'));
      expect([name, changed]).toEqual([name, []]);
      for (const { diff, path } of files.filter((file) => /ya?ml$/.test(file.path)))
        expect([path, diff].join()).toMatch(/^\+.*(?:no-new-privileges|ALL)/m);
    }
  });

  it('hands a volume over before the service starts, once, and knows what its own file made of it', async () => {
    const file = write(
      'volume/compose.yaml',
      'services:\n  web:\n    image: data:1\n    volumes: [data:/srv/data, ./x:/x, ./y:/y:ro]\n  bare:\n    image: root:1\n    volumes: [bare:/srv/data]\nvolumes: {data: , bare: }\n',
    );
    const layout = writeLayout(join(folder, 'images', 'data-1'), {
      layers: [
        [
          ...base,
          { path: '/bin/sh', content: smallestProgram(), mode: 0o755 },
          { path: '/bin/chown', content: smallestProgram(), mode: 0o755 },
        ],
      ],
      config: { Cmd: ['/bin/app'] },
    });
    const given = ['--image', `data:1=oci:${layout}`, ...images];
    const { containers, unknown } = await report<TextFixReport>('fix', file, '--write', ...given);
    expect(containers.map(({ container, outcome }) => [container, outcome])).toEqual([
      ['web', 'changed'],
      ['bare', 'changed'],
    ]);
    const after = readFileSync(file, 'utf8');
    expect(after).toContain('chown -R 10001:10001 /srv/data');
    expect(after.match(/volumes-init:/g)).toHaveLength(2);
    expect(unknown.filter((text) => /no shell|keeps its owner/.test(text))).toHaveLength(2);
    expect((await report<TextFixReport>('fix', file, '--write', ...given)).files).toEqual([]);
    const who = await report<WhoReport>('who', file, ...given);
    expect(who.containers.map(({ name, uid }) => [name, uid])).toEqual([
      ['web', 10001],
      ['bare', 10001],
      ['web-volumes-init', 0],
    ]);
  });

  it('writes both a pod and a service', async () => {
    write(
      'mixed/pod.yaml',
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: root:1\n',
    );
    write('mixed/compose.yaml', 'services:\n  web:\n    image: root:1\n');
    const fixed = await report<TextFixReport>('fix', join(folder, 'mixed'), ...images);
    expect(fixed.platform).toBe('containerd-2, docker');
    expect(fixed.files.map(({ path }) => path.slice(folder.length))).toEqual(['/mixed/pod.yaml', '/mixed/compose.yaml']);
  });
});
