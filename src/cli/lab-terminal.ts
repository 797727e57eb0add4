/** A shell of a node on the user's terminal, which is given back as it was taken. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Entry, LabNode } from '../lab/node.ts';

/**
 * The shell in the node. On a terminal one of the node's own, so that job control works there and Ctrl-C is a key for it and not for us.
 * `news`: it tells at each prompt what became green.
 */
export function shellEntry(node: Pick<LabNode, 'enter'>, news: boolean, terminal: boolean): Entry {
  const extra = {
    LAB_NEWS: news ? '1' : '',
    TERM: process.env.TERM ?? 'xterm-256color',
    ...(process.env.NO_COLOR ? { NO_COLOR: '1' } : {}),
  };
  const argv = terminal ? ['/usr/bin/script', '-qec', '/bin/bash -i', '/dev/null'] : ['/bin/bash'];
  return node.enter(['/usr/bin/env', '-C', '/root/lab', ...argv], extra);
}

/** Runs it to its end. `started` gets the process, to end it before. */
export async function runShell({ file, args, env }: Entry, started: (shell: ChildProcess) => void): Promise<void> {
  const before = terminalSettings();
  try {
    await new Promise<void>((resolve, reject) => {
      const shell = spawn(file, args, { stdio: 'inherit', env });
      shell.on('error', reject);
      shell.on('close', () => resolve());
      started(shell);
    });
  } finally {
    // script(1) makes the terminal raw; killed with its node it cannot take that back, and the next one would copy it.
    if (before !== undefined) stty(before);
  }
}

const terminalSettings = (): string | undefined => (process.stdin.isTTY ? stty('-g') : undefined);

function stty(words: string): string | undefined {
  const { status, stdout } = spawnSync('stty', [words], { stdio: ['inherit', 'pipe', 'ignore'], encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
