/** Looks at the processes of the node for the pictures, while a page shows one. */
import type { WorldPicture } from './pictures/picture.ts';

const EVERY_MS = 1000;
const SOON_MS = 150;

/** What goes wrong (the node just ended) is told by the room; the picture stays as it was. */
export function watchWorld(
  look: () => Promise<WorldPicture>,
  tell: (world: WorldPicture) => void,
): { wanted(yes: boolean): void; soon(): void; end(): void } {
  let wanted = false;
  let timer: NodeJS.Timeout | undefined;
  let due = 0;
  let looking = false;
  let told = '';
  const plan = (ms: number): void => {
    const at = Date.now() + ms;
    if (!wanted || looking || (timer !== undefined && due <= at)) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(() => void round(), ms);
  };
  const round = async (): Promise<void> => {
    timer = undefined;
    looking = true;
    const seen = await look().catch(() => undefined);
    looking = false;
    if (!wanted) return;
    const text = JSON.stringify(seen);
    if (seen !== undefined && text !== told) tell(seen);
    told = text;
    plan(EVERY_MS);
  };
  const rest = (): void => {
    clearTimeout(timer);
    timer = undefined;
    wanted = false;
    told = '';
  };
  return {
    wanted(yes) {
      if (yes === wanted) return;
      if (!yes) return rest();
      wanted = true;
      plan(0);
    },
    soon: () => plan(SOON_MS),
    end: rest,
  };
}
