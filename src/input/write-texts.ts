/** Writes changed texts over the files they were read from: all or none, never half, with their modes and encodings kept. */

import { isUtf8 } from 'node:buffer';
import { execFile } from 'node:child_process';
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { UnrootError } from '../error.ts';

export interface ChangedText {
  readonly path: string;
  /** As it was read. */
  readonly before: string;
  readonly after: string;
}

/** Throws when git knows a file and it has changes that are not committed: they could not be told from ours any more. */
export async function requireCommitted(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const real = realpathSync(path);
    const status = await gitStatus(dirname(real), basename(real));
    if (status === '' || status.startsWith('??') || status.startsWith('!!')) continue;
    throw new UnrootError(`${path} has changes that are not committed`, {
      code: 'output.uncommitted',
      where: { file: path },
      expected: 'a file as it was committed, so that what is written can be told from what was there',
      hint: 'commit it first, or give --force',
    });
  }
}

/** '' when there is nothing to say, no git, or no repository. */
function gitStatus(folder: string, name: string): Promise<string> {
  return new Promise((resolve) => {
    execFile('git', ['-C', folder, 'status', '--porcelain=v1', '--', name], { timeout: 30_000 }, (error, stdout) =>
      resolve(error === null ? stdout : ''),
    );
  });
}

/** The texts stand in their files afterwards, or every file is as it was. */
export function writeTexts(texts: readonly ChangedText[]): void {
  const made: { readonly path: string; readonly temporary: string; readonly original: Buffer }[] = [];
  const done: (typeof made)[number][] = [];
  try {
    for (const { path: shown, before, after } of texts) {
      // A link stays one: what it leads to is changed.
      const path = realpathSync(shown);
      const original = readFileSync(path);
      const { encode, decode } = encodingOf(original);
      if (decode(original) !== before)
        throw new UnrootError(`${shown} was changed by somebody else meanwhile`, {
          code: 'output.changed',
          where: { file: shown },
          hint: 'start again',
        });
      const temporary = `${path}.${process.pid}.tmp`;
      const bytes = encode(after);
      writeNew(temporary, bytes, statSync(path).mode);
      made.push({ path, temporary, original });
    }
    for (const one of made) {
      renameSync(one.temporary, one.path);
      done.push(one);
    }
  } catch (error) {
    for (const { temporary } of made) rmSync(temporary, { force: true });
    for (const { path, temporary, original } of done) {
      writeNew(temporary, original, statSync(path).mode);
      renameSync(temporary, path);
    }
    if (error instanceof UnrootError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new UnrootError(`Cannot write ${texts.map(({ path }) => path).join(', ')}: ${code || String(error)}`, {
      code: 'output.unwritable',
      expected: 'files in folders that can be written; none was changed',
      cause: error,
    });
  }
}

function writeNew(path: string, bytes: Buffer, mode: number): void {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    let at = 0;
    while (at < bytes.length) at += writeSync(descriptor, bytes, at);
    fchmodSync(descriptor, mode & 0o7777);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

interface Encoding {
  readonly encode: (text: string) => Buffer;
  readonly decode: (bytes: Buffer) => string;
}

/** The same that manifest-files.ts reads. */
function encodingOf(bytes: Buffer): Encoding {
  const [first, second] = bytes;
  const utf16 = !isUtf8(bytes) && ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff));
  if (!utf16) return { encode: (text) => Buffer.from(text, 'utf8'), decode: (all) => all.toString('utf8') };
  const little = first === 0xff;
  return {
    encode: (text) => (little ? Buffer.from(text, 'utf16le') : Buffer.from(text, 'utf16le').swap16()),
    decode: (all) => (little ? all.toString('utf16le') : Buffer.from(all).swap16().toString('utf16le')),
  };
}
