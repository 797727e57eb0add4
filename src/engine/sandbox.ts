/** What the containers of a pod share: network and System V IPC, held by a process that does nothing else, as the pause container does. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../error.ts';
import { signalProcess } from './proc.ts';
import { register, undo } from './reaper.ts';

export interface Sandbox {
  /** Its namespaces are those at /proc/PID/ns. */
  readonly pid: number;
  /** Where the pod is reached from inside, besides loopback; undefined when no address could be given (ip(8) is missing). */
  readonly address: string | undefined;
  close(): Promise<void>;
}

/** Of the benchmark range that no network routes (RFC 2544), so that nothing of the host is hidden. */
const ADDRESS = '198.18.0.2';
const READY_MS = 10_000;

/** Throws `engine.sandbox` when the namespaces cannot be made. `bare`: without an address; somebody else gives it one. */
export async function openSandbox({ bare = false }: { readonly bare?: boolean } = {}): Promise<Sandbox> {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-pod-'));
  const removal = register(undo.remove(folder));
  const ready = join(folder, 'ready');
  writeFileSync(ready, '');
  const script = [
    'mount -t sysfs sysfs /sys && echo 0x1 >/sys/class/net/lo/flags || ip link set lo up || exit 1',
    bare ? 'a=' : `a=; ip address add ${ADDRESS}/32 dev lo 2>/dev/null && a=${ADDRESS}`,
    'printf "%s\\n" "ready $a" >"$1"',
    'exec sleep 2147483647',
  ].join('\n');
  const child = spawn('unshare', ['--net', '--ipc', '--mount', '--', 'sh', '-c', script, 'unroot-pause', ready], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const gone = new Promise<'gone'>((resolve) => {
    child.once('error', (error) => {
      words += error.message;
      resolve('gone');
    });
    child.once('exit', () => resolve('gone'));
  });
  const { pid } = child;
  const killing = pid === undefined ? undefined : register(undo.kill(pid));
  const close = async (): Promise<void> => {
    if (pid !== undefined && child.exitCode === null && child.signalCode === null) {
      // Else node would end here, with nothing left to wait for.
      child.ref();
      signalProcess(pid, 'SIGKILL');
      await gone;
    }
    killing?.release();
    rmSync(folder, { recursive: true, force: true });
    removal.release();
  };
  for (const end = Date.now() + READY_MS; Date.now() < end; ) {
    const text = readFileSync(ready, 'utf8');
    if (pid !== undefined && text.endsWith('\n')) {
      child.unref();
      return { pid, address: text.slice('ready '.length).trim() || undefined, close };
    }
    if ((await Promise.race([gone, sleep(5)])) === 'gone') break;
  }
  await close();
  throw new UnrootError(`the network namespace of a pod cannot be made: ${words.trim().split('\n').at(-1) || 'no answer'}`, {
    code: 'engine.sandbox',
    expected: 'root, and unshare(1) and mount(8) of util-linux',
  });
}
