/** Keeps the last bytes of a stream: a server may log for ever, and what matters is said last. */

const DEFAULT_LIMIT = 1024 * 1024;

/** Bounded memory: at most `limit` bytes plus one chunk. */
export class TailBuffer {
  readonly limit: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #dropped = 0;

  constructor(limit: number = DEFAULT_LIMIT) {
    this.limit = limit;
  }

  push(chunk: Uint8Array): void {
    // A chunk is copied: Node may hand out slices of one large pool buffer, which they would keep alive.
    const kept = Uint8Array.from(chunk.length > this.limit ? chunk.subarray(chunk.length - this.limit) : chunk);
    this.#dropped += chunk.length - kept.length;
    this.#chunks.push(kept);
    this.#size += kept.length;
    while (this.#size > this.limit) {
      const first = this.#chunks[0]!;
      const over = this.#size - this.limit;
      if (first.length <= over) {
        this.#chunks.shift();
        this.#size -= first.length;
        this.#dropped += first.length;
      } else {
        this.#chunks[0] = first.subarray(over);
        this.#size -= over;
        this.#dropped += over;
      }
    }
  }

  /** Bytes that no longer fit. */
  get dropped(): number {
    return this.#dropped;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
