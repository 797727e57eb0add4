/** A configuration file as statements of words with their lines: nginx style (`word …;`, braces) and line style (httpd, haproxy, redis). */
export interface ConfigStatement {
  readonly words: readonly string[];
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

const WORD = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"']+/g;
const unquoted = (word: string): string => (/^(["']).*\1$/s.test(word) ? word.slice(1, -1) : word);

/** One statement a line; `#` begins a comment at the start of a line or behind a space. */
export function lineStatements(text: string, file: string): readonly ConfigStatement[] {
  return text.split('\n').flatMap((line, index) => {
    const code = line.length > 4096 ? '' : line.replace(/(^|\s)#.*$/, '').trim();
    const words = (code.match(WORD) ?? []).map(unquoted);
    return words.length === 0 ? [] : [{ words, file, line: index + 1, text: code }];
  });
}

/** Statements that end with `;`, `{` or `}`, whatever the lines. */
export function braceStatements(text: string, file: string): readonly ConfigStatement[] {
  const out: ConfigStatement[] = [];
  let words: string[] = [];
  let began = 1;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length > 4096) continue;
    for (const token of line.match(/#.*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[;{}]|[^\s;{}"']+/g) ?? []) {
      if (token.startsWith('#')) break;
      if (words.length === 0) began = index + 1;
      if (token !== ';' && token !== '{' && token !== '}') words.push(unquoted(token));
      else {
        if (words.length > 0) out.push({ words, file, line: began, text: words.join(' ') });
        words = [];
      }
    }
  }
  return out;
}
