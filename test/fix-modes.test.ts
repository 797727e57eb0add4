/** What can be asked of a fix beyond the user: a read-only root, any uid, the same result again — and root, but smaller, where nothing else does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { FixReport, ProveReport } from '../src/report/report.ts';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, reportOf, schemaErrors, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { type LayerItem, writeLayout } from './support/image-builder.ts';

const lacking = ['runc', 'strace'].filter((program) => !onPath(program));
const why =
  process.getuid?.() !== 0 ? 'needs root' : lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: fix modes: ${why}`);

let folder = '';
let serial = 0;
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-modes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVE = 'exec httpd -f -p 8080 -h /www\n';

function imageOf(script: string, more: readonly LayerItem[] = [], config: Readonly<Record<string, unknown>> = {}): string {
  const items: LayerItem[] = [{ path: '/start', content: `#!/bin/sh\n${script}`, mode: 0o755 }, ...more];
  const settings = { Env: ['PATH=/bin'], Cmd: ['/start'], WorkingDir: '/', ...config };
  return `oci:${writeLayout(join(folder, `image${serial++}`), { layers: [...busyboxSpec().layers, items], config: settings })}:latest`;
}

async function fix(image: string, ...args: string[]): Promise<{ report: FixReport; result: CliResult }> {
  const flags = args.includes('--platform-profile') ? [] : ['--platform-profile', 'docker'];
  const result = await unroot(['fix', image, '--engine', 'runc', '-o', 'json', ...flags, ...args]);
  const report = reportOf<FixReport>(result, 'fix');
  expect(schemaErrors('fix', report)).toEqual([]);
  return { report, result };
}

const reasons = (report: FixReport): string =>
  (report.proof?.reasons ?? []).map(({ kind, text }) => `${kind} ${text}`).join('\n');
const proved = (report: FixReport): void => expect(report.verdict, reasons(report)).toBe('proved');

describe.skipIf(why !== undefined)('a read-only root', () => {
  it('gets memory where a start writes, a volume where data stays, and nothing else', async () => {
    const out = join(folder, 'mounts');
    const script = `mkdir -p /var/cache/app && echo 1 >/var/cache/app/x && echo $$ >/run/app.pid && echo row >>/var/lib/app/db || exit 1\n${SERVE}`;
    const image = imageOf(script, [{ path: '/var/lib/app' }, { path: '/var/cache' }]);
    const { report } = await fix(image, '--read-only', '--out', out);
    proved(report);
    expect(report.run).toMatchObject({
      readOnly: true,
      tmpfs: ['/run:mode=1777', '/var/cache:mode=1777'],
      volumes: [{ path: '/var/lib/app', owner: '10001:10001' }],
    });
    expect(report.measured?.grantsUnused).toEqual([]);
    const pod = parseAllDocuments(readFileSync(join(out, 'pod.yaml'), 'utf8'))[0]?.toJS() as {
      spec: {
        containers: [{ securityContext: object; volumeMounts: { mountPath: string }[] }];
        volumes: { emptyDir?: object }[];
      };
    };
    const [container] = pod.spec.containers;
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
    expect(container.volumeMounts.map(({ mountPath }) => mountPath).sort()).toEqual(['/run', '/var/cache', '/var/lib/app']);
    const compose = parse(readFileSync(join(out, 'compose.yaml'), 'utf8')) as { services: Record<string, object> };
    expect(Object.values(compose.services)[0]).toMatchObject({ read_only: true, tmpfs: report.run.tmpfs });
  });

  it('says which folders inside memory need one of their own where nothing is copied into it', async () => {
    const out = join(folder, 'inside');
    const script = `echo 1 >/var/cache/x && echo 2 >/var/cache/app/y || exit 1\n${SERVE}`;
    const image = imageOf(script, [{ path: '/var/cache' }, { path: '/var/cache/app', uid: 7, gid: 7 }]);
    const { report } = await fix(image, '--read-only', '--platform-profile', 'podman', '--out', out);
    proved(report);
    expect(report.run.tmpfs).toEqual(['/var/cache:mode=1777']);
    expect(report.run.tmpfsInside).toEqual(['/var/cache/app:mode=1777']);
    const pod = parseAllDocuments(readFileSync(join(out, 'pod.yaml'), 'utf8'))[0]?.toJS() as {
      spec: { containers: [{ volumeMounts: { mountPath: string }[] }] };
    };
    expect(pod.spec.containers[0].volumeMounts.map(({ mountPath }) => mountPath)).toEqual(['/var/cache', '/var/cache/app']);
    const compose = parse(readFileSync(join(out, 'compose.yaml'), 'utf8')) as { services: Record<string, object> };
    expect(Object.values(compose.services)[0]).toMatchObject({ tmpfs: ['/var/cache:mode=1777', '/var/cache/app:mode=1777'] });
    // As Docker has it: both are asked for, and that is proved.
    const docker = await fix(image, '--read-only');
    proved(docker.report);
    expect(docker.report.run.tmpfs).toEqual(['/var/cache:mode=1777', '/var/cache/app:mode=1777']);
    expect(docker.report.run.tmpfsInside).toBeUndefined();
  });

  it('leaves "before" as the image says: a program that writes everywhere is no reason to compare with nothing', async () => {
    const result = await unroot([
      'prove',
      imageOf(`echo x >/etc/made || exit 1\n${SERVE}`),
      '--engine',
      'runc',
      '--platform-profile',
      'docker',
      '--read-only',
      '-o',
      'json',
    ]);
    const report = JSON.parse(result.stdout) as ProveReport;
    expect(report.before).toMatchObject({ outcome: 'running', user: '0:0' });
    expect(report.verdict, JSON.stringify(report.reasons)).toBe('proved');
  });

  it('puts a link where one file is written beside others that are read', async () => {
    const { report } = await fix(
      imageOf(
        `. /etc/app/settings && echo "made $WORD" >/etc/app/generated && grep -q made /etc/app/generated || exit 1\n${SERVE}`,
        [{ path: '/etc/app/settings', content: 'WORD=it\n' }],
      ),
      '--read-only',
    );
    proved(report);
    expect(report.run.tmpfs).toEqual(['/run/writable/etc/app:mode=1777']);
    expect(report.fixes.flatMap(({ layer }) => layer)).toEqual([
      { kind: 'symlink', path: '/etc/app/generated', target: '/run/writable/etc/app/generated', uid: 0, gid: 0 },
    ]);
  });

  const RENAMES = `cat /app/seed >/app/new.$$ && mv /app/new.$$ /app/current || exit 1\n${SERVE}`;
  const SEED: LayerItem[] = [{ path: '/app/seed', content: 'seed\n' }];

  it('takes a volume that starts as a copy where files come and go beside what is read', async () => {
    const out = join(folder, 'copied');
    const { report } = await fix(imageOf(RENAMES, SEED), '--read-only', '--out', out);
    proved(report);
    const pod = parseAllDocuments(readFileSync(join(out, 'pod.yaml'), 'utf8'))[0]?.toJS() as {
      spec: { initContainers: [{ command: string[]; volumeMounts: { name: string; mountPath: string }[] }]; volumes: object[] };
    };
    expect(pod.spec.initContainers[0]).toMatchObject({
      command: ['/bin/sh', '-c', 'cp -R /app/. /fill/data-0/'],
      volumeMounts: [{ name: 'data-0', mountPath: '/fill/data-0' }],
    });
    expect(pod.spec.volumes).toContainEqual({ name: 'data-0', emptyDir: {} });
    expect(report.run.volumes).toMatchObject([{ path: '/app', owner: '10001:10001' }]);
    expect(report.fixes.find(({ subject }) => subject === '/app')?.note).toMatch(/Kubernetes copies nothing/);
  });

  it('is not claimed on Kubernetes, where nothing is copied into a volume', async () => {
    const { report, result } = await fix(imageOf(RENAMES, SEED), '--read-only', '--platform-profile', 'containerd-2');
    expect(report.verdict).toBe('failed');
    expect(result.code).toBe(4);
    expect(report.unresolved.map(({ reason }) => reason).join()).toMatch(/Kubernetes copies nothing/);
  });
});

describe.skipIf(why !== undefined)('root, but smaller', () => {
  /** Work for two users: no one user can do it. */
  const TWO = `work() { busybox start-stop-daemon -S -p "/tmp/no-$1" -c "$1" -x /bin/sh -- -c "id -u >/tmp/$1" || exit 1; }\nwork app; work other\n${SERVE}`;
  const ACCOUNTS: LayerItem[] = [
    { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1234:1234::/:/bin/sh\nother:x:1235:1235::/:/bin/sh\n' },
    { path: '/etc/group', content: 'root:x:0:\napp:x:1234:\nother:x:1235:\n' },
    { path: '/bin/start-stop-daemon', target: 'busybox' },
  ];
  const PROBE = ['--probe', 'test "$(cat /tmp/app)$(cat /tmp/other)" = 12341235'];

  // Beside other tests of podman it has failed once in a while, alone never: what it says then is wanted, and the next try counts.
  it('is offered with evidence for a program that works as several users, and is no proof', { retry: 2 }, async () => {
    const out = mkdtempSync(join(folder, 'root-'));
    const { report, result } = await fix(imageOf(TWO, ACCOUNTS), '--out', out, ...PROBE);
    expect(report.verdict).toBe('failed');
    expect(result.code).toBe(4);
    expect(report.outcome).toBe('needs-root');
    const root = report.smallerRoot!;
    expect(root.evidence).toContainEqual(expect.objectContaining({ syscall: 'setgroups', errno: 'EPERM' }));
    if (root.userNamespace?.works !== true) console.warn(`in a user namespace: ${JSON.stringify(root.userNamespace)}`);
    expect(root.works).toBe(true);
    expect(root.run).toMatchObject({ user: '0:0', capAdd: ['SETGID', 'SETUID'], capDrop: ['ALL'], noNewPrivileges: true });
    const pod = readFileSync(join(out, 'pod.yaml'), 'utf8');
    expect(pod).toMatch(/^# Root, but smaller/);
    expect(parseAllDocuments(pod)[0]?.toJS()).toMatchObject({
      spec: {
        hostUsers: false,
        securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add: ['SETGID', 'SETUID'] } } },
        ],
      },
    });
    expect(readFileSync(join(out, 'compose.yaml'), 'utf8')).toMatch(/^# Root, but smaller[\s\S]*userns-remap/);
    const mapped = root.userNamespace;
    if (mapped === undefined) console.warn('SKIPPED: root in a user namespace: apt-get install -y podman');
    else {
      expect(mapped).toEqual({ works: true, how: 'podman run --uidmap 0:65536:65536 --gidmap 0:65536:65536' });
      expect(root.notes.join()).toMatch(/none of its processes is root on the host/);
    }
  });

  it('says what does not work in a user namespace', async () => {
    const script = `work() { busybox start-stop-daemon -S -p "/tmp/no-$1" -c "$1" -x /bin/sh -- -c "id -u >/tmp/$1" || exit 1; }\nwork app; work other\nread -r inside outside size </proc/self/uid_map; [ "$outside" = 0 ] || exit 9\n${SERVE}`;
    const { report } = await fix(imageOf(script, ACCOUNTS), ...PROBE);
    const mapped = report.smallerRoot?.userNamespace;
    expect(report.smallerRoot?.works).toBe(true);
    if (mapped !== undefined) expect(mapped).toMatchObject({ works: false, reason: expect.stringMatching(/exit 9/) });
  });

  it('is not brought up for a program that only gives root up, or that fails for another reason', async () => {
    const { report } = await fix(imageOf(`[ -e /tmp/../proc/1/root/etc/secret ] || [ "$(id -u)" = 0 ] || exit 3\n${SERVE}`));
    expect(report.verdict).toBe('failed');
    expect(report.outcome).toBeUndefined();
  });
});

