/** Where labs are: the package's own folder, or one the user names; and reading them all. */
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnrootError } from '../error.ts';
import type { Lab } from './lab.ts';
import { readLab } from './read-lab.ts';

/** A lab and where it lies. */
export interface FoundLab {
  readonly lab: Lab;
  readonly folder: string;
}

/** The folder of the package: the nearest above this file, or above the program, that holds `labs`. */
export function packageFolder(): string {
  const starts = [dirname(fileURLToPath(import.meta.url)), ...(process.argv[1] ? [dirname(realpathSync(process.argv[1]))] : [])];
  for (const start of starts) {
    for (let folder = start; ; folder = dirname(folder)) {
      if (existsSync(join(folder, 'labs/node.yaml')) && existsSync(join(folder, 'package.json'))) return folder;
      if (folder === dirname(folder)) break;
    }
  }
  throw new UnrootError('the labs are missing: this installation has no folder labs', {
    code: 'lab.no-labs',
    hint: 'name a folder with --labs, or install the package again',
  });
}

/** `--labs`, else the package's own. */
export const labsFolder = (named?: string): string => (named === undefined ? join(packageFolder(), 'labs') : resolve(named));

const isLab = (folder: string, name: string): boolean => /^\d\d-/.test(name) && existsSync(join(folder, name, 'lab.md'));

/** A lab that cannot be read, and why. */
export interface BrokenLab {
  /** Of the folder. */
  readonly name: string;
  /** By the folder's name. */
  readonly id: string;
  readonly error: UnrootError;
}

/** A set of labs: one that is broken takes no other with it. */
export interface LabSet {
  /** By id. */
  readonly labs: readonly FoundLab[];
  readonly broken: readonly BrokenLab[];
}

function readOne(folder: string, name: string): FoundLab {
  const file = join(folder, name, 'lab.md');
  const text = ((): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new UnrootError(`${file} cannot be read: ${(cause as Error).message}`, {
        code: 'lab.invalid',
        where: { file },
        cause,
      });
    }
  })();
  return { lab: readLab(text, name, file), folder: join(folder, name) };
}

/** All labs of a folder, and those that are none. */
export function readLabs(folder: string): LabSet {
  if (!existsSync(folder))
    throw new UnrootError(`there is no folder ${folder}`, { code: 'lab.no-labs', where: { file: folder } });
  const labs: FoundLab[] = [];
  const broken: BrokenLab[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!isLab(folder, name)) continue;
    try {
      const one = readOne(folder, name);
      const other = labs.find(({ lab }) => lab.id === one.lab.id);
      if (other !== undefined)
        throw new UnrootError(`two labs have the id ${one.lab.id}: ${other.lab.name} and ${name}`, {
          code: 'lab.invalid',
          where: { file: join(folder, name, 'lab.md') },
        });
      labs.push(one);
    } catch (error) {
      if (!(error instanceof UnrootError)) throw error;
      broken.push({ name, id: name.slice(0, 2), error });
    }
  }
  return { labs: labs.sort((a, b) => (a.lab.id < b.lab.id ? -1 : 1)), broken };
}

/** All labs of a folder, by id; throws for the first that is broken. */
export function findLabs(folder: string): readonly FoundLab[] {
  const { labs, broken } = readLabs(folder);
  if (broken[0] !== undefined) throw broken[0].error;
  return labs;
}

/** What tells a set's author all that is wrong with it. */
export const lintHint = (folder: string): string => `unroot lab lint --labs ${folder}`;

/** The lab called so: `09`, `9`, or `09-three-walls`. */
export function findLab(folder: string, name: string): FoundLab {
  // Only this one is read where the folder's names say which it is: another that is being written is nobody's trouble.
  const named = (existsSync(folder) ? readdirSync(folder) : []).filter(
    (one) => isLab(folder, one) && (one === name || one.startsWith(`${name.padStart(2, '0')}-`)),
  );
  if (named.length === 1) {
    const one = readOne(folder, named[0]!);
    if (named[0]!.startsWith(`${one.lab.id}-`)) return one;
  }
  const { labs, broken } = readLabs(folder);
  const found = labs.find(({ lab }) => lab.id === name.padStart(2, '0') || lab.name === name);
  const its = broken.find((one) => one.id === name.padStart(2, '0') || one.name === name);
  if (found === undefined && its !== undefined) throw its.error;
  if (found === undefined)
    throw new UnrootError(`there is no lab ${name}`, {
      code: 'lab.unknown',
      expected: labs.map(({ lab }) => lab.id).join(', '),
      hint: 'unroot lab list',
    });
  return found;
}
