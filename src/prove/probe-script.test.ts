/** The probe program against real listeners: what it says of TLS, with and without HTTP inside. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as httpServer } from 'node:http';
import { createServer as httpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as tlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onPath } from '../../test/support/debian-image.ts';
import type { ProbeResult } from './observation.ts';
import { PROBE_SCRIPT } from './probe-script.ts';

const why = onPath('openssl') ? undefined : 'openssl is not installed: apt-get install -y openssl';
if (why !== undefined) console.warn(`SKIPPED: probes of TLS: ${why}`);

let folder = '';
let identity: { readonly key: Buffer; readonly cert: Buffer };
const open: Server[] = [];
beforeAll(() => {
  if (why !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'unroot-probe-'));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  // A weak key on purpose: old services have such.
  const made = ['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=here', '-days', '2'];
  execFileSync('openssl', made, { stdio: 'ignore' });
  identity = { key: readFileSync(key), cert: readFileSync(cert) };
});
afterAll(() => {
  for (const server of open) server.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function listening(server: Server): Promise<number> {
  open.push(server);
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, opener?: string): Promise<ProbeResult> {
  const target = { port, address: '127.0.0.1', path: '/', bannerMs: 120, replyMs: 2500, repeats: 1, opener };
  const child = spawn(process.execPath, ['-e', PROBE_SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify([target]));
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return (JSON.parse(text) as [ProbeResult])[0];
}

describe.skipIf(why !== undefined)('a port that speaks TLS', () => {
  // SECLEVEL=0: for the weak key.
  const weak = { ciphers: 'DEFAULT@SECLEVEL=0' };

  it('is asked for HTTP inside, and what that says counts', async () => {
    for (const status of [200, 500]) {
      const port = await listening(
        httpsServer({ ...identity, ...weak }, (_, response) => response.writeHead(status).end('here')),
      );
      expect(await ask(port)).toMatchObject({ outcome: 'http', status, opener: 'tls' });
      expect(await ask(port, 'tls')).toMatchObject({ outcome: 'http', status, opener: 'tls' });
    }
  });

  it('and nothing that we know has answered with its handshake', async () => {
    const port = await listening(tlsServer({ ...identity, ...weak }, (socket) => socket.resume().on('error', () => {})));
    expect(await ask(port)).toMatchObject({ outcome: 'reply', text: 'TLS', opener: 'tls' });
  });

  it('and says something by itself is quoted', async () => {
    const port = await listening(
      tlsServer({ ...identity, ...weak }, (socket) => socket.on('error', () => {}).end('* OK here I am\r\n')),
    );
    expect(await ask(port)).toMatchObject({ outcome: 'reply', text: '* OK here I am', opener: 'tls' });
  });

  it('and refuses us with an alert has answered', async () => {
    // No cipher that both have.
    const port = await listening(tlsServer({ ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2', pskCallback: () => null }));
    expect(await ask(port)).toMatchObject({ outcome: 'reply', opener: 'tls', text: expect.stringMatching(/ALERT/) });
  });
});

describe('a port that does not speak TLS', () => {
  it('is what it was: HTTP with its own status, 400 too', async () => {
    const port = await listening(httpServer((_, response) => response.writeHead(400).end('what?')));
    const said = await ask(port);
    expect(said).toMatchObject({ outcome: 'http', status: 400 });
    expect(said.opener).not.toBe('tls');
  });

  it('tells what an error page says to a reader, and of other pages nothing', async () => {
    const error = '<html><head><title>Error</title></head><body><h1>Oops</h1>\n<p>no such  table</p></body></html>';
    const failing = await listening(httpServer((_, response) => response.writeHead(500).end(error)));
    expect(await ask(failing)).toMatchObject({ outcome: 'http', status: 500, text: 'Oops no such table' });
    const fine = await listening(httpServer((_, response) => response.end(error)));
    expect((await ask(fine)).text).toBeUndefined();
  });

  it.each<[string, (said: Buffer) => string | undefined]>([
    ['policy', (said) => (/^request=smtpd_access_policy\n[\s\S]*\n\n$/.test(`${said}`) ? 'action=DUNNO\n\n' : undefined)],
    [
      'milter',
      (said) => (said.length === 17 && said.readUInt32BE() === 13 && said[4] === 0x4f ? '\0\0\0\x0dO\0\0\0\x06' : undefined),
    ],
  ])('is asked in the words of %s, where nothing else gets an answer', async (kind, answer) => {
    const port = await listening(
      createServer((socket) => {
        const all: Buffer[] = [];
        socket
          .on('error', () => {})
          .on('data', (chunk) => {
            all.push(chunk);
            const said = answer(Buffer.concat(all));
            if (said !== undefined) socket.write(said);
          });
      }),
    );
    expect(await ask(port)).toMatchObject({ outcome: 'reply', opener: kind });
    expect(await ask(port, kind)).toMatchObject({ outcome: 'reply', opener: kind });
  });

  it('is silent when it takes everything and says nothing', async () => {
    const port = await listening(createServer((socket) => socket.resume().on('error', () => {})));
    expect(await ask(port)).toEqual({ port, outcome: 'silent' });
  });

  it('gives its own words when it takes a handshake for rubbish', async () => {
    const port = await listening(
      createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end('ERR rubbish\r\n'))),
    );
    expect(await ask(port)).toMatchObject({ outcome: 'reply', text: 'ERR rubbish' });
  });
});
