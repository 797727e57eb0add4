/** The reader's own choices, kept in this browser. */
import { useEffect, useState } from 'preact/hooks';

export interface Setting<T> {
  get(): T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
}

function setting<T extends string | boolean | number>(key: string, standard: T, parse: (text: string) => T): Setting<T> {
  const listeners = new Set<() => void>();
  let value = standard;
  try {
    const kept = localStorage.getItem(key);
    if (kept !== null) value = parse(kept);
  } catch {
    // No storage in this browser: the choice lasts as long as the page.
  }
  return {
    get: () => value,
    set(next) {
      value = next;
      try {
        localStorage.setItem(key, String(next));
      } catch {
        // As above.
      }
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export type Theme = 'system' | 'light' | 'dark';

export const theme: Setting<Theme> = setting<Theme>('unroot-theme', 'system', (text) =>
  text === 'light' || text === 'dark' ? text : 'system',
);
export const screenReader: Setting<boolean> = setting<boolean>('unroot-screen-reader', false, (text) => text === 'true');

/** How much of the right side pictures have, in percent. */
export const pictureShare: Setting<number> = setting<number>('unroot-picture-share', 45, (text) => {
  const percent = Number(text);
  return percent >= 15 && percent <= 80 ? percent : 45;
});

export function useSetting<T>(one: Setting<T>): [T, (value: T) => void] {
  const [value, setValue] = useState(one.get());
  useEffect(() => one.subscribe(() => setValue(() => one.get())), []);
  return [value, one.set];
}

/** The style sheet looks at `data-theme`; without it, at what the system prefers. */
export function applyTheme(): void {
  const apply = (): void => {
    const chosen = theme.get();
    if (chosen === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = chosen;
  };
  apply();
  theme.subscribe(apply);
}
