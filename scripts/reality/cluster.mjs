// Records what a real kube-apiserver answers to `unroot scan` and `unroot who k8s://…`: `npm run reality:cluster`. Needs what `npm run reality:kubelet` has built
// into .cache/reality/bin (etcd, kube-apiserver), and dist/. Only those two are started: no node, so that what kubelets would report is written by hand.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { fill } from './cluster/objects.mjs';
import { client } from './kubelet/api.mjs';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const into = join(repository, 'test/reality/cluster');
const bin = join(repository, '.cache/reality/bin');
const [ETCD, PEER, PORT] = [23790, 23800, 26443];
/** Who asks: by the same token in the recording and when it is replayed. */
const USERS = { admin: 'system:masters', limited: 'watchers', nobody: 'nobodies' };

const programOf = (part, name) => {
  const folder = existsSync(bin) ? readdirSync(bin).find((one) => one.startsWith(`${part}-`)) : undefined;
  const path = join(bin, folder ?? '', name);
  if (folder === undefined || !existsSync(path)) fail(`needs ${name}: npm run reality:kubelet builds it`);
  return { path, version: folder.slice(part.length + 1) };
};
const etcd = programOf('etcd', 'etcd');
const apiserver = programOf('kubernetes', 'kube-apiserver');
const dist = join(repository, 'dist/unroot.js');
if (!existsSync(dist)) fail('needs dist/: npm run build');

const work = mkdtempSync(join(tmpdir(), 'unroot-cluster-'));
const services = [];
try {
  await main();
} finally {
  // Nothing of theirs is kept.
  for (const one of services.reverse()) one.kill('SIGKILL');
  await sleep(500);
  rmSync(work, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
// Connections are kept open.
process.exit(process.exitCode ?? 0);

async function main() {
  start(etcd.path, [
    `--data-dir=${join(work, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${ETCD}`,
    `--advertise-client-urls=http://127.0.0.1:${ETCD}`,
    `--listen-peer-urls=http://127.0.0.1:${PEER}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${PEER}`,
    `--initial-cluster=default=http://127.0.0.1:${PEER}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]);
  const key = join(work, 'accounts.key');
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  writeFileSync(
    join(work, 'tokens.csv'),
    Object.entries(USERS)
      .map(([name, group]) => `${name}-token,${name},${name},${group}\n`)
      .join(''),
  );
  start(apiserver.path, [
    `--etcd-servers=http://127.0.0.1:${ETCD}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${PORT}`,
    '--endpoint-reconciler-type=none',
    `--cert-dir=${join(work, 'certs')}`,
    `--token-auth-file=${join(work, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--allow-privileged=true',
    // No controller makes the accounts that it would ask for.
    '--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection',
  ]);
  const ca = join(work, 'certs/apiserver.crt');
  const api = await ready(ca);
  await fill(api);
  console.log('objects are there');
  const seen = new Map();
  const proxy = await recorder(ca, seen);
  for (const [user, args] of [
    ['admin', ['scan', '-A']],
    ['admin', ['scan', '-n', 'shop']],
    ['admin', ['scan', '-n', 'empty']],
    ['limited', ['scan', '-A']],
    ['limited', ['scan', '-n', 'shop']],
    ['limited', ['scan', '-n', 'infra']],
    ['nobody', ['scan', '-A']],
    ['admin', ['who', 'k8s://admin/shop/deploy/web']],
    ['admin', ['who', 'k8s://admin/shop/deploy/none']],
    ['nobody', ['who', 'k8s://nobody/shop/deploy/web']],
    ['stranger', ['scan', '-A']],
  ])
    await run(user, args, proxy.address().port);
  proxy.close();
  mkdirSync(into, { recursive: true });
  const answers = Object.fromEntries([...seen].sort(([a], [b]) => (a < b ? -1 : 1)));
  const recorded = { recordedAt: `${new Date().toISOString().slice(0, 19)}Z`, kubeApiserver: `v${apiserver.version}`, answers };
  writeFileSync(join(into, 'recorded.json.gz'), gzipSync(JSON.stringify(recorded), { level: 9 }));
  console.log(`${seen.size} answers of kube-apiserver v${apiserver.version} recorded`);
}

function start(command, args) {
  services.push(spawn(command, args, { stdio: ['ignore', 'ignore', process.env.UNROOT_VERBOSE ? 'inherit' : 'ignore'] }));
}

async function ready(ca) {
  for (let tries = 0; tries < 240; tries += 1) {
    await sleep(500);
    if (!existsSync(ca)) continue;
    const api = client({ port: PORT, token: 'admin-token', ca });
    const { code } = await api('GET', '/readyz').catch(() => ({ code: 0 }));
    if (code === 200) return api;
  }
  return fail('kube-apiserver is not ready after two minutes');
}

/** Passes on what is asked, with the token of whoever asks, and keeps what is answered. */
function recorder(ca, seen) {
  const clients = new Map();
  const server = createServer(async (request, response) => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    const api = clients.get(token) ?? client({ port: PORT, token, ca });
    clients.set(token, api);
    if (request.method !== 'GET') throw new Error(`${request.method} ${request.url}: scan is to read only`);
    const { code, body } = await api('GET', request.url);
    seen.set(`${token} ${request.url}`, { status: code, body });
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function run(user, args, port) {
  const kubeconfig = join(work, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(configOf(user, port)));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [dist, ...args], {
      env: { PATH: process.env.PATH, HOME: work, KUBECONFIG: kubeconfig, UNROOT_OFFLINE: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      console.log(`\n$ unroot ${args.join(' ')}   as ${user}: exit ${code}\n${shown}`);
      resolve();
    });
  });
}

function configOf(user, port) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': user,
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
    users: [{ name: user, user: { token: `${user}-token` } }],
    contexts: [{ name: user, context: { cluster: 'c', user } }],
  };
}

function fail(text) {
  console.error(`reality:cluster ${text}`);
  process.exit(2);
}
