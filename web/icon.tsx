/** The few signs the page uses, drawn here so that nothing is fetched. */
import type { JSX } from 'preact';

const PATHS = {
  check: 'M4 10.5 8.5 15 16 5.5',
  attention: 'M10 4v7M10 14.6v.8',
  back: 'M12.5 4 6.5 10l6 6',
  sun: 'M10 6.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8M10 2v1.6M10 16.4V18M2 10h1.6M16.4 10H18M4.3 4.3l1.2 1.2M14.5 14.5l1.2 1.2M15.7 4.3l-1.2 1.2M5.5 14.5l-1.2 1.2',
  moon: 'M15.5 12.2A6.3 6.3 0 0 1 7.8 4.5a6.3 6.3 0 1 0 7.7 7.7Z',
  auto: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 3v14',
  plus: 'M10 4.5v11M4.5 10h11',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  split: 'M3.5 4.5h13v11h-13zM10 4.5v11',
  reset: 'M4.5 10a5.5 5.5 0 1 1 1.7 4M4.5 15.5V11H9',
  stop: 'M6 6h8v8H6z',
  play: 'M7 4.8v10.4L15 10z',
  down: 'M5 8l5 5 5-5',
  clock: 'M10 3.2a6.8 6.8 0 1 0 0 13.6 6.8 6.8 0 0 0 0-13.6M10 6.4V10l2.4 1.8',
  bulb: 'M7.8 14.5h4.4M8.3 17h3.4M10 3a4.9 4.9 0 0 0-2.6 9c.4.3.6.8.6 1.3h4c0-.5.2-1 .6-1.3A4.9 4.9 0 0 0 10 3Z',
  unplugged:
    'M3 17l3-3M8 8l4 4M7 7l-1.4 1.4a3.4 3.4 0 0 0 0 4.8l1.2 1.2M12.6 13l1.8-1.8a3.4 3.4 0 0 0 0-4.8l-.8-.8a3.4 3.4 0 0 0-4.8 0L7.4 7M14 6l3-3',
  picture: 'M3.5 4.5h13v11h-13zM3.5 13l4-4 3 3 2-2 4 4',
  logo: 'M5 4v6.5a5 5 0 0 0 10 0V4M3.5 16.5 16.5 3.5',
  flag: 'M5 17V3.5M5 4h9l-2 3.5 2 3.5H5',
} as const;

export type IconName = keyof typeof PATHS;

/** Beside words that say the same: hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}
