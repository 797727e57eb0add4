/** The cluster behind a socket of its folder: asked by the program of the same name, ended by a signal or with the node. */
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { UnrootError } from '../../error.ts';
import { createCluster } from './cluster.ts';
import type { ClusterOptions } from './contract.ts';
import { kubectl, type Question } from './kubectl.ts';

/** Where it listens. */
export const socketOf = (folder: string): string => join(folder, 'socket');

/** Behind the last byte of an answer: how it ended. */
export const EXIT_TRAILER = 'x-exit';

const MAX = 1024 * 1024;

export interface ClusterServer {
  close(): Promise<void>;
}

/** Listens on the socket until it is closed. */
export async function serveCluster(options: ClusterOptions): Promise<ClusterServer> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const cluster = createCluster(options);
  const server: Server = createServer((request, response) => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    response.writeHead(200, { 'content-type': 'application/octet-stream', trailer: EXIT_TRAILER });
    response.flushHeaders();
    // Streams in one, a byte says which: output, errors, and what whoever asked is to run.
    const send = (stream: 1 | 2 | 3, text: string): void => {
      const bytes = Buffer.from(text);
      const head = Buffer.alloc(5);
      head.writeUInt8(stream, 0);
      head.writeUInt32BE(bytes.length, 1);
      if (bytes.length > 0 && !gone.signal.aborted) response.write(Buffer.concat([head, bytes]));
    };
    void (async () => {
      let code = 1;
      try {
        let text = '';
        for await (const chunk of request) {
          text += String(chunk);
          if (text.length > MAX) throw new UnrootError('more than 1 MiB', { code: 'lab.cluster' });
        }
        const question = JSON.parse(text) as Question;
        code = await kubectl(question, cluster, {
          out: (one) => send(1, one),
          error: (one) => send(2, one),
          enter: (what) => send(3, JSON.stringify(what)),
          signal: gone.signal,
        });
      } catch (error) {
        send(2, `${(error as Error).message}\n`);
      }
      response.addTrailers({ [EXIT_TRAILER]: String(code) });
      response.end();
    })();
  });
  const socket = socketOf(options.folder);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await cluster.close();
    },
  };
}
