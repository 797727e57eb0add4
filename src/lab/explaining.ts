/** Which lab explains a check: from the front matter of the labs, which names the checks by their ids. Reads nothing else of them, for whoever asks wants to be gone again. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ExplainingLab } from '../report/told.ts';
import { sourceFile } from '../text/source-file.ts';
import { readYaml } from '../text/yaml/read.ts';
import { labsFolder } from './find-labs.ts';

/** Front matter is longer in no lab; what lies behind it does not matter here. */
const HEAD = 8192;

/**
 * Check id → the lab to go to: the one that names it first among what it explains, then the one with the lowest number. A folder without
 * readable front matter is none (`unroot lab lint` says what is wrong with it); neither is there any where labs are not installed.
 */
export function labsByCheck(folder?: string): ReadonlyMap<string, ExplainingLab> {
  const found = new Map<string, ExplainingLab & { readonly place: number }>();
  for (const { id, title, explains } of fronts(folder)) {
    for (const [place, check] of explains.entries()) {
      const known = found.get(check);
      if (known === undefined || place < known.place) found.set(check, { id, title, place });
    }
  }
  return new Map([...found].map(([check, { id, title }]) => [check, { id, title }]));
}

interface Front extends ExplainingLab {
  readonly explains: readonly string[];
}

function fronts(named: string | undefined): readonly Front[] {
  let folder: string;
  let names: string[];
  try {
    folder = labsFolder(named);
    names = readdirSync(folder).filter((name) => /^\d\d-/.test(name));
  } catch {
    return [];
  }
  return names
    .sort()
    .map((name) => readFront(join(folder, name, 'lab.md')))
    .filter((front) => front !== undefined);
}

function readFront(file: string): Front | undefined {
  try {
    const text = /^---\n([\s\S]*?)\n---$/m.exec(headOf(file))?.[1];
    // The reader of manifests: it is there already, and ten times as fast as the full one.
    const [front] = readYaml(sourceFile(file, text ?? '')).documents;
    const { id, title, explains } = (front?.value ?? {}) as Partial<Record<string, unknown>>;
    if (typeof id !== 'string' || typeof title !== 'string' || !Array.isArray(explains)) return undefined;
    return { id, title, explains: explains.filter((one) => typeof one === 'string') };
  } catch {
    return undefined;
  }
}

function headOf(file: string): string {
  const opened = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(HEAD);
    return bytes.subarray(0, readSync(opened, bytes, 0, HEAD, 0)).toString('utf8');
  } finally {
    closeSync(opened);
  }
}
