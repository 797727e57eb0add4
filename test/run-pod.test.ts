/** `unroot run pod.yaml` on real engines: identity, volumes, order, probes, restarts and refusals as a kubelet gives them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { writeLayout } from './support/image-builder.ts';

const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: pods: ${why}`);
const engines = (['runc', 'builtin'] as const).filter((name) => name === 'builtin' || onPath(name));
if (!engines.includes('runc')) console.warn('SKIPPED: pods by runc: apt-get install -y runc');

let folder = '';
let image = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-run-pod-test-'));
  scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const spec = busyboxSpec();
  image = `oci:${writeLayout(join(folder, 'image'), { ...spec, config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], WorkingDir: '/' } })}:latest`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;
function file(text: string): string {
  const path = join(folder, `pod${serial++}.yaml`);
  writeFileSync(path, text);
  return path;
}

const pod = (spec: string, name = 'web'): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: web}}
spec:
${spec
  .trim()
  .split('\n')
  .map((line) => `  ${line}`)
  .join('\n')}
`;

/** Of the command alone, so that what it leaves is known to be its own. */
let scratch = '';
const left = (): readonly string[] => [
  ...readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(scratch)),
  ...readdirSync(scratch),
];

for (const engine of engines)
  describe.skipIf(why !== undefined)(`a pod on ${engine}`, () => {
    const run = (path: string, ...flags: string[]): Promise<CliResult> =>
      unroot(['run', path, '--engine', engine, '--image', `box=${image}`, ...flags], {
        timeoutMs: 60_000,
        env: { TMPDIR: scratch },
      });

    it('keeps its status in a file that is asked for, and says nothing of it elsewhere', async () => {
      const status = join(folder, `status-${engine}`);
      const good = await run(
        file(pod('restartPolicy: Never\ncontainers: [{name: a, image: box, command: [/bin/sh, -c, "echo said; exit 3"]}]')),
        '--status',
        status,
        '-q',
      );
      expect([good.stdout, good.stderr, good.code]).toEqual(['said\n', '', 3]);
      const ended = JSON.parse(readFileSync(status, 'utf8'));
      expect(schemaErrors('pod-status', ended)).toEqual([]);
      expect(ended).toMatchObject({ pod: 'default/web', phase: 'Failed', ready: false });
      expect(ended.containers).toMatchObject([{ name: 'a', state: 'terminated', exitCode: 3 }]);
      expect(ended.events.map(({ reason }: { reason: string }) => reason)).toEqual(['Created', 'Started']);
      expect(ended.network).toBeUndefined();
      await run(file(pod('securityContext: {runAsNonRoot: true}\ncontainers: [{name: a, image: box}]')), '--status', status);
      const refused = JSON.parse(readFileSync(status, 'utf8'));
      expect(schemaErrors('pod-status', refused)).toEqual([]);
      expect(refused).toMatchObject({
        phase: 'Pending',
        containers: [{ state: 'waiting', reason: 'CreateContainerConfigError' }],
      });
    });

    it('has its identity, its volumes, and init containers first', async () => {
      const result = await run(
        file(`${pod(`
restartPolicy: Never
securityContext: {runAsUser: 4242, runAsGroup: 3000, fsGroup: 2000, runAsNonRoot: true}
initContainers:
- name: first
  image: box
  command: [sh, -c, 'id -u >/work/who; ls -ldn /work; umask 022; mkdir /work/made']
  volumeMounts: [{name: work, mountPath: /work}]
containers:
- name: main
  image: box
  env: [{name: GREETING, valueFrom: {configMapKeyRef: {name: settings, key: greeting}}}]
  command: [sh, -c]
  args:
  - |
    id
    cat /work/who; ls -ldn /work/made | cut -d' ' -f1
    cat /settings/greeting /secret/token; ls -lnL /secret/token /settings/greeting | cut -c1-10
    cat /info/labels; echo
    echo $GREETING
    stat -c '%a %u:%g' /mem /sub /dev/termination-log
    awk '$5 == "/mem" {print $(NF-2)}' /proc/self/mountinfo
    echo hidden >/settings/new; cat /node/etc/motd
    echo bye >/dev/termination-log
  volumeMounts:
  - {name: work, mountPath: /work}
  - {name: work, mountPath: /sub, subPath: made}
  - {name: memory, mountPath: /mem}
  - {name: settings, mountPath: /settings}
  - {name: secret, mountPath: /secret}
  - {name: info, mountPath: /info}
  - {name: node, mountPath: /node, readOnly: true}
volumes:
- {name: work, emptyDir: {}}
- {name: memory, emptyDir: {medium: Memory}}
- {name: settings, configMap: {name: settings}}
- {name: secret, secret: {secretName: keys, defaultMode: 0400}}
- {name: info, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}
- {name: node, hostPath: {path: /}}
`)}---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: "hello "}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: "s3cret\\n"}
`),
        '--host-root',
        hostTree(),
      );
      const lines = result.stdout.split('\n').map((line) => line.replace(/^\w+ +\| /, ''));
      expect(result.code, result.stderr).toBe(0);
      expect(lines[0]).toMatch(/^drwxrwsrwx +2 0 +2000 .*\/work$/);
      expect(lines.slice(1, 6)).toEqual([
        'uid=4242 gid=3000 groups=2000,3000',
        '4242',
        'drwxr-sr-x',
        'hello s3cret',
        '-r--r-----',
      ]);
      expect(lines.slice(6, 15)).toEqual([
        '-rw-r--r--',
        'app="web"',
        'hello',
        '3777 0:2000',
        '2755 4242:2000',
        '666 0:0',
        'tmpfs',
        'a node of its own',
        '',
      ]);
      expect(result.stderr).toMatch(/hidden|Read-only|can't create \/settings\/new/);
      expect(result.stderr).toMatch(/^first +no +Completed +0$/m);
      expect(result.stderr).toMatch(/^main +no +Completed +0$/m);
      expect(left()).toEqual([]);
    });

    it('gives memory no more room than its sizeLimit, shared by its containers', async () => {
      const result = await run(
        file(
          pod(`restartPolicy: Never
initContainers:
- name: first
  image: box
  command: [sh, -c, "echo here >/mem/from-first"]
  volumeMounts: [{name: memory, mountPath: /mem}]
containers:
- name: main
  image: box
  command: [sh, -c]
  args: ["cat /mem/from-first; stat -c '%a %u:%g' /mem; head -c 3000000 /dev/zero >/mem/much || echo full; stat -c %s /mem/much"]
  volumeMounts: [{name: memory, mountPath: /mem}]
volumes: [{name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}]
`),
        ),
      );
      const lines = result.stdout.split('\n').map((line) => line.replace(/^\w+ +\| /, ''));
      expect(lines.slice(0, 3), result.stderr).toEqual(['here', '1777 0:0', 'full']);
      expect(Number(lines[3])).toBeLessThanOrEqual(2 ** 20);
      expect(left()).toEqual([]);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toMatch(/unroot-pod-/);
    });

    it('writes to a claim through fsGroup, and changes nothing of the machine though it is privileged', async () => {
      const before = readFileSync('/proc/sys/vm/max_map_count', 'utf8');
      const result = await run(
        file(
          pod(`
restartPolicy: Never
securityContext: {fsGroup: 2000}
initContainers:
- name: tune
  image: box
  securityContext: {privileged: true}
  command: [sh, -c, 'echo 65531 >/proc/sys/vm/max_map_count; echo 100 >/proc/sys/net/core/somaxconn && cat /proc/sys/net/core/somaxconn']
containers:
- name: main
  image: box
  securityContext: {runAsUser: 4242}
  command: [sh, -c, 'stat -c "%a %u:%g" /data; touch /data/new && stat -c "%u:%g" /data/new']
  volumeMounts: [{name: data, mountPath: /data}]
volumes:
- {name: data, persistentVolumeClaim: {claimName: data}}
`),
        ),
      );
      expect(readFileSync('/proc/sys/vm/max_map_count', 'utf8')).toBe(before);
      expect(result.stdout).toMatch(/tune \| 100\n/);
      expect(result.stdout).toMatch(/main \| 2775 0:2000\nmain \| 4242:2000\n/);
      expect(result.stderr).toContain('settings of the whole machine below /proc/sys stay read-only');
      expect(result.stderr).toContain('of group 2000 as fsGroup says');
      expect(result.code).toBe(0);
    });

    it('whose user the kubelet cannot verify is refused in its words, beside containers that run', async () => {
      const result = await run(
        file(
          pod(`
restartPolicy: Never
containers:
- {name: fine, image: box, command: [sh, -c, 'echo I run as $(id -u)'], securityContext: {runAsUser: 1000}}
- {name: root, image: box, command: [sh, -c, 'echo never'], securityContext: {runAsNonRoot: true}}
`),
        ),
      );
      expect(result.code).toBe(1);
      expect(result.stdout).toBe('fine | I run as 1000\n');
      expect(result.stderr).toContain(
        'Warning  Failed  root: Error: container has runAsNonRoot and image will run as root (pod: "web_default',
      );
      expect(result.stderr).toMatch(/^root +no +CreateContainerConfigError +0$/m);
    });

    it('is ready when its probes say so, from the address of the pod; a port leads to it from outside', async () => {
      const path = file(
        pod(`
containers:
- name: web
  image: box
  command: [sh, -c, 'echo it works >/www/index.html; sleep 1; exec httpd -f -p 8080 -h /www']
  ports: [{name: http, containerPort: 8080}]
  readinessProbe: {httpGet: {port: http, path: /index.html}, periodSeconds: 1}
- name: client
  image: box
  command: [sh, -c, 'until wget -qO- http://127.0.0.1:8080/; do sleep 0.2; done; exec sleep 100']
- name: local
  image: box
  command: [sh, -c, 'exec httpd -f -p 127.0.0.1:9000 -h /www']
  readinessProbe: {tcpSocket: {port: 9000}, periodSeconds: 1, initialDelaySeconds: 1}
`),
      );
      // A server on the loopback address alone is no server for the kubelet.
      const host = await freePort();
      const pending = run(path, '--until', 'ready', '-p', `${host}:8080`);
      let page = '';
      for (let tries = 0; page === '' && tries < 100; tries += 1) {
        page = await fetch(`http://127.0.0.1:${host}/index.html`).then(
          (answer) => answer.text(),
          () => '',
        );
        if (page === '') await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(page).toBe('it works\n');
      const waiting = await Promise.race([pending, new Promise<string>((resolve) => setTimeout(resolve, 3500, 'still waiting'))]);
      expect(waiting).toBe('still waiting');
      spawnSync('pkill', ['-INT', '-f', path]);
      const result = await pending;
      expect(result.code, result.stderr).toBe(130);
      expect(result.stderr).toMatch(
        /Readiness probe failed: Get "http:\/\/[\d.]+:8080\/index.html": dial tcp [\d.]+:8080: connect: connection refused/,
      );
      expect(result.stderr).toMatch(/local: Readiness probe failed: dial tcp [\d.]+:9000: connect: connection refused/);
      expect(result.stdout).toContain('client | it works');
    });

    it('starts again what ends, and says when it crashes in a loop', async () => {
      const result = await run(
        file(
          pod(`
containers:
- {name: web, image: box, command: [sh, -c, 'echo run; exit 3']}
`),
        ),
        '--until',
        'ready',
      );
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/^web +no +(CrashLoopBackOff|Error) \(exit 3\) +\d$/m);
    });

    it('is killed and started again when it is not alive; sidecars outlive the rest', async () => {
      const result = await run(
        file(
          pod(`
restartPolicy: OnFailure
terminationGracePeriodSeconds: 1
initContainers:
- {name: side, image: box, restartPolicy: Always, command: [sh, -c, 'trap "echo side ends; exit 0" TERM; echo side; while :; do sleep 0.1; done']}
containers:
- name: web
  image: box
  command: [sh, -c, 'if [ -e /data/again ]; then echo again; exit 0; fi; touch /data/again; echo first; exec sleep 100']
  livenessProbe: {exec: {command: [test, -e, /alive]}, periodSeconds: 1, failureThreshold: 1}
  volumeMounts: [{name: data, mountPath: /data}]
volumes: [{name: data, emptyDir: {}}]
`),
        ),
      );
      expect(result.code, result.stderr).toBe(0);
      expect(result.stdout.split('\n').map((line) => line.replace(/ +\| /, ': '))).toEqual([
        'side: side',
        'web: first',
        'web: again',
        'side: side ends',
        '',
      ]);
      expect(result.stderr).toContain('Container web failed liveness probe, will be restarted');
      expect(result.stderr).toMatch(/^web +no +Completed +1$/m);
    });

    it('waits for an object that is not there, and for a path of the node', async () => {
      const missing = await run(
        file(
          pod(`
containers: [{name: web, image: box, volumeMounts: [{name: s, mountPath: /s}]}]
volumes: [{name: s, secret: {secretName: nothing}}]
`),
        ),
      );
      expect(missing.code).toBe(1);
      expect(missing.stderr).toContain('FailedMount: MountVolume.SetUp failed for volume "s" : secret "nothing" not found');
      for (const [variables, said] of [
        ['envFrom: [{configMapRef: {name: nothing}}]', 'configmap "nothing" not found'],
        ['env: [{name: A, valueFrom: {secretKeyRef: {name: nothing, key: a}}}]', 'secret "nothing" not found'],
      ]) {
        const unset = await run(
          file(pod(`containers: [{name: web, image: box, command: ['true'], ${variables}}]`)),
          '--until',
          'ready',
        );
        expect(unset.code).toBe(1);
        expect(unset.stderr).toContain(`Failed  web: Error: ${said}`);
        expect(unset.stderr).toMatch(/^web +no +CreateContainerConfigError/m);
      }
      const optional = await run(
        file(
          pod(`
restartPolicy: Never
containers: [{name: web, image: box, command: ['true'], envFrom: [{secretRef: {name: nothing, optional: true}}]}]`),
        ),
      );
      expect(optional.code, optional.stderr).toBe(0);
      const path = await run(
        file(
          pod(`
containers: [{name: web, image: box, volumeMounts: [{name: d, mountPath: /d}]}]
volumes: [{name: d, hostPath: {path: /var/data, type: Directory}}]
`),
        ),
      );
      expect(path.code).toBe(2);
      expect(path.stderr).toContain('hostPath type check failed: /var/data is not a directory');
    });
  });

describe.skipIf(why !== undefined)('run', () => {
  it('of an object the API server refuses says so; of several pods asks which', async () => {
    const bad = await unroot(['run', file(pod('securityContext: {runAsUser: -1}\ncontainers: [{name: web, image: box}]'))]);
    expect(bad.code).toBe(1);
    expect(bad.stderr).toMatch(/^Error from server \(Invalid\): Pod "web" is invalid/);
    const two = await unroot([
      'run',
      file(`${pod('containers: [{name: a, image: box}]', 'one')}---\n${pod('containers: [{name: a, image: box}]', 'two')}`),
    ]);
    expect(two.code).toBe(2);
    expect(two.stderr).toContain('Pod/one, Pod/two');
  });

  it('without the image says ErrImagePull', async () => {
    const result = await unroot(['run', file(pod('restartPolicy: Never\ncontainers: [{name: a, image: nowhere.example/x}]'))]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^a +no +ErrImagePull +0$/m);
    // pkg/kubelet/images/image_manager.go: nobody is asked for it.
    const never = await unroot(['run', file(pod('containers: [{name: a, image: nowhere.example/x, imagePullPolicy: Never}]'))]);
    expect(never.stderr).toMatch(/^a +no +ErrImageNeverPull +0$/m);
    expect(never.stderr).toContain('Container image "nowhere.example/x" is not present with pull policy of Never');
  });
});

function hostTree(): string {
  const tree = join(folder, 'node');
  if (existsSync(tree)) return tree;
  mkdirSync(join(tree, 'etc'), { recursive: true });
  writeFileSync(join(tree, 'etc/motd'), 'a node of its own\n');
  expect(statSync(tree).isDirectory()).toBe(true);
  return tree;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
