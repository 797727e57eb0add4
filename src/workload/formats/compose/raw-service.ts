/** Services as they are written, file by file: where each field stands that an edit changes. */
import type { SourceFile } from '../../../text/source-file.ts';
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { YamlNode } from '../../../text/yaml/node.ts';
import { readYaml } from '../../../text/yaml/read.ts';
import type { ComposeProject, ComposeWorkload } from './read.ts';

/** A mapping as it stands in one file. */
export type Raw = Readonly<Record<string, unknown>>;

/** A document that says something of services. */
export interface RawFile {
  readonly source: SourceFile;
  readonly root: YamlNode;
  readonly services: Raw;
}

/** A change of one document. */
export interface FileChange {
  readonly file: RawFile;
  readonly change: YamlChange;
}

/** Where the parts of one service stand: the first file that has it gets what is new. */
export interface ServiceFiles {
  readonly workload: ComposeWorkload;
  readonly files: readonly [RawFile, ...RawFile[]];
}

export const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The documents of a file that have services. */
export function rawFiles(source: SourceFile): readonly RawFile[] {
  if (!source.text.includes('services')) return [];
  return readYaml(source, '1.2').documents.flatMap(({ root, value }) =>
    isRaw(value) && isRaw(value.services) ? [{ source, root, services: value.services }] : [],
  );
}

/** Files that are laid over each other; else the included one that the service was read from. */
export function placesOf(workload: ComposeWorkload, project: ComposeProject, files: readonly RawFile[]): readonly ServiceFiles[] {
  const having = files.filter(({ services }) => isRaw(services[workload.name]));
  const own = having.filter(({ source }) => project.sources.includes(source));
  const [first, ...rest] = own.length > 0 ? own : having.filter(({ source }) => source.path === workload.span?.file);
  return first === undefined ? [] : [{ workload, files: [first, ...rest] }];
}

/** The last file that says it, which counts; else the first. */
export function fileOf({ workload, files }: ServiceFiles, field: string): RawFile {
  return files.findLast(({ services }) => (services[workload.name] as Raw)[field] !== undefined) ?? files[0];
}

/** What stands there. */
export const rawOf = (file: RawFile, name: string, field: string): unknown => (file.services[name] as Raw | undefined)?.[field];

/** A field of a service set to a value. */
export const setField = (file: RawFile, name: string, field: string, value: unknown): FileChange => ({
  file,
  change: { op: 'set', path: ['services', name, field], value },
});
