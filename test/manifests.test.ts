/** Manifests through the command line: who and check of Deployments and their like, with images at hand and without. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, WhoReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, cleanEnv, schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { writeDockerArchive, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
/** A store that has nothing, so that no image of this machine gets in. */
let nowhere: Record<string, string> = {};
let images: string[] = [];

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1234::/home/app:/bin/sh\n';
const layer = [
  { path: '/etc' },
  { path: '/etc/passwd', content: PASSWD },
  { path: '/etc/group', content: 'root:x:0:\napp:x:1234:\nextra:x:77:app\n' },
  { path: '/bin' },
  { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
];

const WEB = `# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      securityContext:
        runAsNonRoot: true
        fsGroup: 0644
      initContainers:
        - name: setup
          image: tool:1
          securityContext: {runAsUser: 0}
        - name: mesh
          image: named:1
          restartPolicy: Always
          securityContext: {runAsUser: 1337}
      containers:
        - name: nginx
          image: named:1
        - name: rooted
          image: root:1
        - name: app
          image: docker.io/library/named:1
          securityContext:
            runAsUser: 1000
            runAsGroup: 3000
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
`;

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-manifests-'));
  writeFileSync(join(folder, 'storage.conf'), `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/store"\n`);
  nowhere = {
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    XDG_DATA_HOME: folder,
    HOME: folder,
    DOCKER_HOST: `unix://${folder}/none`,
  };
  const named = writeDockerArchive(join(folder, 'named.tar'), { layers: [layer], config: { Cmd: ['/bin/app'], User: 'app' } });
  const root = writeLayout(join(folder, 'root'), { layers: [layer], config: { Cmd: ['/bin/app'] } });
  images = ['--image', `named:1=docker-archive:${named}`, '--image', `root:1=oci:${root}`];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);
const newFolder = (name: string): string => {
  mkdirSync(join(folder, name), { recursive: true });
  return name;
};
const run = (...args: string[]): Promise<CliResult> => unroot(args, { env: nowhere, cwd: folder });
const who = async (...args: string[]): Promise<WhoReport> => {
  const { stdout } = await run('who', '-o', 'json', ...args);
  const report = JSON.parse(stdout) as WhoReport;
  expect(schemaErrors('who', report)).toEqual([]);
  return report;
};
const check = async (...args: string[]): Promise<CheckReport & { code: number | null }> => {
  const { stdout, code } = await run('check', '-o', 'json', ...args);
  const report = JSON.parse(stdout) as CheckReport;
  expect(schemaErrors('check', report)).toEqual([]);
  return { ...report, code };
};

