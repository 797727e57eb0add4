/**
 * `unroot scan` and `k8s://…` against the answers of a real kube-apiserver, recorded by `npm run reality:cluster` and given again on loopback, to the same
 * questions only: whoever asks something else gets no answer. Every test starts the real bundle.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanReport } from '../src/report/scan-report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, schemaErrors, unroot } from './support/cli.ts';
import { junitErrors } from './support/junit-shape.ts';
import { sarifErrors } from './support/sarif.ts';

interface Recorded {
  readonly answers: Readonly<Record<string, { readonly status: number; readonly body: unknown }>>;
}

const file = fileURLToPath(new URL('reality/cluster/recorded.json.gz', import.meta.url));
const { answers } = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Recorded;
const folder = mkdtempSync(join(tmpdir(), 'unroot-cluster-'));
const servers: Server[] = [];
let asked: string[] = [];
let port = 0;

function give(request: IncomingMessage, response: ServerResponse, token: string): void {
  const key = `${token} ${request.url}`;
  asked.push(`${request.method} ${key}`);
  const answer = answers[key];
  response.writeHead(answer?.status ?? 599, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer?.body ?? { message: `nobody has asked ${key}` }));
}

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

beforeAll(async () => {
  freshDist();
  port = await listen(
    createServer((request, response) => give(request, response, (request.headers.authorization ?? '').replace('Bearer ', ''))),
  );
});
afterAll(() => {
  for (const one of servers) one.close();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
function kubeconfig(user: string, more: { user?: object; cluster?: object; context?: object } = {}): string {
  count += 1;
  const path = join(folder, `config-${count}`);
  const cluster = more.cluster ?? { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': user,
    clusters: [{ name: 'c', cluster }],
    users: [{ name: user, user: more.user ?? { token: `${user}-token` } }],
    contexts: [{ name: user, context: { cluster: 'c', user, ...more.context } }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const run = (config: string, ...args: readonly string[]): Promise<CliResult> => {
  asked = [];
  return unroot(args, { cwd: folder, env: { KUBECONFIG: config, HOME: folder, XDG_DATA_HOME: folder } });
};
const scanned = ({ stdout, stderr }: CliResult): ScanReport => {
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as ScanReport;
  expect(schemaErrors('scan', report)).toEqual([]);
  return report;
};

describe('scan', () => {
  it('-A: every workload once, pods under their owners, as whom they run, what they would pass', async () => {
    const result = await run(kubeconfig('admin'), 'scan', '-A', '-o', 'json');
    expect(result.code, result.stderr).toBe(1);
    const report = scanned(result);
    const rows = report.workloads.map(({ namespace, kind, name, pods, passes, containers }) => [
      `${namespace}/${kind}/${name}`,
      pods,
      passes,
      containers
        .map((one) => (one.running === undefined ? `${one.outcome} ${one.uid ?? '?'}` : `${one.running[0]?.uid} reported`))
        .join(', '),
    ]);
    expect(rows).toEqual([
      ['infra/DaemonSet/agent', 3, 'privileged', '0 reported'],
      ['infra/ReplicaSet/canary-77', 0, 'restricted', 'unknown 10001'],
      ['many/ReplicaSet/worker', 520, 'baseline', '2000 reported'],
      ['shop/CronJob/report', 1, 'baseline', 'unknown 0'],
      ['shop/Deployment/good', 2, 'restricted', '10001 reported'],
      ['shop/Deployment/known', 1, 'baseline', 'unknown 0'],
      ['shop/Deployment/refused', 1, 'baseline', 'refused ?'],
      ['shop/Deployment/web', 2, 'baseline', '0 reported, 1000 reported'],
      ['shop/Pod/alone', 1, 'baseline', 'unknown 1000'],
      ['shop/StatefulSet/db', 1, 'baseline', '999 reported'],
    ]);
    expect(report.workloads.find(({ name }) => name === 'canary-77')?.owner).toBe('Rollout/canary');
    expect(report.namespaces.find(({ name }) => name === 'shop')?.podSecurity).toEqual({
      enforce: 'baseline:latest',
      audit: 'privileged:latest',
      warn: 'restricted:latest',
    });
    // What the manifest does not say and the kubelet reports is observed; what somebody lives with is marked.
    const found = report.findings.map(({ id, object, container, evidence, suppressed }) => [
      id,
      object,
      container,
      evidence[0]?.kind,
      suppressed?.by,
    ]);
    expect(found).toContainEqual(['runs-as-root', 'Deployment/web', 'nginx', 'observed', undefined]);
    expect(found).toContainEqual(['runs-as-root', 'Deployment/known', 'app', 'derived', 'annotation']);
    expect(found).toContainEqual(['start-refused', 'Deployment/refused', 'app', 'derived', undefined]);
    expect(found).not.toContainEqual(expect.arrayContaining(['logs']));
    // More than a page of pods; reading only, and nothing of Secrets.
    expect(asked.filter((one) => /\/pods\?limit=500&continue=/.test(one))).toHaveLength(1);
    expect(asked.filter((one) => !one.startsWith('GET ') || /secrets|configmaps/.test(one))).toEqual([]);
  });

  it('says what it may not see, and looks at the rest', async () => {
    const result = await run(kubeconfig('limited'), 'scan', '-A', '-o', 'json');
    const report = scanned(result);
    expect(result.code, result.stderr).toBe(1);
    expect(report.unknown.filter((text) => text.startsWith('could not see'))).toEqual([
      'could not see deployments, statefulsets, daemonsets, cronjobs, replicasets in default, empty, infra, kube-node-lease, kube-public and 2 more namespaces: not allowed to list them',
      'could not see jobs, replicationcontrollers in default, empty, infra, kube-node-lease, kube-public and 3 more namespaces: not allowed to list them',
    ]);
    const many = report.workloads.filter(({ namespace }) => namespace === 'many');
    expect(many.map(({ kind, owner, pods }) => [kind, owner, pods])).toEqual([['Pod', 'ReplicaSet/worker', 520]]);
    expect(report.workloads.filter(({ kind }) => kind === 'Deployment')).toHaveLength(4);
    // Of the one namespace where only pods are seen nothing is an error: the exit code goes by findings.
    const infra = await run(kubeconfig('limited'), 'scan', '-n', 'infra');
    expect([infra.code, infra.stdout.includes('could not see deployments')]).toEqual([0, true]);
  });

  it('one namespace, in 80 columns and in every format', async () => {
    const { code, stdout } = await run(
      kubeconfig('admin', { context: { namespace: 'shop' } }),
      'scan',
      '-v',
      '--fail-on',
      'none',
    );
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout).toContain('shop  Pod Security enforces baseline:latest, warns of restricted:latest');
    expect(stdout).toMatch(/Deployment\/web +nginx +uid 0, gid 0 \(reported\) +2 +baseline/);
    const formats = ['sarif', 'junit', 'github', 'html', 'markdown', 'ndjson', 'yaml'];
    const outputs = formats.flatMap((one) => ['-o', `${one}=${join(folder, one)}`]);
    const written = await run(kubeconfig('admin'), 'scan', '-n', 'shop', ...outputs);
    expect(written.code, written.stderr).toBe(1);
    const [sarif, junit, github, html, markdown, ndjson] = formats.map((one) => readFileSync(join(folder, one), 'utf8'));
    expect(sarifErrors(sarif!)).toEqual([]);
    expect(JSON.parse(sarif!).runs[0].results.length).toBeGreaterThan(2);
    expect(junitErrors(junit!)).toEqual([]);
    expect(github).toContain('::error file=k8s%3A//admin/shop/deployment/refused');
    expect(html).toContain('<title>unroot scan context admin, namespace shop</title>');
    expect(markdown).toContain('| Deployment/web | nginx |');
    const kinds = ndjson!
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(new Set(kinds)).toEqual(new Set(['scan', 'namespace', 'workload', 'finding']));
  });

  it('of nothing, and by somebody who may see nothing', async () => {
    const empty = await run(kubeconfig('admin'), 'scan', '-n', 'empty');
    expect([empty.code, empty.stderr.includes('it runs no pods')]).toEqual([3, true]);
    const nobody = await run(kubeconfig('nobody'), 'scan', '-A');
    expect([nobody.code, nobody.stderr.includes('User "nobody" cannot list resource')]).toEqual([2, true]);
    const stranger = await run(kubeconfig('stranger'), 'scan', '-A');
    expect([stranger.code, stranger.stderr.includes('does not know who asks (401)')]).toEqual([2, true]);
  });
});

describe('k8s:// as a target', () => {
  it('who and check read the object like its manifest', async () => {
    const who = await run(kubeconfig('admin'), 'who', 'k8s://admin/shop/deploy/web', '-o', 'json');
    expect(who.code, who.stderr).toBe(0);
    const { containers } = JSON.parse(who.stdout) as { containers: { name: string; uid?: number; workload: { file: string } }[] };
    expect(containers.map(({ name, uid, workload }) => [name, uid, workload.file])).toEqual([
      ['nginx', undefined, 'k8s://admin/shop/deploy/web'],
      ['logs', 1000, 'k8s://admin/shop/deploy/web'],
    ]);
    const check = await run(kubeconfig('admin'), 'check', 'k8s://shop/deploy/web', '--pod-security', 'restricted');
    expect([check.code, check.stdout.includes('violates Deployment/web')], check.stderr).toEqual([1, true]);
  });

  it.each([
    ['k8s://shop/web', 'expected  k8s://[CONTEXT/]NAMESPACE/KIND/NAME'],
    ['k8s://shop/service/web', 'service is no kind that makes pods'],
    ['k8s://admin/shop/deploy/none', 'deployments.apps "none" not found'],
    ['k8s://other/shop/deploy/web', 'There is no context "other"'],
  ])('%s is told to be wrong', async (target, words) => {
    const { code, stderr } = await run(kubeconfig('admin'), 'who', target);
    expect([code, stderr.includes(words)], stderr).toEqual([2, true]);
  });
});

describe('the connection', () => {
  it('that cannot be made is told with its server', async () => {
    const closed = kubeconfig('admin', { cluster: { server: 'https://127.0.0.1:9' } });
    const { code, stderr } = await run(closed, 'scan', '-A');
    expect(code).toBe(2);
    expect(stderr).toContain('Cannot reach the cluster at https://127.0.0.1:9: ');
    const none = await unroot(['scan'], { cwd: folder, env: { HOME: folder } });
    expect([none.code, none.stderr.includes('There is no kubeconfig')], none.stderr).toEqual([2, true]);
    writeFileSync(join(folder, 'broken'), 'a: [');
    const broken = await run(join(folder, 'broken'), 'scan');
    expect([broken.code, broken.stderr.includes('Cannot read the kubeconfig')], broken.stderr).toEqual([2, true]);
  });

  it('takes several kubeconfigs, and the context that was asked for', async () => {
    const both = [kubeconfig('nobody'), kubeconfig('admin')].join(':');
    const { code, stdout, stderr } = await run(both, 'scan', '-n', 'shop', '--context', 'admin');
    expect([code, stdout.startsWith('context admin, namespace shop')], stderr).toEqual([1, true]);
  });

  it('gets its token from a credential plugin', async () => {
    const plugin = join(folder, 'plugin');
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'admin-token' },
    };
    writeFileSync(plugin, `#!/bin/sh\n[ "$WHO" = me ] && echo '${JSON.stringify(credential)}'\n`);
    chmodSync(plugin, 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: plugin,
      env: [{ name: 'WHO', value: 'me' }],
      interactiveMode: 'Never',
    };
    const { code, stderr } = await run(kubeconfig('admin', { user: { exec } }), 'scan', '-n', 'shop');
    expect(code, stderr).toBe(1);
    const broken = { ...exec, env: [], command: '/bin/false' };
    const failed = await run(kubeconfig('admin', { user: { exec: broken } }), 'scan', '-n', 'shop');
    expect([failed.code, failed.stderr.includes('Cannot make the credentials')], failed.stderr).toEqual([2, true]);
  });

  it('trusts the authority of the kubeconfig alone, and shows its client certificate', async (context) => {
    if (spawnSync('openssl', ['version']).error !== undefined) {
      console.warn('SKIPPED: TLS to a cluster lacks openssl: apt-get install -y openssl');
      context.skip();
    }
    const at = (name: string): string => join(folder, name);
    const subject = ['-nodes', '-newkey', 'rsa:2048', '-days', '1'];
    const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
    openssl('req', '-x509', ...subject, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-subj', '/CN=ca');
    for (const [name, common, more] of [
      ['server', '127.0.0.1', 'subjectAltName=IP:127.0.0.1'],
      ['client', 'admin', 'extendedKeyUsage=clientAuth'],
    ] as const) {
      writeFileSync(at(`${name}.ext`), more);
      openssl('req', ...subject, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${common}`);
      openssl(
        ...['x509', '-req', '-in', at(`${name}.csr`), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
        ...['-days', '1', '-out', at(`${name}.crt`), '-extfile', at(`${name}.ext`)],
      );
    }
    const [key, cert, ca] = ['server.key', 'server.crt', 'ca.crt'].map((name) => readFileSync(at(name)));
    const tls = await listen(
      createTlsServer({ key: key!, cert: cert!, ca: ca!, requestCert: true, rejectUnauthorized: true }, (request, response) =>
        // Whom the certificate names.
        give(request, response, `${(request.socket as TLSSocket).getPeerCertificate().subject.CN}-token`),
      ) as unknown as Server,
    );
    const server = `https://127.0.0.1:${tls}`;
    const data = (name: string): string => readFileSync(at(name)).toString('base64');
    const user = { 'client-certificate': at('client.crt'), 'client-key-data': data('client.key') };
    const trusted = kubeconfig('admin', { cluster: { server, 'certificate-authority-data': data('ca.crt') }, user });
    const { code, stderr } = await run(trusted, 'scan', '-n', 'shop');
    expect(code, stderr).toBe(1);
    const strange = await run(kubeconfig('admin', { cluster: { server }, user }), 'scan', '-n', 'shop');
    expect([strange.code, /certificate/.test(strange.stderr)], strange.stderr).toEqual([2, true]);
  });
});
