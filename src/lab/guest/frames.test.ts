import { describe, expect, it } from 'vitest';
import { dataFrames, FRAME, type Frame, frame, frameReader, jsonFrame, jsonOf } from './frames.ts';

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    const bytes = Buffer.concat([
      jsonFrame(FRAME.open, 7, { kind: 'call' }),
      ...dataFrames(FRAME.data, 0x80000001, Buffer.alloc(70_000, 'x')),
      frame(FRAME.end, 7),
    ]);
    for (const size of [1, 5, 9, 10, 4096, bytes.length]) {
      const found: Frame[] = [];
      const read = frameReader((one) => found.push(one));
      for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size));
      expect(found.map(({ kind, channel, bytes: { length } }) => [kind, channel, length])).toEqual([
        [FRAME.open, 7, 15],
        [FRAME.data, 0x80000001, 32768],
        [FRAME.data, 0x80000001, 32768],
        [FRAME.data, 0x80000001, 4464],
        [FRAME.end, 7, 0],
      ]);
      expect(jsonOf(found[0]!.bytes)).toEqual({ kind: 'call' });
    }
  });

  it('end what is no conversation: a kind or a length that none has', () => {
    const read = frameReader(() => {});
    expect(() => read(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow(/not the other side/);
    expect(() => frameReader(() => {})(Buffer.from([0, 0, 0, 0, 99, 0, 0, 0, 1]))).toThrow(/not the other side/);
  });
});
