/** Folders as copies for experiments: everything as it is, within bounds. */
import { lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { UnrootError } from '../error.ts';
import { runCommand } from './command.ts';

/** More than this is not copied for an experiment. */
const MAX_BYTES = 1024 * 1024 * 1024;
const MAX_ENTRIES = 100_000;

/** With owners, modes, links and sparse parts. */
export async function copyTree(source: string, copy: string): Promise<void> {
  const result = await runCommand(['cp', '-a', '--reflink=auto', '--', source, copy], { timeoutMs: 120_000 });
  if (result.code === 0) return;
  throw new UnrootError(`cannot copy ${source} for a trial run: ${result.stderr.trim()}`, {
    code: 'engine.bind-copy',
    where: { file: source },
    hint: 'trial runs never write to your folders; leave the volume out, or mount it read-only',
  });
}

/** Throws `engine.bind-too-large`; `instead`: what somebody can do about it. */
export function refuseTooLarge(source: string, instead: string): void {
  const why = whyTooLarge(source);
  if (why === undefined) return;
  throw new UnrootError(`${source} is too large to copy for a trial run`, {
    code: 'engine.bind-too-large',
    where: { file: source },
    expected: why.replace('it is more than', 'at most'),
    hint: `trial runs never write to your folders; ${instead}`,
  });
}

/** What would take too long or fill the disk, in words. */
export function whyTooLarge(source: string): string | undefined {
  let bytes = 0;
  let entries = 0;
  const visit = (path: string): boolean => {
    const stat = lstatSync(path);
    bytes += stat.size;
    entries++;
    if (bytes > MAX_BYTES || entries > MAX_ENTRIES) return false;
    if (!stat.isDirectory()) return true;
    const folder = opendirSync(path);
    try {
      for (let entry = folder.readSync(); entry !== null; entry = folder.readSync())
        if (!visit(join(path, entry.name))) return false;
    } finally {
      folder.closeSync();
    }
    return true;
  };
  return visit(source) ? undefined : `it is more than ${MAX_BYTES / 1024 / 1024} MiB or ${MAX_ENTRIES} files`;
}
