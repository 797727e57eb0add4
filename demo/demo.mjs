// The main job in one go, on an image made here: who → check → fix → prove. Run it with `npm run demo`.
// Arguments are handed to the commands: `npm run demo -- --engine builtin`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { buildDemoImage } = await import('../dist/demo.js');
const extra = process.argv.slice(2);

const work = mkdtempSync(join(tmpdir(), 'unroot-demo-'));
let code = 1;
try {
  code = demo();
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.exit(code);

/** Runs one command as a person would, and shows what it was. */
function unroot(title, args, accepted) {
  console.log(`\n\u2014 ${title}\n$ unroot ${args.map((arg) => (arg.startsWith(work) ? relative(work, arg) : arg)).join(' ')}\n`);
  const { status, signal } = spawnSync(process.execPath, [join(root, 'dist/unroot.js'), ...args], {
    cwd: work,
    stdio: 'inherit',
  });
  if (signal !== null || !accepted.includes(status)) {
    console.error(`unroot ended with ${signal ?? status}`);
    process.exitCode = 1;
    return false;
  }
  return true;
}

function demo() {
  const started = Date.now();
  mkdirSync(join(work, 'host'));
  buildDemoImage(join(work, 'simple-server'), join(root, 'demo/server.mjs'));
  console.log(
    'An image of this machine\u2019s node and a small server: port 80, /server.log, /run/server.pid, and /host mounted into it.',
  );
  const image = 'oci:simple-server';
  const mount = ['--volume', './host:/host'];
  const ok =
    unroot('Who does it run as?', ['who', image], [0]) &&
    unroot('What would fail as uid 10001?', ['check', image, '--trace', ...mount, ...extra], [0, 1]) &&
    unroot('The smallest change that helps', ['fix', image, '--no-prove', '--out', 'fixed', ...mount, ...extra], [0, 1]) &&
    unroot('Does it do the same work?', ['prove', image, ...mount, ...extra], [0]);
  if (ok)
    console.log(
      `\nDone in ${((Date.now() - started) / 1000).toFixed(0)} s. Try it on an image of yours: node dist/unroot.js fix IMAGE --out fixed`,
    );
  return ok ? 0 : 1;
}
