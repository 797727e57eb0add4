/** A check → how it stands now. What cannot be looked at is red, with the reason. */
import type { CheckState, LabCheck } from '../lab.ts';
import { checkAnswer } from './answer.ts';
import { checkAttempt } from './attempt.ts';
import { checkFile } from './file.ts';
import { checkHttp } from './http.ts';
import { checkImage } from './image.ts';
import { checkListens } from './listens.ts';
import type { CheckWorld, Look } from './look.ts';
import { checkProcess } from './process.ts';
import { checkRecord } from './record.ts';
import { checkRun } from './run.ts';

export async function evaluate(check: LabCheck, world: CheckWorld): Promise<CheckState> {
  let look: Look;
  try {
    look = await decide(check, world);
  } catch (error) {
    look = { green: false, detail: `it could not be looked at: ${(error as Error).message}` };
  }
  return { says: check.says, ...look };
}

function decide(check: LabCheck, world: CheckWorld): Look | Promise<Look> {
  switch (check.kind) {
    case 'process':
      return checkProcess(check, world);
    case 'file':
      return checkFile(check, world);
    case 'attempt':
      return checkAttempt(check, world);
    case 'listens':
      return checkListens(check, world);
    case 'http':
      return checkHttp(check, world);
    case 'run':
      return checkRun(check, world);
    case 'image':
      return checkImage(check, world);
    case 'answer':
      return checkAnswer(check, world);
    case 'record':
      return checkRecord(check, world);
  }
}
