/** Texts that are no files: what was fetched before anybody reads its targets. Commands read targets at once; a cluster has to be waited for. */
import type { SourceFile } from '../text/source-file.ts';

const TEXTS: Map<string, SourceFile> = new Map();

/** From now on the target is this text. */
export function rememberText(target: string, source: SourceFile): void {
  TEXTS.set(target, source);
}

/** Undefined for everything that has to be read. */
export const rememberedText = (target: string): SourceFile | undefined => TEXTS.get(target);
