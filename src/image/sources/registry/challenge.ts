/** The WWW-Authenticate header (RFC 9110 section 11.6.1): what a registry wants to see before it answers. */

export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A token, optional white space and what may follow it. */
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** Headers longer than this are no challenge of anybody's registry. */
const LONGEST = 8192;

/** All challenges of a header, in order; what cannot be read ends it. */
export function parseChallenges(header: string): readonly Challenge[] {
  const out: { scheme: string; parameters: Record<string, string> }[] = [];
  const text = header.slice(0, LONGEST);
  let at = 0;
  const token = (): string | undefined => {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const blanks = (): void => {
    while (text[at] === ' ' || text[at] === '\t' || text[at] === ',') at++;
  };
  for (;;) {
    blanks();
    const word = token();
    if (word === undefined) return out;
    let next = at;
    while (text[next] === ' ') next++;
    if (text[next] !== '=') {
      out.push({ scheme: word.toLowerCase(), parameters: {} });
      continue;
    }
    at = next + 1;
    while (text[at] === ' ') at++;
    let value: string | undefined;
    if (text[at] === '"') {
      value = '';
      for (at++; at < text.length && text[at] !== '"'; at++) {
        if (text[at] === '\\') at++;
        value += text[at] ?? '';
      }
      at++;
    } else value = token();
    const current = out.at(-1);
    if (value === undefined || current === undefined) return out;
    if (!Object.hasOwn(current.parameters, word.toLowerCase())) current.parameters[word.toLowerCase()] = value;
  }
}
