/** Which calls by which it becomes another user a program brings along: compiled ones by their imports, scripts by their text. Whether it makes them is another matter. */
import type { Observation } from './observation.ts';
import type { Subject } from './subject.ts';

/** Both change the supplementary groups, which is what becoming another user takes; programs that only look who they are import neither. */
const WHOLLY: readonly string[] = ['initgroups', 'setgroups'];
/** To be somebody for a while and root again: setreuid(2), setfsuid(2). */
const FOR_A_WHILE: readonly string[] = ['seteuid', 'setresuid', 'setreuid', 'setfsuid'];
/** For good, which only a child may do for one request. */
const FOR_GOOD: readonly string[] = ['setuid'];
const CHILDREN: readonly string[] = ['fork', 'vfork', 'clone', 'posix_spawn'];
const GO = 'Go buildinf:';

/** Programs and libraries larger than this are not searched. */
const PROGRAM_BYTES = 64 << 20;
const SCRIPT_BYTES = 1 << 20;
const MOST_FILES = 100;

/** Names of functions in the string table of a compiled program; Go's runtime binds the calls in any case, so never one of Go. */
export async function namesIn(path: string, { rootFs }: Subject): Promise<(name: string) => boolean> {
  const bytes = await rootFs.readFile(path, { limit: PROGRAM_BYTES });
  const text = bytes === undefined ? '' : new TextDecoder('latin1').decode(bytes);
  const compiled = text.startsWith('\x7fELF') && !text.includes(GO);
  return (name) => compiled && text.includes(`\0${name}\0`);
}

/**
 * Calls that a compiled program and the libraries of its own folders import. `wholly`: with the groups, as whoever does work for other users should;
 * `partly`: the uid alone, which is as often an option that nobody gave.
 */
export async function importedCalls(
  program: string,
  { trace }: Observation,
  subject: Subject,
): Promise<{ readonly wholly: readonly string[]; readonly partly: readonly string[] }> {
  const libraries = (trace?.events ?? []).flatMap((event) =>
    event.program === program &&
    event.errno === undefined &&
    event.operation.kind === 'open' &&
    isOwnLibrary(event.operation.path)
      ? [event.operation.path]
      : [],
  );
  const tables = await Promise.all([program, ...new Set(libraries)].slice(0, MOST_FILES).map((path) => namesIn(path, subject)));
  const has = (name: string): boolean => tables.some((table) => table(name));
  const forGood = CHILDREN.some(has) ? FOR_GOOD : [];
  return { wholly: WHOLLY.filter(has), partly: [...FOR_A_WHILE, ...forGood].filter(has) };
}

/** Libraries in the folders of all are for all: they bring calls that this program never makes. */
const isOwnLibrary = (path: string): boolean =>
  /\.so(?:\.[0-9.]+)?$/.test(path) &&
  !/^(?:\/usr(?:\/local)?)?\/lib(?:32|64|x32)?\/(?:[a-z0-9_]+-linux-[a-z0-9]+\/)?[^/]+$/.test(path);

/** Code of others that a script brings in: it has the calls for whoever wants them. */
export const LIBRARY: RegExp =
  /\/(?:lib|lib32|lib64|libexec|node_modules|vendor|site-packages|dist-packages|gems)\/|^\/usr\/share\/(?:perl|ruby|php|nodejs|javascript)|^\/(?:proc|sys|dev)\//;

