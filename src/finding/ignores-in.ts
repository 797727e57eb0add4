/** The ignores that stand in the files themselves. */
import type { SourceFile } from '../text/source-file.ts';
import type { IgnoresRead } from './ignore.ts';
import { ignoreAnnotations } from './ignore-annotations.ts';
import { ignoreComments } from './ignore-comments.ts';

export interface IgnoresOfFiles extends IgnoresRead {
  /** Those that were looked into. */
  readonly files: readonly string[];
}

/** Comments of any file with `#`, annotations of YAML and JSON. */
export function ignoresIn(files: Iterable<SourceFile>): IgnoresOfFiles {
  const read: IgnoresRead[] = [];
  const names: string[] = [];
  for (const file of files) {
    names.push(file.path);
    read.push(ignoreComments(file), ignoreAnnotations(file));
  }
  return { files: names, ignores: read.flatMap(({ ignores }) => ignores), problems: read.flatMap(({ problems }) => problems) };
}
