/** The player's side of a guest: starts the machine, waits for the agent, calls it, and lends its line to terminals and to the node's words. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { register, undo } from '../../engine/reaper.ts';
import { UnrootError } from '../../error.ts';
import type { Opening } from './agent.ts';
import { type GuestFiles, payloadDisk } from './disk.ts';
import { dataFrames, FRAME, type Frame, frame, frameReader, jsonFrame, jsonOf } from './frames.ts';
import { type Machine, startMachine } from './machine.ts';

export interface Guest {
  readonly machine: Machine;
  /** Its folder, on this machine. */
  readonly home: string;
  /** A socket that takes one program each: for `unroot lab guest enter`. */
  readonly door: string;
  call<T>(method: string, value?: unknown, timeoutMs?: number): Promise<T>;
  /** Connections from the node to the player go to this socket. */
  deskAt(socket: string): void;
  /** Called when a node of it ended by itself. */
  onExited(listener: (id: string) => void): void;
  end(): Promise<void>;
}

export interface GuestOptions {
  readonly files: GuestFiles;
  /** Name in the payload → folder of this machine. */
  readonly payload: ReadonlyMap<string, string>;
  readonly home: string;
  readonly selinux: boolean;
  readonly signal?: AbortSignal;
}

/** From QEMU's start to the agent's first word; a machine that emulates beside others is slow. */
const BOOT_MS = 300_000;
const CALL_MS = 60_000;

/** Resolves when the agent answers. */
export async function startGuest({ files, payload, home, selinux, signal }: GuestOptions): Promise<Guest> {
  const removeHome = register(undo.remove(home));
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const disk = join(home, 'payload.img');
  await payloadDisk(disk, payload, join(home, 'payload'), signal);
  const machine = await startMachine(files, disk, selinux);
  const talks = new Map<number, (one: Frame) => void>();
  /** What ends each call that has no answer yet when the machine ends: one listener for all, of which a day brings many. */
  const waiting = new Map<number, () => void>();
  let ended = false;
  void machine.exited.then(() => {
    ended = true;
    for (const gone of [...waiting.values()]) gone();
  });
  let serial = 0;
  let desk = '';
  let ready = (): void => {};
  let exited: (id: string) => void = () => {};
  const send = (bytes: Uint8Array): boolean => machine.line.writable && machine.line.write(bytes);
  const news = (value: unknown): void => {
    const { hello, exited: id } = value as { hello?: string; exited?: string };
    if (hello !== undefined) ready();
    if (id !== undefined) exited(id);
  };
  machine.line.on(
    'data',
    frameReader((one) => {
      if (one.channel === 0) return news(jsonOf(one.bytes));
      if (one.kind === FRAME.open) return toDesk(one.channel);
      talks.get(one.channel)?.(one);
    }),
  );

  /** A word of the node (`check`) comes in, and goes to the player as from a node of this machine. */
  const toDesk = (channel: number): void => {
    const socket = dial(desk);
    talks.set(channel, ({ kind, bytes }) => {
      if (kind === FRAME.data) socket.write(bytes);
      else if (kind === FRAME.end) socket.end();
      else if (kind === FRAME.cancel) {
        talks.delete(channel);
        socket.destroy();
      }
    });
    socket.on('data', (bytes) => {
      for (const each of dataFrames(FRAME.data, channel, bytes)) send(each);
    });
    socket.on('end', () => void send(frame(FRAME.end, channel)));
    socket.on('error', () => void send(frame(FRAME.cancel, channel)));
  };

  /** Somebody's terminal: frames with a number of its own, passed on with one of ours. */
  const visit = (socket: Socket): void => {
    const channel = ++serial;
    let paused = false;
    talks.set(channel, ({ kind, bytes }) => {
      const clear = socket.write(frame(kind, 0, bytes));
      if (!clear && !paused) {
        paused = true;
        send(frame(FRAME.pause, channel));
      }
      if (kind === FRAME.result) {
        talks.delete(channel);
        socket.end();
      }
    });
    socket.on('drain', () => {
      if (paused) send(frame(FRAME.resume, channel));
      paused = false;
    });
    const take = frameReader(({ kind, bytes }) => {
      if (!send(frame(kind, channel, bytes))) {
        socket.pause();
        machine.line.once('drain', () => socket.resume());
      }
    });
    socket.on('data', (bytes) => {
      try {
        take(bytes);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (talks.delete(channel)) send(frame(FRAME.cancel, channel));
    });
  };
  const door = join(home, 'door');
  const server = createServer(visit);
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => {
    ending ??= (async () => {
      server.close();
      await machine.end();
      rmSync(home, { recursive: true, force: true });
      removeHome.release();
    })();
    return ending;
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void => {
        const words = machine.console().split('\n').slice(-8).join(' / ').slice(-900);
        reject(
          new UnrootError(`the guest did not start: ${why}${words === '' ? '' : `; its console: ${words}`}`, {
            code: 'lab.node-failed',
          }),
        );
      };
      const timer = setTimeout(() => fail(`nothing was heard of it within ${BOOT_MS / 1000} s`), BOOT_MS);
      const onAbort = (): void => fail('interrupted');
      signal?.addEventListener('abort', onAbort, { once: true });
      ready = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      void machine.exited.then(() => {
        clearTimeout(timer);
        fail('it ended');
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(door, resolve);
    });
    chmodSync(door, 0o600);
    server.unref();
  } catch (error) {
    await end();
    throw error;
  }
  return {
    machine,
    home,
    door,
    call<T>(method: string, value: unknown = null, timeoutMs = CALL_MS): Promise<T> {
      const channel = ++serial;
      return new Promise<T>((resolve, reject) => {
        const over = (error?: Error): void => {
          clearTimeout(timer);
          talks.delete(channel);
          waiting.delete(channel);
          if (error !== undefined) reject(error);
        };
        const gone = (why: string): void => over(new UnrootError(`the guest ${why}`, { code: 'lab.node-failed' }));
        const timer = setTimeout(() => gone(`did not answer within ${Math.round(timeoutMs / 1000)} s`), timeoutMs);
        if (ended) return gone('ended');
        waiting.set(channel, () => gone('ended'));
        talks.set(channel, ({ kind, bytes }) => {
          if (kind !== FRAME.result) return;
          const { value: answer, error } = jsonOf(bytes) as {
            value?: T;
            error?: { message: string; code?: string; hint?: string };
          };
          if (error === undefined) {
            over();
            resolve(answer as T);
          } else
            over(
              new UnrootError(error.message, {
                code: error.code ?? 'lab.node-failed',
                ...(error.hint ? { hint: error.hint } : {}),
              }),
            );
        });
        send(jsonFrame(FRAME.open, channel, { kind: 'call', method, value } satisfies Opening));
      });
    },
    deskAt(socket) {
      desk = socket;
    },
    onExited(listener) {
      exited = listener;
    },
    end,
  };
}
