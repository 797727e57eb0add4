/** Waits until a service is healthy, as an engine counts it, though asked more often: nobody wants to wait out an interval of half a minute. */

import { pause } from '../pod/pause.ts';
import type { Life } from './life.ts';

const ASK_MS = 500;
/** No start takes longer than this here, whatever the file allows. */
const LONGEST_MS = 180_000;

/** Why it is not, in compose's words; undefined = it is. */
export async function waitHealthy(life: Life, signal?: AbortSignal): Promise<string | undefined> {
  const { name, health } = life.service;
  if (health === undefined) return `container ${name} has no healthcheck configured`;
  const { argv, intervalMs, timeoutMs, startPeriodMs, retries } = health;
  const end = Date.now() + Math.min(LONGEST_MS, startPeriodMs + retries * (intervalMs + Math.min(timeoutMs, intervalMs)));
  let last = '';
  for (;;) {
    signal?.throwIfAborted();
    const container = life.container();
    if (life.over() !== undefined) return `container ${name} exited (${life.over()?.code})`;
    if (container?.running()) {
      const result = await asked(() => container.exec(argv, { timeoutMs: Math.min(timeoutMs, LONGEST_MS) }));
      if (result?.code === 0) return undefined;
      last = (result === undefined ? last : result.stdout + result.stderr).trim().split('\n').at(-1) ?? '';
    }
    if (Date.now() > end) return `container ${name} is unhealthy${last === '' ? '' : `: ${last}`}`;
    await pause(ASK_MS, signal);
  }
}

/** It may end while it is asked. */
async function asked<T>(question: () => Promise<T>): Promise<T | undefined> {
  try {
    return await question();
  } catch {
    return undefined; // whether it ended is looked at in the next round
  }
}
