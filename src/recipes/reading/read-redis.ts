/** Redis and Valkey: the configuration file, the options that override it, and where the data goes. */
import { type ConfigStatement, lineStatements } from './config-lines.ts';
import { binds, type ConfigReader, said, writes } from './config-reading.ts';
import { absolute } from './image-files.ts';
import type { ReadOperation } from './read-operation.ts';

export const readRedis: ConfigReader = async ({ argv, cwd, files }) => {
  const [program = '', first = ''] = argv;
  const config = first !== '' && !first.startsWith('-') ? absolute(cwd, first) : undefined;
  const text = config === undefined ? '' : await files.text(config);
  if (text === undefined) return [];
  const statements = [...lineStatements(text, config ?? ''), ...optionsOf(argv.slice(config === undefined ? 1 : 2))];
  const find = (word: string): ConfigStatement | undefined =>
    statements.findLast(({ words }) => words[0]?.toLowerCase() === word);
  const value = (word: string): string | undefined => find(word)?.words[1];
  const out: ReadOperation[] = [];

  const folder = absolute(cwd, value('dir') ?? '.');
  const port = find('port');
  if (port !== undefined) out.push(...said(port, program, binds(Number(port.words[1]))));
  const logfile = find('logfile');
  if (logfile?.words[1]) out.push(...said(logfile, program, writes(absolute(folder, logfile.words[1]), true)));
  // Without `daemonize yes` or a pidfile of its own it writes none.
  const pid = find('pidfile');
  if (pid?.words[1]) out.push(...said(pid, program, writes(absolute(cwd, pid.words[1]), false)));
  const socket = find('unixsocket');
  if (socket?.words[1]) out.push(...said(socket, program, [{ kind: 'bind-unix', path: absolute(cwd, socket.words[1]) }]));

  const append = find('appendonly');
  if (append?.words[1] === 'yes') {
    const path = `${folder}/${value('appenddirname') ?? 'appendonlydir'}`;
    if (files.rootFs.resolve(path).entry === undefined)
      out.push(...said(append, program, [{ kind: 'mkdir', path, mode: 0o755 }], 'low'));
  }
  const save = find('save');
  // A snapshot is written beside the old one, under a name with the server's pid, and renamed.
  if (save?.words[1]) {
    const temporary = `${folder}/temp-1.rdb`;
    out.push(
      ...said(
        save,
        program,
        [...writes(temporary, false), { kind: 'rename', path: temporary, to: `${folder}/${value('dbfilename') ?? 'dump.rdb'}` }],
        'low',
      ),
    );
  }
  return out;
};

/** `--save 60 1 --appendonly yes` as statements. */
function optionsOf(words: readonly string[]): readonly ConfigStatement[] {
  const out: { words: string[]; file: string; line: number; text: string }[] = [];
  for (const word of words) {
    if (word.startsWith('--')) out.push({ words: [word.slice(2)], file: 'command line', line: 0, text: word });
    else {
      out.at(-1)?.words.push(word);
      const last = out.at(-1);
      if (last) last.text += ` ${word}`;
    }
  }
  return out;
}
