/** Answers names of a project's network, as the engine's own resolver would: at 127.0.0.11 of each container, for those that are up. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { UnrootError } from '../error.ts';

/** Where Docker's embedded resolver listens (libnetwork resolver.go). */
export const NAMESERVER = '127.0.0.11';

/** Binds inside, and hands the socket out: then one process answers for all namespaces. */
const BIND = `const socket = require('node:dgram').createSocket('udp4');
socket.on('error', (error) => { process.send({ error: error.message }, () => process.exit(1)); });
socket.bind(53, '${NAMESERVER}', () => process.send('bound', socket, () => process.exit(0)));`;

export interface NameServer {
  close(): void;
}

/** `lookup`: IPv4 addresses of a name in lower case; none = there is no such name. */
export async function nameServer(pid: number, lookup: (name: string) => readonly string[]): Promise<NameServer> {
  const helper = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, '--', process.execPath, '-e', BIND], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  });
  const socket = await received(helper);
  socket.on('message', (question, from) => {
    const answer = dnsAnswer(question, lookup);
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => undefined);
  });
  socket.on('error', () => undefined);
  socket.unref();
  return { close: () => void socket.close() };
}

function received(helper: ChildProcess): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new UnrootError(`names of the project's network cannot be answered: ${why}`, { code: 'engine.network' }));
    helper.once('error', (error) => fail(error.message));
    helper.once('exit', (code) => fail(`the helper ended with ${code}`));
    helper.once('message', (message, handle) => {
      if (handle === undefined) fail((message as { error?: string }).error ?? 'no socket came');
      else resolve(handle as Socket);
    });
  });
}

const TYPE = { a: 1, aaaa: 28, any: 255 } as const;
const HEADER = 12;
/** As long as Docker's. */
const TTL_S = 600;

/** RFC 1035: one question, in class IN. Undefined = that is none; nobody answers it. */
export function dnsAnswer(question: Buffer, lookup: (name: string) => readonly string[]): Buffer | undefined {
  if (question.length < HEADER + 5 || (question[2]! & 0x80) !== 0 || question.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = HEADER;
  for (let length = question[at]!; length !== 0; length = question[at] ?? 0) {
    if (length > 63 || at + 1 + length >= question.length) return undefined;
    labels.push(question.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  if (at + 5 > question.length) return undefined;
  const type = question.readUInt16BE(at + 1);
  const body = question.subarray(HEADER, at + 5);
  const addresses = lookup(labels.join('.').toLowerCase());
  const told = type === TYPE.a || type === TYPE.any ? addresses : [];
  const header = Buffer.alloc(HEADER);
  question.copy(header, 0, 0, 2);
  // A response; recursion is available, and desired as the question has it.
  header.writeUInt16BE(0x8080 | (question.readUInt16BE(2) & 0x7900) | (addresses.length === 0 ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(told.length, 6);
  const records = told.map((address) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc000 | HEADER, 0);
    record.writeUInt16BE(TYPE.a, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(TTL_S, 6);
    record.writeUInt16BE(4, 10);
    for (const [index, part] of address.split('.').entries()) record[12 + index] = Number(part);
    return record;
  });
  return Buffer.concat([header, body, ...records]);
}
