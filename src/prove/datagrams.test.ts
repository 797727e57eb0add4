import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Container } from '../engine/engine.ts';
import { probeDatagrams } from './datagrams.ts';

/** Answers DNS queries for version.bind on one port, refuses files on another from a port of its own, says nothing on a third. */
const SERVER = `
const dgram = require('node:dgram');
const ports = [];
const serve = (answer) => { const socket = dgram.createSocket('udp4'); socket.on('message', (message, from) => answer(message, from, socket));
  socket.bind(0, '127.0.0.1', () => { ports.push([socket.address().port, answer.name]); if (ports.length === 3) console.log(JSON.stringify(Object.fromEntries(ports.map(([port, name]) => [name, port])))); }); };
serve(function dns(message, from, socket) { if (message.includes('version')&& message[2] === 1) socket.send(message, from.port, from.address); });
serve(function tftp(message, from) { if (message[1] !== 1 || message[0] !== 0 || !message.includes('octet')) return; const other = dgram.createSocket('udp4'); other.send(Buffer.from('\\0\\x05\\0\\x01no\\0', 'latin1'), from.port, from.address, () => other.close()); });
serve(function deaf() {});
`;

let ports: { dns: number; tftp: number; deaf: number };
let server: import('node:child_process').ChildProcess;
beforeAll(async () => {
  const { spawn } = await import('node:child_process');
  server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  ports = JSON.parse(await new Promise<string>((resolve) => server.stdout?.once('data', (text) => resolve(String(text)))));
});
afterAll(() => {
  server.kill();
});

/** The machine's own network in place of a container's. */
const here = {
  inNetwork: (argv: readonly string[], { input, timeoutMs }: { input?: string; timeoutMs?: number } = {}) => {
    const { status, stdout, stderr } = spawnSync(argv[0] as string, argv.slice(1), {
      input,
      timeout: timeoutMs,
      encoding: 'utf8',
    });
    return Promise.resolve({ code: status ?? 1, stdout, stderr });
  },
} as unknown as Container;
const udp = (port: number) => ({ protocol: 'udp' as const, port, address: '0.0.0.0' });

describe('probeDatagrams', () => {
  it('says which questions each port answered', async () => {
    const asked = await probeDatagrams(here, [udp(ports.dns), udp(ports.tftp), udp(ports.deaf)], undefined);
    const to = (port: number): readonly string[] | undefined => asked.find((one) => one.port === port)?.to;
    expect([to(ports.dns), to(ports.tftp), to(ports.deaf)]).toEqual([['dns'], ['tftp'], []]);
  });

  it('asks again only what was answered', async () => {
    const like = [
      { port: ports.dns, to: ['dns'] },
      { port: ports.deaf, to: [] },
    ];
    expect(await probeDatagrams(here, [udp(ports.dns), udp(ports.deaf)], like)).toEqual([like[0]]);
    expect(await probeDatagrams(here, [udp(ports.deaf)], [{ port: ports.deaf, to: ['dns'] }])).toEqual([
      { port: ports.deaf, to: [] },
    ]);
    expect(await probeDatagrams(here, [{ ...udp(ports.dns), protocol: 'tcp' }], undefined)).toEqual([]);
  });
});
