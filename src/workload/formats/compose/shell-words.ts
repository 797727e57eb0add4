/** Splits a command line into words as compose does with `command: string` (mattn/go-shellwords): quotes and backslashes, no expansion. */

/** The words, or undefined when quotes or parentheses are left open. What stands behind an unquoted `;`, `&`, `|`, `<` or `>` is dropped. */
export function shellWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word = '';
  /** Something of a word was there, be it empty quotes. */
  let begun = false;
  let open: '"' | "'" | '`' | '$(' | undefined;
  const push = (): void => {
    if (begun) words.push(word);
    word = '';
    begun = false;
  };
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] as string;
    if (char === '\\' && open !== "'") {
      at += 1;
      if (at >= line.length) return undefined;
      word += line[at];
      begun = true;
      continue;
    }
    if (/[ \t\r\n]/.test(char)) {
      if (open === undefined) push();
      else word += char;
      continue;
    }
    if ((char === '"' || char === "'") && (open === undefined || open === char)) {
      // An empty pair counts when it closes.
      if (open === char) begun = true;
      open = open === char ? undefined : char;
      continue;
    }
    if (char === '`' && (open === undefined || open === '`')) open = open === undefined ? '`' : undefined;
    else if (char === '(' && open === undefined) {
      if (!word.endsWith('$')) return undefined;
      open = '$(';
    } else if (char === ')' && (open === undefined || open === '$(')) open = open === undefined ? '$(' : undefined;
    else if (/[;&|<>]/.test(char) && open === undefined) {
      // `2>` of a redirection is no word.
      if (char === '>' && /^\d/.test(word)) begun = false;
      break;
    }
    word += char;
    begun = true;
  }
  push();
  return open === undefined ? words : undefined;
}
