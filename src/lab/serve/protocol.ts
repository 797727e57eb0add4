/** What the page and the server say to each other over the WebSocket. Pure data: both sides import it. */
import type { CheckState, Lab, LabNeed, LabPicture, LabProgress, Quiz } from '../lab.ts';
import type { ExecPicture, LayersPicture, WalkPicture, WorldPicture } from './pictures/picture.ts';

/** A lab in the list. */
export interface LabCard extends Pick<Lab, 'id' | 'name' | 'title' | 'goal' | 'minutes' | 'images'> {
  readonly steps: number;
  readonly done: number;
  readonly finished: boolean;
  readonly room: RoomState;
  /** What this machine lacks for it, each with how to get it. */
  readonly missing: readonly Missing[];
}

/** A lab that cannot be read: shown with what is wrong, and not to be opened. */
export interface BrokenCard extends Pick<Lab, 'id' | 'name'> {
  readonly says: string;
  /** What tells its author more. */
  readonly get: string;
}

export interface Missing {
  readonly need: LabNeed | 'base';
  readonly says: string;
  /** One line that brings it. */
  readonly get: string;
}

/** A step as the page gets it: no hints, right answers or solutions before somebody asks for them. */
export interface PageStep {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** How many there are. */
  readonly hints: number;
  readonly checks: readonly string[];
  readonly quiz?: { readonly question: Quiz['question']; readonly choices: readonly string[] };
  readonly solvable: boolean;
}

/** A lab with its texts. */
export interface PageLab extends Omit<LabCard, 'steps' | 'done' | 'finished' | 'room'> {
  readonly story: string;
  readonly steps: readonly PageStep[];
  readonly explanation: string;
  readonly next: readonly string[];
  /** Pictures worth looking at in this lab, the first one first. */
  readonly pictures: readonly LabPicture[];
  readonly walls: NonNullable<Lab['walls']>;
  /** Where to look along first, each with what is done there. */
  readonly paths: readonly { readonly path: string; readonly action: string }[];
  /** Images the learner is to make: OCI layouts, as paths in the node, or names in its podman. */
  readonly layouts: readonly string[];
}

/** Whether a lab's node is up. */
export type RoomState = 'off' | 'starting' | 'ready' | 'resetting' | 'stopping' | 'failed';

/** Where a shell runs: in the node, or inside a container, named by the pid of a process in it as the node counts. */
export type TerminalPlace = 'host' | { readonly container: number };

export interface TerminalInfo {
  readonly id: number;
  readonly title: string;
  readonly place: 'host' | 'container';
  readonly cols: number;
  readonly rows: number;
  /** Set when its program is over. */
  readonly ended?: string;
}

/** Answers a learner already gave, and hints already opened, so that a reload shows them again. */
export interface OpenedStep {
  readonly hints: readonly string[];
  readonly answer?: { readonly choice: number; readonly right: boolean; readonly because: string };
}

export interface RoomNews {
  readonly lab: string;
  readonly state: RoomState;
  /** What is being done, or what went wrong. */
  readonly message?: string;
  readonly hint?: string;
}

/** Something the client wants; answered once, by number. */
export type Ask =
  | { readonly kind: 'labs' }
  | { readonly kind: 'lab'; readonly lab: string }
  | { readonly kind: 'start' | 'stop' | 'reset'; readonly lab: string }
  | { readonly kind: 'hint' | 'solution' | 'solve'; readonly lab: string; readonly step: string }
  | { readonly kind: 'answer'; readonly lab: string; readonly step: string; readonly choice: number }
  | {
      readonly kind: 'terminal';
      readonly lab: string;
      readonly place: TerminalPlace;
      readonly cols: number;
      readonly rows: number;
    }
  | { readonly kind: 'close-terminal'; readonly lab: string; readonly terminal: number }
  | {
      readonly kind: 'walk';
      readonly lab: string;
      /** A process as the node counts, or 0 for somebody with these ids and no capabilities. */
      readonly pid: number;
      readonly uid?: number;
      readonly gid?: number;
      readonly path: string;
      readonly action: string;
    }
  | { readonly kind: 'exec'; readonly lab: string; readonly pid: number; readonly path: string }
  | { readonly kind: 'layers'; readonly lab: string; readonly image: string };

/** What the page says. Terminal input is binary: two bytes terminal (big endian), then what was typed. */
export type FromPage =
  | { readonly type: 'ask'; readonly id: number; readonly ask: Ask }
  | {
      readonly type: 'look';
      /** The lab on the screen; none: the list. */
      readonly lab?: string;
      /** Steps that stand open. */
      readonly steps?: readonly string[];
      readonly world?: boolean;
      /** False when nobody sees the page. */
      readonly visible: boolean;
    }
  | { readonly type: 'size'; readonly terminal: number; readonly cols: number; readonly rows: number }
  /** So many bytes of output were drawn: what comes next may be sent. */
  | { readonly type: 'drawn'; readonly terminal: number; readonly bytes: number }
  | { readonly type: 'beat' };

/** What the server says. Terminal output is binary: two bytes terminal, one byte {@link OUTPUT}, then the bytes. */
export type FromServer =
  | {
      readonly type: 'hello';
      readonly version: string;
      readonly run: string;
      readonly terminals: string;
      readonly broken?: readonly BrokenCard[];
    }
  | { readonly type: 'answered'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly message: string; readonly hint?: string }
  | { readonly type: 'labs'; readonly labs: readonly LabCard[] }
  | ({ readonly type: 'room' } & RoomNews)
  | {
      readonly type: 'progress';
      readonly progress: LabProgress;
      readonly opened: Readonly<Record<string, OpenedStep>>;
    }
  | { readonly type: 'checks'; readonly lab: string; readonly step: string; readonly checks: readonly CheckState[] }
  | { readonly type: 'terminals'; readonly lab: string; readonly terminals: readonly TerminalInfo[] }
  | { readonly type: 'world'; readonly lab: string; readonly world: WorldPicture }
  | { readonly type: 'beat' };

/** Third byte of a binary message of the server: more output, or all that is kept (the screen is to be emptied first). */
export const OUTPUT = { more: 0, all: 1 } as const;

/** Answers by kind of what was asked. */
export interface Answers {
  readonly labs: readonly LabCard[];
  readonly lab: PageLab;
  readonly start: true;
  readonly stop: true;
  readonly reset: true;
  readonly hint: { readonly hint?: string };
  readonly solution: { readonly solution: string };
  readonly solve: true;
  readonly answer: { readonly right: boolean; readonly because: string };
  readonly terminal: { readonly terminal: number };
  readonly 'close-terminal': true;
  readonly walk: WalkPicture;
  readonly exec: ExecPicture;
  readonly layers: LayersPicture;
}

/** Longest message either way, in bytes. */
export const MAX_MESSAGE: number = 64 * 1024;
/** Most output sent to a page that has not said it drew it. */
export const WINDOW: number = 256 * 1024;
