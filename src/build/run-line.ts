/** RUN: what the line does to the tree, command by command; what is not understood is noted as unknown. */
import type { Instruction } from '../text/dockerfile/instruction.ts';
import { type SourceFile, spanAt } from '../text/source-file.ts';
import type { Span } from '../text/span.ts';
import { readAccounts } from './build-accounts.ts';
import { UNKNOWN } from './build-tree.ts';
import { accountCommand } from './run-accounts.ts';
import { attempt, isKept, needsRoot, opaque, pathsOf, type RunContext, split } from './run-context.ts';
import { copy, link, mkdir, remove, rewritten, touch, writeFile } from './run-files.ts';
import { chmod, chown, install, setcap } from './run-owners.ts';
import { absolute, readShell, type ShellCommand } from './run-shell.ts';
import type { Variables } from './run-words.ts';
import type { StageState, Worker } from './stage-state.ts';

/** A text of the line with the place of each of its characters in the file. */
export interface RunText {
  readonly text: string;
  offset(index: number): number;
}

export interface RunInput {
  readonly file: SourceFile;
  readonly state: StageState;
  readonly instruction: Instruction;
  readonly worker: Worker;
  readonly variables: Variables;
  readonly cwd: string;
  readonly bash: boolean;
  readonly mounts: readonly string[];
}

/** Change nothing that stays, whatever their words say. */
const HARMLESS = new Set(
  'echo printf true false : test [ id ls cat grep egrep fgrep whoami sleep date env printenv pwd which command type export local readonly set unset umask ulimit trap exit cd uname hostname head tail wc sort uniq tr cut awk ps stat du df getent sync dpkg-query dpkg-architecture apt-mark basename dirname readlink realpath sha256sum sha1sum md5sum sha512sum nproc arch file expr seq diff cmp wait kill shift hash'.split(
    ' ',
  ),
);

