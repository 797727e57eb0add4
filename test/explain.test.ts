/** `unroot explain` from outside: documents by the published schema, every format, exit codes, what the page of a terminal says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ExplainReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { schemaErrors, unroot } from './support/cli.ts';
import { writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

let folder = '';
let image = '';

beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-explain-cli-'));
  const base = [
    { path: '/' },
    { path: '/etc' },
    { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\napp:x:1234:1234::/:/bin/sh\n' },
    { path: '/etc/group', content: 'root:x:0:\napp:x:1234:\n' },
    { path: '/bin' },
    { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
    { path: '/bin/script', content: '#!/bin/none\n', mode: 0o755 },
  ];
  const conf = [
    { path: '/etc/conf', content: 'x', mode: 0o640 },
    { path: '/var/run', target: '/run' },
    { path: '/run' },
    { path: '/odd\u001b[31m', content: 'x' },
  ];
  const spec = {
    layers: [base, conf],
    config: { Cmd: ['/bin/app'], Volumes: { '/data': {} } },
    document: { history: [{ created_by: '/bin/sh -c #(nop) ADD base / ' }, { created_by: 'COPY conf /etc/conf # buildkit' }] },
  };
  image = `oci:${writeLayout(join(folder, 'layout'), spec)}`;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ask = (...args: string[]): ReturnType<typeof unroot> => unroot(['explain', image, '--platform-profile', 'docker', ...args]);

async function report(...args: string[]): Promise<ExplainReport> {
  const { code, stdout, stderr } = await ask('-o', 'json', ...args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as ExplainReport;
  expect(schemaErrors('explain', document)).toEqual([]);
  return document;
}

describe('documents', () => {
  it.each([
    [['/etc/conf', '--user', '10001'], false, 'EACCES'],
    [['/etc/conf', '--to', 'read'], true, undefined],
    [['/var/run/x', '--user', 'app', '--to', 'create'], false, 'EACCES'],
    [['/bin/script', '--to', 'execute', '--user', 'app'], false, 'ENOENT'],
    [['/gone/deeper', '--to', 'write'], false, 'ENOENT'],
    [['/etc', '--user', 'app', '--read-only'], false, 'EROFS'],
    [['/data', '--user', 'app', '--to', 'list'], true, undefined],
    [['/sys/kernel/x', '--to', 'read'], false, undefined],
    [['setuid', '33', '--user', 'app'], false, 'EPERM'],
    [['mknod', '/etc/null', 'c'], true, undefined],
    [[':80', '--user', 'app'], true, undefined],
    [[':80/udp', '--user', 'app', '--sysctl', 'net.ipv4.ip_unprivileged_port_start=1024'], false, 'EACCES'],
    [['/etc/conf', '--user', 'arbitrary', '--to', 'read'], true, undefined],
  ] as const)('%j', async (args, allowed, errno) => {
    const { decision, asker } = await report(...args);
    expect([decision.allowed, decision.errno]).toEqual([allowed, errno]);
    expect(asker.capabilities).toBeDefined();
  });

  it('name the layer with its line, and who asks', async () => {
    const { walk, asker, asRoot, asked } = await report('../etc/./conf', '--to', 'write', '--user', 'app');
    expect(asked).toBe('/../etc/./conf');
    expect(walk.at(-1)).toMatchObject({
      path: '/etc/conf',
      layer: { index: 1, createdBy: 'COPY conf /etc/conf' },
      verdict: 'no',
    });
    expect(asker).toMatchObject({ uid: 1234, userName: 'app', groupName: 'app' });
    expect(asRoot).toMatchObject({ allowed: true });
  });

  it('say the same as YAML, NDJSON and Markdown', async () => {
    const json = await report('/etc/conf', '--user', '10001');
    expect(parse((await ask('-o', 'yaml', '/etc/conf', '--user', '10001')).stdout)).toEqual(json);
    const lines = (await ask('-o', 'ndjson', '/etc/conf', '--user', '10001')).stdout.trim().split('\n');
    expect(lines.filter((line) => JSON.parse(line).kind === 'component')).toHaveLength(json.walk.length);
    expect((await ask('-o', 'markdown', '/etc/conf', '--user', '10001')).stdout).toContain('| ❌ |');
  });
});

describe('pages', () => {
  it('fit 80 columns, mark the way and end with what root would get', async () => {
    const { stdout } = await ask('/var/run/app.pid', '--user', '10001:10001', '--color', 'never');
    const lines = stdout.split('\n');
    expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(80);
    expect(lines.some((line) => /^✓ {4}run → \/run +lrwxrwxrwx/.test(line))).toBe(true);
    expect(lines.some((line) => /^✗ {3}run +drwxr-xr-x +0:0 root +other r-x +wx +layer 1$/.test(line))).toBe(true);
    expect(stdout).toContain('COPY conf /etc/conf');
    expect(stdout).toContain('/run: 0755 0:0 → 0755 10001:10001 [own-path]');
    expect(stdout).toMatch(/beside it: uid 0 with the default capabilities of docker: allowed/);
  });

  it('colour the class that counts, and let no name of the image speak to the terminal', async () => {
    const coloured = (await ask('/etc/conf', '--user', '10001:10001', '--color', 'always')).stdout;
    expect(coloured).toContain('\u001b[31mother ---\u001b[0m');
    const odd = (await ask('/odd\u001b[31m', '--to', 'read', '--color', 'never')).stdout;
    expect(odd).not.toContain('\u001b');
    expect(odd).toContain('odd\\x1b[31m');
  });
});

describe('manifests', () => {
  const pod = (): string => {
    const file = join(folder, 'pod.yaml');
    const text = `apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  securityContext: { runAsUser: 10001, fsGroup: 2000 }
  volumes: [{ name: cache, emptyDir: {} }, { name: host, hostPath: { path: ${folder} } }]
  containers:
    - name: app
      image: app:1
      volumeMounts: [{ name: cache, mountPath: /cache }, { name: host, mountPath: /host }]
    - { name: side, image: "app:1" }
`;
    writeFileSync(file, text);
    return file;
  };
  const inPod = (target: string, ...args: string[]): ReturnType<typeof unroot> =>
    unroot(['explain', target, '--image', `app:1=${image}`, '-o', 'json', ...args]);

  it('ask for one container as its pod has it, volumes and fsGroup counted', async () => {
    const { code, stdout } = await inPod(`${pod()}#app`, '/cache/x', '--to', 'create');
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as ExplainReport;
    expect(schemaErrors('explain', document)).toEqual([]);
    expect(document).toMatchObject({ platform: 'containerd-2', workload: { kind: 'Pod', name: 'web' } });
    expect(document.asker).toMatchObject({ uid: 10001, groups: expect.arrayContaining([2000]) });
    expect(document.decision.allowed).toBe(true);
    expect(document.walk.find(({ path }) => path === '/cache')).toMatchObject({ class: 'group', gid: 2000, granted: 'rwx' });
  });

  it('know nothing of folders of a node, and take --user as runAsUser', async () => {
    const host = JSON.parse((await inPod(`${pod()}#web/app`, '/host/pod.yaml', '--to', 'read')).stdout) as ExplainReport;
    expect(host.decision).toMatchObject({ known: false, allowed: false });
    const other = JSON.parse(
      (await inPod(`${pod()}#side`, '/etc/conf', '--user', '20000:3', '--to', 'read')).stdout,
    ) as ExplainReport;
    expect(other.asker).toMatchObject({ uid: 20000, gid: 3 });
    expect(other.decision.errno).toBe('EACCES');
  });

  it.each([
    ['', 'app'],
    ['#none', 'web/side'],
  ])('pod.yaml%s: exit 2 with the names there are', async (suffix, named) => {
    const { code, stderr } = await inPod(`${pod()}${suffix}`, '/etc');
    expect(code).toBe(2);
    expect(stderr).toContain(named);
  });
});

describe('bad input', () => {
  it.each([['frobnicate'], ['/etc', '--to', 'fly'], [':99999'], ['setuid', 'nobody-knows']])(
    '%s %s %s: exit 2, the list, nothing on standard output',
    async (...args) => {
      const { code, stdout, stderr } = await ask(...args.filter((word) => word !== undefined));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/expected {2}\S/);
    },
  );

  it('the error is a document too', async () => {
    const { stdout } = await ask('-o', 'json', 'frobnicate');
    expect(schemaErrors('error', JSON.parse(stdout))).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'explain.question' } });
  });

  it('what does not start has no process to ask about', async () => {
    const { code, stderr } = await ask('/etc', '--user', 'stranger');
    expect(code).toBe(2);
    expect(stderr).toContain('unroot who');
  });
});
