/**
 * Asks UDP ports. There is no handshake: that one is bound shows nothing of what it does, so each is sent what clients of the common kinds of
 * servers say first, and whatever got an answer must get one again.
 */
import type { Container } from '../engine/engine.ts';
import type { DatagramAnswers, Observation, ObservedPort } from './observation.ts';
import type { MovedPorts } from './ports.ts';
import { reachable } from './ports.ts';
import type { Reason } from './reason.ts';

/** Started as `node -e`, by nsenter, in the container's network namespace. Input: [{ port, address, only? }]; output: one JSON line. */
const SCRIPT: string = String.raw`
const dgram = require('node:dgram');
const targets = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const hex = (text) => Buffer.from(text.replace(/ /g, ''), 'hex');
const quic = Buffer.alloc(1200);
hex('c0 1a2a3a4a 08 0102030405060708 08 0807060504030201').copy(quic);
const QUESTIONS = {
  // RFC 1035: version.bind CH TXT; a refusal is an answer.
  dns: hex('4d2a 0100 0001 0000 0000 0000 07 76657273696f6e 04 62696e64 00 0010 0003'),
  // RFC 5905: version 4, client.
  ntp: Buffer.concat([hex('23'), Buffer.alloc(47)]),
  // RFC 3416: v2c, public, get sysDescr.0.
  snmp: hex('3029 020101 04067075626c6963 a01c 020475 6e726f 020100 020100 300e 300c 06082b06010201010100 0500'),
  // RFC 8489: binding request.
  stun: hex('0001 0000 2112a442 756e726f6f74756e726f6f74'),
  // RFC 1350: read a file that nobody has; the refusal comes from another port.
  tftp: Buffer.from('\0\x01unroot-asks\0octet\0', 'latin1'),
  // RFC 3261 section 11.
  sip: Buffer.from('OPTIONS sip:a@localhost SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bKunroot\r\nFrom: <sip:u@localhost>;tag=u\r\nTo: <sip:a@localhost>\r\nCall-ID: unroot\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 1\r\nContent-Length: 0\r\n\r\n'),
  // RFC 5531: the portmapper's procedure 0.
  rpc: hex('756e726f 00000000 00000002 000186a0 00000002 00000000 00000000 00000000 00000000 00000000'),
  // RFC 9000 section 6: a version that nobody has is answered by those that there are.
  quic,
  // RFC 7252 section 4.3: an empty message is answered by a reset.
  coap: hex('4000 4d2a'),
  memcached: Buffer.concat([hex('0001 0000 0001 0000'), Buffer.from('version\r\n')]),
};
const ask = (target, kind, ms) => new Promise((resolve) => {
  const socket = dgram.createSocket(target.address.includes(':') ? 'udp6' : 'udp4');
  const send = () => socket.send(QUESTIONS[kind], target.port, target.address, () => {});
  const timers = [setTimeout(send, ms / 2), setTimeout(() => finish(), ms)];
  const finish = (answered) => { timers.forEach(clearTimeout); socket.close(); resolve(answered ? [kind] : []); };
  socket.on('message', () => finish(true));
  socket.on('error', () => {});
  send();
});
Promise.all(targets.map(async (target) => {
  const kinds = target.only || Object.keys(QUESTIONS);
  const to = (await Promise.all(kinds.map((kind) => ask(target, kind, target.only ? 4000 : 1000)))).flat();
  return { port: target.port, to };
})).then((results) => process.stdout.write(JSON.stringify(results) + '\n'));
`;

/** One result per UDP port. `like`: what answered the last time is asked again, patiently, and nothing else. */
export async function probeDatagrams(
  container: Container,
  ports: readonly ObservedPort[],
  like: readonly DatagramAnswers[] | undefined,
): Promise<readonly DatagramAnswers[]> {
  const byPort = new Map<number, string>();
  for (const { protocol, port, address } of ports)
    if (protocol === 'udp' && (!byPort.has(port) || address === '0.0.0.0')) byPort.set(port, reachable(address));
  const targets = [...byPort]
    .map(([port, address]) => ({ port, address, only: like?.find((one) => one.port === port)?.to }))
    .filter(({ only }) => only === undefined || only.length > 0);
  if (targets.length === 0) return [];
  const result = await container.inNetwork([process.execPath, '-e', SCRIPT], {
    timeoutMs: 10_000,
    input: JSON.stringify(targets),
  });
  if (result.code !== 0 || result.stdout.trim() === '') return targets.map(({ port }) => ({ port, to: [] }));
  return (JSON.parse(result.stdout) as DatagramAnswers[]).sort((a, b) => a.port - b.port);
}

/** `moved`: where a port went inside the container. */
export function compareDatagrams(before: Observation, after: Observation, moved: MovedPorts): Reason[] {
  if (after.outcome !== 'running') return [];
  return (before.datagrams ?? []).flatMap(({ port, to }): Reason[] => {
    if (to.length === 0) return [];
    const now = moved.get(port) ?? port;
    const is = (after.datagrams ?? []).find((one) => one.port === now);
    const lost = to.filter((kind) => is?.to.includes(kind) !== true);
    return lost.length > 0
      ? [{ kind: 'bad', text: `port ${now}/udp does not answer ${lost.join(', ')}; before, it did` }]
      : [{ kind: 'ok', text: `port ${now}/udp answers ${to.join(', ')}, as before` }];
  });
}
