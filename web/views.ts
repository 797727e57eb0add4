/** The terminals on the page. xterm.js is loaded when the first one is shown; output that comes before waits. */
import type { TerminalInfo } from '../src/lab/serve/protocol.ts';
import type { TerminalView } from './terminal-view.ts';

interface Slot {
  view?: TerminalView;
  /** Output that came before the view. */
  early: { readonly all: boolean; readonly bytes: Uint8Array }[];
}

const slots = new Map<number, Slot>();
let module: Promise<typeof import('./terminal-view.ts')> | undefined;

const slotOf = (id: number): Slot => {
  const slot = slots.get(id) ?? { early: [] };
  slots.set(id, slot);
  return slot;
};

export function output(id: number, all: boolean, bytes: Uint8Array): void {
  const slot = slotOf(id);
  if (slot.view !== undefined) slot.view.write(all, bytes);
  else {
    if (all) slot.early = [];
    slot.early.push({ all, bytes });
  }
}

/** The view of a terminal, made when there is none yet. */
export async function viewOf(info: TerminalInfo): Promise<TerminalView> {
  module ??= import('./terminal-view.ts');
  const { createView } = await module;
  const slot = slotOf(info.id);
  if (slot.view === undefined) {
    slot.view = createView(info);
    for (const { all, bytes } of slot.early) slot.view.write(all, bytes);
    slot.early = [];
  }
  return slot.view;
}

export const shownView = (id: number): TerminalView | undefined => slots.get(id)?.view;

/** Those that are gone are forgotten; the others learn their size and end. */
export function terminalsChanged(infos: readonly TerminalInfo[]): void {
  for (const [id, { view }] of slots) {
    const info = infos.find((one) => one.id === id);
    if (info !== undefined) view?.told(info);
    else if (view !== undefined || infos.length === 0) {
      view?.end();
      slots.delete(id);
    }
  }
}

export function dropViews(): void {
  for (const { view } of slots.values()) view?.end();
  slots.clear();
}

export function allViews(): readonly TerminalView[] {
  return [...slots.values()].flatMap(({ view }) => view ?? []);
}
