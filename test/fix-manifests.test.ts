/** `unroot fix` on manifests: what is written, what is left and why, and that `check` agrees with the result. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, cleanEnv, schemaErrors, unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
let nowhere: Record<string, string> = {};
let images: string[] = [];

const base: readonly LayerItem[] = [
  { path: '/etc' },
  { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1235::/home/app:/bin/sh\n' },
  { path: '/etc/group', content: 'root:x:0:\napp:x:1235:\n' },
  { path: '/bin' },
  { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
  { path: '/tmp', mode: 0o1777 },
  ...['sleep', 'sh', 'chown'].map((name) => ({ path: `/bin/${name}`, content: smallestProgram(), mode: 0o755 })),
];

const SCRATCH = `#!/bin/sh
touch /etc/app.conf 2>/dev/null || echo "cannot change it"
echo $$ > /var/run/app.pid
mkdir -p /var/cache/app/client
exec /bin/app
`;

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-fix-manifests-'));
  writeFileSync(join(folder, 'storage.conf'), `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/store"\n`);
  nowhere = {
    CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
    XDG_DATA_HOME: folder,
    HOME: folder,
    DOCKER_HOST: `unix://${folder}/none`,
  };
  const image = (name: string, config: Record<string, unknown>, more: readonly LayerItem[] = []): string[] => [
    '--image',
    `${name}=oci:${writeLayout(join(folder, 'images', name.replace(/\W/g, '-')), { layers: [[...base, ...more]], config: { Cmd: ['/bin/app'], ...config } })}`,
  ];
  images = [
    ...image('root:1', {}),
    ...image('named:1', { User: 'app' }),
    ...image('number:1', { User: '1234' }),
    // Its own words name a folder of root's that the program writes to.
    ...image('data:1', { WorkingDir: '/srv/data', Volumes: { '/srv/data': {} } }, [
      { path: '/srv' },
      { path: '/srv/data', mode: 0o755 },
    ]),
    // Raw sockets by a file capability: without it in the bounding set the kernel starts the program no more.
    ...image('raw:1', { User: '1234', Cmd: ['/bin/raw'] }, [
      {
        path: '/bin/raw',
        content: smallestProgram(),
        mode: 0o755,
        xattrs: { 'security.capability': Uint8Array.from([1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) },
      },
    ]),
    ...image('httpd:1', { Entrypoint: ['/bin/httpd', '-f'], ExposedPorts: { '80/tcp': {} } }, [
      { path: '/bin/httpd', content: smallestProgram(), mode: 0o755 },
    ]),
    // One writes where nothing is, one beside what it reads.
    ...image('scratch:1', { Entrypoint: ['/bin/start'] }, [
      { path: '/bin/start', content: SCRATCH, mode: 0o755 },
      { path: '/etc/app.conf', content: 'a=1\n' },
      { path: '/run' },
      { path: '/run/lock' },
      { path: '/var' },
      { path: '/var/run', target: '../run' },
      { path: '/var/cache' },
      { path: '/var/cache/app', mode: 0o750 },
    ]),
    ...image('beside:1', { Entrypoint: ['/bin/start'] }, [
      { path: '/bin/start', content: '#!/bin/sh\necho on > /opt/app/state\nexec /bin/app\n', mode: 0o755 },
      { path: '/opt' },
      { path: '/opt/app' },
      { path: '/opt/app/main.conf', content: 'a=1\n' },
    ]),
    ...image('private:1', { Cmd: ['/opt/private/app'] }, [
      { path: '/opt' },
      { path: '/opt/private', mode: 0o700 },
      { path: '/opt/private/app', content: smallestProgram(), mode: 0o755 },
    ]),
  ];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => writeBelow(folder, name, text);
const run = (...args: string[]): Promise<CliResult> => unroot(args, { env: nowhere, cwd: folder });

async function fix(...args: string[]): Promise<TextFixReport & { readonly code: number | null }> {
  const { stdout, stderr, code } = await run('fix', '-o', 'json', ...args, ...images);
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as TextFixReport;
  expect(schemaErrors('fix', report)).toEqual([]);
  return { ...report, code };
}

/** Writes, and expects `check` to find no error and a second `fix` to change nothing. */
async function fixed(name: string, text: string, ...args: string[]): Promise<string> {
  const file = write(name, text);
  const first = await fix(file, '--write', ...args);
  expect(first.wrote).toBe(true);
  const after = readFileSync(file, 'utf8');
  const { stdout } = await run('check', '-o', 'json', file, ...images);
  const errors = (JSON.parse(stdout) as CheckReport).findings.filter(({ severity }) => severity === 'error');
  expect(errors).toEqual([]);
  const second = await fix(file, '--write', ...args);
  expect(second.files).toEqual([]);
  expect(readFileSync(file, 'utf8')).toBe(after);
  return after;
}

