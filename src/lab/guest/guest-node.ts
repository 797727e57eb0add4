/** A node in a guest: the same words as one on the machine; what looks at it is asked of the agent there. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecResult } from '../../engine/engine.ts';
import type { LabNode } from '../node.ts';
import { NODE_ENVIRONMENT } from '../node-script.ts';
import type { NodeWish } from './agent.ts';
import type { Guest } from './guest.ts';

/** Emulated, and perhaps beside others: what takes a second on the machine. */
const BEGIN_MS = 180_000;
const END_MS = 90_000;
const SLOWER = 4;

/** `program`: folder of unroot.js on this machine, for terminals. */
export async function startGuestNode(guest: Guest, wish: NodeWish, program: string): Promise<LabNode> {
  const { id, notes } = await guest.call<{ id: string; notes: readonly string[] }>('begin', wish, BEGIN_MS);
  const home = join(guest.home, id);
  const shared = join(home, 'shared');
  mkdirSync(shared, { recursive: true, mode: 0o700 });
  guest.deskAt(join(shared, 'player'));
  const nowhere = join(home, 'in-the-guest');
  let endedAt: number | undefined;
  let ending: Promise<void> | undefined;
  return {
    id,
    pid: guest.machine.pid,
    proc: join(nowhere, 'proc'),
    root: join(nowhere, 'root'),
    shared,
    notes,
    guest: { ask: (what, value) => guest.call(what, value, BEGIN_MS) },
    enter: (argv, env = {}) => ({
      file: process.execPath,
      args: [join(program, 'unroot.js'), 'lab', 'guest', 'enter', guest.door, '--', ...argv],
      env: { ...NODE_ENVIRONMENT, TERM: process.env.TERM ?? 'xterm-256color', ...env },
    }),
    run: (script, { timeoutMs = 60_000, cwd } = {}) =>
      guest.call<ExecResult>(
        'run',
        { script, timeoutMs: timeoutMs * SLOWER, ...(cwd === undefined ? {} : { cwd }) },
        timeoutMs * SLOWER + 10_000,
      ),
    exited: new Promise<void>((resolve) => {
      void guest.machine.exited.then(resolve);
      guest.onExited((one) => one === id && resolve());
    }),
    ended: () => endedAt,
    end() {
      ending ??= (async () => {
        endedAt = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
        // A guest that is gone has no node any more.
        await guest.call('end', null, END_MS).catch(() => {});
        rmSync(home, { recursive: true, force: true });
      })();
      return ending;
    },
  };
}
