/** One lab on the server: its session, its terminals and the pages that look at it. Everything a page may ask of it goes one after the other. */
import { UnrootError } from '../../error.ts';
import type { CheckState, Lab, LabProgress } from '../lab.ts';
import type { LabSession } from '../session.ts';
import { openedSteps } from './page-lab.ts';
import type { WorldPicture } from './pictures/picture.ts';
import { worldPicture } from './pictures/world.ts';
import type { LabPlayer } from './play.ts';
import type { FromServer, RoomState, TerminalPlace } from './protocol.ts';
import type { PtyMaker } from './pty.ts';
import { startTerminal, type Terminal, type Viewer } from './terminal.ts';
import { type Watch, watchChecks } from './watch.ts';
import { watchWorld } from './world-watch.ts';

/** A page that has the lab on its screen. */
export interface Guest extends Viewer {
  tell(message: FromServer): void;
}

/** What a guest wants to hear of. */
export interface Look {
  readonly steps: readonly string[];
  readonly world: boolean;
}

export interface Room {
  readonly lab: Lab;
  readonly state: () => RoomState;
  /** The session, when it is up. Throws `lab.not-running` otherwise. */
  played(): LabSession;
  progress(): LabProgress | undefined;
  /** The guest hears everything from now on; `undefined` = it left. */
  look(guest: Guest, look: Look | undefined): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  reset(): Promise<void>;
  solve(step: string): Promise<void>;
  open(place: TerminalPlace, cols: number, rows: number): Promise<number>;
  close(terminal: number): void;
  terminal(id: number): Terminal | undefined;
}

const MAX_TERMINALS = 8;

