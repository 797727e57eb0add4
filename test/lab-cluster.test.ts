/** The cluster that stands in for one in a lab, as its users ask it: real pods, a real NodePort, a customer who never stops asking. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, cleanEnv, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { writeLayout } from './support/image-builder.ts';

const why =
  process.getuid?.() !== 0
    ? 'needs root'
    : !onPath('runc')
      ? 'apt-get install -y runc'
      : spawnSync('ip', ['-V']).error !== undefined
        ? 'apt-get install -y iproute2'
        : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: the cluster of the labs: ${why}`);

/** A port of the range of NodePorts that nobody has. */
async function freePort(): Promise<number> {
  for (let port = 31000 + (process.pid % 1000); ; port += 1) {
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (free) return port;
  }
}

describe.skipIf(why !== undefined)('the cluster of the labs', () => {
  let folder = '';
  let port = 0;
  let env: Record<string, string> = {};
  let serving: ChildProcess;
  let said = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'unroot-cluster-test-'));
    port = await freePort();
    mkdirSync(join(folder, 'tmp'));
    const spec = busyboxSpec();
    for (const [name, user] of [
      ['web', ''],
      ['web-nonroot', '1000'],
    ] as const)
      writeLayout(join(folder, 'images', name), {
        ...spec,
        config: {
          Env: ['PATH=/bin'],
          Entrypoint: ['/bin/httpd', '-f', '-h', '/', '-p'],
          Cmd: ['80'],
          ...(user === '' ? {} : { User: user }),
        },
      });
    mkdirSync(join(folder, 'host'));
    env = {
      UNROOT_LAB_CLUSTER: join(folder, 'cluster'),
      UNROOT_LAB_HOST_ROOT: join(folder, 'host'),
      UNROOT_IMAGES: join(folder, 'images'),
      UNROOT_ENGINE: 'runc',
      TMPDIR: join(folder, 'tmp'),
      UNROOT_LAB_ENTER: join(folder, 'enter'),
    };
    // The one of a node brings its own programs; the images here have busybox.
    writeFileSync(
      join(folder, 'enter'),
      '#!/bin/sh\npid=$1\nshift\nexec nsenter -t "$pid" -m -u -i -n -p --root --wd -- "$@"\n',
      {
        mode: 0o755,
      },
    );
    serving = spawn(process.execPath, [freshDist(), 'lab', 'cluster', 'serve'], {
      env: { ...cleanEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    serving.stdout?.on('data', (chunk) => (said += String(chunk)));
    serving.stderr?.on('data', (chunk) => (said += String(chunk)));
    for (const end = Date.now() + 60_000; !existsSync(join(folder, 'cluster/socket')) && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 50));
  }, 240_000);

  afterAll(async () => {
    serving.kill('SIGTERM');
    if (serving.exitCode === null) await new Promise((resolve) => serving.once('exit', resolve));
    const left = [
      ...readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .filter((line) => line.includes(folder)),
      ...readdirSync(join(folder, 'tmp')),
    ];
    rmSync(folder, { recursive: true, force: true });
    expect([left, said]).toEqual([[], '\nunroot: interrupted by SIGTERM, cleaning up\n']);
  }, 120_000);

  const kubectl = (...words: string[]): Promise<CliResult> =>
    unroot(['lab', 'cluster', '--', ...words], { env, timeoutMs: 90_000 });
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const deployment = (pod: string, more = ''): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
${more}  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
${pod}`;
  const container = (image: string, inside: number): string => `      containers:
        - name: web
          image: ${image}
          args: ["${inside}"]
          ports: [{ name: http, containerPort: ${inside} }]
          readinessProbe: { tcpSocket: { port: http }, periodSeconds: 1 }
          lifecycle: { preStop: { sleep: { seconds: 1 } } }
`;
  const guard = '      securityContext: { runAsNonRoot: true }\n';
  const service = (target: string): string => `---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  type: NodePort
  selector: { app: web }
  ports: [{ port: 80, targetPort: ${target}, nodePort: ${port} }]