describe.skipIf(why !== undefined)('any uid', () => {
  const WRITES = `echo x >/srv/x.$$ && mv /srv/x.$$ /srv/x && echo ok >>/var/log/app.log || exit 1\n${SERVE}`;
  const FILES: LayerItem[] = [
    { path: '/var/log/app.log', content: '' },
    { path: '/untouched', content: 'x' },
  ];

  it('works with group 0 and the owner’s bits for the group, only where something is written; with another group it does not', async () => {
    const out = join(folder, 'arbitrary');
    const { report } = await fix(imageOf(WRITES, FILES), '--user', 'arbitrary', '--out', out);
    proved(report);
    const changes = report.fixes.flatMap(({ layer }) => layer);
    expect(changes.map(({ path }) => path).sort()).toEqual(['/srv', '/var/log/app.log']);
    for (const change of changes)
      expect(change).toMatchObject({ gid: 0, mode: expect.toSatisfy((mode: number) => ((mode >> 3) & 7) === ((mode >> 6) & 7)) });
    const uids = /tried as (.*)/.exec(reasons(report))?.[1]?.split(', ') ?? [];
    expect(uids).toHaveLength(3);
    expect(uids.every((one) => /^1\d{9}:0$/.test(one))).toBe(true);
    expect(report.unknown.join()).toMatch(/group 0/);

    const fixed = `oci:${out}/image:latest`;
    const as = async (user: string): Promise<number | null> =>
      (
        await unroot([
          'run',
          fixed,
          '--engine',
          'runc',
          '--platform-profile',
          'docker',
          '--user',
          user,
          '--',
          '/bin/sh',
          '-c',
          'echo y >>/var/log/app.log',
        ])
      ).code;
    expect(await as('1234567890:0')).toBe(0);
    expect(await as('1234567890:4444')).not.toBe(0);
  });
});

