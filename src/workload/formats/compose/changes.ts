/** What a fix asks of services, as edits of the compose files that they stand in. */
import type { TextProblem } from '../../../text/span.ts';
import { changeYaml } from '../../../text/yaml/edit.ts';
import type { ContainerChange, WrittenChange } from '../../change.ts';
import { movedPorts } from './moved-ports.ts';
import { type FileChange, fileOf, isRaw, placesOf, rawFiles, rawOf, type ServiceFiles, setField } from './raw-service.ts';
import type { ComposeProject, ComposeWorkload } from './read.ts';
import { problemOf } from './value.ts';
import { volumesInit } from './volumes-init.ts';

/** Edits of the project's files for the changes of its services. */
export function composeChanges(project: ComposeProject, changes: readonly ContainerChange[]): WrittenChange {
  const problems: TextProblem[] = [];
  const made: FileChange[] = [];
  const files = [...project.sources, ...project.others].flatMap(rawFiles);
  const services = new Map(
    project.workloads.flatMap((workload) => placesOf(workload, project, files)).map((one) => [one.workload.name, one]),
  );
  const of = new Map(changes.map((change) => [change.container, change]));
  // From the end: what a service takes in with `<<` stands before it, and is changed when the service has its own.
  for (const change of [...changes].sort((a, b) => startOf(project, b) - startOf(project, a))) {
    const one = services.get(change.container);
    if (one === undefined) {
      const workload = project.workloads.find(({ name }) => name === change.container);
      if (workload !== undefined)
        problems.push(problemOf(workload.value, `service ${workload.name} stands in no file that could be changed`));
      continue;
    }
    const owner = services.get(networkOwnerOf(one.workload, project)) ?? one;
    const shared = { owner, ...extendedBy(one, services, of) };
    made.push(...settingChanges(one, change, shared, problems));
    for (const port of change.ports ?? []) made.push(...movedPorts(one, owner, port, [...services.values()], problems));
    if (change.volumes !== undefined && change.volumes.length > 0) made.push(...volumesInit(one, change, problems));
  }
  const edits = files.flatMap((file) => {
    const own = made.filter((each) => each.file === file).map(({ change }) => ({ ...change, from: file.root }));
    if (own.length === 0) return [];
    const written = changeYaml(file.source, own, '1.2');
    problems.push(...written.problems);
    return written.edits;
  });
  return { edits, problems };
}

const startOf = (project: ComposeProject, change: ContainerChange): number =>
  project.workloads.find(({ name }) => name === change.container)?.span?.start ?? 0;

/** Whose network it is in the end, when it is another service's. */
function networkOwnerOf(workload: ComposeWorkload, project: ComposeProject): string {
  let at = workload;
  for (let steps = 0; steps < project.workloads.length; steps += 1) {
    const mode = at.service.networkMode;
    const next =
      mode?.startsWith('service:') === true ? project.workloads.find(({ name }) => `service:${name}` === mode) : undefined;
    if (next === undefined) break;
    at = next;
  }
  return at.name;
}

/** The service of the same project that it begins as, when that one is changed too. */
function extendedBy(
  { workload, files }: ServiceFiles,
  services: ReadonlyMap<string, ServiceFiles>,
  of: ReadonlyMap<string, ContainerChange>,
): { readonly base?: Base } {
  const said = rawOf(files[0], workload.name, 'extends');
  const name = typeof said === 'string' ? said : isRaw(said) && said.file === undefined ? String(said.service) : undefined;
  const at = name === undefined ? undefined : services.get(name);
  const change = name === undefined ? undefined : of.get(name);
  return at === undefined || change === undefined ? {} : { base: { at, change } };
}

/** What is extended, and what is asked for it. */
interface Base {
  readonly at: ServiceFiles;
  readonly change: ContainerChange;
}

interface Shared {
  /** Whose network it has: itself, mostly. */
  readonly owner: ServiceFiles;
  readonly base?: Base;
}

