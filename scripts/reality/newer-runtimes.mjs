// Builds containerd 2 and a current runc from their Go modules into .cache/reality/bin, then runs the identity cases through them and records what
// they tell in test/reality/recorded/containerd-2.json: `npm run reality:runtimes`. Needs root, Go, gcc and Debian's containerd; about five minutes.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONTAINERD = process.env.UNROOT_CONTAINERD ?? '2.4.2';
const RUNC = process.env.UNROOT_RUNC ?? '1.5.2';

const project = fileURLToPath(new URL('../../', import.meta.url));
const bin = join(project, '.cache/reality/bin');

for (const [tool, line] of [
  ['go', 'https://go.dev/dl'],
  ['gcc', 'apt-get install -y gcc libc6-dev'],
]) {
  if (spawnSync(tool, [tool === 'go' ? 'version' : '--version'], { stdio: 'ignore' }).error !== undefined) {
    console.error(`${tool} is not installed: ${line}`);
    process.exit(2);
  }
}

/** The module's folder in Go's cache, its sums checked by the module proxy's database. */
function source(module, version) {
  const answer = execFileSync('go', ['mod', 'download', '-json', `${module}@v${version}`], { encoding: 'utf8', cwd: '/' });
  return JSON.parse(answer).Dir;
}

/** Nothing when every one of the programs is there already. */
function build(folder, programs, module, version, packages, { cgo, tags, flags }) {
  if (programs.every((name) => existsSync(join(folder, name)))) return;
  console.log(`building ${module} ${version}`);
  mkdirSync(folder, { recursive: true });
  execFileSync('nice', ['go', 'build', '-p', '2', '-tags', tags, '-ldflags', `-s -w ${flags}`, '-o', `${folder}/`, ...packages], {
    cwd: source(module, version),
    env: { ...process.env, CGO_ENABLED: cgo },
    stdio: 'inherit',
  });
}

const containerd = join(bin, `containerd-${CONTAINERD}`);
build(
  containerd,
  ['containerd', 'containerd-shim-runc-v2', 'ctr'],
  'github.com/containerd/containerd/v2',
  CONTAINERD,
  ['./cmd/containerd', './cmd/containerd-shim-runc-v2', './cmd/ctr'],
  {
    cgo: '0',
    tags: 'no_btrfs no_zfs no_devmapper',
    flags: `-X github.com/containerd/containerd/v2/version.Version=v${CONTAINERD}`,
  },
);
// Without seccomp, which decides nothing of identity; its part written in C needs cgo.
const runc = join(bin, `runc-${RUNC}`);
build(runc, ['runc'], 'github.com/opencontainers/runc', RUNC, ['.'], { cgo: '1', tags: '', flags: `-X main.version=${RUNC}` });

// One folder with all of them: containerd looks for its shim where it lies itself.
const together = join(bin, `cri-${CONTAINERD}-${RUNC}`);
mkdirSync(together, { recursive: true });
for (const [folder, name] of [
  [containerd, 'containerd'],
  [containerd, 'containerd-shim-runc-v2'],
  [containerd, 'ctr'],
  [runc, 'runc'],
]) {
  rmSync(join(together, name), { force: true });
  symlinkSync(join(folder, name), join(together, name));
}

const { status } = spawnSync(
  process.execPath,
  [join(project, 'node_modules/vitest/vitest.mjs'), 'run', 'test/reality/launch-containerd-2.test.ts'],
  { cwd: project, stdio: 'inherit', env: { ...process.env, UNROOT_REALITY_BIN: together } },
);
process.exit(status ?? 1);
