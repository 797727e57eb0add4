/** What each system call means for permission, by name. */
import type { Handler } from './strace-call.ts';
import { FILE_CALLS } from './strace-file-calls.ts';
import { PROCESS_CALLS } from './strace-process-calls.ts';
import { SOCKET_CALLS } from './strace-socket-calls.ts';

/** Every call that is read. Whatever is not here is skipped unread. */
export const STRACE_CALLS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...FILE_CALLS,
  ...PROCESS_CALLS,
  ...SOCKET_CALLS,
]);
