/** A change of what was made from several files, as a change of the file that must change. */
import type { SourceFile } from '../../../text/source-file.ts';
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { YamlNode } from '../../../text/yaml/node.ts';

export type OriginChange =
  /** Of a YAML document of the file. */
  | { readonly kind: 'yaml'; readonly source: SourceFile; readonly root: YamlNode; readonly change: YamlChange }
  /** The whole text. */
  | { readonly kind: 'text'; readonly source: SourceFile; readonly text: string };

/** Why a change cannot be made, in words. */
export interface NoOrigin {
  readonly fault: string;
}
