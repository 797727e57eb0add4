/** What a pod is handed by its volumes and told by its shell text: predicted by `check`, and heeded by `fix`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
let image = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-manifest-volumes-'));
  const program = { content: smallestProgram(), mode: 0o755 };
  const layer = [
    { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
    { path: '/tmp', mode: 0o1777 },
    { path: '/run', mode: 0o755 },
    ...['app', 'sh', 'touch', 'cat'].map((name) => ({ path: `/bin/${name}`, ...program })),
  ];
  image = `app:1=oci:${writeLayout(join(folder, 'image'), { layers: [layer], config: { Cmd: ['/bin/app'], Env: ['HOME=/tmp'] } })}`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pod = (container: string, volume = 'emptyDir: {}', more = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n${more}  containers:\n  - name: a\n    image: app:1\n    volumeMounts: [{name: v, mountPath: /v}]\n${container}  volumes:\n  - {name: v, ${volume}}\n`;
const json = async <T>(...args: string[]): Promise<T> => {
  const { stdout, stderr } = await unroot([...args, '-o', 'json', '--image', image], {
    env: { HOME: folder, UNROOT_OFFLINE: '1' },
    cwd: folder,
  });
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as T;
};
const check = async (text: string): Promise<string[]> => {
  const { findings } = await json<CheckReport>('check', writeBelow(folder, 'pod.yaml', text));
  return findings
    .filter(({ id }) => id !== 'runs-as-root')
    .map(({ id, severity, where }) => `${severity} ${id} ${where.path} ${where.line}`);
};
const fix = async (text: string): Promise<{ readonly outcome: string | undefined; readonly diff: string }> => {
  const { containers, files } = await json<TextFixReport>('fix', writeBelow(folder, 'fix.yaml', text));
  return { outcome: containers[0]?.outcome, diff: files.map(({ diff }) => diff).join('') };
};

const SECRET = 'secret: {secretName: tls, defaultMode: 0400}';

it('a Secret that only root may read: an error, which fsGroup mends', async () => {
  expect(await check(pod('', SECRET))).toEqual(['error volume-not-readable /v 8']);
  expect(await check(pod('', SECRET, '  securityContext: {runAsUser: 10001, fsGroup: 10001}\n'))).toEqual([]);
  expect(await check(pod('', 'secret: {secretName: tls}'))).toEqual([]);
  expect(await check(pod('', 'secret: {secretName: tls, items: [{key: k, path: sub/k, mode: 0600}]}'))).toEqual([
    'error volume-not-readable /v/sub/k 8',
  ]);
  const { outcome, diff } = await fix(pod('', SECRET));
  expect(outcome).toBe('changed');
  expect(diff).toContain('+    fsGroup: 10001');
});

it('a claim: root’s when it is new, unless fsGroup hands it on', async () => {
  const claim = 'persistentVolumeClaim: {claimName: d}';
  expect(await check(pod('', claim))).toEqual(['warning volume-access-unknown /v 8']);
  expect(await check(pod('', claim, '  securityContext: {runAsUser: 10001}\n'))).toEqual(['warning volume-access-unknown /v 9']);
  expect(await check(pod('', claim, '  securityContext: {runAsUser: 10001, fsGroup: 5}\n'))).toEqual([]);
  expect((await fix(pod('', claim))).diff).toContain('+    fsGroup: 10001');
});

it('a path of the node: unknown to whoever was root, and the socket of an engine out of reach', async () => {
  const logs = 'hostPath: {path: /var/log}';
  expect(await check(pod('', logs))).toEqual(['warning volume-access-unknown /v 8']);
  expect(await check(pod('', logs, '  securityContext: {runAsUser: 10001}\n'))).toEqual([]);
  // Whoever is not root already is used to what is there; what the kubelet makes anew is root's.
  const user = '  securityContext: {runAsUser: 10001}\n';
  for (const type of ['DirectoryOrCreate', 'FileOrCreate'])
    expect(await check(pod('', `hostPath: {path: /srv/out, type: ${type}}`, user))).toEqual([
      'warning volume-access-unknown /v 9',
    ]);
  const socket = 'hostPath: {path: /run/containerd/containerd.sock}';
  expect(await check(pod('', socket))).toEqual(['error volume-access-unknown /v 8']);
  expect(await fix(pod('', socket))).toMatchObject({ outcome: 'left' });
  expect((await fix(pod('', logs))).outcome).toBe('changed');
});

it('shell text of a command, of a hook and of a probe', async () => {
  const command = (text: string): string => `    command: [/bin/sh, -c, ${JSON.stringify(text)}]\n`;
  expect(await check(pod(command('touch /run/a.pid && exec app')))).toEqual(['error path-not-writable /run/a.pid 9']);
  // Nothing lies in /run: a place of its own is all that it takes. /etc is not empty, and stays what it is.
  const run = await fix(pod(command('touch /run/a.pid && exec app')));
  expect(run).toMatchObject({ outcome: 'changed', diff: expect.stringMatching(/^\+.*mountPath: \/run\b.*$/m) });
  expect(await fix(pod(command('touch /etc/a.conf && exec app')))).toMatchObject({ outcome: 'left' });
  expect(await check(pod(command('touch /v/a.pid /tmp/b; cat /etc/passwd; exec app')))).toEqual([]);
  const hook = '    lifecycle: {postStart: {exec: {command: [sh, -c, "echo up >/run/up"]}}}\n';
  expect(await check(pod(hook))).toEqual(['error path-not-writable /run/up 7']);
  expect(await check(pod('    livenessProbe: {exec: {command: [touch, /run/alive]}}\n'))).toEqual([
    'error path-not-writable /run/alive 7',
  ]);
});

it('a low port that only the manifest names', async () => {
  const ports = '    ports: [{containerPort: 80}, {containerPort: 8080}, {containerPort: 53, protocol: UDP}]\n';
  expect(await check(pod(ports))).toEqual([]);
  const { findings } = await json<CheckReport>(
    'check',
    '--platform-profile',
    'containerd-1',
    writeBelow(folder, 'ports.yaml', pod(ports)),
  );
  expect(findings.filter(({ id }) => id === 'low-port').map(({ operation }) => operation)).toMatchObject([
    { kind: 'bind', protocol: 'tcp', port: 80 },
    { kind: 'bind', protocol: 'udp', port: 53 },
  ]);
});

it.each([
  ['    command: [sleep, 10]\n', 'Go struct field Container.spec.containers.command of type string'],
  ['    env: [{name: P, value: 8080}]\n', 'Go struct field EnvVar.spec.containers.env.value of type string'],
  [
    '    ports: [{containerPort: "80"}]\n',
    'cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort',
  ],
])('what the API server cannot decode: %s', async (text, words) => {
  const { findings } = await json<CheckReport>('check', writeBelow(folder, 'types.yaml', pod(text)));
  expect(findings).toMatchObject([{ id: 'start-refused', message: expect.stringContaining(words) }]);
});
