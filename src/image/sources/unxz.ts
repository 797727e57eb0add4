/** Unpacks xz as XZ Embedded does: one filter (LZMA2), checks of 32 and 64 bits, dictionaries up to 64 MiB. Anything else is an error. */

/** Codes of xz_dec_run() in XZ Embedded's linux/xz.h, in the order in which they are defined. */
const WHY: Readonly<Record<string, string>> = {
  3: 'there is not enough memory',
  4: 'its dictionary is too large',
  5: 'it does not begin like it',
  6: 'it uses a filter or a check that is not known here',
  7: 'its data is damaged',
  8: 'it ends too early',
};

/** Throws an Error that says what is wrong with the data. */
export async function* unxz(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { XzReadableStream } = await import('xz-decompress');
  const source = input[Symbol.asyncIterator]();
  const packed = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { value, done } = await source.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      await source.return?.();
    },
  });
  const reader = (new XzReadableStream(packed) as ReadableStream<Uint8Array>).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    const code = /error code (\d+)/.exec(String(error))?.[1] ?? '';
    throw new Error(`its xz data cannot be unpacked: ${WHY[code] ?? String(error)}`, { cause: error });
  } finally {
    await reader.cancel().catch(() => undefined);
    await source.return?.();
  }
}
