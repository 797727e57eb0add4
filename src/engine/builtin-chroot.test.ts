import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bundleProgram } from '../../test/support/bundle.ts';
import { type LayerItem, writeLayout } from '../../test/support/image-builder.ts';
import { detectBuiltin } from './builtin.ts';
import { findProgram, libraries } from './builtin-tools.ts';

const status = await detectBuiltin();
if (!status.available) console.warn(`SKIPPED: built-in engine under chroot: ${status.reason} ${status.install ?? ''}`);

/** `ls` and `sleep` of this machine with their libraries. */
function programs(): LayerItem[] {
  const files = new Map<string, string>();
  for (const name of ['ls', 'sleep']) {
    const from = findProgram(name)!;
    files.set(`/bin/${name}`, from);
    const { loader, shared } = libraries(from);
    for (const path of [...(loader ? [loader] : []), ...shared.map((each) => each.path)]) files.set(path, path);
  }
  return [...files].map(([path, from]) => ({ path, content: readFileSync(from), mode: 0o755 }));
}

describe.skipIf(!status.available)('built-in engine under chroot', () => {
  it("gives the container a mount namespace that ends at the container's root", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chroot-test-'));
    const root = join(folder, 'root');
    mkdirSync(root);
    const program = await bundleProgram(
      fileURLToPath(new URL('../../test/conformance/orphan.ts', import.meta.url)),
      join(folder, 'program'),
    );
    const layout = writeLayout(join(folder, 'image'), { layers: [programs()], config: { Env: ['PATH=/bin'] } });
    const enter = 'mount --rbind / "$1" && cd "$1" && shift && exec chroot . "$@"';
    const run = [process.execPath, program, 'builtin', `oci:${layout}:latest`, '8639957'];
    const child = spawn('unshare', ['--mount', '--propagation', 'private', '--', 'sh', '-c', enter, 'sh', root, ...run], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') },
    });
    const over = new Promise<void>((resolve) => child.on('close', () => resolve()));
    let said = '';
    const running = new Promise<number>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          const pid = /running (\d+)/.exec(said)?.[1];
          if (pid) resolve(Number(pid));
        });
      child.on('close', () => reject(new Error(said)));
    });
    try {
      const pid = await running;
      // setns(2) leads to the root of the namespace: were it the host's, this would be the inode of the host's root.
      const inode = execFileSync('nsenter', ['-t', String(pid), '-m', '--', '/bin/ls', '-di', '/'], { encoding: 'utf8' });
      expect(Number.parseInt(inode, 10)).toBe(statSync(`/proc/${pid}/root`).ino);
      expect(existsSync(`/proc/${pid}/root/etc/debian_version`)).toBe(false);
    } finally {
      child.kill('SIGKILL');
      await over;
      // The shell that outlives it clears up behind it; only then is the folder ours alone.
      const runs = join(folder, 'cache/unroot/run');
      for (let tries = 0; tries < 200 && existsSync(runs) && readdirSync(runs).length > 0; tries++) await sleep(50);
      execFileSync('rm', ['-rf', '--one-file-system', folder]);
    }
  });
});
