import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runLog } from '../run-log.ts';
import { dockerSocket } from './api.ts';
import { demultiplex } from './streams.ts';

function frame(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

it.each([1, 3, 8, 9, 1000])('takes the frames apart whatever the chunks (%i bytes)', async (size) => {
  const all = Buffer.concat([frame(1, 'out one\n'), frame(2, 'bad\n'), frame(1, ''), frame(1, 'ü'.repeat(300)), frame(2, 'end')]);
  const source = new PassThrough();
  const log = runLog();
  const done = demultiplex(source, (stream, chunk) => log.push(stream, chunk));
  for (let at = 0; at < all.length; at += size) source.write(all.subarray(at, at + size));
  source.end();
  await done;
  expect(log.stdout()).toBe(`out one\n${'ü'.repeat(300)}`);
  expect(log.stderr()).toBe('bad\nend');
});

it('ends when the connection breaks', async () => {
  const source = new PassThrough();
  const done = demultiplex(source, () => {});
  source.destroy(new Error('gone'));
  await done;
});

describe('dockerSocket', () => {
  it('honours DOCKER_HOST', () => {
    expect(dockerSocket({})).toBe('/var/run/docker.sock');
    expect(dockerSocket({ DOCKER_HOST: 'unix:///run/user/1000/docker.sock' })).toBe('/run/user/1000/docker.sock');
    expect(dockerSocket({ DOCKER_HOST: 'tcp://build:2375' })).toBeUndefined();
  });
});
