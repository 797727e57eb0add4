/**
 * A machine of its own in QEMU: emulated, so that it is the same everywhere; no network, read-only disks, one line to the player. It runs as
 * nobody, in a pid and network namespace of its own, and ends with the player however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { findProgram } from '../../engine/builtin-tools.ts';
import { processAlive, processStartTime, signalProcess } from '../../engine/proc.ts';
import { register, undo } from '../../engine/reaper.ts';
import { UnrootError } from '../../error.ts';
import type { GuestFiles } from './disk.ts';

export interface Machine {
  /** Of QEMU, as the machine counts. */
  readonly pid: number;
  readonly line: Duplex;
  /** What its console said last. */
  console(): string;
  readonly exited: Promise<void>;
  end(): Promise<void>;
}

const MEGABYTES = 1280;
const NOBODY = '65534';
const INSTALL = 'apt-get install -y qemu-system-x86';

/** Starts it; `line` carries bytes at once, and somebody answers when the agent runs. */
export async function startMachine(files: GuestFiles, payload: string, selinux: boolean): Promise<Machine> {
  const fds = [files.kernel, files.initrd, files.disk, payload].map((file) => openSync(file, 'r'));
  const [kernel, initrd, disk, lab] = [4, 5, 6, 7].map((fd) => `/dev/fd/${fd}`);
  const drive = (id: string, file: string): readonly string[] => [
    ...['-drive', `if=none,id=${id},file=${file},format=raw,read-only=on,file.locking=off`],
    ...['-device', `virtio-blk-pci,drive=${id}`],
  ];
  // Where list looked for it too: not everybody has the places of system programs on PATH.
  const qemu = findProgram('qemu-system-x86_64');
  if (qemu === undefined) throw new UnrootError('QEMU is not here', { code: 'lab.node-failed', hint: INSTALL });
  const child: ChildProcess = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', '--', 'unshare', '--pid', '--net', '--ipc', '--fork', '--kill-child=KILL', '--'],
      // A change of user takes the wish to die with the parent away: told again after it.
      ...['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups', '--bounding-set', '-all', '--inh-caps', '-all'],
      ...['--no-new-privs', '--pdeathsig', 'KILL', '--'],
      ...[qemu, '-name', 'unroot-lab', '-machine', 'pc', '-accel', 'tcg,thread=multi', '-cpu', 'max'],
      ...['-m', String(MEGABYTES), '-smp', '2', '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
      ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
      ...['-kernel', kernel!, '-initrd', initrd!],
      ...['-append', `console=ttyS0 quiet panic=-1 mitigations=off ${selinux ? 'security=selinux enforcing=1' : ''}`.trim()],
      ...drive('system', disk!),
      ...drive('lab', lab!),
      ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
      ...['-device', 'virtio-serial', '-chardev', 'socket,id=line,fd=3', '-device', 'virtserialport,chardev=line,name=unroot'],
      ...['-device', 'virtio-rng-pci'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...fds], detached: true },
  );
  for (const fd of fds) closeSync(fd);
  let said = '';
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString('latin1')).slice(-4000);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const line = child.stdio[3] as unknown as Duplex;
  line.on('error', () => {});
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve();
    });
    child.once('close', () => resolve());
  });
  const kills = child.pid === undefined ? [] : [register(undo.kill(child.pid))];
  const pid = await qemuOf(child);
  const start = processStartTime(pid);
  if (pid !== child.pid) kills.push(register(undo.kill(pid)));
  return {
    pid,
    line,
    console: () => said.replace(/\x1b[^a-zA-Z]*[a-zA-Z]/g, '').trim(),
    exited,
    async end() {
      if (!signalProcess(pid, 'SIGKILL', start)) child.kill('SIGKILL');
      const late = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exited;
      clearTimeout(late);
      for (const until = Date.now() + 5000; processAlive(pid, start) && Date.now() < until; )
        await new Promise((resolve) => setTimeout(resolve, 5));
      for (const kill of kills) kill.release();
    },
  };
}

/** The first process of the new pid namespace: the child of unshare. */
async function qemuOf(child: ChildProcess): Promise<number> {
  for (const until = Date.now() + 10_000; child.pid !== undefined && child.exitCode === null && Date.now() < until; ) {
    try {
      const [first] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
      if (first) return Number(first);
    } catch {
      // Gone in this moment, or a kernel without that file.
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (child.pid === undefined || child.exitCode !== null)
    throw new UnrootError('QEMU could not be started', { code: 'lab.node-failed', hint: INSTALL });
  return child.pid;
}