const POD = (name: string, more = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n    - name: a\n      image: named:1\n${more}`;

describe('a misspelt field', () => {
  it('protects nothing, which every command says, and an object of another API may have fields of its own', async () => {
    const spec =
      'spec: {securityContext: {runAsuser: 1000}, containers: [{name: a, image: named:1, securitycontext: {runAsUser: 0}}]}';
    const own = `apiVersion: apps.example/v1\nkind: Thing\nmetadata: {name: own}\nspec:\n  template:\n    ${spec}\n`;
    const file = write('typo.yaml', `apiVersion: v1\nkind: Pod\nmetadata: {name: typo}\n${spec}\n---\n${own}`);
    const expected = [
      [
        'Pod/typo: unknown field "spec.securityContext.runAsuser", which kubectl refuses and the API server itself ignores',
        4,
        26,
      ],
      [
        'Pod/typo: unknown field "spec.containers[0].securitycontext", which kubectl refuses and the API server itself ignores',
        4,
        83,
      ],
    ];
    for (const { diagnostics = [] } of [await who(file, ...images), await check(file, ...images)])
      expect(
        diagnostics
          .filter(({ message }) => message.includes('unknown field'))
          .map(({ message, where, severity }) => (severity === 'warning' ? [message, where.line, where.column] : severity)),
      ).toEqual(expected);
  });
});

describe('standard input that says nothing', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('is waited for until %s', async (signal) => {
    const child = spawn(process.execPath, [freshDist(), 'check', '-'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = new Promise<string | number | null>((resolve) => child.once('exit', (code, by) => resolve(by ?? code)));
    // Until it waits: it has worked, and has not for a while.
    let [ticks, since] = [0, Date.now()];
    for (const end = Date.now() + 60_000; Date.now() < end && (ticks < 5 || Date.now() - since < 1500); ) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const now = ticksOf(child.pid!);
      if (now !== ticks) [ticks, since] = [now, Date.now()];
    }
    child.kill(signal);
    const late = new Promise<string>((resolve) => setTimeout(() => resolve('it goes on'), 20_000).unref());
    const by = await Promise.race([ended, late]);
    child.kill('SIGKILL');
    expect(by).toBe(signal);
  });
});

/** CPU of a process so far, proc_pid_stat(5) utime. */
const ticksOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[11]);

describe('who', () => {
  it('answers for every container, in the words of the kubelet, with the line of the setting behind it', async () => {
    const file = write('web.yaml', WEB);
    const { containers } = await who(file, ...images);
    expect(containers.map(({ name, outcome, platform, workload }) => [name, outcome, platform, workload?.role])).toEqual([
      ['setup', 'refused', 'containerd-2', 'init'],
      ['mesh', 'starts', 'containerd-2', 'sidecar'],
      ['nginx', 'refused', 'containerd-2', 'container'],
      ['rooted', 'refused', 'containerd-2', 'container'],
      ['app', 'starts', 'containerd-2', 'container'],
    ]);
    expect(containers[0]).toMatchObject({
      workload: { kind: 'Deployment', name: 'web', namespace: 'shop', file, line: 14, column: 11 },
      reason: 'CreateContainerConfigError',
      refusedBy: 'kubelet',
      message: `container's runAsUser breaks non-root policy (pod: "web-<hash>-<id>_shop(<pod uid>)", container: setup)`,
    });
    expect(containers[2]!.message).toBe(
      'container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root (pod: "web-<hash>-<id>_shop(<pod uid>)", container: nginx)',
    );
    expect(containers[3]!.message).toBe(
      'container has runAsNonRoot and image will run as root (pod: "web-<hash>-<id>_shop(<pod uid>)", container: rooted)',
    );
    expect(containers[2]!.because).toContainEqual(
      expect.objectContaining({ field: 'runAsNonRoot', where: { file, line: 11, column: 23 } }),
    );
    expect(containers[4]).toMatchObject({
      image: 'docker.io/library/named:1',
      uid: 1000,
      gid: 3000,
      isRoot: false,
      noNewPrivileges: true,
    });
    expect(containers[4]!.groups).toContain(420);
    expect(containers[4]!.capabilities?.bounding).toEqual([]);
    const where = (field: string): unknown => containers[4]!.because.find((step) => step.field === field)?.where;
    expect(where('uid')).toEqual({ file, line: 29, column: 24 });
    expect(where('gid')).toEqual({ file, line: 30, column: 25 });
    expect(where('noNewPrivileges')).toEqual({ file, line: 31, column: 39 });
    expect(containers[4]!.because.find((step) => step.field === 'groups' && step.source.includes('fsGroup'))?.where).toEqual({
      file,
      line: 12,
      column: 18,
    });
  });

  it('says only what is sure of images that are not here', async () => {
    const { containers } = await who(write('web.yaml', WEB));
    const [setup, mesh, nginx, , app] = containers;
    expect(setup).toMatchObject({ outcome: 'refused', message: expect.stringContaining('breaks non-root policy') });
    expect(mesh).toMatchObject({ outcome: 'unknown', uid: 1337, noNewPrivileges: false });
    expect(mesh).not.toHaveProperty('isRoot');
    expect(nginx).toMatchObject({
      outcome: 'unknown',
      message: expect.stringMatching(/named:1 is not here.*who it runs as is unknown/),
    });
    for (const field of ['uid', 'gid', 'isRoot', 'groups', 'capabilities']) expect(nginx).not.toHaveProperty(field);
    expect(app).toMatchObject({ outcome: 'unknown', uid: 1000, gid: 3000, isRoot: false, hostUid: 1000 });
    expect(app).not.toHaveProperty('groups');
  });

  it('shows workloads one by one, in 80 columns', async () => {
    const { stdout, code } = await run('who', write('web.yaml', `${WEB}---\n${POD('single')}`), ...images);
    expect(code).toBe(1); // some are refused
    expect(stdout).toMatch(/^Deployment shop\/web {2}\S+web\.yaml:14$/m);
    expect(stdout).toMatch(/^Pod single {2}\S+web\.yaml:\d+$/m);
    expect(stdout).toMatch(/^mesh \(sidecar\) +uid 1337/m);
    expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes(folder))).toEqual([]);
  });

  it('reads folders, JSON, lists and standard input, and images beside them', async () => {
    write('all/a/one.yaml', POD('one'));
    write(
      'all/two.json',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'two' }, spec: { containers: [{ name: 'a', image: 'named:1' }] } },
        ],
      }),
    );
    write('all/values.yaml', 'image: nginx\n');
    write('all/broken-but-foreign.yml', 'a: [\n');
    write('all/notes.txt', POD('never'));
    symlinkSync('..', join(folder, 'all/a/loop'));
    const { containers, diagnostics } = await who(
      join(folder, 'all'),
      '--image',
      images[1]!,
      images[1]!.replace(/^named:1=/, ''),
    );
    expect(containers.map(({ workload, outcome }) => [workload?.name, outcome])).toEqual([
      [undefined, 'starts'],
      ['one', 'starts'],
      ['two', 'starts'],
    ]);
    expect(diagnostics ?? []).toEqual([]);
    const verbose = await run('who', '-v', join(folder, 'all'), ...images);
    expect(verbose.stderr).toContain('2 files hold no Kubernetes objects');
    const piped = spawnSync(process.execPath, [freshDist(), 'who', '-o', 'json', '-', ...images], {
      input: POD('piped'),
      env: { ...cleanEnv(), ...nowhere },
    });
    expect(JSON.parse(piped.stdout.toString())).toMatchObject({
      containers: [{ uid: 1234, workload: { name: 'piped', file: '-', line: 6 } }],
    });
  });

  it('finds images in the store of this machine by the name the manifest uses, and nowhere else', async () => {
    const file = write('odd.yaml', POD('p').replace('named:1', `"${folder}/named.tar"`));
    const [one] = (await who(file)).containers;
    expect(one).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('is no image name') });
  });
});

