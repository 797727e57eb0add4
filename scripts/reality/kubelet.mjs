// Runs the pods of test/reality/kubelet on a real node and records what it did: `npm run reality:kubelet [-- --only REGEX|pod-security] [--together N] [--keep]`.
// Everything runs in mount, network and process namespaces of its own: their end takes processes, mounts and networks with them.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from './kubelet/builds.mjs';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(repository, 'test/reality/kubelet');
const log = (text) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    together: { type: 'string', default: '6' },
    // Instead of those built: /usr/bin/containerd (1.6 or 1.7), its shim and runc, as the distribution has them.
    'containerd-1': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    fixtures: { type: 'string', default: join(repository, '../shared/fixtures/pod-security') },
  },
});

const TOOLS = {
  go: 'golang',
  gcc: 'gcc libc6-dev libseccomp-dev',
  unshare: 'util-linux',
  ip: 'iproute2',
  openssl: 'openssl',
  setcap: 'libcap2-bin',
  tar: 'tar',
};
const lacking = Object.keys(TOOLS).filter((tool) => spawnSync(tool, ['--help'], { stdio: 'ignore' }).error !== undefined);
if (process.getuid?.() !== 0) fail('needs root');
if (lacking.length > 0) fail(`needs ${lacking.join(', ')}: apt-get install -y ${lacking.map((tool) => TOOLS[tool]).join(' ')}`);

const { program, versions } = await build({
  modules: join(folder, 'go'),
  bin: join(repository, '.cache/reality/bin'),
  log,
});

if (values['containerd-1']) {
  Object.assign(program, {
    containerd: '/usr/bin/containerd',
    'containerd-shim-runc-v2': '/usr/bin/containerd-shim-runc-v2',
    ctr: '/usr/bin/ctr',
    runc: '/usr/sbin/runc',
  });
  versions.runc = /runc version (\S+)/.exec(spawnSync('/usr/sbin/runc', ['--version'], { encoding: 'utf8' }).stdout)?.[1];
}
const work = mkdtempSync(join(tmpdir(), 'unroot-node-'));
// The root of a user namespace is nobody out here and must still be able to walk to its root file system.
chmodSync(work, 0o711);
const cgroup = `/unroot-node-${process.pid}`;
const hierarchies = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? ['/sys/fs/cgroup']
  : readdirSync('/sys/fs/cgroup').map((name) => join('/sys/fs/cgroup', name));
for (const one of hierarchies) mkdirSync(join(one, cgroup), { recursive: true });

const plan = {
  ...{ folder, work, program, versions, cgroup, old: values['containerd-1'], together: Number(values.together) },
  ...(values.only === undefined ? {} : { only: values.only }),
  ...(existsSync(values.fixtures) ? { fixtures: values.fixtures } : {}),
};
if (plan.fixtures === undefined) log(`SKIPPED Pod Security: no fixtures in ${values.fixtures}`);
const started = Date.now();
// The shell in between is the namespace's process 1 and reaps what the shims leave.
const inner = `"$0" "$@"; exit $?`;
const node = spawn(
  'unshare',
  [
    ...['--mount', '--net', '--pid', '--ipc', '--uts', '--fork', '--mount-proc', '--kill-child=SIGKILL'],
    ...['bash', '-c', inner, process.execPath, join(repository, 'scripts/reality/kubelet/node.mjs'), JSON.stringify(plan)],
  ],
  { stdio: ['pipe', 'inherit', 'inherit'] },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => node.kill('SIGKILL'));
const code = await new Promise((resolve) => {
  node.on('error', (error) => {
    console.error(error);
    resolve(1);
  });
  node.on('exit', (status, signal) => resolve(signal === null ? status : 130));
});
await cleared();
log(`done in ${Math.round((Date.now() - started) / 1000)} s`);
process.exitCode = code;

/** The namespaces' end has taken processes and mounts along; cgroups and files are left. */
async function cleared() {
  for (const one of hierarchies)
    for (let tries = 0; tries < 50 && !emptied(join(one, cgroup)); tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
  if (values.keep) return log(`kept ${work}`);
  rmSync(work, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

/** Removes a tree of cgroups; false while a process is still in one. */
function emptied(path) {
  if (!existsSync(path)) return true;
  const below = readdirSync(path, { withFileTypes: true }).filter((one) => one.isDirectory());
  const gone = below.map((one) => emptied(join(path, one.name))).every(Boolean);
  if (!gone) return false;
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (error.code === 'EBUSY') return false;
    throw error;
  }
}

function fail(text) {
  console.error(`reality:kubelet ${text}`);
  process.exit(2);
}
