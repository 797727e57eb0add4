/** Which line of a template a rendered line comes from, as far as it can be told: lines that are the same, and lines with the same key. */

/** `- name: x` → `name: x`. */
const bare = (line: string): string => line.trim().replace(/^(?:- +)+/, '');
const keyOf = (line: string): string | undefined => /^("[^"]*"|[\w./-]+):(?:\s|$)/.exec(bare(line))?.[1];

/** Larger ones are only told by file. */
const LARGEST = 4_000_000;

function score(rendered: string, template: string): number {
  const [one, two] = [rendered.trim(), template.trim()];
  if (one === '' || one.startsWith('#')) return 0;
  if (one === two) return 4;
  if (!two.includes('{{')) return 0;
  const [key, other] = [keyOf(rendered), keyOf(template)];
  if (key !== undefined && key === other) return 3;
  // `- {{ .x }}` for an item of a list.
  return one.startsWith('- ') && /^- *"?\{\{/.test(two) ? 1 : 0;
}

/** For every rendered line the number of its line in the template, from 0; what comes from elsewhere has that of the line before it. */
export function templateLines(rendered: readonly string[], template: readonly string[]): readonly number[] {
  const [rows, columns] = [rendered.length, template.length];
  if (rows * columns > LARGEST || columns === 0) return rendered.map(() => 0);
  // The best order-keeping match of both.
  const best = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let row = rows - 1; row >= 0; row -= 1)
    for (let column = columns - 1; column >= 0; column -= 1) {
      const own = score(rendered[row]!, template[column]!);
      const taken = own === 0 ? 0 : own + best[row + 1]![column + 1]!;
      best[row]![column] = Math.max(taken, best[row + 1]![column]!, best[row]![column + 1]!);
    }
  const out: number[] = [];
  let column = 0;
  let last = 0;
  for (let row = 0; row < rows; row += 1) {
    while (column < columns && best[row]![column] === best[row]![column + 1]) column += 1;
    const own = column < columns ? score(rendered[row]!, template[column]!) : 0;
    if (own > 0 && best[row]![column] === own + best[row + 1]![column + 1]!) {
      last = column;
      column += 1;
    }
    out.push(last);
  }
  return out;
}
