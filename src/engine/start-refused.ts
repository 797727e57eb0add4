/** The runtime would not start the program: said the same way by every engine, in the runtime's own words. */
import { UnrootError } from '../error.ts';
import type { EngineKind } from './engine.ts';

/** Thrown by `create` or `start`, whichever meets the refusal: an engine that stops before start meets it when it creates. */
export function startRefused(kind: EngineKind, image: string, argv: readonly string[], words: string): UnrootError {
  return new UnrootError(words.trim() || `${kind} did not start ${argv[0] ?? 'the container'} and did not say why`, {
    code: 'engine.start-refused',
    where: { image, ...(argv[0] === undefined ? {} : { entry: argv[0] }) },
    expected: 'a program that exists in the image and that its user may execute',
  });
}
