/** Asks what a path is, for those who only choose by it: whoever opens it says what is wrong. */
import { type Stats, statSync } from 'node:fs';

/** What is there; undefined when that cannot be told: nothing at all, links that go round in circles, a folder that is not ours. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a loop of links, a folder that is not ours: told by whoever opens it
  }
}
