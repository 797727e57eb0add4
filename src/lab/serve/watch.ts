/** Looks at the checks of steps again and again, as long as somebody wants to know, and never more often than they take. */
import type { CheckState } from '../lab.ts';

export interface Watch {
  /** The steps to look at; none: rest. */
  steps(ids: readonly string[]): void;
  /** Something happened: look soon. */
  soon(): void;
  end(): void;
}

/** Between two looks when nothing is heard of the terminals. */
const EVERY_MS = 250;
/** After output: what a command did is mostly done when its last line is there. */
const SOON_MS = 40;

/** `look` must not throw; `tell` gets what is new only. */
export function watchChecks(
  look: (step: string) => Promise<readonly CheckState[]>,
  tell: (step: string, checks: readonly CheckState[]) => void,
): Watch {
  let wanted: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let due = 0;
  let looking = false;
  let again = false;
  let ended = false;
  const told = new Map<string, string>();

  const plan = (ms: number): void => {
    if (ended || wanted.length === 0) return;
    const at = Date.now() + ms;
    if (timer !== undefined && due <= at) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void round(), ms);
  };
  const round = async (): Promise<void> => {
    timer = undefined;
    if (looking) return;
    looking = true;
    again = false;
    const began = performance.now();
    for (const step of wanted) {
      const checks = await look(step);
      const text = JSON.stringify(checks);
      if (ended) return;
      if (told.get(step) === text) continue;
      told.set(step, text);
      tell(step, checks);
    }
    looking = false;
    const took = performance.now() - began;
    // A check may be a command of seconds: then most of the time belongs to others.
    plan(again ? Math.max(SOON_MS, took) : Math.max(EVERY_MS, 3 * took));
  };
  return {
    steps(ids) {
      for (const id of told.keys()) if (!ids.includes(id)) told.delete(id);
      wanted = ids;
      if (ids.length === 0) {
        clearTimeout(timer);
        timer = undefined;
      } else plan(0);
    },
    soon() {
      if (looking) again = true;
      else plan(SOON_MS);
    },
    end() {
      ended = true;
      clearTimeout(timer);
    },
  };
}
