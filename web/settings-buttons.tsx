/** Light or dark, and terminals for screen readers. */
import type { JSX } from 'preact';
import { Icon } from './icon.tsx';
import { screenReader, type Theme, theme, useSetting } from './settings.ts';
import { allViews } from './views.ts';

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const WORDS: Readonly<Record<Theme, string>> = { system: 'as the system', light: 'light', dark: 'dark' };

export function ThemeButton(): JSX.Element {
  const [value, set] = useSetting(theme);
  return (
    <button
      type="button"
      class="plain"
      title={`Colours: ${WORDS[value]}`}
      aria-label={`Colours: ${WORDS[value]}. Change to ${WORDS[NEXT[value]]}`}
      onClick={() => set(NEXT[value])}
    >
      <Icon name={value === 'system' ? 'auto' : value === 'light' ? 'sun' : 'moon'} />
    </button>
  );
}

export function ScreenReaderSwitch(): JSX.Element {
  const [on, set] = useSetting(screenReader);
  const change = (next: boolean): void => {
    set(next);
    for (const view of allViews()) view.screenReader(next);
  };
  return (
    <label class="switch">
      <input type="checkbox" checked={on} onChange={(event) => change(event.currentTarget.checked)} /> Terminals speak (screen
      reader)
    </label>
  );
}
