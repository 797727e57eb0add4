/**
 * Work of a program that needs root and that no run of ours has asked for: logins, delivery, jobs, files of others. A program that is root all along
 * may become somebody else for a request that nobody made, so that it answers as before proves little.
 */

import { CHANGES_IDENTITY } from '../linux/operation.ts';
import { privilegeDrop } from '../recipes/privilege-drop.ts';
import { matchingRecipes } from '../recipes/recipes.ts';
import { importedCalls, namesIn, scriptCalls } from './becomes-somebody.ts';
import type { Observation } from './observation.ts';
import type { Subject } from './subject.ts';

/** Passwords of the system's users are in /etc/shadow, which is root's: pam(3), getspnam(3). */
const CHECKS_PASSWORDS = ['pam_authenticate', 'getspnam', 'getspnam_r'];
/** Every program written in their language may become somebody; of these the script is read. */
const FOR_ANY_PROGRAM =
  /^(?:python|perl|ruby|node|nodejs|php|lua|tclsh|java|bash|dash|sh|busybox|systemd|tini|dumb-init)[0-9.]*$/;
const SET_USER_ID = 0o4000;
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
    else if (isRoot(path, before, subject)) texts.push(...(await ableTo(path, entry.path, before, subject)));
  }
  return texts;
}

/** What a program that still is root in the end could do as others, by its own file. */
async function ableTo(path: string, real: string, before: Observation, subject: Subject): Promise<readonly string[]> {
  const changed = changedAtStart(path, before, subject);
  const scripts = changed || dropped(before) ? [] : await scriptCalls(path, before, subject);
  if (scripts.length > 0)
    return scripts.map(
      ({ path: file, line, call }) =>
        `${file} is root all along and becomes another user somewhere (line ${line}: ${call}), which nobody saw it do: what it does as them was not asked for`,
    );
  if ([path, real].some((one) => FOR_ANY_PROGRAM.test(basename(one)))) return [];
  const { wholly, partly } = changed ? NO_CALLS : await importedCalls(path, before, subject);
  if (wholly.length > 0 || (partly.length > 0 && !showedContent(before)))
    return [
      `${path} is root all along and able to become other users (${[...wholly, ...partly].join(', ')}); what it does as them was not asked for`,
    ];
  const has = await namesIn(real, subject);
  if (!CHECKS_PASSWORDS.some(has)) return [];
  return [`${path} stays root and is able to check passwords of the system's users; their logins were not asked for`];
}

/** A wrapper did it for the script: whom the script names was seen. */
const dropped = ({ trace }: Observation): boolean =>
  (trace?.events ?? []).some(
    ({ program, operation }) => CHANGES_IDENTITY.has(operation.kind) && privilegeDrop(program) !== undefined,
  );

const NO_CALLS = { wholly: [], partly: [] } as const;

/** A page, or a command of the user's own that succeeded: more than the greeting or the complaint that any server has for a stranger. */
const showedContent = ({ probes, command, healthcheck }: Observation): boolean =>
  command?.code === 0 ||
  healthcheck?.code === 0 ||
  probes.some(({ outcome, status = 0, bodyLength = 0 }) => outcome === 'http' && status < 400 && bodyLength > 0);

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

/** The program was seen changing identity, in one of its processes: that is what it has the calls for. */
function changedAtStart(path: string, { trace }: Observation, { rootFs }: Subject): boolean {
  const real = (program: string): string => rootFs.resolve(program).entry?.path ?? program;
  return (trace?.events ?? []).some(
    ({ program, operation }) => CHANGES_IDENTITY.has(operation.kind) && (program === path || real(program) === real(path)),
  );
}

/**
 * Programs that became somebody else after they were ready, with the ids: they do it for each request. Whoever did the same while starting (a worker
 * that is started again) is the same event of the trace, with its first time.
 */
function becameOnRequest({ trace, readyMs, outcome, processes }: Observation): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (outcome !== 'running') return found;
  for (const { operation, errno, program, time, uid, count = 1 } of trace?.events ?? []) {
    if (errno !== undefined || uid !== 0 || time * 1000 < readyMs - READY_SLACK_MS) continue;
    const [id] = operation.kind === 'setuid' ? operation.ids.filter((one) => one > 0) : [];
    if (id === undefined) continue;
    // Workers that a busy machine brought up late: whoever became it is there to stay.
    const name = basename(program).slice(0, 15);
    const staying = processes.filter(({ command, uids }) => command === name && uids[1] === id).length;
    if (staying < count) found.set(program, `uid ${id}`);
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

const isWritten = (
  { files, line }: { readonly files: string; readonly line: string },
  configs: ReadonlyMap<string, string>,
): boolean => {
  const texts = [...configs].filter(([path]) => new RegExp(files).test(path)).map(([, text]) => text);
  // Nobody saw it read one: then it may say so.
  return texts.length === 0 || texts.some((text) => new RegExp(line, 'm').test(text));
};
