/** How wide a picture may be: drawings are laid out for the place they have, so that their text keeps its size. */
import { useEffect, useState } from 'preact/hooks';

/** `ref` of the place, which may come after the first drawing (nothing runs yet), and its width. */
export function useWidth<E extends HTMLElement>(): [(element: E | null) => void, number] {
  const [element, setElement] = useState<E | null>(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(280, Math.floor(entry.contentRect.width)));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [setElement, width];
}
