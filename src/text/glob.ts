/** Patterns with wildcards, matched in a time that hangs on nothing but the two lengths. */

export type Parts = readonly string[];

/** Whether a text fits one of the patterns. */
export const partsMatch = (patterns: Parts, text: string): boolean => patterns.some((pattern) => globMatches(pattern, text));

const LONGEST = 4096;

/**
 * `*` is any number of characters but `/`, `?` one of those, `**` any number of any; `a/**` is `a` too, and `**` before a `/` may stand for
 * nothing at all. Everything else is itself.
 */
export function globMatches(pattern: string, text: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === text;
  if (pattern.length > LONGEST || text.length > LONGEST) return false;
  if (pattern.endsWith('/**') && globMatches(pattern.slice(0, -3), text)) return true;
  // Which beginnings of the text the pattern so far can stand for.
  let reached = new Uint8Array(text.length + 1);
  reached[0] = 1;
  for (let at = 0; at < pattern.length; at += 1) {
    const next = new Uint8Array(text.length + 1);
    const char = pattern[at]!;
    if (char === '*' && pattern[at + 1] === '*') {
      while (pattern[at + 1] === '*') at += 1;
      const folder = pattern[at + 1] === '/';
      if (folder) at += 1;
      let any = 0;
      for (let end = 0; end <= text.length; end += 1) {
        // `**/` stands for nothing, or for something that ends in a slash.
        next[end] = folder ? (reached[end] === 1 || (any === 1 && text[end - 1] === '/') ? 1 : 0) : any | reached[end]!;
        any |= reached[end]!;
      }
    } else if (char === '*') {
      for (let end = 0; end <= text.length; end += 1)
        next[end] = reached[end] === 1 || (end > 0 && next[end - 1] === 1 && text[end - 1] !== '/') ? 1 : 0;
    } else {
      for (let end = 1; end <= text.length; end += 1)
        next[end] = reached[end - 1] === 1 && (char === '?' ? text[end - 1] !== '/' : text[end - 1] === char) ? 1 : 0;
    }
    reached = next;
  }
  return reached[text.length] === 1;
}
