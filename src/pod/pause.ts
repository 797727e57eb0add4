/** Waits, but no longer than somebody wants it to. */
export function pause(ms: number, over?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (over?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      over?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over?.addEventListener('abort', done, { once: true });
  });
}
