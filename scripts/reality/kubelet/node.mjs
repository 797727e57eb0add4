// The node itself: runs in namespaces of its own (see ../kubelet.mjs), starts the services, runs the pods, writes the records.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { must } from './api.mjs';
import { archive, compile } from './images.mjs';
import { podSecurity } from './pod-security.mjs';
import { HOST, runPod } from './pods.mjs';
import { apiserver, containerd, etcd, kubelet, network } from './services.mjs';

const plan = JSON.parse(process.argv[2]);
const { folder, work, program, versions, cgroup, only, fixtures, together, old } = plan;
/** As the API's own reader: 0400 is octal, but only true and false are booleans. */
const YAML = {
  version: '1.1',
  customTags: (tags) => [
    { tag: 'tag:yaml.org,2002:bool', default: true, test: /^(?:true|false)$/, resolve: (text) => text === 'true' },
    ...tags.filter((one) => one.tag !== 'tag:yaml.org,2002:bool'),
  ],
};
/** Our folders, told as the places a node usually has for them: messages name them. */
const PLACES = [
  ['containerd/root', '/var/lib/containerd'],
  ['containerd/state', '/run/containerd'],
  ['kubelet', '/var/lib/kubelet'],
];
/** How wide a line of a record may be. */
const WIDTH = 130;
const log = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

// Nobody is left to clear up after: the parent's end closes this pipe, and the end of this process ends the whole namespace.
process.stdin.on('end', () => process.exit(1)).resume();

/** What a node with the machine's own older runtime did is kept apart. */
const recorded = old ? 'recorded/containerd-1' : 'recorded';
const services = [];
try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 1;
} finally {
  for (const one of services.reverse()) one.stop();
}
process.exit(process.exitCode ?? 0);

async function main() {
  execFileSync('mount', ['--make-rprivate', '/']);
  mkdirSync(join(work, 'host'));
  execFileSync('mount', ['--bind', join(work, 'host'), HOST]);
  mkdirSync(join(work, 'logs'));
  const images = JSON.parse(readFileSync(join(folder, 'images.json'), 'utf8'));
  const programs = compile(folder, work);
  const file = archive({ images, programs, work });
  network();
  services.push(await etcd({ program, work }));
  log('etcd is ready');
  const { service, api } = await apiserver({ program, work });
  services.push(service);
  log('kube-apiserver is ready');
  await accounts(api, 'default');
  const runtime = await containerd({ program, work, archive: file, old });
  services.push(runtime.service);
  log('containerd is ready');
  if (fixtures !== undefined && !old && [undefined, 'pod-security'].includes(only)) {
    const said = await podSecurity({ api, fixtures, log });
    write(join(folder, 'recorded-pod-security.json'), { recordedAt: now(), kubeApiserver: `v${versions.kubernetes}`, said });
  }
  const { service: agent, node, config } = await kubelet({ program, work, socket: runtime.socket, cgroup, api });
  services.push(agent);
  log(`kubelet is ready: ${node.status.nodeInfo.kubeletVersion}, ${node.status.nodeInfo.containerRuntimeVersion}`);
  const facts = nodeFacts(node, config);
  await all(
    readdirSync(join(folder, 'pods'))
      .filter((name) => name.endsWith('.yaml'))
      .sort(),
    api,
    facts,
    programs,
  );
}

/** The pods, several at once; those that share something on the node name the group in an annotation and run one after another. */
async function all(files, api, facts, programs) {
  const wanted = files.filter((name) => only === undefined || new RegExp(only).test(name));
  const queue = [...wanted];
  let count = 0;
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const documents = parseAllDocuments(readFileSync(join(folder, 'pods', name), 'utf8'), YAML).map((one) => {
        if (one.errors.length > 0) throw one.errors[0];
        return one.toJS();
      });
      const { pod, ...seen } = await runPod({ api, documents, work, programs, log });
      if (`${pod}.yaml` !== name) throw new Error(`${name}: its pod is called ${pod}`);
      write(join(folder, recorded, `${pod}.json`), { pod, recordedAt: now(), node: facts, ...seen });
      count += 1;
      log(`${count}/${wanted.length} ${pod}: ${summary(seen)}`);
    }
  };
  mkdirSync(join(folder, recorded), { recursive: true });
  await Promise.all(Array.from({ length: together }, worker));
}

function summary(seen) {
  if (seen.rejected !== undefined) return `${seen.rejected.code} ${seen.rejected.reason}`;
  const containers = Object.values(seen.containers).map(
    (one) => one.waiting?.reason ?? (one.show === undefined ? '' : 'shown ') + (one.terminated?.reason ?? ''),
  );
  return `${seen.status.phase} ${seen.status.reason ?? ''} ${containers.join(', ')}`;
}

async function accounts(api, namespace) {
  // Made by hand: no controller manager runs.
  const path = `/api/v1/namespaces/${namespace}`;
  await must(api, 'POST', `${path}/serviceaccounts`, { metadata: { name: 'default' } });
  await must(api, 'POST', `${path}/configmaps`, { metadata: { name: 'kube-root-ca.crt' }, data: { 'ca.crt': 'none\n' } });
}

function nodeFacts(node, config) {
  const { kubeletVersion, containerRuntimeVersion, kernelVersion } = node.status.nodeInfo;
  const handler = node.status.runtimeHandlers?.find((one) => one.name === 'runc' || one.name === '');
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    kubelet: kubeletVersion,
    containerd: containerRuntimeVersion.replace('containerd://', '').replace(/^v/, ''),
    runc: versions.runc,
    kernel: kernelVersion,
    platform: old ? 'containerd-1' : 'containerd-2',
    features: {
      supplementalGroupsPolicy: node.status.features?.supplementalGroupsPolicy ?? false,
      userNamespaces: handler?.features?.userNamespaces ?? false,
    },
    kubeletConfig: { seccompDefault: config.seccompDefault ?? false },
    cgroup: existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'v2' : 'v1',
    bounding: /CapBnd:\s*(\w+)/.exec(status)?.[1],
  };
}

function now() {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

function write(path, told) {
  const usual = PLACES.reduce((text, [ours, theirs]) => text.replaceAll(join(work, ours), theirs), JSON.stringify(told));
  const value = JSON.parse(usual);
  writeFileSync(`${path}.new`, `${compact(value)}\n`);
  renameSync(`${path}.new`, path);
}

/** JSON as the repository's formatter leaves it: on one line what fits on one, the comma after it included. */
function compact(value, indent = 0, key = '', last = true) {
  const spaced = line(value);
  const fits = indent + key.length + spaced.length + (last ? 0 : 1) <= WIDTH;
  if (value === null || typeof value !== 'object' || fits) return spaced;
  const list = Array.isArray(value);
  const entries = Object.entries(value);
  const items = entries.map(([name, one], index) => {
    const label = list ? '' : `${JSON.stringify(name)}: `;
    return label + compact(one, indent + 2, label, index === entries.length - 1);
  });
  const inner = ' '.repeat(indent + 2);
  const [open, close] = list ? '[]' : '{}';
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${' '.repeat(indent)}${close}`;
}

function line(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(line).join(', ')}]`;
  const fields = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${line(one)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
