/** Where learners stand, kept as one small file a lab below the state folder. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UnrootError } from '../error.ts';
import type { Lab, LabProgress } from './lab.ts';

/** `$XDG_STATE_HOME/unroot/lab`, else below `~/.local/state`. */
export function labStateFolder(): string {
  const { XDG_STATE_HOME: xdg } = process.env;
  // The XDG specification has relative values ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.local/state'), 'unroot/lab');
}

const fileOf = (folder: string, lab: Lab): string => join(folder, `${lab.name}.json`);

/** Undefined when the lab was never begun. What cannot be read counts as that, and is replaced by the next step done. */
export function readProgress(folder: string, lab: Lab): LabProgress | undefined {
  const file = fileOf(folder, lab);
  if (!existsSync(file)) return undefined;
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as LabProgress;
    const steps = new Set(lab.steps.map(({ id }) => id));
    if (!Array.isArray(value.done) || typeof value.began !== 'string') return undefined;
    // Steps that the lab has no more.
    return {
      ...value,
      lab: lab.id,
      done: value.done.filter((id) => steps.has(id)),
      hints: value.hints ?? {},
      answers: value.answers ?? {},
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** At once and whole: another player may read it. */
export function writeProgress(folder: string, lab: Lab, progress: LabProgress): void {
  const file = fileOf(folder, lab);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const growing = `${file}.${process.pid}`;
    writeFileSync(growing, `${JSON.stringify(progress, null, 2)}\n`, { mode: 0o600 });
    renameSync(growing, file);
  } catch (cause) {
    throw new UnrootError(`progress cannot be kept in ${folder}: ${(cause as Error).message}`, {
      code: 'lab.state',
      where: { file },
      hint: 'name another folder in XDG_STATE_HOME',
      cause,
    });
  }
}

/** As if it had never been begun. */
export const forgetProgress = (folder: string, lab: Lab): void => rmSync(fileOf(folder, lab), { force: true });

export const newProgress = (lab: Lab): LabProgress => ({
  lab: lab.id,
  done: [],
  hints: {},
  answers: {},
  began: new Date().toISOString(),
});
