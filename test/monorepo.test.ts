/** A repository as people keep it: Dockerfiles, a compose file, a base with overlays, a chart and plain manifests, given as one folder. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport, WhoReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { goProgram } from './support/go-program.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

const built = await goProgram('helm');
const helm = 'program' in built ? dirname(built.program) : undefined;
if (helm === undefined) console.warn(`SKIPPED, the chart of the repository: ${'missing' in built ? built.missing : ''}`);

const TREE: Readonly<Record<string, string>> = {
  'web/Dockerfile':
    'FROM base:1\nCOPY app.sh /srv/app.sh\nRUN mkdir -p /srv/data\nWORKDIR /srv\nCMD ["/bin/sh", "/srv/app.sh"]\n',
  'web/app.sh': 'echo hi > /srv/data/x\nexec sleep 100\n',
  'services/api/docker/Dockerfile': 'FROM base:1\nUSER app\nCMD ["/bin/sleep", "1000"]\n',
  'tools/Dockerfile.report': 'FROM base:1\nUSER 1234\nCMD ["/bin/sleep", "1"]\n',
  'compose.yaml':
    'services:\n  web:\n    image: shop/frontend:1.0\n    build: ./web\n  tool:\n    build: ./services/api/docker\n  db:\n    image: root:1\n',
  'k8s/base/kustomization.yaml': 'resources: [web.yaml, api.yaml]\n',
  'k8s/base/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: shop/frontend:1.0
`,
  'k8s/base/api.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      securityContext: {runAsNonRoot: true}
      containers:
      - name: api
        image: registry.example/shop/api:2
`,
  'k8s/overlays/prod/kustomization.yaml': 'resources: [../../base]\nnamePrefix: prod-\n',
  'k8s/overlays/test/kustomization.yaml': 'resources: [../../base]\nnamePrefix: test-\n',
  'jobs/job.yaml':
    'apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n      - {name: once, image: registry.example/report}\n',
  'chart/Chart.yaml': 'apiVersion: v2\nname: extra\nversion: 0.1.0\n',
  'chart/values.yaml': 'image: root:1\npodSecurityContext: {}\nsecurityContext: {}\n',
  'chart/templates/web.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: x}}
  template:
    metadata: {labels: {app: x}}
    spec:
      securityContext: {{- toYaml .Values.podSecurityContext | nindent 8 }}
      containers:
        - name: x
          image: {{ .Values.image }}
          securityContext: {{- toYaml .Values.securityContext | nindent 12 }}
`,
  '.github/workflows/ci.yaml': 'on: push\njobs: {}\n',
  'package.json': '{"name": "shop"}\n',
};

let folder = '';
let images: readonly string[] = [];
const env = { PATH: `${helm === undefined ? '' : `${helm}:`}${process.env.PATH}` };

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-monorepo-'));
  const program = (path: string): object => ({ path, content: smallestProgram(), mode: 0o755 });
  const layer = [
    { path: '/bin' },
    ...['sh', 'sleep', 'mkdir', 'chown', 'app'].map((name) => program(`/bin/${name}`)),
    { path: '/tmp', mode: 0o1777 },
    { path: '/etc' },
    { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/:/bin/sh\n' },
  ] as Parameters<typeof writeLayout>[1]['layers'][number];
  const layout = (name: string, cmd: string): string =>
    `oci:${writeLayout(join(folder, 'images', name), { layers: [layer], config: { Cmd: [cmd], Env: ['PATH=/bin'] } })}`;
  images = ['--image', `base:1=${layout('base', '/bin/sh')}`, '--image', `root:1=${layout('root', '/bin/app')}`];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tree(name: string, files: Readonly<Record<string, string>> = TREE): string {
  for (const [path, text] of Object.entries(files)) writeBelow(join(folder, name), path, text);
  return join(folder, name);
}
async function json<T>(cwd: string, ...args: readonly string[]): Promise<T & { readonly code: number | null }> {
  const { stdout, stderr, code } = await unroot([...args, '-o', 'json', ...images], { cwd, env });
  expect(stdout, stderr).not.toBe('');
  const document = JSON.parse(stdout) as T;
  expect(schemaErrors(args[0]!, document)).toEqual([]);
  return { ...document, code };
}

describe('a repository with everything in it', () => {
  it('who: every container once for each place it runs in, images that are built here included', async () => {
    const { containers } = await json<WhoReport>(tree('who'), 'who', '.');
    const lines = containers.map(({ name, workload, outcome, uid }) =>
      `${workload?.kind}/${workload?.name} ${name} ${outcome} ${uid ?? ''}`.trim(),
    );
    const expected = [
      'Job/once once starts 1234',
      ...(helm === undefined ? [] : ['Deployment/release-name x starts 0']),
      'Deployment/prod-web web starts 0',
      'Deployment/prod-api api refused',
      'Deployment/test-web web starts 0',
      'Deployment/test-api api refused',
      'service/web web starts 0',
      'service/tool tool starts 1234',
      'service/db db starts 0',
      'Dockerfile/stage 0 stage 0 starts 1234',
      'Dockerfile/stage 0 stage 0 starts 0',
      'Dockerfile/stage 0 stage 0 starts 1234',
    ];
    expect([...lines].sort()).toEqual([...expected].sort());
  });

  it('check: findings of a manifest know the image that is built beside it, at the lines of the files', async () => {
    const { findings, diagnostics } = await json<CheckReport>(tree('check'), 'check', '.');
    const at = (id: string): string[] =>
      findings.filter((one) => one.id === id).map(({ where, object = '' }) => `${where.file}:${where.line} ${object}`.trim());
    expect(at('start-refused').sort()).toEqual([
      'k8s/base/api.yaml:9 Deployment/prod-api',
      'k8s/base/api.yaml:9 Deployment/test-api',
    ]);
    expect(at('path-not-writable')).toContain('k8s/base/web.yaml:11 Deployment/prod-web');
    expect(at('path-not-writable')).toContain('web/Dockerfile:3');
    expect(diagnostics.filter(({ message }) => message.includes('is not here:'))).toEqual([]);
  });

  it('fix --write: what is built first, then what runs it; nothing is left, and a second fix changes nothing', async () => {
    const place = tree('fix');
    const report = await json<TextFixReport>(place, 'fix', '.', '--write');
    expect(report.containers.filter(({ outcome }) => outcome !== 'changed' && outcome !== 'as wanted')).toEqual([]);
    expect(report.files.map(({ path }) => path).sort()).toEqual(
      [
        ...(helm === undefined ? [] : ['chart/values.yaml']),
        'compose.yaml',
        'jobs/job.yaml',
        'k8s/base/api.yaml',
        'k8s/base/web.yaml',
        'services/api/docker/Dockerfile',
        'web/Dockerfile',
        ...(report.files.some(({ path }) => path === 'tools/Dockerfile.report') ? ['tools/Dockerfile.report'] : []),
      ].sort(),
    );
    const read = (path: string): string => readFileSync(join(place, path), 'utf8');
    expect(read('web/Dockerfile')).toContain('USER 10001:10001\n');
    expect(read('services/api/docker/Dockerfile')).toContain('USER 1234');
    expect(read('k8s/base/web.yaml')).toContain('runAsNonRoot: true');
    expect(read('k8s/base/web.yaml')).not.toContain('runAsUser');
    expect(report.diagnostics.map(({ message }) => message)).toContain(
      'shop/frontend:1.0 must be built anew from web/Dockerfile before the manifests that name it are applied',
    );
    const { findings } = await json<CheckReport>(place, 'check', '.');
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    const second = await json<TextFixReport>(place, 'fix', '.', '--write');
    expect(second.files).toEqual([]);
  });

  it('--image NAME=Dockerfile says what builds an image whose name tells nothing', async () => {
    const place = tree('named', {
      'build/Dockerfile': 'FROM base:1\nUSER 4242:3000\nCMD ["/bin/sleep", "1"]\n',
      'pod.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{name: a, image: "registry.example/zzz:9"}]\n',
    });
    const without = await json<WhoReport>(place, 'who', 'pod.yaml');
    expect(without.containers[0]).toMatchObject({ outcome: 'unknown' });
    const { containers } = await json<WhoReport>(place, 'who', 'pod.yaml', '--image', 'registry.example/zzz:9=build/Dockerfile');
    expect(containers[0]).toMatchObject({ outcome: 'starts', uid: 4242 });
    const { findings } = await json<CheckReport>(
      place,
      'check',
      'pod.yaml',
      '--image',
      'registry.example/zzz:9=build/Dockerfile',
    );
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    const unused = await json<CheckReport>(place, 'check', 'pod.yaml', '--image', 'other=build/Dockerfile');
    expect(unused.diagnostics.map(({ message }) => message)).toContain('--image other: no container has an image of that name');
  });

  it('two Dockerfiles that may be meant are none; a base that is not here is said', async () => {
    const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: "shop/web:1"}]}\n';
    const two = tree('two', {
      'a/web/Dockerfile': 'FROM base:1\nUSER 1\n',
      'b/web/Dockerfile': 'FROM base:1\nUSER 2\n',
      'pod.yaml': pod,
    });
    const first = (await json<WhoReport>(two, 'who', '.')).containers.find(({ workload }) => workload?.kind === 'Pod');
    expect(first).toMatchObject({ outcome: 'unknown' });
    const near = tree('near', {
      'shop/web/Dockerfile': 'FROM base:1\nUSER 1\n',
      'b/web/Dockerfile': 'FROM base:1\nUSER 2\n',
      'pod.yaml': pod,
    });
    const closer = (await json<WhoReport>(near, 'who', '.')).containers.find(({ workload }) => workload?.kind === 'Pod');
    expect(closer).toMatchObject({ outcome: 'starts', uid: 1 });
    const gone = tree('gone', { 'web/Dockerfile': 'FROM nowhere:1\nUSER 1234\n', 'pod.yaml': pod });
    const { diagnostics } = await json<CheckReport>(gone, 'check', '.');
    expect(diagnostics.map(({ message }) => message).join('\n')).toContain(
      'image shop/web:1 is built from web/Dockerfile: image nowhere:1 is not here',
    );
  });
});
