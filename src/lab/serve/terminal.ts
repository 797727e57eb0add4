/** One terminal of a lab: a program below a pty that lives on the server, its last output, and everybody who looks at it. */
import { OUTPUT, type TerminalInfo, type TerminalPlace, WINDOW } from './protocol.ts';
import type { Pty, PtyCommand, PtyMaker } from './pty.ts';
import { createScrollback } from './scrollback.ts';

/** A page that shows the terminal. */
export interface Viewer {
  /** Hands a binary message to the page. */
  send(message: Uint8Array): void;
}

export interface Terminal {
  readonly info: () => TerminalInfo;
  /** Sends what is kept, then everything that comes. */
  attach(viewer: Viewer): void;
  detach(viewer: Viewer): void;
  /** The viewer drew so many bytes. */
  drawn(viewer: Viewer, bytes: number): void;
  type(bytes: Uint8Array): void;
  resize(cols: number, rows: number): void;
  end(): void;
}

export interface TerminalEvents {
  /** Its size, or that it ended. */
  readonly onChange: () => void;
  /** There was output, more than the echo of a key: the world may have changed. */
  readonly onOutput: () => void;
}

/** Bytes that the echo of a key takes, with what moves the cursor. */
const ECHO = 16;

/** What may come while nobody looks, before the program has to wait. */
const UNSEEN = 4 * 1024 * 1024;

interface Seen {
  /** Sent and not yet drawn. */
  owed: number;
  /** Was too slow: gets everything anew once it has drawn what it has. */
  behind: boolean;
}

/** Starts the program. Sizes are bounded here, whatever a page asks for. */
export function startTerminal(
  id: number,
  title: string,
  place: TerminalPlace,
  maker: PtyMaker,
  command: PtyCommand,
  events: TerminalEvents,
): Terminal {
  const scrollback = createScrollback();
  const viewers = new Map<Viewer, Seen>();
  let { cols, rows } = bounded(command.cols, command.rows);
  let ended: string | undefined;
  let paused = false;
  let unseen = 0;

  const frame = (kind: number, bytes: Uint8Array): Uint8Array => {
    const message = Buffer.allocUnsafe(3 + bytes.length);
    message.writeUInt16BE(id, 0);
    message[2] = kind;
    message.set(bytes, 3);
    return message;
  };
  const sendAll = (viewer: Viewer, seen: Seen): void => {
    const kept = scrollback.all();
    seen.owed = kept.length;
    seen.behind = false;
    viewer.send(frame(OUTPUT.all, kept));
  };
  /** The program waits when everybody who looks is behind; one slow page holds up nobody. */
  const hold = (): void => {
    const full = viewers.size === 0 ? unseen > UNSEEN : [...viewers.values()].every(({ owed }) => owed > WINDOW);
    if (full === paused || ended !== undefined) return;
    paused = full;
    if (full) pty.pause();
    else pty.resume();
  };
  const pty: Pty = maker.start(
    { ...command, cols, rows },
    {
      onData: (bytes) => {
        scrollback.add(bytes);
        if (viewers.size === 0) unseen += bytes.length;
        const message = viewers.size === 0 ? undefined : frame(OUTPUT.more, bytes);
        for (const [viewer, seen] of viewers) {
          if (seen.behind || message === undefined) continue;
          if (seen.owed > 2 * WINDOW) {
            seen.behind = true;
            continue;
          }
          seen.owed += bytes.length;
          viewer.send(message);
        }
        hold();
        if (isMore(bytes)) events.onOutput();
      },
      onEnd: (how) => {
        ended = how;
        events.onChange();
        events.onOutput();
      },
    },
  );
  return {
    info: () => ({
      id,
      title,
      place: place === 'host' ? 'host' : 'container',
      cols,
      rows,
      ...(ended === undefined ? {} : { ended }),
    }),
    attach(viewer) {
      if (viewers.has(viewer)) return;
      const seen: Seen = { owed: 0, behind: false };
      viewers.set(viewer, seen);
      unseen = 0;
      sendAll(viewer, seen);
      hold();
    },
    detach(viewer) {
      viewers.delete(viewer);
      hold();
    },
    drawn(viewer, bytes) {
      const seen = viewers.get(viewer);
      if (seen === undefined) return;
      seen.owed = Math.max(0, seen.owed - bytes);
      if (seen.behind && seen.owed < WINDOW / 4) sendAll(viewer, seen);
      hold();
    },
    type(bytes) {
      if (ended === undefined) pty.write(bytes);
    },
    resize(width, height) {
      const next = bounded(width, height);
      if (next.cols === cols && next.rows === rows) return;
      ({ cols, rows } = next);
      pty.resize(cols, rows);
      events.onChange();
    },
    end: () => pty.end(),
  };
}

/** The echo of a key changes nothing in the world, and the next key should not wait for somebody who looks at it. */
const isMore = (bytes: Uint8Array): boolean => bytes.length > ECHO || bytes.includes(0x0a);

function bounded(cols: number, rows: number): { cols: number; rows: number } {
  const within = (value: number, from: number, to: number): number => Math.min(to, Math.max(from, Math.trunc(value) || from));
  return { cols: within(cols, 20, 400), rows: within(rows, 5, 200) };
}