/** Package managers: what they do when, and that root is needed for it. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'apt-get': /^(?:install|upgrade|dist-upgrade|full-upgrade|build-dep|remove|purge|autoremove|reinstall)$/,
  apt: /^(?:install|upgrade|full-upgrade|remove|purge|autoremove|reinstall)$/,
  aptitude: /^(?:install|upgrade|remove|purge)$/,
  apk: /^(?:add|upgrade|del|fix)$/,
  yum: /^(?:install|update|upgrade|remove|erase|localinstall|groupinstall)$/,
  dnf: /^(?:install|update|upgrade|remove|erase|group)$/,
  microdnf: /^(?:install|update|upgrade|remove)$/,
  tdnf: /^(?:install|update|upgrade|remove)$/,
  zypper: /^(?:install|in|update|up|remove|rm)$/,
  pacman: /^-(?:S|U|R)/,
  dpkg: /^(?:-i|--install|-r|-P|--purge|--remove|--configure)$/,
  rpm: /^-(?:i|U|e)/,
};

const TOOLS = new Set(['sudo', 'gosu', 'su-exec', 'doas', 'super', 'setpriv']);

export async function runLine(text: RunText, input: RunInput): Promise<void> {
  const { file, state, instruction } = input;
  const span = (start: number, end: number): Span => spanAt(file, text.offset(start), text.offset(Math.max(end - 1, start)) + 1);
  await readShell(
    text.text,
    { cwd: input.cwd, umask: 0o022, variables: input.variables, bash: input.bash },
    {
      command: async (command) => {
        const context: RunContext = {
          state,
          instruction,
          worker: input.worker,
          command,
          span: span(command.start, command.end),
          mounts: input.mounts,
        };
        await carryOut(context, input);
      },
      opaque: (start, end) => {
        state.opaque.push({
          span: span(start, end),
          instruction,
          text: text.text.slice(start, end).replace(/\s+/g, ' ').slice(0, 60),
          kind: 'program',
          asRoot: input.worker.uid === 0 || (input.worker.uid === undefined && input.worker.missing === undefined),
          layer: state.layer,
        });
      },
      decide: (argv, cwd) => decideTest(argv, cwd, input),
    },
  );
}

function decideTest(argv: readonly string[], cwd: string, { state }: RunInput): boolean | undefined {
  if (argv[0] === '!') {
    const inner = decideTest(argv.slice(1), cwd, { state } as RunInput);
    return inner === undefined ? undefined : !inner;
  }
  const [a = '', b = '', c = ''] = argv;
  if (argv.length === 1) return a !== '';
  if (argv.length === 3) return b === '=' || b === '==' ? a === c : b === '!=' ? a !== c : undefined;
  if (argv.length !== 2) return undefined;
  if (a === '-n') return b !== '';
  if (a === '-z') return b === '';
  if (state.baseMissing !== undefined || state.opaque.length > 0) return undefined;
  const { node } = state.tree.find(absolute(cwd, b));
  if (a === '-e') return node !== undefined;
  if (a === '-f') return node?.info.type === 'file';
  if (a === '-d') return node?.info.type === 'directory';
  if (a === '-x') return node === undefined ? false : (node.info.mode & 0o111) !== 0;
  return undefined;
}

async function carryOut(context: RunContext, input: RunInput): Promise<void> {
  const { command, state } = context;
  const name = command.argv[0]!.slice(command.argv[0]!.lastIndexOf('/') + 1);
  await known(name, context, input);
  const accounts = command.writes.length === 0 ? undefined : await readAccounts(state.tree);
  for (const { path, append } of command.writes) {
    const place = absolute(command.cwd, path);
    if (!isKept(context, place)) continue;
    const said = !append ? saidBy(command) : undefined;
    writeFile(context, place, said === undefined ? UNKNOWN : { kind: 'bytes', bytes: new TextEncoder().encode(said) });
    if (place === '/etc/passwd' || place === '/etc/group')
      appendAccount(context, place, place === '/etc/passwd' ? (accounts?.passwdText ?? '') : (accounts?.groupText ?? ''), append);
  }
}

/** `echo text` and `printf 'text'` without anything that would have to be worked out. */
function saidBy({ argv }: ShellCommand): string | undefined {
  if (argv[0] === 'echo')
    return argv.slice(1).some((word) => word.startsWith('-') || word.includes('\\')) ? undefined : `${argv.slice(1).join(' ')}\n`;
  if (argv[0] === 'printf' && argv.length === 2 && !argv[1]!.includes('%')) return argv[1]!.replaceAll('\\n', '\n');
  return undefined;
}

/** `echo 'app:x:1000:1000::/:/bin/sh' >> /etc/passwd`: how accounts are made where there are no tools. */
function appendAccount(context: RunContext, path: string, before: string, append: boolean): void {
  const said = saidBy(context.command);
  const { node } = context.state.tree.find(path);
  if (said === undefined) {
    opaque(context, 'packages');
    return;
  }
  if (!append || node === undefined) return;
  const bytes = new TextEncoder().encode(`${before}${said}`);
  node.content = { kind: 'bytes', bytes };
  node.info.size = bytes.length;
}

