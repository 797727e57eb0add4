/** Terminals without a native module: script(1) of util-linux makes the pty, stty(1) changes its size from outside. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Pty, PtyCommand, PtyEvents } from './pty.ts';

/** Path of a script(1) that knows `--return`, which the one of util-linux does. */
export function findScript(): string | undefined {
  const run = spawnSync('script', ['--version'], { encoding: 'utf8' });
  return run.status === 0 && run.stdout.includes('util-linux') ? 'script' : undefined;
}

/** A word for sh(1). */
const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export function startWithScript(script: string, { file, args, env, cols, rows }: PtyCommand, events: PtyEvents): Pty {
  const line = `stty cols ${cols} rows ${rows}; exec ${[file, ...args].map(quote).join(' ')}`;
  // Its own environment must name a shell that understands the line; the program below gets all of it too.
  const child = spawn(script, ['--quiet', '--flush', '--return', '--command', line, '/dev/null'], {
    env: { ...env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let over = false;
  const end = (how: string): void => {
    if (!over) events.onEnd(how);
    over = true;
  };
  child.stdout.on('data', events.onData);
  child.on('error', (error) => end(error.message));
  child.on('close', (code, signal) => end(signal === null ? `exit ${code}` : `killed by ${signal}`));
  child.stdin.on('error', () => {}); // Typed while it was ending: nobody is left to read it.
  return {
    pid: child.pid ?? -1,
    write: (bytes) => {
      if (!over) child.stdin.write(bytes);
    },
    resize: (width, height) => {
      const terminal = over || child.pid === undefined ? undefined : terminalBelow(child.pid);
      // Gone in the meantime: then its size is of no interest any more.
      if (terminal !== undefined) execFile('stty', ['-F', terminal, 'cols', `${width}`, 'rows', `${height}`], () => {});
    },
    pause: () => void child.stdout.pause(),
    resume: () => void child.stdout.resume(),
    end: () => {
      child.stdout.resume();
      // Its own end of the pty closes with it, and the kernel hangs up on everything below.
      if (!over) child.kill('SIGKILL');
    },
  };
}

/** The terminal of the program that script(1) started. */
function terminalBelow(pid: number): string | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent !== pid) continue;
      const target = readlinkSync(`/proc/${name}/fd/0`);
      if (target.startsWith('/dev/pts/')) return target;
    } catch {
      // Ended between the two looks.
    }
  }
  return undefined;
}
