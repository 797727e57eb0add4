/** A RUN line read as the shell would: which commands it starts in which folder, and what of it cannot be known. */
import {
  type Assignment,
  type Command,
  type CommandNode,
  type PipelineNode,
  parse,
  type Redirection,
  type Statement,
  type Word,
} from 'unbash';
import { braces, type Variables, wordText } from './run-words.ts';

/** One simple command with its words known. */
export interface ShellCommand {
  readonly argv: readonly string[];
  /** Which words were patterns: the files of that name are meant. */
  readonly globs: ReadonlySet<number>;
  /** Files that it writes by redirection, and whether to their end. */
  readonly writes: readonly { readonly path: string; readonly append: boolean }[];
  /** Standard output goes to the first of them, and this is what is said when it is known. */
  readonly cwd: string;
  readonly umask: number;
  readonly variables: Variables;
  /** Offsets in the text of the line. */
  readonly start: number;
  readonly end: number;
}

export interface ShellReader {
  /** Carries it out. `again` reads another text: `sh -c '…'`. */
  command(command: ShellCommand): Promise<void>;
  /** A part that cannot be followed. */
  opaque(start: number, end: number): void;
  /** Whether a test holds; undefined = unknown. */
  decide(argv: readonly string[], cwd: string): boolean | undefined;
}

export interface ShellStart {
  readonly cwd: string;
  readonly umask: number;
  readonly variables: Variables;
  /** `bash` expands braces. */
  readonly bash: boolean;
}

interface Frame {
  cwd: string | undefined;
  umask: number;
  readonly variables: Variables;
  readonly bash: boolean;
  readonly reader: ShellReader;
  readonly budget: { left: number };
  /** Everything behind an exit. */
  ended: boolean;
}

const MOST_COMMANDS = 3000;

export async function readShell(text: string, start: ShellStart, reader: ShellReader): Promise<void> {
  const frame: Frame = { ...start, variables: new Map(start.variables), reader, budget: { left: MOST_COMMANDS }, ended: false };
  let statements: readonly Statement[];
  try {
    statements = parse(text).commands;
  } catch {
    reader.opaque(0, text.length);
    return;
  }
  await list(statements, frame);
}

async function list(statements: readonly Statement[], frame: Frame): Promise<void> {
  for (const { command } of statements) {
    if (frame.ended || frame.budget.left-- <= 0) return;
    if (command.type !== 'AndOr') {
      await node(command, frame);
      continue;
    }
    // A build that goes through has seen its commands succeed; only tests are known to fail.
    let before: boolean | undefined = true;
    for (const [index, one] of command.commands.entries()) {
      const operator = command.operators[index - 1];
      if (operator === '&&' && before === false) continue;
      if (operator === '||' && before === true) continue;
      const answer = answerOf(one, frame);
      if (operator !== undefined && before === undefined) frame.reader.opaque(one.pos, one.end);
      else await node(one, frame);
      before = answer;
    }
  }
}

/** What a command answers: tests what they ask, everything else success. */
function answerOf(one: PipelineNode, frame: Frame): boolean | undefined {
  const plain = one.type === 'Pipeline' && one.commands.length === 1 ? one.commands[0]! : one;
  const negated = one.type === 'Pipeline' && one.prefixes.some(({ type }) => type === 'Negation');
  if (plain.type !== 'Command') return plain.type === 'TestCommand' ? undefined : true;
  const words = [plain.name, ...plain.args].map((word) => (word?.type === 'Word' ? wordText(word, frame.variables) : undefined));
  const [name] = words;
  if (name === 'false') return negated;
  if (name !== '[' && name !== 'test') return negated ? undefined : true;
  const argv = words.slice(1, name === '[' ? -1 : undefined);
  if (argv.some((word) => word === undefined) || frame.cwd === undefined) return undefined;
  const answer = frame.reader.decide(argv as string[], frame.cwd);
  return answer === undefined ? undefined : answer !== negated;
}

async function node(one: PipelineNode, frame: Frame): Promise<void> {
  if (frame.ended) return;
  switch (one.type) {
    case 'Pipeline':
      for (const each of one.commands)
        await node(each, one.commands.length > 1 ? { ...frame, variables: new Map(frame.variables) } : frame);
      return;
    case 'Command':
      return simple(one, frame);
    case 'BraceGroup':
      return list(one.body.commands, frame);
    case 'Subshell':
      return list(one.body.commands, { ...frame, variables: new Map(frame.variables) });
    case 'For': {
      const values: (string | undefined)[] | undefined = one.wordlist?.flatMap(
        (word): readonly (string | undefined)[] => fields(word, frame) ?? [undefined],
      );
      if (values === undefined || values.includes(undefined) || values.some((value) => /[*?]/.test(value!)))
        return frame.reader.opaque(one.pos, one.end);
      for (const value of values as string[]) {
        frame.variables.set(one.name.value, value);
        await list(one.body.commands, frame);
      }
      return;
    }
    case 'If': {
      for (const { clause, then } of [one, ...one.elif]) {
        const [only, ...more] = clause.commands;
        const answer =
          only !== undefined && more.length === 0 && only.command.type !== 'AndOr' && isTest(only.command)
            ? answerOf(only.command, frame)
            : undefined;
        if (answer === undefined) return frame.reader.opaque(one.pos, one.end);
        if (answer) return list(then.commands, frame);
      }
      return one.else === undefined ? undefined : list(one.else.commands, frame);
    }
    case 'Function':
      return frame.reader.opaque(one.pos, one.end);
    default:
      return frame.reader.opaque(one.pos, one.end);
  }
}