const IDENTITY_CALL = `(?:posix_)?(?:setuid|setresuid|setreuid|seteuid|setfsuid|initgroups|setgroups)`;
/** What changes the user in one language or another. The first group is what is shown. */
const CALLS: readonly RegExp[] = [
  // os.setuid(…), POSIX::setuid(…), posix_setuid(…), process.setuid(…), Process::Sys.setuid(…)
  new RegExp(String.raw`(?<![\w])((?:\w+(?:\.|::))*${IDENTITY_CALL})\s*\(`),
  // perlvar(1): $< and $> are the real and effective uid.
  /(?<![\w$\\'"])(\$[<>])(?:\s*,\s*\$[<>]\s*\))?\s*=(?![=~])/,
  /\b(Process::(?:UID|GID)\.(?:change_privilege|grant_privilege|switch)|Process\.e?uid\s*=(?!=))/,
  // subprocess.Popen(…, user=…), child_process.spawn(…, { uid })
  /\b((?:Popen|check_call|check_output|subprocess\.run|subprocess\.call)\((?:[^()]|\([^()]*\)){0,400}?\buser=)/,
  /\b((?:spawn|exec|execFile|fork)(?:Sync)?\([^;]{0,300}?[{,]\s*uid\s*[:,}])/,
  // ['su', user, …]
  /(['"](?:\/[\w/.-]+\/)?(?:su|runuser|setpriv|sudo|gosu|su-exec|chpst|setuidgid)['"]\s*,)/,
];
/** `su "$user" -c …`: to whom is decided when it runs. A name that is written there is tried as soon as the line is. */
const SHELL_CALLS: readonly RegExp[] = [
  /(?:^|[\s;&|(`])((?:\/[\w/.-]+\/)?(?:su|runuser|setpriv|sudo|gosu|su-exec|chpst|setuidgid|s6-setuidgid)\s[^#\n;|]*\$[\w{][^\n;|]{0,40})/m,
];
const SHELL = /^(?:bash|dash|sh|ash|busybox|ksh|zsh)$/;
const COMMENT = /^[ \t]*(?:#|\/\/).*$/gm;

export interface ScriptCall {
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly call: string;
}

/** Of the scripts that an interpreter read and that are the image's own, those that change the user somewhere. `program`: the interpreter, or the script itself. */
export async function scriptCalls(program: string, { trace }: Observation, { rootFs }: Subject): Promise<readonly ScriptCall[]> {
  const read = (trace?.events ?? []).flatMap((event) =>
    event.program === program && event.errno === undefined && event.operation.kind === 'open' && event.operation.access === 'read'
      ? [event.operation.path]
      : [],
  );
  const paths = new Set(
    [program, ...read]
      .filter((path) => !LIBRARY.test(path))
      .flatMap((path) => {
        const entry = rootFs.resolve(path).entry;
        return entry?.type === 'file' && entry.size <= SCRIPT_BYTES && !LIBRARY.test(entry.path) ? [entry.path] : [];
      }),
  );
  const contents = await rootFs.readFiles(new Set([...paths].slice(0, MOST_FILES)), { limit: SCRIPT_BYTES });
  const found: ScriptCall[] = [];
  for (const [path, bytes] of contents) {
    if (bytes.includes(0)) continue;
    const text = new TextDecoder().decode(bytes);
    if (!isScript(path, text, program)) continue;
    const call = callIn(text, SHELL.test(interpreterOf(text, program)) ? SHELL_CALLS : CALLS);
    if (call) found.push({ path, ...call });
  }
  return found;
}

const EXTENSION = /\.(?:py|pl|pm|rb|js|cjs|mjs|php|lua|tcl|sh|ts)$/;
/** Not each file that an interpreter reads is a script: tables and pages may hold any word. */
const isScript = (path: string, text: string, program: string): boolean =>
  text.startsWith('#!') || EXTENSION.test(path) || path === program;

const interpreterOf = (text: string, program: string): string => {
  const words = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(text);
  const name = words === null ? program : words[1]?.endsWith('/env') ? (words[2] ?? '') : (words[1] ?? '');
  return name.slice(name.lastIndexOf('/') + 1);
};

function callIn(text: string, patterns: readonly RegExp[]): Omit<ScriptCall, 'path'> | undefined {
  const code = text.replace(COMMENT, '');
  for (const pattern of patterns) {
    const match = pattern.exec(code);
    if (!match) continue;
    const call = (match[1] as string).split('\n')[0] as string;
    return {
      line: code.slice(0, match.index + match[0].indexOf(match[1] as string)).split('\n').length,
      call: call.slice(0, 60),
    };
  }
  return undefined;
}