const POD = (image: string, more = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web # the only one\n    image: ${image}\n${more}`;

describe('who it runs as', () => {
  it('root becomes 10001, or whom --user says, with everything that restricted asks for', async () => {
    expect(await fixed('root.yaml', POD('root:1'))).toBe(`apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: web # the only one
    image: root:1
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
`);
    expect(await fixed('user.yaml', POD('root:1'), '--user', '4242:3000')).toContain('runAsUser: 4242\n    runAsGroup: 3000\n');
    const { stdout, code } = await run('check', '--pod-security', 'restricted', join(folder, 'root.yaml'));
    expect([code, stdout]).toEqual([0, expect.stringContaining('allowed')]);
  });

  it('a user that the image names stays: a number needs no word, a name becomes its number', async () => {
    const number = await fixed('number.yaml', POD('number:1'));
    expect(number).toContain('runAsNonRoot: true\n');
    expect(number).not.toContain('runAsUser');
    expect(await fixed('named.yaml', POD('named:1'))).toContain('runAsUser: 1234\n    runAsGroup: 1235\n');
  });

  it('runAsUser 0 of the manifest over a user of the image: the image is right', async () => {
    const text = POD('named:1', '    securityContext: {runAsUser: 0}\n');
    const after = await fixed('over.yaml', text);
    expect(after).toContain('    securityContext: {runAsUser: 1234, ');
    // The kubelet writes the pod's token for whom the manifest then names: no group need be given it.
    expect(after).not.toContain('fsGroup');
    const over = write('over-before.yaml', text);
    expect((await run('check', over, ...images)).stdout).not.toContain('serviceaccount/token');
  });

  it('the pod of the tutorial that is refused: runAsNonRoot, and an image without USER', async () => {
    const text = POD('root:1').replace('spec:\n', 'spec:\n  securityContext:\n    runAsNonRoot: true # never root\n');
    const file = write('refused.yaml', text);
    const before = await run('who', file, ...images);
    expect(before.stdout).toContain('CreateContainerConfigError');
    const after = await fixed('refused.yaml', text);
    expect(after).toContain('    runAsNonRoot: true # never root\n    runAsUser: 10001\n    runAsGroup: 10001\n');
    const who = await run('who', file, ...images);
    expect([who.code, who.stdout]).toEqual([0, expect.stringMatching(/uid 10001/)]);
  });

  it('what the author chose stays: the user, the groups, the hostPath of the workshop', async () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: demo}
spec:
  securityContext:
    runAsUser: 4242
    runAsGroup: 3000
    fsGroup: 2000
  containers:
  - name: container-host
    image: root:1
    command: [sleep, 1h]
    volumeMounts: [{name: host, mountPath: /host}]
  volumes: [{name: host, hostPath: {path: /}}]
`;
    const { files, containers } = await fix(write('demo.yaml', text));
    expect(containers).toMatchObject([{ outcome: 'changed', user: '4242:3000' }]);
    expect(files[0]!.diff.match(/^[-+] .*$/gm)).toEqual([
      '+    runAsNonRoot: true',
      '+    seccompProfile:',
      '+      type: RuntimeDefault',
      '+    securityContext:',
      '+      allowPrivilegeEscalation: false',
      '+      capabilities:',
      '+        drop: [ALL]',
    ]);
  });
});

describe('what the manifest can do instead of the image', () => {
  it('folders that are empty in the image become emptyDirs; what a script can do without stops nothing', async () => {
    const after = await fixed('scratch.yaml', POD('scratch:1'));
    expect(after).toContain('runAsUser: 10001');
    expect(after.match(/mountPath: .*/g)).toEqual(['mountPath: /run', 'mountPath: /var/cache/app']);
    expect(after).toMatch(/volumes:\n {2}- name: run\n {4}emptyDir: \{\}\n {2}- name: var-cache-app\n {4}emptyDir: \{\}\n/);
    const { containers, unresolved } = await fix('scratch.yaml');
    expect(containers).toMatchObject([{ outcome: 'as wanted' }]);
    expect(unresolved.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('a volume of the image that holds nothing', async () => {
    expect(await fixed('data.yaml', POD('data:1'))).toContain('mountPath: /srv/data');
  });
});

describe('a port that moves without a run', () => {
  const SERVICE =
    '---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n';
  const move = ['--port-strategy', 'move', '--platform-profile', 'containerd-1'];
  const pod = (more: string): string =>
    POD('httpd:1', more).replace('  name: web\nspec', '  name: web\n  labels: {app: web}\nspec');

  it.each([
    ['args: ["-p", "80"]', 'args: ["-p", "8080"]'],
    ['command: [/bin/httpd, -p, "0.0.0.0:80"]', 'command: [/bin/httpd, -p, "0.0.0.0:8080"]'],
    ['args: ["--port=80"]', 'args: ["--port=8080"]'],
    ['env: [{name: PORT, value: "80"}]', 'env: [{name: PORT, value: "8080"}]'],
  ])('where the manifest says it: %s', async (before, after) => {
    const file = write('moved.yaml', pod(`    ${before}\n    ports: [{containerPort: 80}]\n`) + SERVICE);
    const { containers } = await fix(file, '--write', ...move);
    expect(containers).toMatchObject([{ outcome: 'changed', user: '10001:10001' }]);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(after);
    expect(text).toContain('ports: [{containerPort: 8080}]');
    expect(text).toContain('ports: [{port: 80, targetPort: 8080}]');
  });

  it.each(['', '    ports: [{containerPort: 80}]\n', '    args: ["-h", "/www"]\n'])(
    'and where nobody says it the container stays as it is',
    async (more) => {
      const { containers, files, unresolved } = await fix(write('unmoved.yaml', pod(more) + SERVICE), ...move);
      expect(containers).toMatchObject([{ outcome: 'left', message: expect.stringContaining('port 80') }]);
      expect(files.map(({ diff }) => diff).join('')).not.toMatch(/^\+.*(?:runAs|drop|8080)/m);
      expect(unresolved.find(({ id }) => id === 'low-port')).toBeDefined();
    },
  );

  it('what the image declares and the manifest does not name is not known to be listened on', async () => {
    const { containers } = await fix(write('other.yaml', pod('    ports: [{containerPort: 8000}]\n')), ...move);
    expect(containers).toMatchObject([{ outcome: 'changed' }]);
  });
});

it('containers that share their text by an anchor are changed at once', async () => {
  const text = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
    - &base
      name: i1
      image: root:1
    - <<: *base
      name: i2
  containers:
    - <<: *base
      name: main
`;
  const after = await fixed('shared.yaml', text);
  expect(after.match(/drop:/g)).toHaveLength(1);
  const { containers } = await fix('shared.yaml');
  expect(containers.map(({ outcome, user }) => [outcome, user])).toEqual(Array(3).fill(['as wanted', '10001:10001']));
});

it('an anchor that the pod and its containers share goes on to be shared', async () => {
  const text = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  securityContext: &one # for all
    runAsUser: 0 # as root
  containers:
    - name: a
      image: root:1
      securityContext:
        <<: *one
        privileged: false
    - name: b
      image: 'root:1'
      securityContext: *one
`;
  const rest = `allowPrivilegeEscalation: false
        capabilities:
          drop:
            - ALL
`;
  expect(await fixed('anchor.yaml', text)).toBe(
    text
      .replace(
        '0 # as root\n',
        '10001 # as root\n    runAsNonRoot: true\n    runAsGroup: 10001\n    seccompProfile:\n      type: RuntimeDefault\n',
      )
      .replace('privileged: false\n', `privileged: false\n        ${rest}`)
      .replace('securityContext: *one\n', `securityContext:\n        <<: *one\n        ${rest}`),
  );
});

describe('what stays root is said, not broken', () => {
  it('an image that must change first, and one that would not even start', async () => {
    const file = write('data.yaml', `${POD('beside:1')}---\n${POD('private:1').replace('name: web', 'name: other')}`);
    const { containers, unresolved, files } = await fix(file);
    expect(containers.map(({ outcome, message }) => [outcome, message])).toEqual([
      [
        'left',
        expect.stringMatching(
          /^the image must change before it can run as 10001:10001: .*\/opt\/app.*\. unroot fix \S*beside.1 --out DIR makes it$/,
        ),
      ],
      ['left', expect.stringMatching(/^it would not start as 10001: .*stat \/opt\/private\/app: permission denied$/)],
    ]);
    expect(unresolved.find(({ severity }) => severity === 'error')).toMatchObject({
      object: 'Pod/web',
      where: { file, line: 8 },
      reason: expect.stringMatching(/^the image must change: .*\/opt\/app/),
    });
    // The page says it once.
    const { stdout } = await run('fix', file, ...images);
    expect(stdout).toContain('left: with its container');
    expect(stdout.split('the image must change before')).toHaveLength(2);
    expect(files.map(({ diff }) => diff).join('')).not.toMatch(/^\+.*(?:runAs|drop|Escalation)/m);
  });

  it('privileged ones, added capabilities, and commands that only root can do', async () => {
    const { containers, files } = await fix(
      write('privileged.yaml', POD('root:1', '    securityContext: {privileged: true}\n')),
      write('caps.yaml', POD('root:1', '    securityContext: {capabilities: {add: [NET_ADMIN]}}\n')),
      write('chown.yaml', POD('root:1', '    command: [sh, -c, "chown -R 1234 /data && exec app"]\n')),
    );
    expect(containers.map(({ outcome, message }) => [outcome, message])).toEqual([
      ['left', 'it is privileged, which only root has any use of'],
      ['left', 'it asks for NET_ADMIN, which only root gets'],
      ['left', 'its command runs chown, which is work for root'],
    ]);
    // No profile filters what is privileged.
    expect(files.some(({ path }) => path.endsWith('privileged.yaml'))).toBe(false);
    expect(files.map(({ diff }) => diff).join('')).not.toMatch(/^\+.*(?:runAs|drop|Escalation)/m);
  });

  it('a helper that is root on purpose does not keep the others from being none', async () => {
    const text = POD('number:1', '  initContainers:\n  - name: own\n    image: root:1\n    command: [chown, "1234", /data]\n');
    const after = await fixed('init.yaml', text);
    expect(after).toContain('    image: number:1\n    securityContext:\n      runAsNonRoot: true\n');
    // What the helper would take from the pod is said at the other alone.
    expect(after).toContain('      runAsNonRoot: true\n      seccompProfile:\n');
    expect(after).not.toMatch(/^ {2}securityContext:/m);
    expect(after).toMatch(/name: own\n {4}image: root:1\n {4}command: \[chown, "1234", \/data\]\n$/);
  });

  it('a capability that somebody else than root has in no program is told', async () => {
    const asks = '    securityContext: {capabilities: {add: [NET_ADMIN, NET_BIND_SERVICE]}}\n';
    const { unknown } = await fix(write('asks.yaml', POD('number:1', asks)));
    expect(unknown).toEqual([
      expect.stringMatching(/: it asks for NET_ADMIN, which uid 1234 has only in programs whose files carry them$/),
    ]);
  });

  it('whom an init container gives the volume to is whom the others run as', async () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
  - name: perms
    image: root:1
    command: [sh, -c, "chown -R 1000:1001 /mnt/data/ && chown 7 /elsewhere"]
    volumeMounts:
    - {name: data, mountPath: /mnt}
  containers:
  - name: web
    image: root:1
    volumeMounts:
    - {name: data, mountPath: /srv}
  - name: other
    image: root:1
  volumes:
  - name: data
    persistentVolumeClaim: {claimName: data}
`;
    const after = await fixed('given.yaml', text);
    expect(after).toMatch(
      /name: web\n {4}image: root:1\n[\s\S]*runAsUser: 1000\n {6}runAsGroup: 1001\n[\s\S]*name: other\n[\s\S]*runAsUser: 10001\n/,
    );
    const { unknown } = await fix(write('given.yaml', text), '--user', '5000');
    const told = unknown.filter((one) => one.includes('init container perms gives /mnt/data/ to 1000:1001 at every start'));
    expect(told.map((one) => one.split(':')[0])).toEqual(['web']);
  });

  it('what check would find worse is taken back: a program with file capabilities keeps those it has', async () => {
    const file = write('raw.yaml', POD('raw:1'));
    const { containers } = await fix(file);
    expect(containers).toMatchObject([
      { outcome: 'changed', message: expect.stringMatching(/^capabilities and escalation stay as they are: without them .*/) },
    ]);
    const after = await fixed('raw.yaml', POD('raw:1'));
    expect(after).toContain('    runAsNonRoot: true\n    seccompProfile:\n');
    expect(after).not.toMatch(/drop|Escalation/);
  });

  it('images that are not here are unknown; what the manifest says itself is made sure', async () => {
    const text = POD('elsewhere:1');
    const { containers, files, code } = await fix(write('unknown.yaml', text));
    expect([containers[0]!.outcome, files, code]).toEqual(['unknown', [], 0]);
    const declared = await fix(write('declared.yaml', POD('elsewhere:1', '    securityContext: {runAsUser: 5}\n')));
    expect(declared.containers[0]!.outcome).toBe('unknown');
    expect(declared.files[0]!.diff).toContain(
      '+    securityContext: {runAsUser: 5, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n',
    );
    const asked = await fix(write('asked.yaml', text), '--user', '77');
    expect(asked.files[0]!.diff).toContain('+    runAsUser: 77\n');
  });
});

