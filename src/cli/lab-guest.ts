/** Both ends of what is typed in a guest: `agent` runs there and is the player's hand; `enter` runs here, below a terminal, and takes a program there. */
import { connect } from 'node:net';
import { UnrootError } from '../error.ts';
import type { Opening } from '../lab/guest/agent.ts';
import { dataFrames, FRAME, frame, frameReader, jsonFrame, jsonOf } from '../lab/guest/frames.ts';
import type { CommandContext } from './command.ts';

/** `enter SOCKET -- PROGRAM…`, with exactly the environment it was started with. */
export async function inGuest(what: string, door: string | undefined, context: CommandContext): Promise<void> {
  if (what === 'agent') return (await import('../lab/guest/agent.ts')).runAgent();
  if (door === undefined) throw new UnrootError('which guest?', { code: 'usage', expected: 'a socket' });
  context.done(await enterGuest(door, context.behind));
}

async function enterGuest(door: string, argv: readonly string[]): Promise<number> {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const socket = connect(door);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', (cause) =>
      reject(new UnrootError(`the guest does not answer: ${cause.message}`, { code: 'lab.no-player', cause })),
    );
  });
  const size = (): { cols: number; rows: number } => ({ cols: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 });
  const env = Object.fromEntries(Object.entries(process.env).filter((one): one is [string, string] => one[1] !== undefined));
  socket.write(
    jsonFrame(FRAME.open, 0, { kind: 'exec', argv, env, ...(terminal ? { terminal: size() } : {}) } satisfies Opening),
  );
  const onResize = (): void => void socket.write(jsonFrame(FRAME.resize, 0, size()));
  if (terminal) {
    process.stdin.setRawMode(true);
    process.stdout.on('resize', onResize);
  }
  process.stdin.on('data', (bytes: Buffer) => {
    for (const one of dataFrames(FRAME.data, 0, bytes))
      if (!socket.write(one)) {
        process.stdin.pause();
        socket.once('drain', () => process.stdin.resume());
      }
  });
  process.stdin.on('end', () => socket.write(frame(FRAME.end, 0)));
  let code = 129;
  const read = frameReader(({ kind, bytes }) => {
    if (kind === FRAME.result) code = (jsonOf(bytes) as { code?: number }).code ?? 129;
    if (kind !== FRAME.data && kind !== FRAME.error) return;
    if (!(kind === FRAME.data ? process.stdout : process.stderr).write(bytes)) {
      socket.pause();
      process.stdout.once('drain', () => socket.resume());
    }
  });
  socket.on('data', read);
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  if (terminal) process.stdin.setRawMode(false);
  process.stdout.off('resize', onResize);
  process.stdin.destroy();
  return code;
}
