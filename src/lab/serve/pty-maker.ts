/** What makes terminals on this machine: node-pty where its binary loads, else script(1) and stty(1). */
import { UnrootError } from '../../error.ts';
import type { Pty, PtyCommand, PtyEvents, PtyMaker } from './pty.ts';
import { findScript, startWithScript } from './pty-script.ts';

type NodePty = typeof import('@lydell/node-pty');

/** What makes terminals on this machine. Throws `lab.no-terminal` when there is nothing. `only` is for tests. */
export async function findPtyMaker(only?: 'node-pty' | 'script'): Promise<PtyMaker> {
  const nodePty = only === 'script' ? undefined : await loadNodePty();
  if (nodePty !== undefined) return { name: 'node-pty', start: (command, events) => startWithNodePty(nodePty, command, events) };
  const script = only === 'node-pty' ? undefined : findScript();
  if (script !== undefined) return { name: 'script', start: (command, events) => startWithScript(script, command, events) };
  throw new UnrootError('There is nothing that makes terminals', {
    code: 'lab.no-terminal',
    expected: 'the npm package @lydell/node-pty with its binary for this machine, or script of util-linux',
    hint: 'apt-get install -y bsdutils (Debian), or install unroot without --omit=optional',
  });
}

/** An optional dependency: no binary for this machine is no error, as long as script(1) is there. */
async function loadNodePty(): Promise<NodePty | undefined> {
  try {
    return await import('@lydell/node-pty');
  } catch {
    return undefined;
  }
}

const GRACE_MS = 1000;

function startWithNodePty(nodePty: NodePty, { file, args, env, cols, rows }: PtyCommand, events: PtyEvents): Pty {
  const child = nodePty.spawn(file, [...args], {
    name: env.TERM ?? 'xterm-256color',
    cols,
    rows,
    env: { ...env },
    encoding: null,
  });
  let over = false;
  child.onData((data: string | Uint8Array) => events.onData(typeof data === 'string' ? Buffer.from(data) : data));
  child.onExit(({ exitCode, signal }) => {
    over = true;
    events.onEnd(signal === undefined || signal === 0 ? `exit ${exitCode}` : `killed by signal ${signal}`);
  });
  const kill = (signal: string): void => {
    if (!over) child.kill(signal);
  };
  return {
    pid: child.pid,
    write: (bytes) => {
      if (!over) child.write(Buffer.from(bytes) as unknown as string);
    },
    resize: (width, height) => {
      if (!over) child.resize(width, height);
    },
    pause: () => child.pause(),
    resume: () => child.resume(),
    end: () => {
      child.resume();
      kill('SIGHUP');
      setTimeout(() => kill('SIGKILL'), GRACE_MS).unref();
    },
  };
}
