/** The number of a port in texts that others wrote: where it says where a program listens, and where it says something else. */

export interface PortMove {
  readonly from: number;
  readonly to: number;
}

/** The number with what may stand around a port: `:80`, `=80`, `"80"`, `80;`, `80/tcp`. Not 8080, 10.0.0.80, 80:8080 or 80%. */
const number = (from: number): RegExp => new RegExp(String.raw`(?<=^|[\s:=,"'([{;/])${from}(?=$|[\s;,"')\]}/>&|])`, 'g');

const LISTENS =
  /listen|bind|(?:^|[^a-zA-Z])ports?(?![a-z])|[a-z]Port|_port|addr|accept|interface|endpoint|[sS]erve|https?\b|\bur[il]s?\b|host/i;

/** Words for the other end, and for who may come. */
const OTHER_END =
  /upstream|backend|pass\b|connect\b|remote|forward|destination|target|allow|deny|\bacl\b|peer|origin|resolver|nameserver|redirect\b|\breturn\b|rewrite|database|\bdb_|\bserver\s+(?!0\.0\.0\.0|\[::\]|\*)\S+:\d|^\s*server\s+\S+\s+\S+:\d/i;

/** Addresses that only a listener has. */
const EVERYWHERE = (from: number): RegExp =>
  new RegExp(String.raw`(?:^|[\s"'=/])(?:0\.0\.0\.0|\[::\]|\*|\+|\.)?:${from}(?=$|[\s;,"'/>{])`);

const COMMENT = /^\s*(?:#|;|\/\/|--\s|<!--)/;
const SHORT_OPTION = (from: number): RegExp => new RegExp(String.raw`(?:^|\s)-[a-zA-Z]\s*:?${from}(?=$|\s)`);
/** Long lines are no configuration that anybody wrote by hand. */
const MAX_LINE = 4096;

const swap = (text: string, { from, to }: PortMove): string => text.replace(number(from), String(to));

/** Lines that say where to listen, with the new number; undefined when there are none. `options`: `-p 80` says so too. */
export function movedLines(text: string, move: PortMove, options: boolean): string | undefined {
  const lines = text.split('\n').map((line) => {
    if (line.length > MAX_LINE || COMMENT.test(line) || OTHER_END.test(line)) return line;
    const says = LISTENS.test(line) || EVERYWHERE(move.from).test(line) || (options && SHORT_OPTION(move.from).test(line));
    if (!says) return line;
    const moved = swap(line, move);
    return options ? moved.replace(new RegExp(String.raw`(?<=\s-[a-zA-Z])${move.from}(?=$|\s)`), String(move.to)) : moved;
  });
  const moved = lines.join('\n');
  return moved === text ? undefined : moved;
}

/** A command line: the number as a word of its own, behind an option that may be about listening, or in an address. */
export function movedArguments(words: readonly string[], move: PortMove): readonly string[] | undefined {
  const moved = words.map((word, at) => {
    if (at === 0) return word;
    // A line for a shell.
    if (/\s/.test(word)) return movedLines(word, move, true) ?? word;
    const before = words[at - 1] as string;
    if (OTHER_END.test(word) || (before.startsWith('-') && OTHER_END.test(before))) return word;
    if (word === String(move.from) && before.startsWith('--') && !LISTENS.test(before)) return word;
    return swap(word, move).replace(new RegExp(`^(-[a-zA-Z])${move.from}$`), `$1${move.to}`);
  });
  return moved.join('\0') === words.join('\0') ? undefined : moved;
}

/** Variables whose name or value is about listening: `PORT=80`, `ASPNETCORE_URLS=http://+:80`. */
export function movedVariables(env: readonly string[], move: PortMove): Readonly<Record<string, string>> {
  const moved = env.flatMap((entry): [string, string][] => {
    const at = entry.indexOf('=');
    const [name, value] = [entry.slice(0, at), entry.slice(at + 1)];
    if (at <= 0 || OTHER_END.test(name) || (!LISTENS.test(name) && !EVERYWHERE(move.from).test(value))) return [];
    const other = swap(value, move);
    return other === value ? [] : [[name, other]];
  });
  return Object.fromEntries(moved);
}

const LOCAL = String.raw`(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0|\$HOSTNAME|\$\{HOSTNAME\})`;

/** Words that ask a port of this machine, as a health check does; the scheme's own port need not be said (`http://localhost/`). */
export function movedQuestion(words: readonly string[], moves: readonly PortMove[]): readonly string[] {
  return moves.reduce<readonly string[]>((all, move) => {
    const scheme = move.from === 80 ? 'http' : move.from === 443 ? 'https' : undefined;
    return all.map((word, at) => {
      if (at > 0 && word === String(move.from)) return String(move.to);
      const asked = word
        .replace(new RegExp(String.raw`(${LOCAL}):${move.from}(?!\d)`, 'g'), `$1:${move.to}`)
        .replace(new RegExp(String.raw`(${LOCAL})(\s+)${move.from}(?!\d)`, 'g'), `$1$2${move.to}`)
        .replace(new RegExp(String.raw`(\s-{1,2}(?:p|P|port)[= ]?)${move.from}(?!\d)`, 'g'), `$1${move.to}`);
      if (scheme === undefined) return asked;
      return asked.replace(new RegExp(String.raw`(\b${scheme}://${LOCAL})(?=$|[/?\s"'])`, 'g'), `$1:${move.to}`);
    });
  }, words);
}
