/** The difference of two texts as `patch` and `git apply` take it. */
import { structuredPatch } from 'diff';

/** Lines around a change, as everybody has them. */
const CONTEXT = 3;

/** git quotes names with such characters (quote.c); a blank alone needs a tab behind it, which `patch` and git both expect. */
function headerName(prefix: string, path: string): string {
  const name = `${prefix}${path.replace(/^\/+/, '')}`;
  if (/["\\\x00-\x1f\x7f]/.test(name))
    return `"${name.replace(/["\\]/g, '\\$&').replace(/[\x00-\x1f\x7f]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`;
  return name.includes(' ') ? `${name}\t` : name;
}

/** '' when nothing differs. `path` is the name of both sides; a text that is undefined stands for no file. */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return '';
  const { hunks } = structuredPatch('', '', before ?? '', after ?? '', undefined, undefined, { context: CONTEXT });
  const lines = [
    `--- ${before === undefined ? '/dev/null' : headerName('a/', path)}`,
    `+++ ${after === undefined ? '/dev/null' : headerName('b/', path)}`,
  ];
  for (const { oldStart, oldLines, newStart, newLines, lines: body } of hunks)
    lines.push(`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...body);
  return `${lines.join('\n')}\n`;
}

/** One line needs no count; of an empty range the line before it is named. */
const range = (start: number, count: number): string =>
  count === 1 ? `${start}` : count === 0 ? `${start - 1},0` : `${start},${count}`;