function isTest(one: PipelineNode): boolean {
  const plain: CommandNode | undefined = one.type === 'Pipeline' ? one.commands[0] : one;
  return plain?.type === 'Command' && (plain.name?.text === '[' || plain.name?.text === 'test' || plain.name?.text === 'false');
}

const isPattern = (word: Word): boolean =>
  word.parts?.some(({ type }) => type === 'Glob') === true ||
  (word.parts === undefined && /[*?]/.test(word.text) && !/['"\\]/.test(word.text));

function fields(word: Word, frame: Frame): readonly string[] | undefined {
  const text = wordText(word, frame.variables);
  if (text === undefined) return undefined;
  const plain = !/['"\\]/.test(word.text);
  // An unquoted variable with blanks is several words.
  if (plain && /\$/.test(word.text) && /\s/.test(text)) return text.split(/\s+/).filter((part) => part !== '');
  if (plain && word.text === text && frame.bash) return braces(text);
  return plain && text === '' ? [] : [text];
}

async function simple(one: Command, frame: Frame): Promise<void> {
  const { variables, reader } = frame;
  const assigned = one.prefix.filter((each): each is Assignment => each.type === 'Assignment');
  if (one.name === undefined) {
    for (const each of assigned) assign(each, variables);
    return;
  }
  const name = wordText(one.name, variables);
  const args = one.args.map((arg) => (arg.type === 'Assignment' ? [arg.text] : fields(arg, frame)));
  const writes = writesOf(one.redirects, variables);
  if (name === undefined || args.includes(undefined) || writes === undefined || frame.cwd === undefined) {
    if (name !== undefined && /^(?:export|local|readonly|echo|printf|unset)$/.test(name)) {
      for (const arg of one.args) if (arg.type === 'Assignment') assign(arg, variables);
      if (writes !== undefined && writes.length === 0) return;
    }
    if (name === 'cd') frame.cwd = undefined;
    return reader.opaque(one.pos, one.end);
  }
  const words = args.flatMap((arg) => arg as readonly string[]);
  const globs = new Set<number>();
  let index = 1;
  one.args.forEach((arg, place) => {
    const count = args[place]?.length ?? 0;
    if (arg.type === 'Word' && isPattern(arg)) for (let more = 0; more < count; more += 1) globs.add(index + more);
    index += count;
  });
  if (name === 'export' || name === 'local' || name === 'readonly') {
    for (const arg of one.args) if (arg.type === 'Assignment') assign(arg, variables);
  } else if (name === 'unset') for (const word of words) variables.delete(word);
  else if (name === 'cd') frame.cwd = absolute(frame.cwd, words[0] ?? variables.get('HOME') ?? '/');
  else if (name === 'umask' && /^[0-7]{1,4}$/.test(words[0] ?? '')) frame.umask = Number.parseInt(words[0]!, 8);
  else if (name === 'exit' || name === 'exec') frame.ended = true;
  if (name !== 'exit') {
    const { cwd, umask } = frame;
    const argv = name === 'exec' ? words : [name, ...words];
    if (argv.length > 0) await reader.command({ argv, globs, writes, cwd, umask, variables, start: one.pos, end: one.end });
  }
}

function writesOf(redirects: readonly Redirection[], variables: Variables): { path: string; append: boolean }[] | undefined {
  const out: { path: string; append: boolean }[] = [];
  for (const one of redirects) {
    if (one.type !== 'Redirect' || one.target === undefined || !/^(?:>|>>|>\||&>|&>>)$/.test(one.operator)) continue;
    const path = wordText(one.target, variables);
    if (path === undefined) return undefined;
    if (!/^\/dev\/(?:null|stdout|stderr|fd)/.test(path) && path !== '') out.push({ path, append: one.operator.endsWith('>>') });
  }
  return out;
}

function assign({ name, value, append }: Assignment, variables: Variables): void {
  const text = value.type === 'Word' ? wordText(value, variables) : undefined;
  const before = append === true ? (variables.get(name) ?? '') : '';
  variables.set(name, text === undefined ? null : before + text);
}

/** `cwd` and a path as one absolute path without `.` and `..`; a slash at its end falls away. */
export function absolute(cwd: string, path: string): string {
  const out: string[] = [];
  for (const part of `${path.startsWith('/') ? '' : cwd}/${path}`.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}
