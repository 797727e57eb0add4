/**
 * What the tutorials on running as non-root say, with manifests and images of our own: predicted by who and check, and seen in pods that are
 * really started. A workshop in two chapters, a series of small steps, a talk.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport, WhoReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, unroot } from './support/cli.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';
import { nginx, whyNoDebianImages } from './support/images.ts';

const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: the pods of the tutorials: ${why}`);
const whyNoNginx = why ?? whyNoDebianImages();
if (whyNoNginx !== undefined) console.warn(`SKIPPED: the pod of the talk: ${whyNoNginx}`);

let folder = '';
let host = '';
let images: readonly string[] = [];

/** Opens its log, listens, answers: with the two options of the tutorial's server, and its ways to fail. */
const SERVER = `#!/bin/sh
log=/server.log
addr=0.0.0.0:80
while [ $# -gt 0 ]; do
  case "$1" in
    -logPath) log="$2"; shift 2 ;;
    -addr) addr="$2"; shift 2 ;;
    *) shift ;;
  esac
done
if [ -n "$log" ]; then
  true >>"$log" || { echo "panic: Couldn't open log path \\"$log\\"" >&2; exit 2; }
fi
echo "Listening on \\"$addr\\"" >&2
exec httpd -f -p "$addr" -h /www
`;

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-tutorials-'));
  const spec = busyboxSpec();
  const image = (name: string, config: Record<string, unknown>, more: readonly LayerItem[] = []): readonly string[] => [
    '--image',
    `${name}=oci:${writeLayout(join(folder, 'images', name.replace(/\W/g, '-')), {
      layers: [...spec.layers, more],
      config: { Env: ['PATH=/bin'], WorkingDir: '/', ...config },
    })}:latest`,
  ];
  const server = [{ path: '/main', content: SERVER, mode: 0o755 }];
  const idiom = [
    { path: '/app', mode: 0o770, uid: 0, gid: 0 },
    { path: '/app/server', content: '#!/bin/sh\necho "I work as $(id -u):$(id -g)"\n', mode: 0o770, uid: 0, gid: 0 },
  ];
  const redis = [
    {
      path: '/entrypoint.sh',
      content: '#!/bin/sh\n[ "$1" = redis-server ] && echo "would drop to redis" && exit 0\nexec "$@"\n',
      mode: 0o755,
    },
    { path: '/usr' },
    { path: '/usr/local' },
    { path: '/usr/local/bin' },
    { path: '/usr/local/bin/redis-server', content: '#!/bin/sh\necho "redis is uid $(id -u)"\n', mode: 0o755 },
  ];
  images = [
    ...image('shop/simple-server:0.0.1', { Entrypoint: ['/main'] }, server),
    ...image('shop/simple-server:0.0.1-nonroot', { Entrypoint: ['/main'], User: '1000' }, server),
    ...image('ubuntu', { Cmd: ['/bin/sh'] }),
    ...image('sample:aspnetapp', {
      Env: ['PATH=/bin', 'PORT=80'],
      Cmd: ['/bin/sh', '-c', 'exec httpd -f -p "0.0.0.0:$PORT" -h /www'],
    }),
    ...image('non-root-nginx:latest', { User: '4242', Cmd: ['/bin/httpd', '-f', '-p', '5000', '-h', '/www'] }),
    ...image('shop/counter:2', { User: '5678', WorkingDir: '/app', Cmd: ['/app/server'] }, idiom),
    ...image('redis:latest', { Entrypoint: ['/entrypoint.sh'], Cmd: ['redis-server'] }, redis),
  ];
  host = join(folder, 'node');
  mkdirSync(join(host, 'etc'), { recursive: true, mode: 0o755 });
  writeFileSync(join(host, 'etc/hosts'), '127.0.0.1 localhost\n', { mode: 0o644 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;
function file(text: string): string {
  const path = join(folder, `m${serial++}.yaml`);
  writeFileSync(path, text);
  return path;
}
const cli = (...args: readonly string[]): Promise<CliResult> => unroot([...args, ...images], { cwd: folder, timeoutMs: 90_000 });
async function json<T>(...args: readonly string[]): Promise<T> {
  const { stdout, stderr } = await cli(...args, '-o', 'json');
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as T;
}
const who = async (path: string): Promise<WhoReport['containers']> => (await json<WhoReport>('who', path)).containers;
const findings = async (path: string, ...flags: string[]): Promise<CheckReport['findings']> =>
  (await json<CheckReport>('check', path, ...flags)).findings;
const run = (path: string, ...flags: string[]): Promise<CliResult> =>
  unroot(['run', path, '--host-root', host, ...flags, ...images.filter((_, index) => wanted(path, index))], {
    cwd: folder,
    timeoutMs: 90_000,
  });
/** run knows no image that no container names. */
const wanted = (path: string, index: number): boolean => {
  const text = readFileSync(path, 'utf8');
  const named = images[index % 2 === 0 ? index + 1 : index] ?? '';
  return text.includes(`image: ${named.slice(0, named.indexOf('='))}\n`);
};
const said = ({ stdout }: CliResult): readonly string[] => stdout.split('\n').map((line) => line.replace(/^\S+ +\| /, ''));

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

describe.skipIf(why !== undefined)('a server that must not be root', () => {
  const app = (image: string, pod: string, container: string, target: number): string => `apiVersion: v1
kind: Namespace
metadata: {name: nonroot}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: nonroot}
spec:
  replicas: 1
  selector: {matchLabels: {app: server}}
  template:
    metadata: {labels: {app: server}}
    spec:
      terminationGracePeriodSeconds: 0
${pod}      containers:
      - name: server
        image: ${image}
${container}        ports: [{containerPort: ${target}}]
        volumeMounts: [{name: etc, mountPath: /host/etc}]
      volumes: [{name: etc, hostPath: {path: /etc}}]
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: nonroot}
spec:
  type: NodePort
  selector: {app: server}
  ports: [{port: 80, nodePort: 31303, targetPort: ${target}}]
`;
  const guard = '      securityContext: {runAsNonRoot: true}\n';

  it('as it is: root, and what root writes below /host is written on the node', async () => {
    const path = file(app('shop/simple-server:0.0.1', '', '', 80));
    expect(await who(path)).toMatchObject([{ uid: 0, isRoot: true, outcome: 'starts' }]);
    expect((await findings(path)).map(({ id }) => id)).toContain('runs-as-root');
    const attack = file(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: a\n    image: shop/simple-server:0.0.1\n    command: [sh, -c, 'id -u; echo 169.254.169.254 example.com >>/host/etc/hosts && tail -n1 /host/etc/hosts']\n    volumeMounts: [{name: etc, mountPath: /host/etc}]\n  volumes: [{name: etc, hostPath: {path: /etc}}]\n`,
    );
    const result = await run(attack);
    expect(said(result).slice(0, 2), result.stderr).toEqual(['0', '169.254.169.254 example.com']);
    expect(readFileSync(join(host, 'etc/hosts'), 'utf8')).toContain('169.254.169.254 example.com\n');
    expect(statSync(join(host, 'etc/hosts')).uid).toBe(0);
  });

  it('the guard without another image: refused, in the words of the kubelet', async () => {
    const path = file(app('shop/simple-server:0.0.1', guard, '', 80));
    const [container] = await who(path);
    expect(container).toMatchObject({ outcome: 'refused', reason: 'CreateContainerConfigError' });
    expect(container?.message).toMatch(/^container has runAsNonRoot and image will run as root \(pod: "server-/);
    const result = await run(path);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/Failed +server: Error: container has runAsNonRoot and image will run as root/);
    expect(result.stderr).toMatch(/^server +no +CreateContainerConfigError +0$/m);
  });

  it('USER alone is not enough: the log lies where only root may write', async () => {
    const path = file(app('shop/simple-server:0.0.1-nonroot', guard, '', 80));
    expect(await who(path)).toMatchObject([{ uid: 1000, outcome: 'starts' }]);
    const result = await run(path, '--until', 'ready');
    expect(result.stderr + result.stdout).toContain(`panic: Couldn't open log path "/server.log"`);
    expect(result.code).not.toBe(0);
  });

  it('the fixed one: 1000, port 8080, behind the same node port; the node is safe', async () => {
    const words = '        command: [/main, -logPath, "", -addr, "0.0.0.0:8080"]\n';
    const path = file(app('shop/simple-server:0.0.1-nonroot', guard, words, 8080));
    expect(await who(path)).toMatchObject([{ uid: 1000, isRoot: false, outcome: 'starts' }]);
    expect((await findings(path)).filter(({ severity }) => severity === 'error')).toEqual([]);
    const port = await freePort();
    const pending = run(path, '--until', 'ready', '-p', `${port}:8080`);
    let page = '';
    for (let tries = 0; page === '' && tries < 150; tries += 1) {
      page = await fetch(`http://127.0.0.1:${port}/index.html`).then(
        (answer) => answer.text(),
        () => '',
      );
      if (page === '') await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(page).toBe('served\n');
    const result = await pending;
    expect(result.code, result.stderr).toBe(0);
    const attack = file(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  restartPolicy: Never\n  securityContext: {runAsNonRoot: true}\n  containers:\n  - name: a\n    image: shop/simple-server:0.0.1-nonroot\n    command: [sh, -c, 'echo x >>/host/etc/hosts || echo refused; head -n1 /host/etc/hosts']\n    volumeMounts: [{name: etc, mountPath: /host/etc}]\n  volumes: [{name: etc, hostPath: {path: /etc}}]\n`,
    );
    expect(said(await run(attack)).slice(0, 2)).toEqual(['refused', '127.0.0.1 localhost']);
  });

  it('fix says of the first one that its image must change; of the last one that nothing needs root', async () => {
    const first = await json<TextFixReport>('fix', file(app('shop/simple-server:0.0.1', guard, '', 80)));
    expect(first.containers[0]).toMatchObject({ outcome: 'left' });
    expect(first.containers[0]?.message).toMatch(/\/server\.log|\/:/);
    const words = '        args: [-logPath, "", -addr, "0.0.0.0:8080"]\n';
    const last = await json<TextFixReport>('fix', file(app('shop/simple-server:0.0.1', guard, words, 8080)));
    expect(last.containers[0]).toMatchObject({ outcome: 'changed', user: '10001:10001' });
    expect(last.files[0]?.diff).not.toContain('31303');
  });
});

describe.skipIf(why !== undefined)('pods 1 to 4 of the workshop', () => {
  const IDS = '  securityContext: {runAsUser: 4242, runAsGroup: 3000, fsGroup: 2000}\n';
  const pod = (image: string, container: string, volumes = ''): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: non-root-demo}\nspec:\n  restartPolicy: Never\n${IDS}  containers:\n  - name: container-host\n    image: ${image}\n${container}${volumes}`;

  it('1: the ids of the pod, whatever the image says; the node can be read and not written', async () => {
    const path = file(
      pod(
        'ubuntu',
        "    command: [sh, -c, 'id; ls /host/etc; echo x >>/host/etc/hosts || echo refused']\n    volumeMounts: [{name: host, mountPath: /host}]\n",
        '  volumes: [{name: host, hostPath: {path: /}}]\n',
      ),
    );
    expect(await who(path)).toMatchObject([
      { uid: 4242, gid: 3000, groups: expect.arrayContaining([2000, 3000]), isRoot: false },
    ]);
    const lines = said(await run(path));
    expect(lines[0]).toMatch(/^uid=4242 gid=3000 groups=(?:2000,3000|3000,2000)$/);
    expect(lines.slice(1, 3)).toEqual(['hosts', 'refused']);
  });

  it('2: a port above 1024 said by a variable', async () => {
    const low = file(pod('sample:aspnetapp', ''));
    const denied = await run(low, '--until', 'ready', '--platform-profile', 'containerd-1');
    expect(denied.stderr + denied.stdout).toContain('bind: Permission denied');
    const port = await freePort();
    const path = file(
      pod(
        'sample:aspnetapp',
        '    env: [{name: PORT, value: "5000"}]\n    readinessProbe: {httpGet: {port: 5000, path: /index.html}, periodSeconds: 1}\n',
      ),
    );
    const result = await run(path, '--until', 'ready', '-p', `${port}:5000`, '--platform-profile', 'containerd-1');
    expect(result.code, result.stderr).toBe(0);
  });

  it('3: an emptyDir is writable, and belongs to the group', async () => {
    const path = file(
      pod(
        'ubuntu',
        "    command: [sh, -c, 'touch /external/test && stat -c %u:%g /external/test; touch /test || echo refused']\n    volumeMounts: [{name: external, mountPath: /external}]\n",
        '  volumes: [{name: external, emptyDir: {}}]\n',
      ),
    );
    expect((await findings(path)).map(({ id }) => id)).not.toContain('volume-not-writable');
    expect(said(await run(path)).slice(0, 2)).toEqual(['4242:2000', 'refused']);
  });

  it('4: an image made for it, never pulled, on 5000', async () => {
    const path = file(
      pod(
        'non-root-nginx:latest',
        '    imagePullPolicy: Never\n    readinessProbe: {tcpSocket: {port: 5000}, periodSeconds: 1}\n',
      ),
    );
    expect(await who(path)).toMatchObject([{ uid: 4242, gid: 3000 }]);
    const result = await run(path, '--until', 'ready');
    expect(result.code, result.stderr).toBe(0);
  });
});

describe.skipIf(why !== undefined)('the series of small steps', () => {
  const STACK = `apiVersion: apps/v1
kind: Deployment
metadata: {name: counter}
spec:
  selector: {matchLabels: {app: counter}}
  template:
    metadata: {labels: {app: counter}}
    spec:
      securityContext: {runAsUser: 1234, runAsGroup: 4444, runAsNonRoot: true}
      containers:
      - name: counter
        image: shop/counter:2
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  serviceName: redis
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      containers:
      - name: redis
        image: redis:latest
        args: [/usr/local/bin/redis-server, --appendonly, "yes"]
`;

  it('the StatefulSet that was forgotten: no more root users, but for redis', async () => {
    const path = file(STACK);
    const roots = (await findings(path)).filter(({ id }) => id === 'runs-as-root');
    expect(roots.map(({ object }) => object)).toEqual(['StatefulSet/redis']);
    // Its entrypoint drops root for the word redis-server alone: the path is another word.
    const pod = (args: string): string =>
      file(
        `apiVersion: v1\nkind: Pod\nmetadata: {name: redis}\nspec:\n  restartPolicy: Never\n  containers:\n  - name: redis\n    image: redis:latest\n${args}`,
      );
    expect(said(await run(pod('    args: [/usr/local/bin/redis-server]\n')))[0]).toBe('redis is uid 0');
    expect(said(await run(pod('')))[0]).toBe('would drop to redis');
  });

  const counter = (context: string): string =>
    file(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: counter}\nspec:\n  restartPolicy: Never\n${context}  containers:\n  - name: counter\n    image: shop/counter:2\n`,
    );

  it('any uid of group 0 may run what belongs to group 0', async () => {
    for (const [context, line] of [
      ['', 'I work as 5678:0'],
      ['  securityContext: {runAsUser: 1000680000}\n', 'I work as 1000680000:0'],
    ] as const) {
      const path = counter(context);
      expect((await findings(path)).filter(({ severity }) => severity === 'error')).toEqual([]);
      expect(said(await run(path))[0]).toBe(line);
    }
  });

  it('and none of another group: 1234:4444 is not even let in', async () => {
    const path = counter('  securityContext: {runAsUser: 1234, runAsGroup: 4444, runAsNonRoot: true}\n');
    const errors = (await findings(path)).filter(({ severity }) => severity === 'error');
    expect(errors.map(({ message }) => message).join('\n')).toContain(
      'uid 1234 may not execute the entrypoint /app/server: /app is 0770 0:0',
    );
    const result = await run(path);
    expect(result.code).not.toBe(0);
    expect(result.stderr + result.stdout).toMatch(/permission denied/i);
  });
});

describe.skipIf(whyNoNginx !== undefined)('nginx of the talk', () => {
  const pod = (context: string, mounts = ''): string =>
    file(`apiVersion: v1
kind: Pod
metadata: {name: nginx}
spec:
  restartPolicy: Never
  securityContext: ${context}
  containers:
  - name: nginx
    image: nginx:talk
${mounts}`);
  let image: readonly string[] = [];
  beforeAll(async () => {
    image = ['--image', `nginx:talk=${(await nginx()).reference}`];
  }, 600_000);
  const start = (path: string, profile: string): Promise<CliResult> =>
    unroot(['run', path, '--until', 'ready', '--platform-profile', profile, ...image], { cwd: folder, timeoutMs: 90_000 });
  const checked = async (path: string, profile: string): Promise<readonly string[]> => {
    const { stdout } = await unroot(['check', path, '-o', 'json', '--platform-profile', profile, ...image], { cwd: folder });
    return (JSON.parse(stdout) as CheckReport).findings
      .filter(({ severity }) => severity === 'error')
      .map(({ id, where }) => `${id} ${where.path ?? ''}`);
  };
  const CACHE =
    '    volumeMounts: [{name: cache, mountPath: /var/cache/nginx}]\n  volumes: [{name: cache, emptyDir: {sizeLimit: 1Gi}}]\n';

  it('as 1000: the first wall is the cache', async () => {
    const path = pod('{runAsUser: 1000}');
    expect((await checked(path, 'containerd-1')).join('\n')).toMatch(/path-not-writable \/var\/cache\/nginx/);
    const { stdout, stderr } = await start(path, 'containerd-1');
    expect(stdout + stderr).toMatch(/\[emerg\].*mkdir\(\) "\/var\/cache\/nginx\/client_temp" failed \(13: Permission denied\)/);
  });

  it('with an emptyDir there: the next one is the port, unless the runtime opens it', async () => {
    const path = pod('{runAsUser: 1000}', CACHE);
    const before = await checked(path, 'containerd-1');
    expect(before.join('\n')).toContain('low-port');
    expect(before.join('\n')).not.toMatch(/path-not-writable \/var\/cache/);
    const old = await start(path, 'containerd-1');
    expect(old.stdout + old.stderr).toMatch(/\[emerg\].*bind\(\) to 0\.0\.0\.0:80 failed \(13: Permission denied\)/);
    expect((await checked(path, 'containerd-2')).join('\n')).not.toContain('low-port');
    const now = await start(path, 'containerd-2');
    expect(now.stdout + now.stderr).toMatch(/\[emerg\].*open\(\) "\/(?:var\/)?run\/nginx\.pid" failed \(13: Permission denied\)/);
  });
});
