/** `unroot lab export`: the labs as a folder of one's own. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { UnrootError } from '../error.ts';
import { findLabs, labsFolder } from '../lab/find-labs.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print } from './output.ts';

/** Never over something that is there; whole or not at all. */
export async function exportLabs(dir: string, flags: LabFlags, context: CommandContext): Promise<void> {
  const from = labsFolder(flags.labs);
  const to = resolve(dir);
  if (existsSync(to))
    throw new UnrootError(`${dir} is there already`, { code: 'lab.exists', where: { file: dir }, expected: 'a new folder' });
  const growing = join(dirname(to), `.${process.pid}.unroot-labs`);
  try {
    mkdirSync(dirname(to), { recursive: true });
    cpSync(from, growing, { recursive: true, preserveTimestamps: false });
    renameSync(growing, to);
  } catch (cause) {
    rmSync(growing, { recursive: true, force: true });
    throw new UnrootError(`the labs cannot be written to ${dir}: ${(cause as Error).message}`, {
      code: 'lab.cannot-write',
      where: { file: dir },
      cause,
    });
  }
  const count = findLabs(to).length;
  await print(`${count} labs in ${dir}\n\nunroot lab list --labs ${dir}\nunroot lab lint --labs ${dir}\n`);
  context.done(0);
}
