/** Which screen: `#/` is the list, `#/lab/02` a lab. */
import { useEffect, useState } from 'preact/hooks';

const labIn = (hash: string): string | undefined => /^#\/lab\/([\w-]{1,60})$/.exec(hash)?.[1];

export function useRoute(): string | undefined {
  const [lab, setLab] = useState(labIn(location.hash));
  useEffect(() => {
    const look = (): void => setLab(labIn(location.hash));
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return lab;
}
