/** One page on its WebSocket: what it says is checked word by word, bounded in size and rate, and done. */
import type { RawData, WebSocket } from 'ws';
import { UnrootError } from '../../error.ts';
import { answerAsk, type Hall } from './asks.ts';
import { type FromServer, MAX_MESSAGE } from './protocol.ts';
import { readFromPage } from './read-message.ts';
import type { Guest, Room } from './room.ts';

/** Messages and bytes a second; a page that says more is listened to more slowly. */
const RATE = { messages: 400, bytes: 512 * 1024 } as const;
/** Unsent bytes at which a page is given up: it stopped reading, and what it was told to draw is bounded elsewhere. */
const MAX_UNSENT = 16 * 1024 * 1024;
const BEAT_MS = 3000;
/** Questions being answered at the same time. */
const MAX_ASKS = 16;

/** Serves it until it closes. */
export function serveConnection(socket: WebSocket, hall: Hall): void {
  let room: Room | undefined;
  let asks = 0;
  let alive = true;
  let budget = { messages: 0, bytes: 0, since: Date.now() };

  const send = (data: string | Uint8Array): void => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MAX_UNSENT) socket.terminate();
    else socket.send(data);
  };
  const guest: Guest = { send, tell: (news: FromServer) => send(JSON.stringify(news)) };
  const beat = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
    guest.tell({ type: 'beat' });
  }, BEAT_MS);
  socket.on('pong', () => {
    alive = true;
  });

  /** What came although the socket was paused: a piece of the stream may hold many messages. */
  const late: { readonly bytes: Buffer; readonly binary: boolean }[] = [];
  const mayPass = (bytes: number): boolean => {
    const now = Date.now();
    if (now - budget.since > 1000) budget = { messages: 0, bytes: 0, since: now };
    if (budget.messages >= RATE.messages || budget.bytes >= RATE.bytes) return false;
    budget.messages += 1;
    budget.bytes += bytes;
    return true;
  };
  const typed = (bytes: Buffer): void => {
    const terminal = bytes.length < 2 ? undefined : room?.terminal(bytes.readUInt16BE(0));
    terminal?.type(bytes.subarray(2));
  };
  const said = async (text: string): Promise<void> => {
    const message = readFromPage(text);
    if (message === undefined) return socket.close(1008, 'not understood');
    if (message.type === 'beat') return;
    if (message.type === 'look') {
      const next = message.lab === undefined ? undefined : hall.room(message.lab);
      if (next !== room) room?.look(guest, undefined);
      room = next;
      const { visible, steps = [], world = false } = message;
      next?.look(guest, visible ? { steps, world } : { steps: [], world: false });
      hall.list(guest, next === undefined);
      return;
    }
    if (message.type === 'size') return room?.terminal(message.terminal)?.resize(message.cols, message.rows);
    if (message.type === 'drawn') return room?.terminal(message.terminal)?.drawn(guest, message.bytes);
    const { id, ask } = message;
    if (asks >= MAX_ASKS) return guest.tell({ type: 'refused', id, message: 'Too much was asked at the same time' });
    asks += 1;
    try {
      guest.tell({ type: 'answered', id, value: await answerAsk(ask, hall) });
    } catch (error) {
      const hint = error instanceof UnrootError ? (error.hint ?? error.expected) : undefined;
      const words = error instanceof Error ? error.message : String(error);
      guest.tell({ type: 'refused', id, message: words, ...(hint === undefined ? {} : { hint }) });
    } finally {
      asks -= 1;
    }
  };
  const hear = ({ bytes, binary }: (typeof late)[number]): void => {
    if (binary) typed(bytes);
    else void said(bytes.toString('utf8'));
  };
  const catchUp = (): void => {
    for (let next = late[0]; next !== undefined && mayPass(next.bytes.length); next = late[0]) {
      late.shift();
      hear(next);
    }
    if (late.length > 0) setTimeout(catchUp, 100).unref();
    else socket.resume();
  };
  socket.on('message', (data: RawData, binary: boolean) => {
    const message = { bytes: data as Buffer, binary };
    if (late.length === 0 && mayPass(message.bytes.length)) {
      hear(message);
      return;
    }
    late.push(message);
    if (late.length > 1) return;
    socket.pause();
    setTimeout(catchUp, 100).unref();
  });
  socket.on('close', () => {
    clearInterval(beat);
    room?.look(guest, undefined);
    hall.list(guest, false);
  });
  socket.on('error', () => socket.terminate());
  guest.tell({ type: 'hello', ...hall.hello });
}

/** For the server: messages above this end the connection. */
export const MAX_PAYLOAD: number = MAX_MESSAGE;