function settingChanges(
  one: ServiceFiles,
  asked: ContainerChange,
  { owner, base }: Shared,
  problems: TextProblem[],
): readonly FileChange[] {
  const { workload } = one;
  const { name } = workload;
  const settings = workload.containers[0]?.settings ?? {};
  const change = base === undefined ? asked : withoutInherited(one, asked, base);
  const out: FileChange[] = [];
  const set = (field: string, value: unknown): void => {
    out.push(setField(fileOf(one, field), name, field, value));
  };
  /** What is merged in from elsewhere stays there: compose joins lists. */
  const add = (field: string, items: readonly string[], drop: (item: string) => boolean = () => false): void => {
    const file = fileOf(one, field);
    const now = rawOf(file, name, field);
    const list = (Array.isArray(now) ? now : now === undefined || now === null ? [] : [now]) as readonly unknown[];
    const kept = list.filter((item) => !drop(String(item)));
    const lacking = items.filter((item) => !kept.some((other) => String(other) === item));
    if (lacking.length > 0 || kept.length < list.length) out.push(setField(file, name, field, [...kept, ...lacking]));
  };
  const entries = (field: string, values: Readonly<Record<string, string>>, at: ServiceFiles = one): void => {
    const file = fileOf(at, field);
    const holder = at.workload.name;
    const now = rawOf(file, holder, field);
    if (!Array.isArray(now)) {
      for (const [key, value] of Object.entries(values))
        out.push({ file, change: { op: 'set', path: ['services', holder, field, key], value } });
      return;
    }
    const list = [...(now as readonly unknown[])];
    for (const [key, value] of Object.entries(values)) {
      const at = list.findIndex((item) => String(item).split('=', 1)[0] === key);
      if (at < 0) list.push(`${key}=${value}`);
      else list[at] = `${key}=${value}`;
    }
    out.push(setField(file, holder, field, list));
  };

  if (change.image !== undefined) {
    set('image', change.image);
    if (workload.service.build !== undefined)
      problems.push(
        problemOf(
          workload.value,
          `service ${name} is built here: its Dockerfile has to make ${change.image}, or compose builds the old one again`,
        ),
      );
  }
  if (change.user !== undefined) set('user', `${change.user.uid}:${change.user.gid}`);
  if (change.supplementalGroups !== undefined && change.supplementalGroups.length > 0)
    add('group_add', change.supplementalGroups.map(String));
  if (change.fsGroup !== undefined && (change.volumes ?? []).length === 0)
    problems.push(problemOf(workload.value, `compose gives no volume to a group: who owns those of ${name} stays as it is`));
  if (change.noNewPrivileges === true && settings.noNewPrivileges !== true)
    add('security_opt', ['no-new-privileges:true'], (item) => /^no-new-privileges\b/.test(item));
  const drop = missingIn(settings.capDrop, change.capDrop);
  // ALL takes the others in.
  if (drop.includes('ALL')) add('cap_drop', ['ALL'], () => true);
  else if (drop.length > 0 && !includes(settings.capDrop, 'ALL')) add('cap_drop', drop);
  const capAdd = missingIn(settings.capAdd, change.capAdd);
  if (capAdd.length > 0) add('cap_add', capAdd);
  if (change.readOnly === true && settings.readOnly !== true) set('read_only', true);
  const taken = new Set((settings.volumes ?? []).map(({ target }) => target));
  const tmpfs = (change.tmpfs ?? []).filter((text) => !taken.has(text.split(':', 1)[0] as string));
  if (tmpfs.length > 0) add('tmpfs', tmpfs);
  const sysctls = Object.entries(unlike(change.sysctls ?? {}, settings.sysctls));
  const ofNetwork = sysctls.filter(([key]) => key.startsWith('net.'));
  if (ofNetwork.length < sysctls.length)
    entries('sysctls', Object.fromEntries(sysctls.filter((each) => !ofNetwork.includes(each))));
  if (ofNetwork.length > 0 && /^(?:host$|container:)/.test(owner.workload.service.networkMode ?? ''))
    problems.push(
      problemOf(
        workload.value,
        `${ofNetwork.map(([key]) => key).join(', ')} cannot be set for ${name}, whose network is not its own (network_mode ${workload.service.networkMode ?? ''})`,
      ),
    );
  else if (ofNetwork.length > 0) entries('sysctls', Object.fromEntries(ofNetwork), owner);
  if (change.env !== undefined) entries('environment', unlike(change.env, settings.env));
  if (change.entrypoint !== undefined) set('entrypoint', change.entrypoint.map(literal));
  if (change.command !== undefined) set('command', change.command.map(literal));
  if (change.workdir !== undefined) set('working_dir', change.workdir);
  return out;
}

/** Fields that a change of the extended service brings along, where the extending one says nothing of its own. */
const INHERITED: readonly (readonly [keyof ContainerChange, string])[] = [
  ['user', 'user'],
  ['supplementalGroups', 'group_add'],
  ['noNewPrivileges', 'security_opt'],
  ['capDrop', 'cap_drop'],
  ['capAdd', 'cap_add'],
  ['readOnly', 'read_only'],
  ['tmpfs', 'tmpfs'],
  ['sysctls', 'sysctls'],
  ['env', 'environment'],
  ['entrypoint', 'entrypoint'],
  ['command', 'command'],
  ['workdir', 'working_dir'],
];

/** A file extends what stands in it, whatever another one lays over that afterwards. */
function withoutInherited({ workload, files }: ServiceFiles, change: ContainerChange, base: Base): ContainerChange {
  const covered = new Set(
    INHERITED.filter(
      ([key, field]) =>
        JSON.stringify(change[key]) === JSON.stringify(base.change[key]) &&
        fileOf(base.at, field) === files[0] &&
        files.every((file) => rawOf(file, workload.name, field) === undefined),
    ).map(([key]) => key),
  );
  return Object.fromEntries(
    Object.entries(change).filter(([key]) => !covered.has(key as keyof ContainerChange)),
  ) as unknown as ContainerChange;
}

/** A dollar sign means a variable in these files. */
export const literal = (text: string): string => text.replaceAll('$', '$$$$');

const bare = (capability: string): string => capability.toUpperCase().replace(/^CAP_/, '');
const includes = (list: readonly string[] | undefined, name: string): boolean => (list ?? []).some((one) => bare(one) === name);
const missingIn = (list: readonly string[] | undefined, wanted: readonly string[] | undefined): readonly string[] =>
  (wanted ?? []).map(bare).filter((name) => !includes(list, name));

/** Those that are set otherwise, or not at all. */
const unlike = (
  wanted: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(wanted)
      .filter(([key, value]) => now?.[key] !== value)
      .map(([key, value]) => [key, literal(value)]),
  );
