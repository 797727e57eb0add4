/** How far a lab is, as a ring. The words beside it say the same. */
import type { JSX } from 'preact';
import { Icon } from './icon.tsx';

export function Ring({
  done,
  of,
  finished,
}: {
  readonly done: number;
  readonly of: number;
  readonly finished: boolean;
}): JSX.Element {
  if (finished) {
    return (
      <span class="ring full">
        <Icon name="check" />
      </span>
    );
  }
  const length = 2 * Math.PI * 9;
  const part = of === 0 ? 0 : done / of;
  return (
    <svg class="ring" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true">
      <circle cx="12" cy="12" r="9" class="ring-rest" />
      {part > 0 && (
        <circle
          cx="12"
          cy="12"
          r="9"
          class="ring-done"
          stroke-dasharray={`${part * length} ${length}`}
          transform="rotate(-90 12 12)"
        />
      )}
    </svg>
  );
}
