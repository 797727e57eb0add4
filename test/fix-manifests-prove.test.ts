/** `unroot fix --prove` on the tutorial's manifests with real images: the port behind NodePort 31303 moves, proved; and the redis that was forgotten. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { writeBelow } from './support/files.ts';
import { nginx, redis, whyNoDebianImages } from './support/images.ts';

const why =
  process.getuid?.() === 0
    ? (whyNoDebianImages() ?? (onPath('runc') ? undefined : 'runc is missing: apt-get install runc'))
    : 'needs root';
if (why !== undefined) console.warn(`SKIPPED: fix --prove on manifests: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-fix-prove-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
  namespace: nonroot
spec:
  replicas: 1
  selector:
    matchLabels: {app: server}
  template:
    metadata:
      labels: {app: server}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: server
          image: nonroot-server:0.0.1 # built by hand
          imagePullPolicy: Always
          ports:
            - containerPort: 80
          readinessProbe:
            httpGet: {path: /, port: 80}
          volumeMounts:
            - {name: etc, mountPath: /host/etc}
      volumes:
        - name: etc
          hostPath: {path: /etc}
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: server
  namespace: nonroot
spec:
  type: NodePort
  selector: {app: server}
  ports:
    - port: 80
      targetPort: 80
      nodePort: 31303
`;

async function fix(...args: string[]): Promise<TextFixReport> {
  const { stdout, stderr, code } = await unroot(['fix', '-o', 'json', '--engine', 'runc', ...args], {
    cwd: folder,
    timeoutMs: 110_000,
  });
  expect([0, 1], stderr).toContain(code);
  const report = JSON.parse(stdout) as TextFixReport;
  expect(schemaErrors('fix', report)).toEqual([]);
  return report;
}

describe.skipIf(why !== undefined)(`with real images${why === undefined ? '' : `: ${why}`}`, () => {
  it('the port moves to 8080, the outside keeps 31303, and the image is there', async () => {
    const app = writeBelow(folder, 'k8s/app.yaml', DEPLOYMENT);
    const service = writeBelow(folder, 'k8s/service.yaml', SERVICE);
    const { reference } = await nginx();
    const report = await fix(
      'k8s',
      ...['--image', `nonroot-server:0.0.1=${reference}`, '--platform-profile', 'containerd-1', '--port-strategy', 'move'],
      ...['--out', 'result', '--tag', '{name}:{tag}-nonroot', '--write'],
    );
    expect(report.containers).toMatchObject([
      { outcome: 'changed', user: '10001:10001', verdict: 'proved', layout: 'result/images/server-server' },
    ]);
    expect(readFileSync(service, 'utf8')).toBe(SERVICE.replace('targetPort: 80', 'targetPort: 8080'));
    const after = readFileSync(app, 'utf8');
    expect(after).toContain('image: nonroot-server:0.0.1-nonroot # built by hand\n');
    expect(after).toContain('- containerPort: 8080\n');
    expect(after).toContain('httpGet: {path: /, port: 8080}\n');
    expect(after).toContain('hostPath: {path: /etc}\n');
    expect(existsSync(join(folder, 'result/images/server-server/index.json'))).toBe(true);
    // What was made of it is what the manifest then says, and it starts as nobody.
    const who = await unroot(['who', 'k8s', '--image', 'nonroot-server:0.0.1-nonroot=oci:result/images/server-server'], {
      cwd: folder,
    });
    expect([who.code, who.stdout]).toEqual([0, expect.stringContaining('uid 10001')]);
    const again = await fix(
      'k8s',
      '--image',
      'nonroot-server:0.0.1-nonroot=oci:result/images/server-server',
      '--platform-profile',
      'containerd-1',
    );
    expect(again.files).toEqual([]);
  });

  it('the pod of the talk: the manifest alone makes it work as nobody, and it becomes ready', async () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: nginx
      image: nginx:1
      readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
`;
    const path = writeBelow(folder, 'talk.yaml', text);
    const { reference } = await nginx();
    const image = ['--image', `nginx:1=${reference}`];
    const report = await fix('talk.yaml', '--write', '--static', ...image);
    expect(report.containers).toMatchObject([{ outcome: 'changed', user: '10001:10001' }]);
    const after = readFileSync(path, 'utf8');
    expect(after.match(/mountPath: .*/g)).toEqual(['mountPath: /run', 'mountPath: /var/cache/nginx']);
    expect((await fix('talk.yaml', '--static', ...image)).files).toEqual([]);
    const ran = await unroot(['run', 'talk.yaml', '--until', 'ready', '--engine', 'runc', ...image], {
      cwd: folder,
      timeoutMs: 110_000,
    });
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringMatching(/^nginx +yes +Running +0$/m)]);
  }, 120_000);

  it('without a name for the changed image nothing is written of the user, and the report says where it lies', async () => {
    writeBelow(folder, 'untagged.yaml', DEPLOYMENT);
    const { reference } = await nginx();
    const report = await fix('untagged.yaml', '--image', `nonroot-server:0.0.1=${reference}`, '--out', 'untagged');
    expect(report.containers).toMatchObject([
      {
        outcome: 'left',
        verdict: 'proved',
        message: expect.stringContaining('it lies in untagged/images/server-server: --tag says'),
      },
    ]);
    expect(report.files.map(({ diff }) => diff).join('')).not.toMatch(/^\+.*(?:runAs|drop|Escalation)/m);
  });

  it('redis started by its path stays root no more', async () => {
    const text = DEPLOYMENT.replace(
      / {10}ports:[\s\S]*/,
      '          args: ["/usr/bin/redis-server", "--appendonly", "no"]\n',
    ).replaceAll('server\n', 'redis\n');
    writeBelow(folder, 'redis.yaml', text);
    const { reference } = await redis();
    const report = await fix('redis.yaml', '--prove', '--image', `nonroot-server:0.0.1=${reference}`);
    expect(report.containers[0]!.verdict, JSON.stringify(report.containers)).toBe('proved');
    expect(report.containers[0]!.outcome).toMatch(/changed|left/);
  });
});
