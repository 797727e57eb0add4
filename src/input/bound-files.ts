/** What a compose project binds into its services, as texts: a program reads those and not what its image has there. */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Volume, VolumeFile } from '../workload/container.ts';
import type { ComposeProject, ComposeWorkload } from '../workload/formats/compose/read.ts';

/** Larger ones are no configuration. */
const LARGEST = 256 * 1024;
/** More than these in a folder are no configuration either. */
const MOST_FILES = 64;
const DEEPEST = 3;

/** The project with the texts of what it binds. `changed`: what files say from now on, by their absolute paths. */
export function withBoundFiles(project: ComposeProject, changed: ReadonlyMap<string, string> = new Map()): ComposeProject {
  const [main] = project.sources;
  const folder = resolve(main === undefined || main.path === '-' ? '.' : dirname(main.path));
  const filled = (volume: Volume): Volume => {
    if (volume.kind !== 'bind' || volume.source === undefined) return volume;
    const files = filesOf(volume.source, volume.source, folder, changed, 0);
    return files === undefined || files.length === 0 ? volume : { ...volume, files };
  };
  const workloads = project.workloads.map((workload): ComposeWorkload => {
    const containers = workload.containers.map((one) => {
      const { volumes } = one.settings;
      return volumes === undefined ? one : { ...one, settings: { ...one.settings, volumes: volumes.map(filled) } };
    });
    return { ...workload, containers };
  });
  return { ...project, workloads };
}

/** Undefined: it holds something else besides, or more than configuration does. */
function filesOf(
  path: string,
  root: string,
  folder: string,
  changed: ReadonlyMap<string, string>,
  depth: number,
): readonly VolumeFile[] | undefined {
  try {
    const stat = depth === 0 ? statSync(path) : lstatSync(path);
    if (stat.isFile()) {
      if (stat.size > LARGEST) return undefined;
      const full = resolve(path);
      const text = changed.get(full) ?? readFileSync(path, 'utf8');
      if (text.includes('\0') || text.includes('\uFFFD')) return undefined;
      const within = relative(folder, full);
      const fixed = within === '' || within.startsWith('..') ? { fixed: true as const } : {};
      return [{ path: relative(root, path), mode: stat.mode & 0o7777, of: { name: path, key: '', text, ...fixed } }];
    }
    if (!stat.isDirectory() || depth > DEEPEST) return undefined;
    const names = readdirSync(path).sort();
    if (names.length > MOST_FILES) return undefined;
    const out: VolumeFile[] = [];
    for (const name of names) {
      const files = filesOf(join(path, name), root, folder, changed, depth + 1);
      if (files === undefined || out.length + files.length > MOST_FILES) return undefined;
      out.push(...files);
    }
    return out;
  } catch {
    // What cannot be looked at is not known: the checks of binds say so.
    return undefined;
  }
}
