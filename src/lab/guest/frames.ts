/**
 * Many conversations over one line: the player and the agent of a guest, over a port of virtio, and what runs below a terminal and the player,
 * over a socket. Four bytes of length, one of kind, four of the conversation, then the contents.
 */

export const FRAME = {
  /** JSON: begins a conversation. */
  open: 0,
  data: 1,
  /** Standard error. */
  error: 2,
  /** There is no more data from this side. */
  end: 3,
  /** JSON: ends the conversation. */
  result: 4,
  /** JSON: the terminal's size. */
  resize: 5,
  /** Nobody waits for it any more. */
  cancel: 6,
  /** Hold back your data, and go on. */
  pause: 7,
  resume: 8,
} as const;

export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly channel: number;
  readonly bytes: Uint8Array;
}

const HEAD = 9;
/** Of one frame; larger data is cut, larger JSON is an error. */
const MAX = 64 << 20;
const PIECE = 32 << 10;

export function frame(kind: FrameKind, channel: number, bytes: Uint8Array = new Uint8Array()): Uint8Array {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(bytes.length, 0);
  head.writeUInt8(kind, 4);
  head.writeUInt32BE(channel, 5);
  return Buffer.concat([head, bytes]);
}

export const jsonFrame = (kind: FrameKind, channel: number, value: unknown): Uint8Array =>
  frame(kind, channel, Buffer.from(JSON.stringify(value ?? null)));

/** Data in pieces, so that a flood of one conversation lets others through. */
export function dataFrames(kind: typeof FRAME.data | typeof FRAME.error, channel: number, bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) frames.push(frame(kind, channel, bytes.subarray(at, at + PIECE)));
  return frames;
}

export const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString('utf8'));

/** Gets bytes as they come, gives frames. Throws for what is none. */
export function frameReader(onFrame: (frame: Frame) => void): (bytes: Uint8Array) => void {
  let parts: Uint8Array[] = [];
  let held = 0;
  return (bytes) => {
    parts.push(bytes);
    held += bytes.length;
    for (;;) {
      if (held < HEAD) return;
      if ((parts[0]?.length ?? 0) < HEAD) parts = [Buffer.concat(parts)];
      const first = Buffer.from(parts[0]!.buffer, parts[0]!.byteOffset, parts[0]!.length);
      const length = first.readUInt32BE(0);
      const kind = first.readUInt8(4);
      if (length > MAX || kind > FRAME.resume) throw new Error('this is not the other side of a guest');
      if (held < HEAD + length) return;
      const all = parts.length === 1 ? first : Buffer.concat(parts);
      const rest = all.subarray(HEAD + length);
      parts = rest.length === 0 ? [] : [rest];
      held = rest.length;
      onFrame({ kind: kind as FrameKind, channel: first.readUInt32BE(5), bytes: all.subarray(HEAD, HEAD + length) });
    }
  };
}