it('the redis of the tutorial: a claim that root filled gets an fsGroup', async () => {
  const text = `apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: redis
spec:
  serviceName: redis
  selector:
    matchLabels:
      app: redis
  template:
    metadata:
      labels:
        app: redis
    spec:
      containers:
        - name: redis
          image: root:1
          args: ["/bin/app", "--appendonly", "yes"]
          volumeMounts:
            - name: data
              mountPath: /data
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: ["ReadWriteOnce"]
`;
  const after = await fixed('redis.yaml', text);
  expect(after).toContain(`    spec:
      securityContext:
        fsGroup: 10001
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
`);
  expect(after).toContain(
    '              mountPath: /data\n          securityContext:\n            allowPrivilegeEscalation: false\n            capabilities:\n              drop: ["ALL"]\n',
  );
});

describe('where it goes', () => {
  it('the difference alone, which git applies; a second time there is none', async () => {
    const file = write('diff/a.yaml', POD('root:1'));
    const { stdout } = await unroot(['fix', 'diff/a.yaml', '--diff', ...images], { env: nowhere, cwd: folder });
    expect(stdout).toMatch(/^--- a\/diff\/a\.yaml\n\+\+\+ b\/diff\/a\.yaml\n@@ /);
    const applied = spawnSync('git', ['apply', '-'], { cwd: folder, input: stdout, encoding: 'utf8' });
    expect([applied.status, applied.stderr]).toEqual([0, '']);
    expect(readFileSync(file, 'utf8')).toContain('runAsUser: 10001');
    const again = await run('fix', file, '--diff', ...images);
    expect([again.stdout, again.code]).toEqual(['', 0]);
  });

  it.each([
    [
      'a document of its own inside it',
      'apiVersion: v1\nkind: Pod\nmetadata: {annotations: &a [*a]}\n',
      /^error: .*:3:.*contains itself/m,
    ],
    ['tabs', 'apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []\n', /^error: .*:4:1: Tabs/m],
    ['a broken document beside a good one', `${POD('root:1')}---\na: b\n c: [\n`, /^error: .*broken\.yaml:1[01]:/m],
  ])('the difference alone, and what could not be read on standard error: %s', async (_name, text, told) => {
    const { code, stdout, stderr } = await run('fix', write('broken.yaml', text), '--diff', '-q', ...images);
    expect([code, stderr]).toEqual([2, expect.stringMatching(told)]);
    expect(stdout.includes('runAsUser')).toBe(text.includes('root:1'));
  });

  it('--write keeps the mode, line ends and mark, refuses over uncommitted changes, and writes all or none', async () => {
    const git = (...args: string[]): void => {
      const { status, stderr } = spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: join(folder, 'repo'),
        encoding: 'utf8',
      });
      expect([status, stderr.replace(/^(?:warning|hint):.*\n/gm, '')]).toEqual([0, expect.anything()]);
    };
    const text = `\ufeff${POD('root:1').replaceAll('\n', '\r\n')}`;
    const file = write('repo/a.yaml', text);
    chmodSync(file, 0o640);
    git('init', '-q');
    git('add', '.');
    git('commit', '-qm', 'first');
    writeFileSync(file, `${text}# not committed\r\n`);
    const refused = await run('fix', file, '--write', ...images);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('has changes that are not committed')]);
    expect(readFileSync(file, 'utf8')).toBe(`${text}# not committed\r\n`);
    const forced = await run('fix', file, '--write', '--force', ...images);
    expect([forced.code, forced.stderr]).toEqual([0, '']);
    const after = readFileSync(file, 'utf8');
    expect(after).toMatch(/^\ufeffapiVersion: v1\r\n[\s\S]*runAsUser: 10001\r\n[\s\S]*# not committed\r\n$/);
    expect(after.replaceAll('\r\n', '')).not.toContain('\n');
    expect(statSync(file).mode & 0o7777).toBe(0o640);
  });

  it('standard input: the whole text comes out, as a post-renderer of Helm wants it', async () => {
    const text = `${POD('root:1')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n`;
    const piped = spawnSync(process.execPath, [freshDist(), 'fix', '-', '--write', ...images], {
      env: { ...cleanEnv(), ...nowhere },
      input: text,
      encoding: 'utf8',
    });
    expect([piped.status, piped.stderr]).toEqual([0, '']);
    expect(piped.stdout).toContain('runAsUser: 10001');
    expect(piped.stdout.endsWith('---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n')).toBe(true);
  });

  it('patches: a kustomization with its files, strategic ones, JSON', async () => {
    const file = write('patch/a.yaml', POD('root:1'));
    const out = join(folder, 'overlay');
    const { code, stderr } = await run('fix', file, '--patch', 'kustomize', '--out', out, '-o', 'json', ...images);
    expect([code, stderr]).toEqual([0, '']);
    expect(readFileSync(join(out, 'kustomization.yaml'), 'utf8')).toBe(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../patch/a.yaml
patches:
- path: pod-web.yaml
  target:
    version: v1
    kind: Pod
    name: web
`);
    expect(readFileSync(join(out, 'pod-web.yaml'), 'utf8')).toContain('  containers:\n  - name: web\n    securityContext:\n');
    expect(readFileSync(file, 'utf8')).toBe(POD('root:1'));
    const json = await run('fix', file, '--patch', 'json', ...images);
    expect(JSON.parse(json.stdout)).toEqual([
      {
        target: { version: 'v1', kind: 'Pod', name: 'web' },
        patch: [
          {
            op: 'add',
            path: '/spec/securityContext',
            value: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, seccompProfile: { type: 'RuntimeDefault' } },
          },
          {
            op: 'add',
            path: '/spec/containers/0/securityContext',
            value: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    ]);
    const strategic = await run('fix', file, '--patch', 'strategic', ...images);
    expect(strategic.stdout).toMatch(/^apiVersion: v1\nkind: Pod\n/);
    expect((await run('fix', file, '--patch', 'json', '--write', ...images)).code).toBe(2);
  });

  it('every format tells it; edits have their places', async () => {
    const file = write(
      'formats.yaml',
      POD('root:1') + POD('private:1').replace(/^/, '---\n').replace('name: web\nspec', 'name: other\nspec'),
    );
    const report = await fix(file);
    expect(report.fixes[0]!.edits[0]).toMatchObject({
      file,
      line: 6,
      column: 1,
      text: expect.stringContaining('securityContext'),
    });
    expect(report.fixes.map(({ object }) => object)).toEqual(['Pod/web']);
    expect(report.files[0]!.diff).not.toContain('private');
    for (const format of ['table', 'yaml', 'ndjson', 'markdown', 'html', 'sarif', 'junit', 'github']) {
      const { stdout, stderr } = await run('fix', '-o', format, file, ...images);
      expect(stderr, format).toBe('');
      expect(stdout, format).toContain('private');
    }
    const { stdout } = await run('fix', file, ...images);
    expect(stdout).toContain('\n+    runAsUser: 10001\n');
  });

  it('nothing but what cannot be read', async () => {
    const { stdout } = await run('fix', write('only-broken.yaml', 'apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []\n'));
    expect(stdout).toMatch(/: 0 containers\n/);
  });

  it('mistakes on the command line', async () => {
    const file = write('m.yaml', POD('root:1'));
    for (const args of [
      [file, '--write', '--diff'],
      [file, '-e', 'A=1'],
      [file, '--user', 'arbitrary'],
      [file, 'nginx:1'],
      ['nginx:1', '--write'],
    ])
      expect((await run('fix', ...args, ...images)).code, args.join(' ')).toBe(2);
    expect((await run('fix', join(folder, 'nothing.yaml'))).code).toBe(2);
    expect((await run('fix', write('service.yaml', 'apiVersion: v1\nkind: Service\nmetadata: {name: s}\n'))).code).toBe(3);
  });
});
