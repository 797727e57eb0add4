/**
 * Work of a program that needs root and that no run of ours has asked for: logins, delivery, jobs, files of others. A program that is root all along
 * may become somebody else for a request that nobody made, so that it answers as before proves little.
 */
import { privilegeDrop } from '../recipes/privilege-drop.ts';
import { matchingRecipes } from '../recipes/recipes.ts';
import type { Observation } from './observation.ts';
import type { Subject } from './subject.ts';

/** Both change the supplementary groups, which is what becoming another user takes; programs that only look who they are import neither. */
const BECOMES_SOMEBODY = ['\0initgroups\0', '\0setgroups\0'];
/** Passwords of the system's users are in /etc/shadow, which is root's: pam(3), getspnam(3). */
const CHECKS_PASSWORDS = ['\0pam_authenticate\0', '\0getspnam\0', '\0getspnam_r\0'];
/** Every program written in their language may become somebody; of these the script would have to be read. Go's runtime binds the calls in any case. */
const FOR_ANY_PROGRAM =
  /^(?:python|perl|ruby|node|nodejs|php|lua|tclsh|java|bash|dash|sh|busybox|systemd|tini|dumb-init)[0-9.]*$/;
const GO = 'Go buildinf:';
const SET_USER_ID = 0o4000;
/** Programs larger than this are not searched. */
const PROGRAM_BYTES = 64 << 20;
const PROGRAMS = 20;

/** In words, for the verdict; empty when nothing was root, or whatever was gave it up where we could watch. */
export async function unaskedWork(
  before: Observation,
  subject: Subject,
  configs: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const programs = running(before, subject);
  const names = [...before.processes.map(({ command }) => command), ...programs];
  const known = matchingRecipes({ programs: names, has: (path) => subject.rootFs.resolve(path).entry !== undefined });
  const said = known.flatMap(({ onRequest = [] }) => onRequest);
  const texts = said
    .filter(({ when }) => when === undefined || isWritten(when, configs))
    .map(({ work }) => `not asked for: ${work}`);
  if (known.some(({ onRequest }) => onRequest !== undefined)) return texts;
  const onRequest = becameOnRequest(before);
  for (const path of programs.slice(0, PROGRAMS)) {
    const entry = subject.rootFs.resolve(path).entry;
    // Programs that do nothing but change the user have done it.
    if (entry?.type !== 'file' || privilegeDrop(path) !== undefined) continue;
    if ((entry.mode & SET_USER_ID) !== 0 && entry.uid === 0)
      texts.push(`${path} is set-user-ID root, to become root again for part of its work; nothing shows whether it does without`);
    else if (onRequest.has(path))
      texts.push(
        `${path} was root and became ${onRequest.get(path)} only when somebody asked it for something; what else it does as others was not asked for`,
      );
    else if (isRoot(path, before, subject) && ![path, entry.path].some((one) => FOR_ANY_PROGRAM.test(basename(one)))) {
      const has = await namesIn(entry.path, subject);
      if (staysRoot(before) && BECOMES_SOMEBODY.some(has))
        texts.push(`${path} is root all along and able to become other users; what it does as them was not asked for`);
      else if (CHECKS_PASSWORDS.some(has))
        texts.push(`${path} stays root and is able to check passwords of the system's users; their logins were not asked for`);
    }
  }
  return texts;
}

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Files of the programs that were there in the end. The kernel keeps 15 letters of a name (TASK_COMM_LEN). */
function running({ processes, trace }: Observation, { rootFs }: Subject): readonly string[] {
  const names = new Set(processes.map(({ command }) => command));
  const executed = new Set((trace?.events ?? []).map(({ program }) => program).filter((program) => program.startsWith('/')));
  return [...executed].filter((program) => {
    const real = rootFs.resolve(program).entry?.path ?? program;
    return names.has(basename(program).slice(0, 15)) || names.has(basename(real).slice(0, 15));
  });
}

/** No process gave it up, and none tried. */
function staysRoot({ processes, trace }: Observation): boolean {
  if (processes.length === 0 || processes.some(({ uids }) => uids.some((uid) => uid !== 0))) return false;
  return !(trace?.events ?? []).some(({ operation }) => IDENTITY.has(operation.kind));
}

const IDENTITY: ReadonlySet<string> = new Set(['setuid', 'setgid', 'setgroups']);

/**
 * Programs that became somebody else after they were ready, with the ids: they do it for each request. Whoever did the same while starting (a worker
 * that is started again) is the same event of the trace, with its first time.
 */
function becameOnRequest({ trace, readyMs, outcome }: Observation): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (outcome !== 'running') return found;
  for (const { operation, errno, program, time, uid } of trace?.events ?? []) {
    if (errno !== undefined || uid !== 0 || time * 1000 < readyMs - READY_SLACK_MS) continue;
    const ids = operation.kind === 'setuid' ? operation.ids.filter((id) => id > 0) : [];
    if (ids.length > 0) found.set(program, `uid ${ids[0]}`);
  }
  return found;
}

/** The first event comes a little after the start from which the time until it was ready counts; before that it was quiet for longer than this. */
const READY_SLACK_MS = 200;

/** Some process of this program still had root's uid in the end. */
function isRoot(path: string, { processes }: Observation, { rootFs }: Subject): boolean {
  const names = [path, rootFs.resolve(path).entry?.path ?? path].map((one) => basename(one).slice(0, 15));
  return processes.some(({ command, uids }) => names.includes(command) && uids.some((uid) => uid === 0));
}

/** Whether a compiled program uses such a function; never one in Go. */
async function namesIn(path: string, { rootFs }: Subject): Promise<(name: string) => boolean> {
  const bytes = await rootFs.readFile(path, { limit: PROGRAM_BYTES });
  const text = bytes === undefined ? '' : new TextDecoder('latin1').decode(bytes);
  return (name) => text.startsWith('\x7fELF') && text.includes(name) && !text.includes(GO);
}

const isWritten = (
  { files, line }: { readonly files: string; readonly line: string },
  configs: ReadonlyMap<string, string>,
): boolean => {
  const texts = [...configs].filter(([path]) => new RegExp(files).test(path)).map(([, text]) => text);
  // Nobody saw it read one: then it may say so.
  return texts.length === 0 || texts.some((text) => new RegExp(line, 'm').test(text));
};
