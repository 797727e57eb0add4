// Starts etcd, kube-apiserver, containerd and the kubelet, each with its state below one folder, and waits until each is ready.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { client } from './api.mjs';
import { PAUSE } from './images.mjs';

export const NODE = 'node';
const TOKEN = 'unroot-reality';
/** The node's own address, on an interface of its own network namespace: the kubelet refuses a loopback address. */
const ADDRESS = '192.168.199.1';

/** A process that logs into a file; `gone()` says how it ended, if it did. */
function start(name, command, args, folder, env = {}) {
  const out = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(command, args, { stdio: ['ignore', out, out], env: { ...process.env, ...env } });
  closeSync(out);
  let ended;
  child.on('error', (error) => {
    ended = String(error);
  });
  child.on('exit', (code, signal) => {
    ended = `${name} ended with ${code ?? signal}`;
  });
  return { name, log: join(folder, `${name}.log`), gone: () => ended, stop: () => child.kill('SIGTERM') };
}

async function ready(service, seconds, probe) {
  const until = Date.now() + seconds * 1000;
  for (;;) {
    if (service.gone() !== undefined) throw new Error(`${service.gone()}; the end of its log:\n${tail(service.log)}`);
    if (await probe().catch(() => false)) return;
    if (Date.now() > until)
      throw new Error(`${service.name} is not ready after ${seconds} s; the end of its log:\n${tail(service.log)}`);
    await sleep(250);
  }
}

const tail = (file) => readFileSync(file, 'utf8').split('\n').slice(-25).join('\n');

/** A network of this namespace's own: the loopback interface and one with an address, so that there is a route. */
export function network() {
  for (const line of [
    'link set lo up',
    'link add name node0 type veth peer name node1',
    `address add ${ADDRESS}/24 dev node0`,
    'link set node0 up',
    'link set node1 up',
    'route add default dev node0',
  ])
    execFileSync('ip', line.split(' '));
}