`;
  /** busybox says 404 of what it does not have: it was there and answered. */
  const served = async (): Promise<boolean> => {
    try {
      return (
        (await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } }))
          .status === 404
      );
    } catch {
      return false;
    }
  };
  /** Asks on and on while something is done. */
  const asking = async (work: () => Promise<unknown>): Promise<{ served: number; failed: number }> => {
    const counts = { served: 0, failed: 0 };
    let over = false;
    const customer = (async () => {
      while (!over) {
        counts[(await served()) ? 'served' : 'failed'] += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await work();
    over = true;
    await customer;
    return counts;
  };
  const done = async (): Promise<void> =>
    expect((await kubectl('rollout', 'status', 'deployment/web')).stdout).toMatch(/successfully rolled out\n$/);
  const pods = async (): Promise<readonly string[]> =>
    (await kubectl('get', 'pods')).stdout
      .split('\n')
      .slice(1, -1)
      .map((line) => line.split(/ {2,}/)[2]!);

  it('runs a Deployment, and its Service on the node', async () => {
    const first = await kubectl('apply', '-f', file('app.yaml', deployment(container('web', 80)) + service('http')));
    expect([first.stdout, first.code]).toEqual(['deployment.apps/web created\nservice/web created\n', 0]);
    await done();
    expect(await served()).toBe(true);
    expect((await kubectl('apply', '-f', join(folder, 'app.yaml'))).stdout).toBe(
      'deployment.apps/web unchanged\nservice/web unchanged\n',
    );
    expect(await kubectl('diff', '-f', join(folder, 'app.yaml'))).toMatchObject({ stdout: '', code: 0 });
  }, 120_000);

  it('shows what would change, changes nothing by it, and exits 1', async () => {
    const guarded = file('guarded.yaml', deployment(guard + container('web', 80)) + service('http'));
    const { stdout, code } = await kubectl('diff', '-f', guarded);
    expect(code).toBe(1);
    const changed = stdout.split('\n').filter((line) => /^[+-](?![+-])/.test(line));
    expect(changed).toEqual(['-  generation: 1', '+  generation: 2', '+      securityContext:', '+        runAsNonRoot: true']);
    expect((await kubectl('get', 'replicasets')).stdout.split('\n')).toHaveLength(3);
  }, 60_000);

  it('tells of objects in every form that tutorials ask for', async () => {
    const name = (await kubectl('get', 'po', "--output=jsonpath='{.items[0].metadata.name}'")).stdout.replaceAll("'", '');
    expect(name).toMatch(/^web-[0-9a-f]{9}-\w{5}$/);
    expect(
      (await kubectl('get', 'pod', name, '-o', 'jsonpath={.status.phase} {.status.containerStatuses[*].ready}')).stdout,
    ).toBe('Running true');
    expect((await kubectl('get', 'pods', '-oname', '-l', 'app=web')).stdout).toBe(`pod/${name}\n`);
    expect((await kubectl('get', 'pods', '-l', 'app!=web')).stderr).toBe('No resources found in default namespace.\n');
    const document = JSON.parse((await kubectl('get', `pod/${name}`, '-o', 'json')).stdout) as Record<string, unknown>;
    expect(document).toMatchObject({ kind: 'Pod', spec: { containers: [{ image: 'web' }] }, status: { phase: 'Running' } });
    expect((await kubectl('get', 'deploy', 'web', '-o', 'yaml')).stdout).toMatch(
      /^apiVersion: apps\/v1\nkind: Deployment\n[\s\S]*^ {2}readyReplicas: 1$/m,
    );
    const all = (await kubectl('get', 'all', '--no-headers')).stdout;
    for (const kind of ['pod', 'service', 'deployment.apps', 'replicaset.apps'])
      expect(all).toMatch(new RegExp(`^${kind}/web`, 'm'));
    expect((await kubectl('get', 'pods', '-A', '-o', 'wide')).stdout).toMatch(/^NAMESPACE +NAME .* IP +NODE\ndefault +web-/);
    const none = await kubectl('get', 'pod', 'nobody');
    expect([none.code, none.stderr]).toEqual([1, 'Error from server (NotFound): pods "nobody" not found\n']);
    expect((await kubectl('get', 'pods', '-o', 'custom-columns=A:.a')).stderr).toMatch(
      /here there are: json,yaml,name,wide,jsonpath/,
    );
    expect((await kubectl('describe', 'deployment', 'web')).stdout).toMatch(/^Replicas: +1 desired \| 1 total \| 1 ready$/m);
    expect((await kubectl('describe', name)).stdout).toMatch(/^Status: +Running$/m);
  }, 90_000);

  it('runs a command in a pod, by any of its names, and says how it ended', async () => {
    const pod = (await kubectl('get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}')).stdout;
    for (const which of [pod, `pod/${pod}`, 'deployment/web', 'svc/web'])
      expect((await kubectl('exec', which, '--', '/bin/sh', '-c', 'read name </etc/hostname; echo $name')).stdout, which).toBe(
        `${pod}\n`,
      );
    const old = await kubectl('exec', '-n', 'default', pod, '/bin/echo', '-n', 'old');
    expect([old.stdout, old.code]).toEqual(['old', 0]);
    expect(old.stderr).toMatch(/DEPRECATED/);
    const failed = await kubectl('exec', '-it', pod, '-c', 'web', '--', '/bin/sh', '-c', 'exit 7');
    expect(failed.code).toBe(7);
    expect(failed.stderr).toMatch(/^Unable to use a TTY.*\ncommand terminated with exit code 7\n$/);
    for (const [words, why] of [
      [['nobody', '--', '/bin/true'], /pods "nobody" not found/],
      [[pod], /must specify at least one command/],
      [[pod, '-c', 'other', '--', '/bin/true'], /container other is not valid for pod/],
    ] as const)
      expect(await kubectl('exec', ...words)).toMatchObject({ code: 1, stderr: expect.stringMatching(why) });
  }, 90_000);

  it('waits, grows, takes another image and goes back', async () => {
    expect((await kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=60s')).stdout).toBe(
      'deployment.apps/web condition met\n',
    );
    expect((await kubectl('wait', '--for=condition=Ready', 'pod', '-l', 'app=web')).stdout).toMatch(
      /^pod\/web-\S+ condition met\n$/,
    );
    const late = await kubectl('wait', "--for=jsonpath={.status.phase}='Failed'", 'pod', '--all', '--timeout=1s');
    expect([late.code, late.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: timed out waiting for the condition on pods\/web-/),
    ]);
    expect((await kubectl('scale', 'deployment/web', '--replicas=2')).stdout).toBe('deployment.apps/web scaled\n');
    await done();
    expect((await kubectl('get', 'deploy', 'web', '--no-headers')).stdout).toMatch(/^web +2\/2 +2 +2 /);
    expect((await kubectl('scale', 'deploy', 'web', '--replicas', '1')).stdout).toBe('deployment.apps/web scaled\n');
    const image = 'jsonpath={.spec.template.spec.containers[0].image}';
    expect((await kubectl('set', 'image', 'deployment/web', 'web=nothing')).stdout).toBe('deployment.apps/web image updated\n');
    expect((await kubectl('get', 'deploy', 'web', '-o', image)).stdout).toBe('nothing');
    expect((await kubectl('rollout', 'undo', 'deployment/web')).stdout).toBe('deployment.apps/web rolled back\n');
    expect((await kubectl('get', 'deploy', 'web', '-o', image)).stdout).toBe('web');
    await done();
    expect((await kubectl('set', 'image', 'deployment/web', 'other=web')).stderr).toMatch(
      /unable to find container named "other"/,
    );
    expect((await kubectl('scale', 'deployment/web', '--replicas=99')).stderr).toMatch(/spec.replicas/);
    await expect.poll(pods, { timeout: 60_000 }).toEqual(['Running']);
    await kubectl('apply', '-f', join(folder, 'app.yaml'));
    expect(await kubectl('diff', '-f', join(folder, 'app.yaml'))).toMatchObject({ code: 0 });
  }, 180_000);

  it('follows a log to its end, and has none of what never began', async () => {
    const job = (name: string, command: string, guarded = ''): string =>
      file(
        `${name}.yaml`,
        `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec:\n  restartPolicy: Never\n${guarded}  containers:\n    - { name: a, image: web, command: [/bin/sh, -c, '${command}'] }\n    - { name: bb, image: web, command: [/bin/echo, other] }\n`,
      );
    await kubectl('apply', '-f', job('talker', 'for n in 1 2 3; do echo line $n; sleep 1; done'));
    await expect.poll(() => kubectl('logs', 'talker').then(({ stdout }) => stdout), { timeout: 60_000 }).toContain('line 1');
    const { stdout } = await kubectl('logs', '-f', 'talker', '-c', 'a');
    expect(stdout).toBe('line 1\nline 2\nline 3\n');
    expect((await kubectl('logs', 'talker', '-c', 'a', '--tail=1')).stdout).toBe('line 3\n');
    expect((await kubectl('logs', 'talker', '-c', 'bb')).stdout).toBe('other\n');
    expect((await kubectl('exec', 'talker', '--', '/bin/true')).stderr).toMatch(
      /cannot exec into a container in a completed pod/,
    );
    await kubectl('apply', '-f', job('never', 'true', '  securityContext: { runAsNonRoot: true }\n'));
    await expect
      .poll(() => kubectl('logs', 'never').then(({ stderr }) => stderr), { timeout: 60_000 })
      .toMatch(/container "a" in pod "never" is waiting to start: CreateContainerConfigError/);
    expect((await kubectl('delete', 'pod/talker', 'pod/never')).stdout).toBe('pod "talker" deleted\npod "never" deleted\n');
    expect((await kubectl('wait', '--for=delete', 'pod/talker', 'pod/never', '--timeout=60s')).code).toBe(0);
  }, 120_000);

  it('keeps the old pod, and the customers, while the new one is refused by the kubelet', async () => {
    const counts = await asking(async () => {
      expect((await kubectl('apply', '-f', join(folder, 'guarded.yaml'))).stdout).toContain('deployment.apps/web configured');
      await expect.poll(pods, { timeout: 60_000 }).toEqual(['Running', 'CreateContainerConfigError']);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(await pods()).toEqual(['Running', 'CreateContainerConfigError']);
    });
    expect(counts.failed).toBe(0);
    expect(counts.served).toBeGreaterThan(20);
    expect((await kubectl('describe', 'pod')).stdout).toMatch(
      /Error: container has runAsNonRoot and image will run as root \(pod: "web-/,
    );
    expect((await kubectl('get', 'events')).stdout).toMatch(/Scaled up replica set web-\w+ from 0 to 1/);
  }, 120_000);

  it('goes over to an image and a port of its own without one request lost, for the port has a name', async () => {
    const counts = await asking(async () => {
      await kubectl('apply', '-f', file('nonroot.yaml', deployment(guard + container('web-nonroot', 8080)) + service('http')));
      await done();
    });
    expect(counts.failed).toBe(0);
    expect(counts.served).toBeGreaterThan(20);
    expect(await pods()).toEqual(['Running']);
    expect((await kubectl('get', 'svc')).stdout).toMatch(new RegExp(`^web +NodePort +80:${port}/TCP +http +web-`, 'm'));
  }, 120_000);

  it('loses requests where the number moves with the Service, and where everything old goes first', async () => {
    const byNumber = await asking(async () => {
      await kubectl('apply', '-f', file('number.yaml', deployment(guard + container('web-nonroot', 8090)) + service('8090')));
      await done();
    });
    expect(byNumber.failed).toBeGreaterThan(0);
    expect(await served()).toBe(true);
    const recreated = await asking(async () => {
      await kubectl(
        'apply',
        '-f',
        file('recreate.yaml', deployment(container('web-nonroot', 8091), '  strategy: { type: Recreate }\n') + service('http')),
      );
      await done();
    });
    expect(recreated.failed).toBeGreaterThan(0);
    expect(await served()).toBe(true);
  }, 180_000);

  it('puts another pod in the place of one that is deleted, and grows', async () => {
    const before = (await kubectl('get', 'pods')).stdout.split('\n')[1]!.split(' ')[0]!;
    expect((await kubectl('delete', 'pod', before)).stdout).toBe(`pod "${before}" deleted\n`);
    await done();
    const grown = deployment(container('web-nonroot', 8091)).replace('replicas: 1', 'replicas: 3');
    await kubectl('apply', '-f', file('three.yaml', grown));
    await done();
    const list = async (): Promise<readonly (string | undefined)[]> =>
      (await kubectl('get', 'pods')).stdout
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(' ')[0]);
    // A pod that ends is in the list until it has.
    let names = await list();
    for (let left = 100; left > 0 && names.length !== 3; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      names = await list();
    }
    expect(names).toHaveLength(3);
    expect(names).not.toContain(before);
  }, 120_000);

  it.each([
    [
      'a kind it does not know',
      'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: a }',
      /no matches for kind "StatefulSet" in version "apps\/v1"/,
    ],
    [
      'labels that the selector does not fit',
      deployment(container('web', 80)).replace('labels: { app: web }', 'labels: { app: other }'),
      /`selector` does not match template `labels`/,
    ],
    [
      'another selector',
      deployment(container('web', 80)).replaceAll('app: web }', 'app: other }'),
      /spec.selector: Invalid value: .*: field is immutable/,
    ],
    [
      'a port outside of the range',
      `apiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: { type: NodePort, ports: [{ port: 80, nodePort: 80 }] }`,
      /The range of valid ports is 30000-32767/,
    ],
    [
      'a namespace that is not there',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: nowhere }',
      /namespaces "nowhere" not found/,
    ],
    ['what is no YAML', 'a: [', /error parsing/],
    [
      'more pods than a small machine has room for',
      deployment(container('web', 80)).replace('replicas: 1', 'replicas: 5000'),
      /spec.replicas/,
    ],
  ])('refuses %s, in words', async (_, text, words) => {
    const { code, stderr, stdout } = await kubectl('apply', '-f', file('bad.yaml', text));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(words);
  });

  it('refuses a NodePort that another Service has, and keeps serving that one', async () => {
    const other = service('http').replace('name: web', 'name: other');
    expect((await kubectl('apply', '-f', file('other.yaml', other))).stderr).toMatch(/provided port is already allocated/);
    expect((await kubectl('get', 'services')).stdout).not.toContain('other');
    expect(await served()).toBe(true);
  });

  it('has a door: what a namespace enforces is asked of pods, and of controllers for a warning', async () => {
    expect((await kubectl('create', 'namespace', 'door')).stdout).toBe('namespace/door created\n');
    const labelled = (...more: string[]): Promise<CliResult> =>
      kubectl('label', 'namespace', 'door', 'pod-security.kubernetes.io/enforce=baseline', ...more);
    expect((await labelled('--dry-run=server')).stdout).toBe('namespace/door labeled (server dry run)\n');
    expect((await kubectl('get', 'namespaces')).stdout).not.toContain('baseline');
    expect((await labelled()).stdout).toBe('namespace/door labeled\n');
    const words = 'is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostPID=true)';
    const pod = file(
      'host.yaml',
      'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { hostPID: true, containers: [{ name: a, image: web }] }',
    );
    const refused = await kubectl('apply', '-n', 'door', '-f', pod);
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toBe(`Error from server (Forbidden): error when creating "${pod}": pods "a" ${words}\n`);
    expect((await kubectl('get', 'pods', '-n', 'door')).stderr).toMatch(/^No resources found/);
    const made = await kubectl(
      'apply',
      '-n',
      'door',
      '-f',
      file('host-app.yaml', deployment(`      hostPID: true\n${container('web', 80)}`)),
    );
    expect([made.code, made.stdout]).toEqual([0, 'deployment.apps/web created\n']);
    expect(made.stderr).toBe('Warning: would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)\n');
    const events = (): Promise<string> => kubectl('get', 'events', '-n', 'door').then(({ stdout }) => stdout);
    await expect
      .poll(events, { timeout: 30_000 })
      .toMatch(/Warning +FailedCreate +replicaset\/web-\w+ +Error creating: pods "web-[\w-]+" is forbidden/);
    await kubectl('delete', 'namespace', 'door');
  }, 90_000);

  it('says what it is when it is asked for more', async () => {
    const { code, stderr } = await kubectl('top', 'pods');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^This is no kubectl: a stand-in/);
    expect((await kubectl('get', 'pods', '-n', 'empty')).stderr).toBe('No resources found in empty namespace.\n');
  });

  it('ends everything with its Deployment, and the port with the Service', async () => {
    const { stdout } = await kubectl('delete', '-f', join(folder, 'app.yaml'));
    expect(stdout).toBe('deployment.apps "web" deleted\nservice "web" deleted\n');
    expect(await served()).toBe(false);
    await expect.poll(pods, { timeout: 60_000 }).toEqual([]);
  }, 90_000);
});