describe('check', () => {
  it('points at the field to change', async () => {
    const file = write('web.yaml', WEB);
    const { findings, code, platform, user } = await check(file, ...images);
    expect({ code, platform, user }).toEqual({ code: 1, platform: 'containerd-2', user: 'as written' });
    const refused = findings.filter(({ id }) => id === 'start-refused');
    expect(refused.map(({ container, object, where }) => [container, object, where.line, where.column])).toEqual([
      ['setup', 'Deployment/web', 16, 40],
      ['nginx', 'Deployment/web', 11, 23],
      ['rooted', 'Deployment/web', 11, 23],
    ]);
    expect(findings.every(({ where }) => where.file === file)).toBe(true);
  });

  it('finds what runs as root, and what it could not do as somebody else', async () => {
    const file = write('root.yaml', POD('p', '      ports: [{containerPort: 80}]\n').replace('named:1', 'root:1'));
    const { findings, code } = await check(file, ...images);
    expect(findings.find(({ id }) => id === 'runs-as-root')).toMatchObject({
      container: 'a',
      object: 'Pod/p',
      where: { line: 7, column: 14 },
    });
    expect(code).toBe(0);
    expect((await check('--fail-on', 'warning', file, ...images)).code).toBe(1);
  });

  it('without the image: what the manifest alone shows, and never that all is well', async () => {
    const file = write('web.yaml', `${WEB}---\n${POD('rooted', '      securityContext: {runAsUser: 0}\n')}`);
    const { findings, diagnostics, code } = await check(file);
    expect(findings.map(({ id, container, where }) => [id, container, where.line])).toEqual([
      ['start-refused', 'setup', 16],
      ['runs-as-root', 'a', 41],
    ]);
    expect(code).toBe(1);
    expect(
      diagnostics.map(({ severity, message, where }) => [severity, message.replace(/:? as whom.*/, ''), where.line]),
    ).toEqual([
      ['warning', 'image tool:1 is not here', 15],
      ['warning', 'image named:1 is not here', 18],
      ['warning', 'image root:1 is not here', 25],
      ['warning', 'image docker.io/library/named:1 is not here', 27],
    ]);
    const quiet = await run('check', write('one.yaml', POD('p')));
    expect(quiet.stdout).toMatch(/no findings,\s+but not everything could be looked at/);
    expect(quiet.code).toBe(0);
  });

  it('SARIF has the places', async () => {
    const { stdout } = await run('check', '-o', 'sarif', write('web.yaml', WEB), ...images);
    const [result] = JSON.parse(stdout).runs[0].results;
    expect(result).toMatchObject({
      ruleId: 'start-refused',
      locations: [{ physicalLocation: { region: { startLine: 16, startColumn: 40 } } }],
    });
  });

  it('an object that the API server refuses is told once, in its words', async () => {
    const text = WEB.replace('fsGroup: 0644', 'fsGroup: -5');
    const { findings } = await check(write('refused.yaml', text), ...images);
    expect(findings).toMatchObject([
      {
        id: 'start-refused',
        message:
          'api-server refuses (Invalid): Deployment.apps "web" is invalid: spec.template.spec.securityContext.fsGroup: Invalid value: -5: must be between 0 and 2147483647, inclusive',
        where: { line: 12, column: 18 },
      },
    ]);
  });
});

