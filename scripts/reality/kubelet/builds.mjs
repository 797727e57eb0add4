// Builds what a node is made of from the public Go modules named by test/reality/kubelet/go/*/go.mod, once, into .cache/reality/bin.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** What is built: the folder of the go.mod, the module that gives the version, its programs, and how. */
const PARTS = [
  {
    part: 'kubernetes',
    module: 'k8s.io/kubernetes',
    programs: { 'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver', kubelet: 'k8s.io/kubernetes/cmd/kubelet' },
    // Without these the programs call themselves v0.0.0-master, and what depends on a version (feature gates, Pod Security) is off.
    ldflags: (version) => {
      const [major, minor] = version.split('.');
      const set = (name, value) => `-X k8s.io/component-base/version.${name}=${value}`;
      return [set('gitVersion', `v${version}`), set('gitMajor', major), set('gitMinor', minor)];
    },
  },
  { part: 'etcd', module: 'go.etcd.io/etcd/server/v3', programs: { etcd: 'go.etcd.io/etcd/server/v3' } },
  {
    part: 'containerd',
    module: 'github.com/containerd/containerd/v2',
    programs: Object.fromEntries(
      ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => [name, `github.com/containerd/containerd/v2/cmd/${name}`]),
    ),
    tags: ['no_btrfs', 'no_zfs', 'no_devmapper'],
    ldflags: (version) => [`-X github.com/containerd/containerd/v2/version.Version=v${version}`],
  },
  {
    part: 'runc',
    module: 'github.com/opencontainers/runc',
    programs: { runc: 'github.com/opencontainers/runc' },
    tags: ['seccomp'],
    suffix: '-seccomp',
  },
  {
    part: 'cni',
    module: 'github.com/containernetworking/plugins',
    programs: {
      loopback: 'github.com/containernetworking/plugins/plugins/main/loopback',
      ptp: 'github.com/containernetworking/plugins/plugins/main/ptp',
      'host-local': 'github.com/containernetworking/plugins/plugins/ipam/host-local',
    },
  },
];

/** What every program built here is stripped of: symbols and the paths of this machine. */
const STRIP = ['-s', '-w'];

/** Builds what is not there yet; answers `{ versions: { part: '1.2.3' }, program: { kubelet: '/…/kubelet' } }`. */
export async function build({ modules, bin, log }) {
  const versions = {};
  const program = {};
  for (const { part, module, programs, ldflags, tags, suffix } of PARTS) {
    const folder = join(modules, part);
    const version = versionIn(readFileSync(join(folder, 'go.mod'), 'utf8'), module);
    const into = join(bin, `${part}-${version}${suffix ?? ''}`);
    mkdirSync(into, { recursive: true });
    versions[part] = version;
    for (const [name, path] of Object.entries(programs)) {
      program[name] = join(into, name);
      if (existsSync(program[name])) continue;
      const started = Date.now();
      log(`building ${name} ${version}`);
      const temporary = join(into, `.${name}.${process.pid}`);
      await run(
        'nice',
        [
          ...['-n', '10', 'go', 'build', '-p', '2', '-trimpath', '-buildvcs=false', '-mod=readonly', '-o', temporary],
          ...(tags === undefined ? [] : ['-tags', tags.join(',')]),
          ...['-ldflags', [...STRIP, ...(ldflags?.(version) ?? [])].join(' '), path],
        ],
        folder,
      );
      renameSync(temporary, program[name]);
      log(`built ${name} in ${Math.round((Date.now() - started) / 1000)} s`);
    }
  }
  return { versions, program };
}

/** The version a go.mod requires of one module, without its `v`. */
function versionIn(text, module) {
  const found = text
    .split('\n')
    .map((line) =>
      line
        .trim()
        .replace(/^require /, '')
        .split(' '),
    )
    .find(([name]) => name === module);
  if (found?.[1] === undefined) throw new Error(`no version of ${module} in go.mod`);
  return found[1].slice(1);
}

function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, GOFLAGS: '' } });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${code}`))));
  });
}
