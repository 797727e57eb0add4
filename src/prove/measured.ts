/** What a fix cost, in numbers. */
export interface Measured {
  /** From reading the image to the verdict. Another number each time. */
  readonly seconds: number;
  /** What the service itself takes until it is ready, in the first run. Another number each time. */
  readonly serviceStartMs: number;
  /** Runs as the user that the search took. */
  readonly rounds: number;
  /** Bytes of the added layer as it is stored (gzip); `bytesUnpacked`: of its tar. */
  readonly bytesAdded: number;
  readonly bytesUnpacked: number;
  /** Paths that were granted and that the last watched run could have done without; absent where no tracer saw every call. */
  readonly grantsUnused?: readonly string[];
}