/** `nextTerminal` numbers terminals over all rooms; `onState` hears of the room's state for the list. */
export function createRoom(lab: Lab, player: LabPlayer, maker: PtyMaker, nextTerminal: () => number, onState: () => void): Room {
  const guests = new Map<Guest, Look>();
  const terminals = new Map<number, Terminal>();
  const checks = new Map<string, readonly CheckState[]>();
  let state: RoomState = 'off';
  let message: { readonly message?: string; readonly hint?: string } = {};
  let played: LabSession | undefined;
  let nodeNow: ReturnType<LabSession['node']> | undefined;
  let starting: AbortController | undefined;
  let watch: Watch | undefined;
  let world: { wanted(yes: boolean): void; soon(): void; end(): void } | undefined;
  /** As everybody who looks was told last. */
  let seenNow: WorldPicture | undefined;
  let line: Promise<unknown> = Promise.resolve();

  const tell = (news: FromServer): void => {
    for (const guest of guests.keys()) guest.tell(news);
  };
  const news = (): FromServer => ({ type: 'room', lab: lab.id, state, ...message });
  const become = (next: RoomState, text?: string, hint?: string): void => {
    state = next;
    message = { ...(text === undefined ? {} : { message: text }), ...(hint === undefined ? {} : { hint }) };
    tell(news());
    onState();
  };
  const progress = (): LabProgress | undefined => played?.progress() ?? player.progressOf(lab);
  const progressNews = (): FromServer | undefined => {
    const now = progress();
    return now === undefined ? undefined : { type: 'progress', progress: now, opened: openedSteps(lab, now) };
  };
  const progressed = (): void => {
    const now = progressNews();
    if (now !== undefined) tell(now);
    onState();
  };
  const terminalNews = (): FromServer => ({
    type: 'terminals',
    lab: lab.id,
    terminals: [...terminals.values()].map((one) => one.info()),
  });
  const running = (): LabSession => {
    if (played === undefined || state !== 'ready')
      throw new UnrootError(`Lab ${lab.id} is not running`, { code: 'lab.not-running', hint: 'start it first' });
    return played;
  };
  const aim = (): void => {
    const looks = state === 'ready' ? [...guests.values()] : [];
    watch?.steps([...new Set(looks.flatMap(({ steps }) => steps))]);
    world?.wanted(looks.some((look) => look.world));
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = line.then(work);
    line = done.catch(() => {}); // Whoever asked gets the error; the next in line starts all the same.
    return done;
  };
  const dropTerminals = (): void => {
    for (const terminal of terminals.values()) terminal.end();
    terminals.clear();
    tell(terminalNews());
  };
  const lookOnce = async (step: string): Promise<readonly CheckState[]> => {
    try {
      if (played === undefined || state !== 'ready') return [];
      return await played.check(step);
    } catch (error) {
      return [
        { says: 'The checks can be looked at', green: false, detail: error instanceof Error ? error.message : String(error) },
      ];
    }
  };
  const begin = (): void => {
    watch = watchChecks(lookOnce, (step, found) => {
      checks.set(step, found);
      tell({ type: 'checks', lab: lab.id, step, checks: found });
    });
    world = watchWorld(
      async () => worldPicture(await running().world()),
      (seen) => {
        seenNow = seen;
        tell({ type: 'world', lab: lab.id, world: seen });
      },
    );
    aim();
  };
  const rest = (): void => {
    watch?.end();
    world?.end();
    watch = undefined;
    world = undefined;
    seenNow = undefined;
    checks.clear();
  };
  const open = async (place: TerminalPlace, cols: number, rows: number): Promise<number> => {
    const session = running();
    if (terminals.size >= MAX_TERMINALS)
      throw new UnrootError(`There are ${MAX_TERMINALS} terminals already`, { code: 'lab.terminals', hint: 'close one' });
    const command = place === 'host' ? session.shell('host') : session.enter(place.container);
    const env = { ...command.env, TERM: 'xterm-256color', COLORTERM: 'truecolor' };
    const id = nextTerminal();
    const title = place === 'host' ? 'host' : 'container';
    const terminal = startTerminal(
      id,
      title,
      place,
      maker,
      { ...command, env, cols, rows },
      {
        onChange: () => tell(terminalNews()),
        onOutput: () => {
          watch?.soon();
          world?.soon();
        },
      },
    );
    terminals.set(id, terminal);
    tell(terminalNews());
    for (const guest of guests.keys()) terminal.attach(guest);
    return id;
  };
  /** Progress, or another node: somebody typed `reset` in the old one. */
  const changed = (session: LabSession): void => {
    progressed();
    if (played !== session || state !== 'ready' || session.node() === nodeNow) return;
    nodeNow = session.node();
    rest();
    dropTerminals();
    begin();
    void open('host', 80, 24).catch(() => {}); // Without it the page offers one.
  };
  /** The node ended and nobody asked for it: somebody in it killed what holds it up, or its time was over. */
  const lost = (session: LabSession): void => {
    if (played !== session) return;
    rest();
    dropTerminals();
    played = undefined;
    become('failed', 'The lab has ended', 'start it again; progress is kept');
  };
  const fail = (error: unknown): never => {
    const hint = error instanceof UnrootError ? (error.hint ?? error.expected) : undefined;
    become('failed', error instanceof Error ? error.message : String(error), hint);
    throw error;
  };

  const stop = async (): Promise<void> => {
    if (state === 'starting') starting?.abort();
    await inTurn(async () => {
      const session = played;
      if (session === undefined) return state === 'failed' ? become('off') : undefined;
      become('stopping', 'Ending every process of the lab');
      rest();
      dropTerminals();
      try {
        await session.stop();
        played = undefined;
        become('off');
      } catch (error) {
        fail(error);
      }
    });
  };

  return {
    lab,
    state: () => state,
    played: running,
    progress,
    terminal: (id) => terminals.get(id),
    look(guest, look) {
      if (look === undefined) {
        guests.delete(guest);
        for (const terminal of terminals.values()) terminal.detach(guest);
      } else {
        const before = guests.get(guest);
        const isNew = before === undefined;
        guests.set(guest, look);
        if (isNew) {
          guest.tell(news());
          const now = progressNews();
          if (now !== undefined) guest.tell(now);
          guest.tell(terminalNews());
          for (const terminal of terminals.values()) terminal.attach(guest);
        }
        // What others are told already is no news to them, and would not come again.
        for (const step of look.steps.filter((one) => before?.steps.includes(one) !== true)) {
          const known = checks.get(step);
          if (known !== undefined) guest.tell({ type: 'checks', lab: lab.id, step, checks: known });
        }
        if (look.world && before?.world !== true && seenNow !== undefined)
          guest.tell({ type: 'world', lab: lab.id, world: seenNow });
      }
      aim();
    },
    start: () =>
      inTurn(async () => {
        if (state === 'ready') return;
        become('starting', 'Preparing');
        starting = new AbortController();
        try {
          const session = await player.start(lab, {
            onProgress: (text) => become('starting', text),
            signal: starting.signal,
            onStop: () => void stop().catch(() => {}), // What went wrong is the room's state.
          });
          played = session;
          nodeNow = session.node();
          session.onChange(() => changed(session));
          void session.lost.then(() => lost(session));
          become('ready');
          begin();
          progressed();
          await open('host', 80, 24);
        } catch (error) {
          rest();
          dropTerminals();
          await played?.stop();
          played = undefined;
          fail(error);
        }
      }),
    stop,
    reset: () =>
      inTurn(async () => {
        const session = running();
        become('resetting', 'Everything in the lab is thrown away and begins anew');
        rest();
        dropTerminals();
        try {
          await session.reset({ resume: true });
          nodeNow = session.node();
          become('ready');
          begin();
          progressed();
          await open('host', 80, 24);
        } catch (error) {
          fail(error);
        }
      }),
    async solve(step) {
      await running().solve(step);
      watch?.soon();
    },
    open: (place, cols, rows) => inTurn(() => open(place, cols, rows)),
    close(id) {
      terminals.get(id)?.end();
      terminals.delete(id);
      tell(terminalNews());
    },
  };
}
