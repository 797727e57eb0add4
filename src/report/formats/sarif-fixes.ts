/** Text edits of fixes, as SARIF proposes changes (3.55). */
import type { Finding } from '../../finding/finding.ts';
import type { Fix } from '../../finding/fix.ts';
import { findingKey } from '../../fixes/need.ts';
import type { TextEdit } from '../../text/edit.ts';
import { uriOf } from './uri.ts';

/** Of the fixes that answer the finding, those that change a text. */
export const sarifFixes = (finding: Finding, fixes: readonly Fix[]): readonly object[] => {
  // What `fix` left over: everything that it changes was looked at, and does not answer it.
  if ('reason' in finding) return [];
  const key = findingKey(finding);
  return fixes
    .filter(
      (fix) => isAbout(fix, finding) && fix.answers.includes(key) && fix.edits?.some(({ file }) => file === finding.where.file),
    )
    .map(({ title, edits = [] }) => ({ description: { text: title }, artifactChanges: changesOf(edits) }));
};

/** Fixes of manifests say of which object; another one's finding may have the same name. */
const isAbout = (fix: Fix & { readonly object?: string }, { object }: Finding): boolean =>
  fix.object === undefined || object === undefined || fix.object === object;

/** One change for each file, with what is replaced in the order of the text. */
function changesOf(edits: readonly TextEdit[]): readonly object[] {
  const files = new Map<string, TextEdit[]>();
  for (const edit of edits) files.set(edit.file, [...(files.get(edit.file) ?? []), edit]);
  return [...files].map(([file, own]) => ({
    artifactLocation: { uri: uriOf(file) },
    replacements: own
      .sort((a, b) => a.start - b.start || a.end - b.end)
      .map(({ start, end, text }) => ({
        deletedRegion: { charOffset: start, charLength: end - start },
        ...(text === '' ? {} : { insertedContent: { text } }),
      })),
  }));
}
