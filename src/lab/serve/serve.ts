/** `unroot lab serve`: HTTP and WebSocket on 127.0.0.1, a room per lab, and everything ended when it ends. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { UnrootError } from '../../error.ts';
import { createAccess } from './access.ts';
import type { Hall } from './asks.ts';
import { MAX_PAYLOAD, serveConnection } from './connection.ts';
import { answer } from './http.ts';
import { labCard } from './page-lab.ts';
import type { LabPlayer } from './play.ts';
import type { Missing } from './protocol.ts';
import type { PtyMaker } from './pty.ts';
import { findPtyMaker } from './pty-maker.ts';
import { createRoom, type Guest, type Room } from './room.ts';

export interface ServeOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** The built page. */
  readonly page: string;
  readonly version: string;
  readonly player: LabPlayer;
  /** For tests. */
  readonly maker?: PtyMaker;
}

export interface LabServer {
  readonly port: number;
  /** With the token behind `#`. */
  readonly url: string;
  /** Ends every lab and every connection. */
  close(): Promise<void>;
  /** Cuts every connection and goes on, as a bad network would: for tests. */
  cut(): void;
}

/** Pages that are connected at the same time. */
const MAX_PAGES = 16;
/** More of them are no help, and a message has its length. */
const MAX_BROKEN = 50;
/** Labs that run at the same time: each is a small machine of its own. */
const MAX_RUNNING = 4;

/** Listens, or throws `lab.port`. */
export async function serveLabs({ port, page, version, player, maker }: ServeOptions): Promise<LabServer> {
  const pty = maker ?? (await findPtyMaker());
  let bound = port;
  const access = createAccess(() => bound);
  const readers = new Set<Guest>();
  let terminals = 0;
  const rooms = new Map<string, Room>();
  const missing = new Map<string, readonly Missing[]>();

  const missingFor = async (room: Room): Promise<readonly Missing[]> => {
    const known = missing.get(room.lab.id) ?? (await player.missingFor(room.lab));
    missing.set(room.lab.id, known);
    return known;
  };
  const cards: Hall['cards'] = () =>
    Promise.all(
      [...rooms.values()].map(async (room) => labCard(room.lab, room.progress(), room.state(), await missingFor(room))),
    );
  let telling: NodeJS.Timeout | undefined;
  const tellList = (): void => {
    telling ??= setTimeout(async () => {
      telling = undefined;
      if (readers.size === 0) return;
      const labs = await cards();
      for (const reader of readers) reader.tell({ type: 'labs', labs });
    }, 50);
  };
  // Numbers of terminals are two bytes in a message.
  const nextTerminal = (): number => {
    terminals = (terminals % 0xffff) + 1;
    return terminals;
  };
  for (const lab of player.labs) rooms.set(lab.id, createRoom(lab, player, pty, nextTerminal, tellList));

  const hall: Hall = {
    hello: {
      version,
      run: randomBytes(6).toString('hex'),
      terminals: pty.name,
      ...(player.broken.length === 0 ? {} : { broken: player.broken.slice(0, MAX_BROKEN) }),
    },
    room: (lab) => rooms.get(lab),
    cards,
    missing: missingFor,
    async start(room) {
      const running = [...rooms.values()].filter((one) => one !== room && !['off', 'failed'].includes(one.state()));
      if (running.length >= MAX_RUNNING)
        throw new UnrootError(`${MAX_RUNNING} labs are running already: ${running.map(({ lab }) => lab.id).join(', ')}`, {
          code: 'lab.too-many',
          hint: 'stop one of them; progress is kept',
        });
      await room.start();
    },
    list(guest, wanted) {
      if (!wanted) readers.delete(guest);
      else if (!readers.has(guest)) {
        readers.add(guest);
        tellList();
      }
    },
  };

  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) =>
    answer(request, response, access, page),
  );
  server.maxConnections = 100;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: false,
    clientTracking: true,
  });
  server.on('upgrade', (request, socket: Duplex, head) => {
    const refuse = (status: string): void => {
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    };
    socket.on('error', () => socket.destroy());
    // A WebSocket is not held to the same-origin rule by the browser: Origin must be there, and ours.
    if (!access.isOurs(request) || request.headers.origin === undefined) return refuse('403 Forbidden');
    if (request.url !== '/live') return refuse('404 Not Found');
    if (!access.hasCookie(request)) return refuse('401 Unauthorized');
    if (sockets.clients.size >= MAX_PAGES) return refuse('503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (client) => serveConnection(client, hall));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UnrootError(`Nothing can listen on 127.0.0.1:${port}: ${error.message}`, {
          code: 'lab.port',
          hint: error.code === 'EADDRINUSE' ? 'leave out --port, and a free one is taken' : 'choose another --port',
          cause: error,
        }),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  bound = (server.address() as AddressInfo).port;

  const cut = (): void => {
    for (const client of sockets.clients) client.terminate();
  };
  return {
    port: bound,
    url: `http://127.0.0.1:${bound}/#${access.token}`,
    cut,
    async close() {
      clearTimeout(telling);
      const ends = await Promise.allSettled([...rooms.values()].map((room) => room.stop()));
      cut();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}