describe('bad input', () => {
  it('broken YAML: its place, the other documents all the same, exit 2', async () => {
    const file = write('broken.yaml', `${POD('one')}---\nkind: Pod\n  bad: [\n---\n${POD('two')}`);
    for (const command of ['who', 'check']) {
      const { code, stdout } = await run(command, '-o', 'json', file, '--image', images[1]!);
      expect(code).toBe(2);
      const report = JSON.parse(stdout) as Pick<WhoReport, 'containers'> & Pick<CheckReport, 'diagnostics'>;
      expect(report.diagnostics).toMatchObject([{ severity: 'error', where: { file, line: expect.any(Number) } }]);
      expect([9, 10]).toContain(report.diagnostics[0]!.where.line);
      if (command === 'who') expect(report.containers.map(({ workload }) => workload?.name)).toEqual(['one', 'two']);
    }
  });

  it.each([
    ['no such file', () => ['missing.yaml'], 2, 'there is no such file or folder'],
    ['an empty folder', () => [newFolder('empty')], 3, 'there is no .yaml, .yml or .json file in it'],
    ['an empty file', () => [write('empty.yaml', '')], 3, 'it holds no Kubernetes object'],
    [
      'values of a chart',
      () => [write('values.yaml', 'image: {repository: nginx}\n')],
      3,
      'no document in it is a Kubernetes object',
    ],
    [
      'only a Service',
      () => [write('svc.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n')],
      3,
      'makes no pods (Service)',
    ],
    [
      'a chart',
      () => [write('chart/templates/x.yaml', 'apiVersion: v1\nkind: Pod\n{{ if .x }}\n{{ end }}\n')],
      3,
      'chart | unroot check -',
    ],
    ['bytes', () => [write('bytes.yaml', 'a: \u0000\u0001')], 2, 'error'],
    [
      'flags of docker run',
      () => [write('p.yaml', POD('p')), '--cap-drop', 'ALL'],
      2,
      'capDrop of the command line has no place there',
    ],
    ['rules without a kubelet', () => [write('p.yaml', POD('p')), '--platform-profile', 'docker'], 2, 'docker has none'],
    ['--image without a target', () => [write('p.yaml', POD('p')), '--image', 'x'], 2, 'is not understood'],
    ['--image that is not there', () => [write('p.yaml', POD('p')), '--image', 'named:1=oci:missing'], 2, 'does not exist'],
  ])('%s', async (_name, args, code, words) => {
    const result = await run('who', ...args());
    expect(result.code).toBe(code);
    expect((result.stdout + result.stderr).replace(/\s+/g, ' ')).toContain(words);
  });

  it('pods that differ in their names alone: each is told by its own name and place', async () => {
    const names = ['first', 'second', 'third'];
    const refusing = '  securityContext: {runAsNonRoot: true}\n';
    const files = names.flatMap((name) => [
      write(`same/${name}.yaml`, POD(name).replace('spec:\n', `spec:\n${refusing}`).replace('named:1', 'root:1')),
      write(`same/root-${name}.yaml`, POD(`root-${name}`).replace('named:1', 'root:1')),
    ]);
    const { stdout } = await run('check', '-o', 'json', ...files, ...images);
    const { findings } = JSON.parse(stdout) as {
      readonly findings: readonly {
        readonly id: string;
        readonly object: string;
        readonly message: string;
        readonly where: object;
      }[];
    };
    const refused = findings.filter(({ id }) => id === 'start-refused');
    expect(refused.map(({ message }) => /\(pod: "(\w+)_/.exec(message)?.[1])).toEqual(names);
    const root = findings.filter(({ id }) => id === 'runs-as-root');
    expect(root.map(({ object }) => object)).toEqual(names.map((name) => `Pod/root-${name}`));
    expect(root.map(({ where }) => where)).toMatchObject(names.map((name) => ({ file: join(folder, `same/root-${name}.yaml`) })));
  });

  it('an --image that nothing asks for is a word of warning', async () => {
    const { diagnostics } = await who(write('p.yaml', POD('p')), ...images);
    expect(diagnostics).toMatchObject([
      { severity: 'warning', message: '--image root:1: no container has an image of that name' },
    ]);
  });

  it('more than fits into memory is refused at once', async () => {
    const one = `${POD('one')}---\n`;
    const text = one.repeat(Math.ceil((9 * 1024 * 1024) / one.length));
    for (const name of ['a', 'b', 'c', 'd']) write(`heaps/${name}.yaml`, text);
    const begun = performance.now();
    const little = { ...nowhere, NODE_OPTIONS: '--max-old-space-size=1024' };
    const { code, stderr } = await unroot(['who', 'heaps'], { cwd: folder, env: little });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/There are 36 MiB of manifests in heaps[\s\S]*32 MiB at most/)]);
    expect(stderr).toMatch(/Name the folders one by one; or let node have more memory: NODE_OPTIONS=--max-old-space-size=2048/);
    write('heap.yaml', text.repeat(4));
    const whole = await unroot(['who', 'heap.yaml'], { cwd: folder, env: little });
    expect([whole.code, whole.stderr]).toEqual([2, expect.stringMatching(/Split it where a line is ---: csplit/)]);
    expect(performance.now() - begun).toBeLessThan(10_000);
    rmSync(join(folder, 'heaps'), { recursive: true });
  });

  it.each(['who', 'check', 'fix'])('%s of a link that leads to itself', async (command) => {
    symlinkSync(`self-${command}.yaml`, join(folder, `self-${command}.yaml`));
    const { code, stderr } = await run(command, `self-${command}.yaml`);
    expect([code, stderr]).toEqual([2, expect.stringContaining('its links go round in circles')]);
  });

  it('a link that leads to itself', async () => {
    write('links/one.yaml', POD('one'));
    symlinkSync('itself.yaml', join(folder, 'links/itself.yaml'));
    const { code, stdout } = await run('who', '-o', 'json', 'links', ...images);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      containers: [{ workload: { name: 'one', file: 'links/one.yaml' }, uid: 1234 }],
      diagnostics: expect.arrayContaining([
        expect.objectContaining({ message: expect.stringContaining('its links go round in circles') }),
      ]),
    });
  });

  it('an alias bomb ends at once', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `x${i}: &x${i} [${i === 0 ? '1' : `*x${i - 1},`.repeat(9)}]`);
    const { code, stdout } = await run('who', write('bomb.yaml', `${POD('p')}${lines.join('\n')}\n`));
    expect(code).toBe(2);
    expect(stdout).toMatch(/document contains excessive\s+aliasing/);
  });
});
