/** Bad usage: an error like any other, so that it is shown in the same form. */
import { UnrootError } from '../error.ts';

/** Code `cli.usage`, exit 2. */
export function usageError(message: string, expected?: string, hint?: string): UnrootError {
  return new UnrootError(message, {
    code: 'cli.usage',
    ...(expected === undefined ? {} : { expected }),
    ...(hint === undefined ? {} : { hint }),
  });
}
