/** Apache httpd: its configuration with everything that it includes, and the variables that Debian's envvars sets. */
import { type ConfigStatement, lineStatements } from './config-lines.ts';
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

const HOMES = [
  '/etc/apache2/apache2.conf',
  '/usr/local/apache2/conf/httpd.conf',
  '/etc/httpd/conf/httpd.conf',
  '/etc/apache2/httpd.conf',
];

export const readHttpd: ConfigReader = async (input) => {
  const program = input.argv[0]!;
  const given = optionValue(input.argv, '-f');
  const config =
    given === undefined ? HOMES.find((path) => input.files.rootFs.resolve(path).entry !== undefined) : absolute(input.cwd, given);
  if (config === undefined) return [];
  const folder = config.slice(0, config.lastIndexOf('/'));
  const variables = new Map([...input.env, ...(await envvars(`${folder}/envvars`, input))]);
  const found = await withIncludes(
    config,
    config.startsWith('/etc/apache2/') ? folder : folder.replace(/\/conf$/, ''),
    variables,
    input,
  );
  const root = found.find(({ words }) => words[0]?.toLowerCase() === 'serverroot')?.words[1] ?? folder;
  const out: ReadOperation[] = [];
  const last = (word: string): ConfigStatement | undefined => found.findLast(({ words }) => words[0]?.toLowerCase() === word);
  for (const one of found) {
    const [word = '', value = ''] = one.words;
    switch (word.toLowerCase()) {
      case 'listen': {
        const match = /^(?:(.*):)?(\d{1,5})$/.exec(value);
        if (match) out.push(...said(one, program, binds(Number(match[2]), match[1]?.replace(/^\[|\]$/g, '') ?? '0.0.0.0')));
        break;
      }
      case 'errorlog':
      case 'customlog':
      case 'transferlog':
        if (!/^(?:\||syslog)/.test(value) && !value.includes('${'))
          out.push(...said(one, program, writes(absolute(root, value), true)));
        break;
      case 'pidfile':
        if (!value.includes('${')) out.push(...said(one, program, writes(absolute(root, value), false)));
    }
  }
  const user = last('user');
  if (user) out.push(...said(user, program, becomes(user.words[1] ?? '', last('group')?.words[1], input)));
  return out;
};

/** `export APACHE_PID_FILE=/var/run/apache2$SUFFIX/apache2.pid`: one assignment a line, suffixes empty. */
async function envvars(path: string, { files }: ProgramInput): Promise<ReadonlyMap<string, string>> {
  const out = new Map<string, string>();
  for (const line of ((await files.text(path)) ?? '').split('\n')) {
    const match = /^\s*export\s+(\w+)=(\S*)/.exec(line);
    if (match) out.set(match[1]!, match[2]!.replace(/\$\{?SUFFIX\}?/g, '').replace(/^["']|["']$/g, ''));
  }
  return out;
}

async function withIncludes(
  path: string,
  root: string,
  variables: ReadonlyMap<string, string>,
  input: ProgramInput,
  depth = 0,
): Promise<readonly ConfigStatement[]> {
  const text = await input.files.text(path);
  if (text === undefined || depth > 5) return [];
  const out: ConfigStatement[] = [];
  let aside = 0;
  for (const read of lineStatements(text, path)) {
    if (out.length >= MAX_STATEMENTS) break;
    const [word = ''] = read.words;
    // Whether a module is loaded or a name defined is not known here: what depends on it is left out.
    if (/^<If/i.test(word)) aside++;
    else if (/^<\/If/i.test(word)) aside = Math.max(0, aside - 1);
    if (aside > 0 || word.startsWith('<')) continue;
    const words = read.words.map((each) => each.replace(/\$\{(\w+)\}/g, (whole, name: string) => variables.get(name) ?? whole));
    if (!/^include(?:optional)?$/i.test(word)) out.push({ ...read, words });
    else
      for (const each of input.files.glob(absolute(root, words[1] ?? '')))
        out.push(...(await withIncludes(each, root, variables, input, depth + 1)));
  }
  return out;
}
