/** Which of the files that were found make a compose project together, and what it says. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { SourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { isPlainObject } from '../text/yaml/dump.ts';
import { readYaml } from '../text/yaml/read.ts';
import { parseDotenv } from '../workload/formats/compose/dotenv.ts';
import { DEFAULT_NAMES, OVERRIDE_NAMES } from '../workload/formats/compose/files.ts';
import { type ComposeProject, readComposeProject } from '../workload/formats/compose/read.ts';
import { NOTHING_TO_RUN } from '../workload/formats/compose/service.ts';
import { withBoundFiles } from './bound-files.ts';
import { composeFiles } from './compose-files.ts';

/** `compose.yaml`, `docker-compose.prod.yml`. */
const NAME = /^(?:docker-)?compose(?:[.\-_][\w.-]*)?\.(?:ya?ml|json)$/i;

/** A compose file by its name, or because services stand at the top and nothing of Kubernetes does. */
export function isComposeFile(file: SourceFile): boolean {
  const { path, text } = file;
  if (/^["']?(?:apiVersion|kind)["']?\s*:/m.test(text)) return false;
  if (BRACES.test(text)) return isFlowCompose(file);
  if (!/^["']?(?:services|include)["']?\s*:/m.test(text))
    return NAME.test(basename(path)) && /^\s+(?:image|build)\s*:/m.test(text);
  return NAME.test(basename(path)) || /(?:^[ \t]+|[{,][ \t]*)["']?(?:image|build|extends)["']?[ \t]*:/m.test(text);
}

/** The outermost mapping stands in braces, as in JSON: nothing begins a line that could be looked for. */
const BRACES = /^\uFEFF?(?:\s|[#%][^\n]*\n|---(?=\s))*\{/;

function isFlowCompose(file: SourceFile): boolean {
  if (!/["'{,\s](?:services|include)["']?\s*:/.test(file.text)) return false;
  return readYaml(file, '1.2').documents.some(({ value }) => {
    if (!isPlainObject(value) || value.apiVersion !== undefined || value.kind !== undefined) return false;
    const services = isPlainObject(value.services) ? Object.values(value.services) : [];
    if (services.some((one) => isPlainObject(one) && (one.image ?? one.build ?? one.extends) !== undefined)) return true;
    return NAME.test(basename(file.path)) && (services.length > 0 || Array.isArray(value.include));
  });
}

export interface ComposeProjects {
  readonly projects: readonly ComposeProject[];
  readonly problems: readonly TextProblem[];
}

/**
 * Projects of the files. `named` are those that somebody named: of one folder they belong together in that order, as with `docker compose -f`; one
 * named alone with a name that compose looks for has its override file. What was found in folders goes by the names that compose looks for; another
 * compose file beside those is only laid over them when somebody asks, so it is not read by itself.
 */
export function composeProjects(found: readonly SourceFile[], named: ReadonlySet<string>): ComposeProjects {
  const problems: TextProblem[] = [];
  const byFolder = new Map<string, SourceFile[]>();
  for (const file of found) {
    const folder = file.path === '-' ? '-' : dirname(file.path);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
  }
  const files = composeFiles(found);
  const besides: TextProblem[] = [];
  const listed = listedGroups([...byFolder.keys(), ...named], files, named, problems);
  const taken = new Set(listed.groups.flatMap((group) => group.map(({ path }) => files.absolute(path))));
  const groups = [...byFolder].flatMap(([folder, all]) => {
    const here = all.filter(({ path }) => !taken.has(files.absolute(path)));
    if (listed.folders.has(resolve(folder))) return [];
    const asked = here.filter(({ path }) => named.has(path));
    return asked.length > 0 ? askedGroups(asked, files) : foundGroups(here, files, besides);
  });
  const projects = [...listed.groups, ...groups].map((sources) => withBoundFiles(readComposeProject(sources, files)));
  // A file that another project includes or extends is part of that one.
  const used = new Set(
    projects.flatMap(({ sources, reads }) =>
      reads.filter((path) => !sources.some((source) => files.absolute(source.path) === path)),
    ),
  );
  const kept = projects.filter(
    ({ sources }) => sources.some(({ path }) => named.has(path)) || !sources.every(({ path }) => used.has(files.absolute(path))),
  );
  // Found, and no whole project: services without image or build are laid over those of another file.
  const whole = kept.filter(({ sources, problems: told }) => {
    const [file] = sources as readonly [SourceFile, ...SourceFile[]];
    if (named.has(file.path) || !told.some(({ message }) => message.endsWith(NOTHING_TO_RUN))) return true;
    const message = `${file.path}: a service of it has neither an image nor a build, so it is laid over another file: name both, in their order`;
    problems.push({ severity: 'info', message, where: { file: file.path } });
    return false;
  });
  // What a project includes is read with it.
  const beside = ({ where: { file } }: TextProblem): boolean => !used.has(files.absolute(file));
  return { projects: whole, problems: [...problems, ...besides.filter(beside)] };
}

type Reader = ReturnType<typeof composeFiles>;

interface Listed {
  readonly groups: readonly (readonly SourceFile[])[];
  /** Those that say themselves what their project is made of. */
  readonly folders: ReadonlySet<string>;
}

/** COMPOSE_FILE, of our own environment for the folder we are in, or in a folder's `.env`: it counts where no file was named. */
function listedGroups(folders: readonly string[], files: Reader, named: ReadonlySet<string>, problems: TextProblem[]): Listed {
  const groups: SourceFile[][] = [];
  const done = new Set<string>();
  for (const folder of folders) {
    const full = resolve(folder);
    if (folder === '-' || done.has(full) || !isFolder(folder) || hasNamed(full, named)) continue;
    const { file, separator } = composeFileOf(full, files);
    if (file === undefined || file === '') continue;
    done.add(full);
    const group: SourceFile[] = [];
    for (const path of file.split(separator).filter((one) => one !== '')) {
      const place = isAbsolute(path) ? path : join(folder, path);
      const read = files.read(place);
      if (!('missing' in read)) group.push(read);
      else {
        const message = `COMPOSE_FILE of ${folder} names ${path}: ${read.missing}`;
        problems.push({ severity: 'error', message, where: { file: place } });
      }
    }
    if (group.length > 0) groups.push(group);
  }
  return { groups, folders: done };
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const hasNamed = (folder: string, named: ReadonlySet<string>): boolean =>
  [...named].some((path) => path !== '-' && !isFolder(path) && dirname(resolve(path)) === folder);

function composeFileOf(folder: string, files: Reader): { readonly file: string | undefined; readonly separator: string } {
  const own = folder === process.cwd() ? process.env : {};
  const read = files.read(join(folder, '.env'));
  const written = 'missing' in read ? new Map<string, string>() : parseDotenv(read.text, () => undefined, new Map()).values;
  return {
    file: own.COMPOSE_FILE ?? written.get('COMPOSE_FILE'),
    separator: own.COMPOSE_PATH_SEPARATOR ?? written.get('COMPOSE_PATH_SEPARATOR') ?? ':',
  };
}

function askedGroups(asked: readonly SourceFile[], files: Reader): readonly (readonly SourceFile[])[] {
  const usual = asked.filter(({ path }) => NAME.test(basename(path)));
  const others = asked.filter((file) => !usual.includes(file)).map((file) => [file]);
  const [only] = usual;
  if (only === undefined) return others;
  return [usual.length === 1 ? withOverride(only, files) : usual, ...others];
}

function foundGroups(here: readonly SourceFile[], files: Reader, problems: TextProblem[]): readonly (readonly SourceFile[])[] {
  const at = (name: string): SourceFile | undefined => here.find(({ path }) => basename(path) === name);
  const main = DEFAULT_NAMES.map(at).find((file) => file !== undefined);
  if (main === undefined) return here.map((file) => [file]);
  const project = withOverride(main, files);
  for (const file of here)
    if (!project.some(({ path }) => path === file.path)) {
      const message = `it is not read by itself: compose lays it over ${basename(main.path)} when it is named behind it, and so does unroot`;
      problems.push({ severity: 'info', message: `${file.path}: ${message}`, where: { file: file.path } });
    }
  return [project];
}

/** With the file that compose lays over it without being asked. */
function withOverride(main: SourceFile, files: Reader): readonly SourceFile[] {
  if (main.path === '-' || !DEFAULT_NAMES.includes(basename(main.path))) return [main];
  const path = OVERRIDE_NAMES.map((name) => join(dirname(main.path), name)).find(
    (one) => existsSync(one) && statSync(one).isFile(),
  );
  const read = path === undefined ? undefined : files.read(path);
  return read === undefined || 'missing' in read ? [main] : [main, read];
}