export async function etcd({ program, work }) {
  const service = start(
    'etcd',
    program.etcd,
    [
      `--data-dir=${join(work, 'etcd')}`,
      '--listen-client-urls=http://127.0.0.1:2379',
      '--advertise-client-urls=http://127.0.0.1:2379',
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
    join(work, 'logs'),
  );
  await ready(
    service,
    30,
    () =>
      new Promise((resolve) => {
        const asked = request({ host: '127.0.0.1', port: 2379, path: '/health' }, (answer) => {
          answer.resume();
          resolve(answer.statusCode === 200);
        });
        asked.on('error', () => resolve(false));
        asked.end();
      }),
  );
  return service;
}

/** The API server: every token holder may do everything; what admission adds to a pod is as usual. */
export async function apiserver({ program, work }) {
  const folder = join(work, 'apiserver');
  mkdirSync(folder);
  const key = join(folder, 'service-accounts.key');
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  writeFileSync(join(folder, 'tokens.csv'), `${TOKEN},reality,reality,system:masters\n`);
  const service = start(
    'kube-apiserver',
    program['kube-apiserver'],
    [
      '--etcd-servers=http://127.0.0.1:2379',
      '--bind-address=127.0.0.1',
      '--secure-port=6443',
      `--advertise-address=${ADDRESS}`,
      `--cert-dir=${join(folder, 'certs')}`,
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
      '--authorization-mode=AlwaysAllow',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${key}`,
      `--service-account-signing-key-file=${key}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--allow-privileged=true',
      '--disable-admission-plugins=StorageObjectInUseProtection',
    ],
    join(work, 'logs'),
  );
  const ca = join(folder, 'certs', 'apiserver.crt');
  let api;
  await ready(service, 90, async () => {
    api = client({ port: 6443, token: TOKEN, ca });
    return (await api('GET', '/readyz')).code === 200;
  });
  return { service, api, ca };
}

/** The settings of containerd 2: its defaults, but for places, and for what the machine may lack. */
const configuration2 = ({ folder, socket, binaries, program }) => `version = 3
root = '${folder}/root'
state = '${folder}/state'
imports = []
disabled_plugins = ['io.containerd.nri.v1.nri', 'io.containerd.tracing.processor.v1.otlp', 'io.containerd.internal.v1.tracing']

[grpc]
  address = '${socket}'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '${PAUSE}'

[plugins.'io.containerd.cri.v1.runtime']
  # This machine may lack CAP_SYS_RESOURCE: a score below the present one could not be set.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['${binaries}']
    conf_dir = '${folder}/cni'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    runtime_path = '${program['containerd-shim-runc-v2']}'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '${program.runc}'
      Root = '${folder}/runc'

[plugins.'io.containerd.internal.v1.opt']
  path = '${folder}/opt'
`;

/** The same for containerd 1.6 and 1.7. */
const configuration1 = ({ folder, socket, binaries, program }) => `version = 2
root = '${folder}/root'
state = '${folder}/state'

[grpc]
  address = '${socket}'

[plugins.'io.containerd.grpc.v1.cri']
  sandbox_image = '${PAUSE}'
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.grpc.v1.cri'.cni]
    bin_dir = '${binaries}'
    conf_dir = '${folder}/cni'
  [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    runtime_path = '${program['containerd-shim-runc-v2']}'
    [plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]
      BinaryName = '${program.runc}'
      Root = '${folder}/runc'

[plugins.'io.containerd.internal.v1.opt']
  path = '${folder}/opt'
`;

export async function containerd({ program, work, archive, old }) {
  const folder = join(work, 'containerd');
  const socket = join(folder, 'containerd.sock');
  mkdirSync(join(folder, 'cni'), { recursive: true });
  writeFileSync(
    join(folder, 'cni', '10-node.conflist'),
    JSON.stringify({
      cniVersion: '1.0.0',
      name: 'node',
      plugins: [
        {
          type: 'ptp',
          ipMasq: false,
          ipam: { type: 'host-local', ranges: [[{ subnet: '10.88.0.0/16' }]], dataDir: join(folder, 'ipam') },
        },
      ],
    }),
  );
  const binaries = program.ptp.replace(/\/[^/]+$/, '');
  const config = join(folder, 'config.toml');
  writeFileSync(config, (old ? configuration1 : configuration2)({ folder, socket, binaries, program }));
  const service = start('containerd', program.containerd, ['--config', config], join(work, 'logs'));
  const ctr = (...args) =>
    execFileSync(program.ctr, ['-a', socket, '-n', 'k8s.io', ...args], { encoding: 'utf8', stdio: 'pipe' });
  await ready(service, 30, async () => ctr('version') !== '');
  ctr('images', 'import', ...(old ? [] : ['--local']), archive);
  return { service, socket, ctr };
}

/** The kubelet's settings of a real node; what differs, and why, stands in test/reality/kubelet/README.md. */
export function kubeletConfiguration({ work, socket, cgroup }) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    cgroupsPerQOS: true,
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    enableControllerAttachDetach: false,
    evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    maxPods: 250,
    resolvConf: join(work, 'resolv.conf'),
    podLogsDir: join(work, 'pods'),
    volumePluginDir: join(work, 'plugins'),
    syncFrequency: '10s',
    eventRecordQPS: 0,
    readOnlyPort: 0,
    healthzPort: 10248,
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
  };
}

export async function kubelet({ program, work, socket, cgroup, api }) {
  const folder = join(work, 'kubelet');
  mkdirSync(folder);
  for (const name of ['pods', 'plugins']) mkdirSync(join(work, name), { recursive: true });
  writeFileSync(join(work, 'resolv.conf'), 'nameserver 10.96.0.10\n');
  const config = kubeletConfiguration({ work, socket, cgroup });
  writeFileSync(join(work, 'kubelet.json'), JSON.stringify(config, undefined, 1));
  writeFileSync(
    join(work, 'kubeconfig'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: TOKEN } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  );
  const service = start(
    'kubelet',
    program.kubelet,
    [
      `--config=${join(work, 'kubelet.json')}`,
      `--kubeconfig=${join(work, 'kubeconfig')}`,
      `--root-dir=${folder}`,
      `--cert-dir=${join(folder, 'pki')}`,
      `--hostname-override=${NODE}`,
      `--node-ip=${ADDRESS}`,
      '--v=2',
    ],
    join(work, 'logs'),
  );
  let node;
  await ready(service, 90, async () => {
    const answer = await api('GET', `/api/v1/nodes/${NODE}`);
    node = answer.body;
    return answer.code === 200 && node.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
  });
  return { service, node, config };
}
