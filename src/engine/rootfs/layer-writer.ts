/** What is between the store and the unpacking of one layer. */
import type { ContentSink, TarEntry } from '../../image/tar.ts';

/** What came of a layer. */
export interface UnpackedLayer {
  readonly entries: number;
  readonly bytes: number;
  /** What could not be done as the layer says it, in words. */
  readonly notes: readonly string[];
}

/** Entries in the order of the archive. */
export interface LayerWriter {
  /** The sink takes the content of a file; it is closed by the next entry. */
  begin(entry: TarEntry): ContentSink | undefined;
  finish(): UnpackedLayer;
  /** Closes what is open; the folder is the caller's to remove. */
  abort(): void;
}
