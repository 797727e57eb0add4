/** The variables of a service: `environment` over `env_file`, with values from outside where only a name stands. */
import type { TextProblem } from '../../../text/span.ts';
import { parseDotenv } from './dotenv.ts';
import { type ComposeFiles, pathFrom } from './files.ts';
import { entriesOf } from './merge.ts';
import type { Lookup } from './substitute.ts';
import { booleanOf, childOf, problemOf, textOf, type Value, writtenChild } from './value.ts';

export interface Environment {
  readonly env: Readonly<Record<string, string>>;
  /** Set to something, or to nothing, that is not known here. */
  readonly unknown: readonly string[];
}

/** `starts`: it is in no profile that nobody asked for. */
export function environmentOf(
  service: Value,
  starts: boolean,
  { files, lookup }: { readonly files: ComposeFiles; readonly lookup: Lookup },
  problems: TextProblem[],
): Environment {
  const own = new Map<string, string>();
  const unknown = new Set<string>();
  const said = writtenChild(service, 'environment');
  for (const { key, value } of said === undefined ? [] : entriesOf(said)) {
    const text = textOf(value) ?? lookup(key);
    if (text === undefined || value.unset !== undefined) unknown.add(key);
    else own.set(key, text);
    if (text === undefined) own.delete(key);
    else if (value.unset === undefined) unknown.delete(key);
  }
  const fromFiles = new Map<string, string>();
  const listed = writtenChild(service, 'env_file');
  const named = new Map<string, Value>();
  for (const item of listed === undefined ? [] : listed.kind === 'list' ? listed.items : [listed]) {
    const path = textOf(item.kind === 'map' ? childOf(item, 'path') : item);
    if (path === undefined) problems.push(problemOf(item, 'env_file: a path is missing', 'error'));
    // Named twice, as by an override, it keeps its first place.
    else named.set(pathFrom(item.at.dir, path, files.environment.HOME), item);
  }
  for (const [full, item] of named) {
    const required = item.kind !== 'map' || booleanOf(childOf(item, 'required')) !== false;
    const read = files.read(full);
    if ('missing' in read) {
      if (required || !read.absent)
        problems.push(
          problemOf(
            item,
            `env file ${full}: ${read.missing}; compose starts ${starts ? 'nothing' : 'this service not'} without it (required: false, or an empty file, where it may be missing), and what it sets is unknown`,
            starts ? 'error' : 'warning',
          ),
        );
      continue;
    }
    if (item.kind === 'map' && textOf(childOf(item, 'format')) === 'raw') {
      for (const line of read.text.split('\n')) {
        const cut = line.indexOf('=');
        if (cut > 0 && !line.startsWith('#')) fromFiles.set(line.slice(0, cut), line.slice(cut + 1).replace(/\r$/, ''));
      }
      continue;
    }
    const parsed = parseDotenv(read.text, (name) => lookup(name) ?? own.get(name), new Map([...own, ...fromFiles]));
    if (parsed.problem !== undefined) {
      const { line, message } = parsed.problem;
      problems.push({ severity: 'error', message: `env file ${full}: ${message}`, where: { file: full, line, column: 1 } });
      continue;
    }
    for (const [name, value] of parsed.values) {
      if (own.has(name) || unknown.has(name)) continue;
      if (parsed.unset.has(name)) unknown.add(name);
      else fromFiles.set(name, value);
    }
  }
  for (const name of unknown) fromFiles.delete(name);
  return { env: Object.fromEntries([...fromFiles, ...own]), unknown: [...unknown] };
}
