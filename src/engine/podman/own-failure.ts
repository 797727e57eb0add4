/** Failures of podman's own bookkeeping: another podman on the same store was at work. They say nothing about the image or its program. */
import { UnrootError } from '../../error.ts';
import type { Launch } from '../../launch/launch.ts';
import type { CommandResult } from '../command.ts';
import { startRefused } from '../start-refused.ts';
import { interrupted, podmanWords } from './client.ts';

/** containers/storage errors.go (ErrImageUnknown, ErrLayerUnknown, ErrContainerUnknown) and libpod/define/errors.go (ErrNoSuchCtr, ErrNoSuchVolume). */
const OWN =
  /\b(?:image|layer|container|size for layer) (?:is )?not known\b|\bidentifier is not (?:a |an )?(?:image|layer|container)\b|\bno such (?:image|container|volume)\b|\bno container with (?:name|id)\b|\bdatabase is locked\b|\bit did not answer in time$/i;

export const isOwnFailure = (words: string): boolean => OWN.test(words);

/** How often, and after how long, what another podman spoilt is tried again. */
const TRIES = 5;
const RETRY_MS = 300;

/** Two podmans that write names or layers at once lose some of them; `mend` puts back what may be missing. */
export async function triedAgain(run: () => Promise<CommandResult>, mend: () => Promise<void>): Promise<CommandResult> {
  let result = await run();
  for (let attempt = 1; attempt < TRIES && spoilt(result); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
    await mend();
    result = await run();
  }
  return result;
}

/**
 * `podman rm`, until it works: the container's own mounts (userdata/shm) stay busy for a moment when another process that is just being
 * started has a copy of them. False: busy to the end. Throws what else it fails for.
 */
export async function removedAtLast(run: () => Promise<CommandResult>): Promise<boolean> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const result = await run();
    if (result.code === 0) return true;
    const words = podmanWords(result);
    if (result.aborted) throw interrupted();
    if (!isBusy(words) && !isOwnFailure(words)) throw new UnrootError(`podman rm failed: ${words}`, { code: 'engine.failed' });
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
  }
  return false;
}

/** EBUSY of unlinkat(2) and umount(2). */
const isBusy = (words: string): boolean => words.includes('device or resource busy');

const spoilt = (result: CommandResult): boolean =>
  result.code !== 0 && !result.timedOut && !result.aborted && isOwnFailure(podmanWords(result));

/** A failure of its own is an error, never evidence; anything else is the runtime's refusal to start the program. */
export function refusedBy(what: string, result: CommandResult, { image, argv }: Launch): UnrootError {
  if (result.aborted) return interrupted();
  const words = podmanWords(result);
  if (!isOwnFailure(words)) return startRefused('podman', image, argv, words);
  return new UnrootError(`podman ${what} failed: ${words}`, {
    code: 'engine.failed',
    hint: 'another podman is changing the same store; run it again when that has ended',
  });
}
