/** What a run was denied, in words: each once, and no more than anybody reads. */
import type { Trace } from '../trace/event.ts';
import { describeOperation } from './denied.ts';

const MOST = 50;

/** `nginx opens /run/nginx.pid: EACCES`, for the three errors that stand for a missing right. */
export function denialTexts(trace: Trace | undefined): string[] {
  const denied = (trace?.events ?? []).filter(({ errno }) => errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS');
  const texts = denied.map((event) => `${event.program.split('/').pop()} ${describeOperation(event.operation)}: ${event.errno}`);
  return [...new Set(texts)].slice(0, MOST);
}
