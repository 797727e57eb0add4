/** `unroot run pod.yaml` with what a PersistentVolume names on the node: a folder that fsGroup is applied to, a device that is handed in. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, unroot } from './support/cli.ts';
import { onPath } from './support/debian-image.ts';
import { writeLayout } from './support/image-builder.ts';

const why =
  process.getuid?.() !== 0 ? 'needs root' : (whyNoBusyboxImage ?? (onPath('runc') ? undefined : 'apt-get install -y runc'));
if (why !== undefined) console.warn(`SKIPPED: volumes of the node: ${why}`);

let folder = '';
let host = '';
let image = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-storage-test-'));
  host = join(folder, 'host');
  mkdirSync(host);
  const config = { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], WorkingDir: '/' };
  image = `oci:${writeLayout(join(folder, 'image'), { ...busyboxSpec(), config })}:latest`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let serial = 0;
const run = (volume: string, context: string, container: string, ...flags: string[]): Promise<CliResult> => {
  const path = join(folder, `pod${serial++}.yaml`);
  writeFileSync(
    path,
    `apiVersion: v1
kind: PersistentVolume
metadata: {name: it}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], ${volume}, claimRef: {name: data, namespace: default}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  restartPolicy: Never
  securityContext: {${context}}
  containers: [{name: main, image: box, ${container}}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`,
  );
  return unroot(['run', path, '--engine', 'runc', '--image', `box=${image}`, '--host-root', host, ...flags], {
    timeoutMs: 60_000,
  });
};
const user = 'runAsUser: 1000, runAsGroup: 1000';
const shell = (line: string): string =>
  `command: [sh, -c, ${JSON.stringify(line)}], volumeMounts: [{name: data, mountPath: /data}]`;
const how = (path: string): string => {
  const { mode, uid, gid } = statSync(join(host, path));
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
};

describe.skipIf(why !== undefined)('a folder of the node by a PersistentVolume', () => {
  beforeAll(() => {
    mkdirSync(join(host, 'srv/disk/sub'), { recursive: true });
    for (const path of ['srv/disk', 'srv/disk/sub']) chmodSync(join(host, path), 0o755);
    writeFileSync(join(host, 'srv/disk/file'), 'old\n');
    writeFileSync(join(host, 'srv/disk/sub/program'), '');
    chownSync(join(host, 'srv/disk/sub/program'), 7, 8);
    chmodSync(join(host, 'srv/disk/sub/program'), 0o4711);
    writeFileSync(join(host, 'srv/outside'), '');
    chmodSync(join(host, 'srv/outside'), 0o600);
    symlinkSync('../outside', join(host, 'srv/disk/link'));
  });

  it("is the node's own, and closed without fsGroup", async () => {
    const result = await run('local: {path: /srv/disk}', user, shell('cat /data/file; echo x >/data/file'));
    expect(result.stdout).toContain('old');
    expect(result.stdout + result.stderr).toContain('Permission denied');
    expect(how('srv/disk')).toBe('755 0:0');
  });

  it('is given to fsGroup by the kubelet’s masks, owners stay, and no link is followed', async () => {
    const result = await run(
      'local: {path: /srv/disk}',
      `${user}, fsGroup: 2000`,
      shell('echo new >/data/file; echo >/data/made'),
    );
    expect(result.code, result.stderr).toBe(0);
    expect(['srv/disk', 'srv/disk/sub', 'srv/disk/file', 'srv/disk/sub/program', 'srv/outside'].map(how)).toEqual([
      '2775 0:2000',
      '2775 0:2000',
      '664 0:2000',
      '4771 7:2000',
      '600 0:0',
    ]);
    expect(readFileSync(join(host, 'srv/disk/file'), 'utf8')).toBe('new\n');
    expect(how('srv/disk/made')).toBe('644 1000:2000');
  });

  it('is left alone by OnRootMismatch when its root is right', async () => {
    writeFileSync(join(host, 'srv/disk/stranger'), '');
    chownSync(join(host, 'srv/disk/stranger'), 0, 0);
    chmodSync(join(host, 'srv/disk/stranger'), 0o600);
    const policy = `${user}, fsGroup: 2000, fsGroupChangePolicy: OnRootMismatch`;
    expect((await run('local: {path: /srv/disk}', policy, shell('true'))).code).toBe(0);
    expect(how('srv/disk/stranger')).toBe('600 0:0');
    chmodSync(join(host, 'srv/disk'), 0o755);
    expect((await run('local: {path: /srv/disk}', policy, shell('true'))).code).toBe(0);
    expect(how('srv/disk/stranger')).toBe('660 0:2000');
  });

  it('that is not there holds the pod back', async () => {
    const result = await run('local: {path: /srv/nothing}', user, shell('true'));
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('MountVolume.SetUp failed for volume "data" : path "/srv/nothing" does not exist');
  });
});

describe.skipIf(why !== undefined)("the machine's processes", () => {
  const look = 'command: [sh, -c, "readlink /proc/1/ns/pid; echo $$$$"]';
  const spec = (name: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec: {restartPolicy: Never, hostPID: true, containers: [{name: main, image: box, ${look}}]}\n`;
  const start = (...flags: string[]): Promise<CliResult> => {
    const path = join(folder, `pod${serial++}.yaml`);
    writeFileSync(path, spec('seer'));
    return unroot(['run', path, '--engine', 'runc', '--image', `box=${image}`, ...flags], { timeoutMs: 60_000 });
  };

  it('are not shown to a pod that asks for hostPID', async () => {
    const { stdout, stderr } = await start();
    expect(stdout).toMatch(/^pid:\[\d+\]\n1\n$/);
    expect(stdout).not.toContain(readlinkSync('/proc/self/ns/pid'));
    expect(stderr).toContain('--host-pid');
  });

  it('are when the user of the run says so too', async () => {
    const { stdout, stderr } = await start('--host-pid');
    // Whose namespace process 1 is in, only somebody with its rights may see; that it is not process 1 itself, anybody.
    expect(stdout).not.toMatch(/^1$/m);
    expect(Number(stdout.trim().split('\n').at(-1))).toBeGreaterThan(1);
    expect(stderr).not.toContain('--host-pid');
  });
});

describe.skipIf(why !== undefined)('a device of the node by a PersistentVolume', () => {
  beforeAll(() => {
    mkdirSync(join(host, 'dev'));
    // As /dev/zero: bytes without end, from a node that only root may open.
    execFileSync('mknod', ['-m', '600', join(host, 'dev/raw'), 'c', '1', '5']);
  });
  const device = 'volumeMode: Block, local: {path: /dev/raw}';
  const read = `command: [sh, -c, "stat -c '%F %a %u:%g' /dev/xvda; head -c 4 /dev/xvda | wc -c"], volumeDevices: [{name: data, devicePath: /dev/xvda}]`;

  it("has the node's owner, whatever fsGroup says", async () => {
    const result = await run(device, `${user}, fsGroup: 2000`, read);
    expect(result.stdout).toContain('character special file 600 0:0');
    expect(result.stdout + result.stderr).toContain('Permission denied');
  });

  it("belongs to the pod's user where the node is set so", async () => {
    const result = await run(device, user, read, '--device-ownership');
    expect(result.stdout).toBe('character special file 600 1000:1000\n4\n');
    expect(how('dev/raw')).toBe('600 0:0');
  });

  it('that is none, or not known, holds the pod back', async () => {
    const wrong = await run('volumeMode: Block, local: {path: /srv}', user, read);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('FailedMapVolume: MapVolume.MapPodDevice failed for volume "data" : /srv is no device');
    const unknown = await run('volumeMode: Block, nfs: {server: a, path: /b}', user, read);
    expect(unknown.stderr).toMatch(/FailedMapVolume/);
  });
});