describe.skipIf(why !== undefined)('the same input', () => {
  /** Without the times, and without where it was written. */
  function steady(report: FixReport): unknown {
    const text = JSON.stringify(report, (key, value: unknown) =>
      key === 'readyMs' || key === 'seconds' || key === 'serviceStartMs' || key === 'written' || key === 'pid' ? 0 : value,
    );
    return JSON.parse(text.replace(/\d+ ms/g, 'ms'));
  }
  const layers = (out: string): string => {
    const layout = join(out, 'image');
    const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { digest: string }[] };
    return index.manifests.map(({ digest }) => digest).join();
  };

  it.each([
    ['uid 10001', [] as string[]],
    ['any uid', ['--user', 'arbitrary']],
    ['a read-only root', ['--read-only']],
  ])('gives the same report and the same bytes: %s', async (name, flags) => {
    const script = `mkdir -p /var/cache/app /run/app && echo 1 >/var/cache/app/x.$$ && echo $$ >/run/app/pid && touch /www/hits || exit 1\n${SERVE}`;
    const image = imageOf(script, [{ path: '/var/cache' }]);
    const [one, two] = [join(folder, `one-${serial}`), join(folder, `two-${serial}`)];
    const first = await fix(image, '--out', one, ...flags);
    const second = await fix(image, '--out', two, ...flags);
    proved(first.report);
    expect(steady(second.report), name).toEqual(steady(first.report));
    expect(layers(two)).toBe(layers(one));
    execFileSync('diff', ['-r', '--exclude=report.json', one, two]);
    if (flags.length > 0) return;
    // What is fixed needs no fix.
    const again = await fix(`oci:${one}/image:latest`);
    proved(again.report);
    expect(again.report.fixes).toEqual([]);
    expect(again.report.measured).toMatchObject({ bytesAdded: 0, rounds: 1 });
  });
});
