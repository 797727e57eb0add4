/** Which terminal is shown where: one pane, or two side by side. */
import { useEffect, useState } from 'preact/hooks';
import { say } from './store.ts';
import { shownView } from './views.ts';

export interface Panes {
  /** Terminals in the panes, left first; a pane may be empty. */
  readonly shown: readonly (number | undefined)[];
  /** The pane that was used last. */
  readonly active: number;
}

let panes: Panes = { shown: [undefined], active: 0 };
const listeners = new Set<() => void>();

function change(next: Panes): void {
  panes = next;
  for (const listener of [...listeners]) listener();
}

export function usePanes(): Panes {
  const [value, setValue] = useState(panes);
  useEffect(() => {
    const look = (): void => setValue(panes);
    look();
    listeners.add(look);
    return () => void listeners.delete(look);
  }, []);
  return value;
}

/** Shows a terminal in a pane; where it was before, the other one comes. */
export function show(terminal: number, pane: number = panes.active): void {
  const before = panes.shown[pane];
  const shown = panes.shown.map((one, index) => (index === pane ? terminal : one === terminal ? before : one));
  change({ shown, active: pane });
}

export const activate = (pane: number): void => {
  if (pane !== panes.active) change({ ...panes, active: pane });
};

export function split(on: boolean, ids: readonly number[]): void {
  if (!on) change({ shown: [panes.shown[panes.active]], active: 0 });
  else if (panes.shown.length === 1) change({ shown: [panes.shown[0], ids.find((id) => id !== panes.shown[0])], active: 0 });
}

export const isSplit = (): boolean => panes.shown.length > 1;

/** Takes out terminals that are gone, and fills panes that are empty; one terminal needs one pane. */
export function keep(ids: readonly number[]): void {
  const shown = panes.shown.map((id) => (id !== undefined && ids.includes(id) ? id : undefined));
  const free = ids.filter((id) => !shown.includes(id));
  const filled = shown.map((id) => id ?? free.shift());
  const kept = filled.filter((id, index) => index === 0 || id !== undefined);
  if (kept.length > 1 && kept[0] === undefined) kept.shift();
  const active = Math.min(panes.active, kept.length - 1);
  if (kept.length !== panes.shown.length || kept.some((id, index) => id !== panes.shown[index])) change({ shown: kept, active });
}

/** Puts text where the cursor of the used terminal is, and the keyboard too. */
export function typeIntoTerminal(text: string): void {
  const id = panes.shown[panes.active] ?? panes.shown.find((one) => one !== undefined);
  const view = id === undefined ? undefined : shownView(id);
  if (view === undefined) {
    say('There is no terminal yet: start the lab first', true);
    return;
  }
  view.paste(text);
  view.focus();
  document.dispatchEvent(new CustomEvent('unroot-show', { detail: 'terminals' }));
}