async function known(name: string, context: RunContext, input: RunInput): Promise<void> {
  const { command, state, worker } = context;
  const words = command.argv.slice(1);
  if (TOOLS.has(name))
    state.facts.push({ kind: 'privilege-tool', span: context.span, instruction: context.instruction, tool: name });
  const manager = PACKAGES[name];
  if (manager !== undefined) return packages(name, manager, context);
  if (await accountCommand(context)) return;
  switch (name) {
    case 'mkdir':
      return mkdir(context);
    case 'touch':
      return touch(context);
    case 'rm':
    case 'rmdir':
    case 'unlink':
      return remove(context);
    case 'ln':
      return link(context);
    case 'cp':
    case 'mv':
      return copy(context);
    case 'chown':
    case 'chgrp':
      return chown(context, await readAccounts(state.tree));
    case 'chmod':
      return chmod(context);
    case 'install':
      return install(context, await readAccounts(state.tree));
    case 'setcap':
      return setcap(context);
    case 'sed':
      if (words.some((word) => /^-[nErsz]*i|^--in-place/.test(word))) {
        const { operands, places } = split(words, /^(?:-e|-f|--expression|--file)$/);
        const from = words.some((word) => /^(?:-e|-f|--expression|--file)/.test(word)) ? 0 : 1;
        for (const path of pathsOf(context, operands.slice(from), places.slice(from), 1)) rewritten(context, path);
      }
      return;
    case 'tee':
      for (const path of pathsOf(context, split(words).operands, split(words).places, 1)) writeFile(context, path, UNKNOWN);
      return;
    case 'find':
      if (words.some((word) => /^-(?:exec|execdir|delete|ok|fprint)/.test(word))) found(words, context);
      return;
    case 'sh':
    case 'bash':
    case 'ash':
    case 'dash': {
      const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
      if (at < 0 || words[at + 1] === undefined) {
        opaque(context, 'program');
        return;
      }
      const { span } = context;
      return runLine(
        { text: words[at + 1]!, offset: () => span.start },
        { ...input, cwd: command.cwd, variables: command.variables, bash: name === 'bash' },
      );
    }
    case 'curl':
    case 'wget':
      return download(name, context);
    case 'update-alternatives':
    case 'ldconfig':
    case 'locale-gen':
    case 'update-ca-certificates':
    case 'systemctl':
    case 'dpkg-reconfigure':
      if (worker.uid !== 0) needsRoot(context, `${name} writes to folders of root's`, true);
      return opaque(context, 'content', '/etc');
    default:
      if (HARMLESS.has(name)) return;
      return opaque(context, 'program');
  }
}

function packages(name: string, changes: RegExp, context: RunContext): void {
  const { command, state, worker, span, instruction } = context;
  const words = command.argv.slice(1);
  const verb = words.find((word) => (name === 'pacman' || name === 'dpkg' || name === 'rpm' ? true : !word.startsWith('-')));
  const alters = verb !== undefined && (changes.test(verb) || /^(?:update|clean|autoclean|makecache|refresh)$/.test(verb));
  if (alters && worker.uid !== 0) {
    needsRoot(context, 'the package database and the folders of programs belong to root', true);
    if (worker.uid !== undefined || worker.missing !== undefined) return;
  }
  if (verb === undefined || !changes.test(verb)) return;
  for (const word of words) if (TOOLS.has(word)) state.facts.push({ kind: 'privilege-tool', span, instruction, tool: word });
  opaque(context, 'packages');
}

function download(name: string, context: RunContext): void {
  const words = context.command.argv.slice(1);
  const { values } = split(
    words,
    name === 'curl' ? /^(?:-[oHdXuAeb]|--(?:output|header|data|user))$/ : /^(?:-[OP]|--(?:output-document|directory-prefix))$/,
  );
  const out =
    name === 'curl' ? (values.get('-o') ?? values.get('--output')) : (values.get('-O') ?? values.get('--output-document'));
  if (out === '-' || (out === undefined && name === 'curl' && !words.some((word) => /^-[a-zA-Z]*O|^--remote-name/.test(word))))
    return;
  if (out === undefined) {
    opaque(context, 'content', context.command.cwd);
    return;
  }
  const path = absolute(context.command.cwd, out);
  writeFile(context, path, UNKNOWN);
}

/** `find DIR … -exec chown|chmod … {} +` may change whatever is below. */
function found(words: readonly string[], context: RunContext): void {
  const roots = words.slice(
    0,
    Math.max(
      1,
      words.findIndex((word) => /^[-!(]/.test(word)),
    ),
  );
  for (const word of roots) {
    const path = absolute(context.command.cwd, /^[-!(]/.test(word) ? '.' : word);
    if (!isKept(context, path)) continue;
    const { node } = context.state.tree.find(path);
    if (node !== undefined) attempt(context, { kind: 'chmod', path, mode: node.info.mode });
    opaque(context, 'content', path);
  }
}
