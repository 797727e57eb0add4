/** What is wrong with a set of labs beyond what cannot be read: things a learner, or the player, would stumble over. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkIds } from '../checks/ids.ts';
import { UnrootError } from '../error.ts';
import { packageFolder } from './find-labs.ts';
import { readImage } from './image-recipe.ts';
import type { Lab } from './lab.ts';
import { FENCES, readLab } from './read-lab.ts';
import { WALK_ACTIONS } from './serve/pictures/walk.ts';

export interface LintProblem {
  readonly file: string;
  readonly line?: number;
  readonly message: string;
}

/** Every lab of a folder, with its images. */
export function lintFolder(folder: string): { readonly labs: number; readonly problems: readonly LintProblem[] } {
  const problems: LintProblem[] = [];
  const labs: { readonly lab: Lab; readonly file: string }[] = [];
  let seen = 0;
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  for (const name of names) {
    const file = join(folder, name, 'lab.md');
    if (!/^\d\d-/.test(name)) continue;
    seen += 1;
    if (!existsSync(file)) problems.push({ file: join(folder, name), message: 'there is no lab.md' });
    else
      attempt(problems, file, () => {
        labs.push({ lab: readLab(readFileSync(file, 'utf8'), name, file), file });
      });
  }
  const ids = new Set(labs.map(({ lab }) => lab.id));
  for (const { lab, file } of labs) {
    for (const message of [...lintLab(lab, ids), ...lintScripts(lab)]) problems.push({ file, message });
    for (const name of lab.images) {
      const own = join(folder, 'images', name);
      const theirs = join(packageFolder(), 'labs/images', name);
      if (!existsSync(own) && !existsSync(theirs))
        problems.push({ file, message: `there is no image ${name}: neither ${own} nor one that comes with unroot` });
      else attempt(problems, file, () => void readImage(existsSync(own) ? own : theirs, name));
    }
  }
  for (const [index, { lab, file }] of labs.entries())
    if (labs.findIndex((other) => other.lab.id === lab.id) !== index)
      problems.push({ file, message: `another lab has the id ${lab.id}` });
  return { labs: seen, problems };
}

/** One lab by itself. `ids`: those of its set. */
export function lintLab(lab: Lab, ids: ReadonlySet<string>): readonly string[] {
  const out: string[] = [];
  if (!lab.name.startsWith(`${lab.id}-`)) out.push(`the folder is called ${lab.name}, but the id is ${lab.id}`);
  if (lab.story === '') out.push('there is no story before the first step');
  if (lab.explanation === '') out.push('there is no “## Explanation”');
  for (const next of lab.next) if (/^\d\d$/.test(next) && !ids.has(next)) out.push(`next: there is no lab ${next}`);
  for (const item of lab.covers) if (!/^S[0-3]\.\d+$/.test(item)) out.push(`covers: ${item} is no item of a tutorial`);
  for (const path of lab.paths ?? []) {
    const word = path.split(' ', 1)[0]!;
    // The checks' own word for it will do too.
    if (word !== 'unlink' && !WALK_ACTIONS.includes(word))
      out.push(`paths: nobody can ${word} a path; the picture knows ${WALK_ACTIONS.join(', ')}`);
  }
  const checks = lab.explains.length === 0 ? [] : checkIds();
  for (const id of lab.explains) if (!checks.includes(id)) out.push(`explains: there is no check ${id}`);
  for (const step of lab.steps) {
    const say = (message: string): void => void out.push(`step ${step.id}: ${message}`);
    if (step.text === '') say('it has no text');
    for (const [, word = ''] of step.text.matchAll(/^(?:`{3,}|~{3,})[ \t]*(\w+)/gm)) {
      const meant = FENCES.find((one) => alike(one, word));
      if (meant !== undefined) say(`its fence “${word}” is text for the learner: is “${meant}” meant?`);
    }
    if (step.checks.length === 0 && step.quiz === undefined) say('it has neither a check nor a quiz: when is it done?');
    if (step.checks.length > 0 && step.solution.trim() === '') say('it has checks but no solution');
    if (step.checks.length > 0 && step.hints.length === 0) say('it has checks but no hint');
    if (step.checks.length > 0 && step.wrong.length === 0) say('it has checks but no wrong attempt that must leave them red');
    for (const check of step.checks)
      if (check.kind === 'file' && /^\/(proc|sys)\//.test(check.path) && check.fileSystem === undefined)
        say(`a file check of ${check.path} without “fileSystem” believes whatever is mounted over it`);
    const says = step.checks.map((check) => check.says);
    if (new Set(says).size !== says.length) say('two checks say the same');
    if (step.checks.every((check) => check.kind === 'file' && check.unchanged === true) && step.checks.length > 0)
      say('its checks are green before anything is done');
    if (step.checks.some((check) => check.kind === 'http' && check.match === undefined))
      say('an http check takes an answer from anybody: say whose it has to be (match)');
    if (step.quiz !== undefined && step.quiz.choices.filter(({ right }) => right).length !== 1)
      say('its quiz has not exactly one right choice');
    for (const hint of step.hints) if (hint.trim() === '') say('it has an empty hint');
  }
  return out;
}

/** The same letters but for one that is missing, wrong or too much, or two that changed places. */
function alike(one: string, other: string): boolean {
  let [start, end] = [0, 0];
  while (start < one.length && one[start] === other[start]) start += 1;
  while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const [left, right] = [one, other].map((word) => word.slice(start, word.length - end)) as [string, string];
  return (left.length <= 1 && right.length <= 1) || (left.length === 2 && left === `${right[1]}${right[0]}`);
}

/** What Bash itself has against its scripts, unrun; nothing where there is no Bash. */
function lintScripts({ setup, steps }: Lab): readonly string[] {
  const wrong = (what: string, script: string): readonly string[] => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8', timeout: 10_000 });
    return status === null || status === 0 ? [] : [`${what}: ${stderr.trim().split('\n')[0]}`];
  };
  return [
    ...wrong('setup', setup ?? ''),
    ...steps.flatMap((step) => [
      ...wrong(`step ${step.id}: its solution`, step.solution),
      ...step.wrong.flatMap((script, index) => wrong(`step ${step.id}: its wrong attempt ${index + 1}`, script)),
    ]),
  ];
}

function attempt(problems: LintProblem[], file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof UnrootError)) throw error;
    const { where } = error;
    problems.push({
      file: where?.file ?? file,
      ...(where?.line === undefined ? {} : { line: where.line }),
      message: error.message.replace(/^\S+:\d+: /, ''),
    });
  }
}
