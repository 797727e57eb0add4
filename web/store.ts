/** What the page knows. One object, replaced on every change; components say which part they show. */
import { useEffect, useState } from 'preact/hooks';
import type { CheckState, LabProgress } from '../src/lab/lab.ts';
import type { WorldPicture } from '../src/lab/serve/pictures/picture.ts';
import type { BrokenCard, LabCard, OpenedStep, PageLab, RoomNews, TerminalInfo } from '../src/lab/serve/protocol.ts';

export type LinkState = 'connecting' | 'connected' | 'lost' | 'stranger' | 'gone';

export interface State {
  readonly link: LinkState;
  /** Seconds until the next try, when the connection is lost. */
  readonly retryIn: number;
  readonly version: string;
  readonly labs: readonly LabCard[] | undefined;
  readonly broken: readonly BrokenCard[];
  readonly lab: PageLab | undefined;
  readonly room: RoomNews | undefined;
  readonly progress: LabProgress | undefined;
  readonly opened: Readonly<Record<string, OpenedStep>>;
  readonly checks: Readonly<Record<string, readonly CheckState[]>>;
  readonly terminals: readonly TerminalInfo[];
  readonly world: WorldPicture | undefined;
  /** Said to screen readers, and shown for a while when it is trouble. */
  readonly said: { readonly text: string; readonly bad: boolean; readonly number: number };
}

const START: State = {
  link: 'connecting',
  retryIn: 0,
  version: '',
  labs: undefined,
  broken: [],
  lab: undefined,
  room: undefined,
  progress: undefined,
  opened: {},
  checks: {},
  terminals: [],
  world: undefined,
  said: { text: '', bad: false, number: 0 },
};

let state: State = START;
const listeners = new Set<() => void>();

export const get = (): State => state;

export function set(change: Partial<State>): void {
  state = { ...state, ...change };
  for (const listener of [...listeners]) listener();
}

/** Everything that belongs to one lab, forgotten. */
export const emptyLab: Partial<State> = {
  lab: undefined,
  room: undefined,
  progress: undefined,
  opened: {},
  checks: {},
  terminals: [],
  world: undefined,
};

/** For the status line; `bad` is shown as a notice too. */
export function say(text: string, bad = false): void {
  set({ said: { text, bad, number: state.said.number + 1 } });
}

/** The part of the state a component shows; it is drawn again when that part is another one. */
export function useStore<T>(choose: (state: State) => T): T {
  const [value, setValue] = useState(() => choose(state));
  useEffect(() => {
    const look = (): void => setValue(() => choose(state));
    look();
    listeners.add(look);
    return () => void listeners.delete(look);
  }, []);
  return value;
}
