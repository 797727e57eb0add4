/** Files and environment for reading compose projects: each file once, bounded like manifests. */
import { resolve } from 'node:path';
import { sourceFile } from '../text/source-file.ts';
import type { ComposeFiles } from '../workload/formats/compose/files.ts';
import { readManifestFiles } from './manifest-files.ts';

/** Reads beside what was read already: `known` are files by the path they were given with. */
export function composeFiles(known: readonly { readonly path: string; readonly text: string }[] = []): ComposeFiles {
  const read = new Map<string, ReturnType<ComposeFiles['read']>>();
  for (const { path, text } of known) read.set(resolve(path), sourceFile(path, text));
  return {
    read: (path) => {
      const key = resolve(path);
      const before = read.get(key);
      if (before !== undefined) return before;
      const made = readOne(path);
      read.set(key, made);
      return made;
    },
    absolute: (path) => resolve(path),
    environment: process.env,
  };
}

/** A folder is none: `env_file: ./config` of a folder is a mistake. */
function readOne(path: string): ReturnType<ComposeFiles['read']> {
  const { files, problems } = readManifestFiles([path]);
  const [file] = files;
  if (file !== undefined && file.path === path) return file;
  const [problem] = problems;
  if (problem === undefined) return { missing: 'it is a folder', absent: false };
  const why = problem.message.replace(/^Cannot read .*?: /, '');
  return { missing: why, absent: why.includes('no such file') };
}
