/** nginx: its configuration with everything that it includes, and the paths it was built with. */
import type { Operation } from '../../linux/operation.ts';
import { userOf } from './accounts.ts';
import { braceStatements, type ConfigStatement } from './config-lines.ts';
import {
  becomes,
  binds,
  type ConfigReader,
  MAX_STATEMENTS,
  optionValue,
  type ProgramInput,
  said,
  writes,
} from './config-reading.ts';
import { absolute } from './image-files.ts';
import type { ReadOperation } from './read-operation.ts';

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const BINARY_BYTES = 8 * 1024 * 1024;

export const readNginx: ConfigReader = async (input) => {
  const built = await builtWith(input);
  const config = optionValue(input.argv, '-c') ?? built.get('conf-path') ?? '/etc/nginx/nginx.conf';
  const prefix = (optionValue(input.argv, '-p') ?? built.get('prefix') ?? '/etc/nginx').replace(/\/+$/, '');
  const confFolder = config.slice(0, config.lastIndexOf('/'));
  const statements = [...(await withIncludes(absolute(prefix, config), confFolder, input))];
  if (statements.length === 0) return [];
  // -g "pid /tmp/x; daemon off;"
  statements.push(...braceStatements(`${optionValue(input.argv, '-g') ?? ''};`, 'command line'));

  const program = input.argv[0]!;
  const out: ReadOperation[] = [];
  const main: ConfigStatement = { words: [], file: program, line: 0, text: 'built in' };
  const find = (word: string): ConfigStatement | undefined => statements.findLast(({ words }) => words[0] === word);
  const path = (text: string): string => absolute(prefix, text);

  const user = find('user');
  const userName = user?.words[1] ?? built.get('user') ?? 'nobody';
  const pid = find('pid');
  const pidPath = pid?.words[1] ?? built.get('pid-path');
  for (const one of statements) out.push(...listens(one, program));
  for (const one of statements)
    if (one.words[0] === 'error_log' || one.words[0] === 'access_log') {
      const target = one.words[1] ?? 'off';
      if (!/^(?:off|stderr|syslog:|memory:)/.test(target)) out.push(...said(one, program, writes(path(target), true)));
    }
  for (const kind of TEMPORARY) {
    const one = find(`${kind}_temp_path`);
    const target = one?.words[1] ?? built.get(`http-${kind.replace('_', '-')}-temp-path`);
    if (target !== undefined) out.push(...said(one ?? main, program, temporary(path(target), userName, input)));
  }
  if (pidPath !== undefined)
    out.push(...said(pid ?? main, program, [...writes(path(pidPath), false), ...removed(path(pidPath))]));
  out.push(...said(user ?? main, program, becomes(userName, user?.words[2] ?? built.get('group'), input)));
  return out;
};

const removed = (path: string): Operation[] => [{ kind: 'unlink', path }];

/** Made when missing; root gives it to the user of the workers. */
function temporary(path: string, userName: string, input: ProgramInput): Operation[] {
  const entry = input.files.rootFs.resolve(path).entry;
  const user = userOf(userName, input.accounts);
  return [
    ...(entry === undefined ? [{ kind: 'mkdir' as const, path, mode: 0o700 }] : []),
    ...(user !== undefined && input.uid === 0 && entry?.uid !== user.uid
      ? [{ kind: 'chown' as const, path, uid: user.uid, gid: -1 }]
      : []),
  ];
}

/** `listen 80;`, `listen [::]:80 default_server;`, `listen 127.0.0.1;` (port 80), `listen unix:/run/x.sock;`. */
function listens(one: ConfigStatement, program: string): ReadOperation[] {
  const [word, spec = ''] = one.words;
  if (word !== 'listen') return [];
  if (spec.startsWith('unix:')) return said(one, program, [{ kind: 'bind-unix', path: spec.slice(5) }]);
  const match = /^(?:(\[[0-9a-fA-F:.]*\]|[^:]*):)?(\d+)$/.exec(spec);
  const port = match ? Number(match[2]) : 80;
  const address = (match ? match[1] : spec)?.replace(/^\[|\]$/g, '');
  const quic = one.words.includes('quic');
  return said(
    one,
    program,
    binds(port, address === undefined || address === '' || address === '*' ? '0.0.0.0' : address, quic ? 'udp' : 'tcp'),
  );
}

async function withIncludes(path: string, folder: string, input: ProgramInput, depth = 0): Promise<readonly ConfigStatement[]> {
  const text = await input.files.text(path);
  if (text === undefined || depth > 5) return [];
  const out: ConfigStatement[] = [];
  for (const one of braceStatements(text, path)) {
    if (out.length >= MAX_STATEMENTS) break;
    if (one.words[0] !== 'include') out.push(one);
    else
      for (const each of input.files.glob(absolute(folder, one.words[1] ?? '')))
        out.push(...(await withIncludes(each, folder, input, depth + 1)));
  }
  return out;
}

/** nginx carries the words it was configured with, for `nginx -V`: `--pid-path=/run/nginx.pid …`. */
async function builtWith({ argv, files }: ProgramInput): Promise<ReadonlyMap<string, string>> {
  const entry = files.rootFs.resolve(argv[0]!).entry;
  if (entry?.type !== 'file' || entry.size > BINARY_BYTES) return new Map();
  const bytes = await files.rootFs.readFile(entry.path, { limit: BINARY_BYTES });
  const text = bytes === undefined ? '' : new TextDecoder('latin1').decode(bytes);
  const at = text.indexOf('configure arguments: ');
  const words = at < 0 ? '' : text.slice(at, at + 8192).split('\0')[0]!;
  return new Map([...words.matchAll(/--([a-z-]+)=(\/[^\s']*|[\w-]+)(?=\s|'|$)/g)].map((match) => [match[1]!, match[2]!]));
}
