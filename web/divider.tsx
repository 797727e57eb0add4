/** The line between terminals and pictures: drawn with the pointer, or with the arrow keys. */
import type { JSX } from 'preact';
import { pictureShare, useSetting } from './settings.ts';

const [LEAST, MOST, STEP] = [15, 80, 5];
const within = (percent: number): number => Math.round(Math.min(MOST, Math.max(LEAST, percent)));

export function Divider(): JSX.Element {
  const [share, set] = useSetting(pictureShare);
  const drag = (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    const box = event.currentTarget.closest('.right')?.getBoundingClientRect();
    if (box === undefined || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    set(within(((box.bottom - event.clientY) / box.height) * 100));
  };
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    set(within(share + step));
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule between two parts that can be moved; <hr> takes no focus
    <div
      class="divider"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Room for pictures"
      aria-valuenow={share}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      tabIndex={0}
      onKeyDown={key}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onDblClick={() => set(45)}
    />
  );
}
