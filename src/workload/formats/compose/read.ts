/** From the files of a compose project to its workloads: every service with its container's settings and the place of each. */
import type { SourceFile } from '../../../text/source-file.ts';
import type { TextProblem } from '../../../text/span.ts';
import { readYaml } from '../../../text/yaml/read.ts';
import type { Volume } from '../../container.ts';
import type { Workload, WorkloadContainer } from '../../workload.ts';
import { dependencyCycle } from './dependencies.ts';
import { isTopField } from './fields.ts';
import { type ComposeFiles, folderOf } from './files.ts';
import { handedVolumes } from './handed-volumes.ts';
import { fingerprint } from './merge.ts';
import { composeModel, environmentFrom, textsOf } from './model.ts';
import { type ComposeService, type ReadService, readService } from './service.ts';
import { type Lookup, substitute } from './substitute.ts';
import { childOf, type MapValue, problemOf, spanOf, textOf, type Value, writtenChild } from './value.ts';

export interface ComposeWorkload extends Workload {
  readonly format: 'compose';
  /** `service`, or `job`. */
  readonly kind: string;
  /** The project's name. */
  readonly namespace: string;
  /** One. */
  readonly containers: readonly WorkloadContainer[];
  readonly service: ComposeService;
  /** Complete: whatever it extends and is laid over it taken in. */
  readonly value: Value;
}

export interface ComposeProject {
  readonly name: string;
  readonly workloads: readonly ComposeWorkload[];
  /** In the order in which they are laid over each other. */
  readonly sources: readonly SourceFile[];
  /** Every file that it is made of, absolute; environment files too. */
  readonly reads: readonly string[];
  /** Those that are not among `sources`: included, extended. */
  readonly others: readonly SourceFile[];
  readonly problems: readonly TextProblem[];
}

/** Reads files that belong together, the first one decides where relative paths start. */
export function readComposeProject(sources: readonly SourceFile[], around: ComposeFiles): ComposeProject {
  const reads = new Set(sources.map(({ path }) => around.absolute(path)));
  const others: SourceFile[] = [];
  const files: ComposeFiles = {
    ...around,
    read: (path) => {
      const read = around.read(path);
      const full = around.absolute(path);
      if (!('missing' in read) && !reads.has(full)) {
        reads.add(full);
        others.push(read);
      }
      return read;
    },
  };
  const problems: TextProblem[] = [];
  const [main] = sources as readonly [SourceFile, ...SourceFile[]];
  const dir = main.path === '-' ? '.' : folderOf(main.path);
  const process: Lookup = (name) => files.environment[name];
  const { envFiles, named } = environmentFiles(dir, process);
  const dotenv = environmentFrom(envFiles, files, process, named, (message) =>
    problems.push({ severity: 'error', message, where: { file: main.path } }),
  );
  const given: Lookup = (name) => process(name) ?? dotenv.get(name);
  const name = projectName(sources, dir, files, given);
  const lookup: Lookup = (variable) => given(variable) ?? (variable === 'COMPOSE_PROJECT_NAME' ? name : undefined);
  const model = composeModel({ files, sources, dir, lookup });
  problems.push(...model.problems);
  const workloads = 'value' in model ? workloadsOf(model.value, { name, files, lookup, problems }) : [];
  return { name, workloads, sources, reads: [...reads], others, problems };
}

/** `.env` of the project, or what COMPOSE_ENV_FILES names instead; none at all with COMPOSE_DISABLE_ENV_FILE (docker compose, environment variables). */
function environmentFiles(dir: string, process: Lookup): { readonly envFiles: readonly string[]; readonly named: boolean } {
  if (/^(?:1|t|true|y|yes|on)$/i.test(process('COMPOSE_DISABLE_ENV_FILE') ?? '')) return { envFiles: [], named: false };
  const said = (process('COMPOSE_ENV_FILES') ?? '').split(',').filter((path) => path !== '');
  return said.length > 0 ? { envFiles: said, named: true } : { envFiles: [`${dir}/.env`], named: false };
}

/** COMPOSE_PROJECT_NAME, `name:` of the last file that has one, the folder's name (compose-go loader.go projectName). */
function projectName(sources: readonly SourceFile[], dir: string, files: ComposeFiles, lookup: Lookup): string {
  const explicit = lookup('COMPOSE_PROJECT_NAME');
  if (explicit !== undefined && explicit !== '') return explicit;
  let said: string | undefined;
  for (const source of sources) {
    if (!/(?:^|[{,\s])["']?name["']?\s*:/m.test(source.text)) continue;
    for (const { value } of readYaml(source, '1.2').documents) {
      const written = typeof value === 'object' && value !== null ? (value as { name?: unknown }).name : undefined;
      if (typeof written === 'string') said = written;
    }
  }
  const text = said === undefined ? '' : substitute(said, lookup).text;
  return normalised(text) || normalised(files.absolute(dir).split('/').at(-1) ?? '');
}

const normalised = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '');

interface Around {
  readonly name: string;
  readonly files: ComposeFiles;
  readonly lookup: Lookup;
  readonly problems: TextProblem[];
}

function workloadsOf(model: MapValue, { name: project, files, lookup, problems }: Around): readonly ComposeWorkload[] {
  const first = childOf(model, 'services') === undefined && childOf(model, 'jobs') === undefined;
  for (const [field, value] of model.entries) {
    if (isTopField(field)) continue;
    const words = `${field} is no field that compose knows at the top: it refuses the file`;
    if (first) problems.push(problemOf(value, `${words}; is it one of version 1, whose services stand there?`, 'error'));
    else problems.push(problemOf(value, words));
  }
  const context = {
    files,
    lookup,
    volumes: childOf(model, 'volumes'),
    secrets: childOf(model, 'secrets'),
    configs: childOf(model, 'configs'),
    home: files.environment.HOME,
    shared: sharedVolumes(model),
    problems,
  };
  const read = new Map<string, { readonly kind: string; readonly value: Value; readonly made: ReadService }>();
  for (const [section, kind] of [
    ['services', 'service'],
    ['jobs', 'job'],
  ] as const) {
    const holder = writtenChild(model, section);
    if (holder !== undefined && holder.kind !== 'map') problems.push(problemOf(holder, `${section} must be a mapping`, 'error'));
    for (const [name, value] of holder?.kind === 'map' ? holder.entries : []) {
      const made = readService(name, value, context);
      if (made !== undefined) read.set(name, { kind, value, made });
    }
  }
  const all = new Map([...read].map(([name, { made }]) => [name, made]));
  const cycle = dependencyCycle(new Map([...all].map(([name, { service }]) => [name, service.dependsOn])));
  const begun = cycle === undefined ? undefined : read.get(cycle[0] as string);
  if (cycle !== undefined && begun !== undefined)
    problems.push(problemOf(begun.value, `dependency cycle detected: ${cycle.join(' → ')}`, 'error'));
  return [...read].map(([name, { kind, value, made }]): ComposeWorkload => {
    for (const { service, required } of made.service.dependsOn)
      if (required && !all.has(service))
        problems.push(problemOf(value, `service "${name}" depends on undefined service "${service}"`, 'error'));
    const container = withOthers(made, value, all, problems);
    return {
      format: 'compose',
      kind,
      name,
      namespace: project,
      span: spanOf(value),
      containers: [container],
      service: made.service,
      value,
    };
  });
}

/** Named volumes that services of different images mount: whose files they begin with hangs on who starts first. */
function sharedVolumes(model: MapValue): ReadonlySet<string> {
  const users = new Map<string, Set<string>>();
  const services = childOf(model, 'services');
  for (const [name, service] of services?.kind === 'map' ? services.entries : []) {
    const list = writtenChild(service, 'volumes');
    for (const item of list?.kind === 'list' ? list.items : []) {
      const source = item.kind === 'map' ? textOf(childOf(item, 'source')) : /^([\w][\w.-]+):/.exec(textOf(item) ?? '')?.[1];
      if (source === undefined) continue;
      // What is built of the same folder and file is the same image, whatever it is called.
      const build = writtenChild(service, 'build');
      const image = textOf(writtenChild(service, 'image')) ?? (build === undefined ? name : fingerprint(build));
      users.set(source, (users.get(source) ?? new Set()).add(image));
    }
  }
  return new Set([...users].filter(([, images]) => images.size > 1).map(([source]) => source));
}

/** What a service has from another one: its volumes with `volumes_from`, its network with `network_mode: service:`. */
function withOthers(
  { container, service }: ReadService,
  value: Value,
  all: ReadonlyMap<string, ReadService>,
  problems: TextProblem[],
): WorkloadContainer {
  let { settings } = container;
  const handed = handedVolumes({ container, service }, all);
  if (handed !== settings.volumes && handed.length > 0) settings = { ...settings, volumes: handed };
  const from = writtenChild(value, 'volumes_from');
  for (const text of textsOf(from)) {
    const [name = '', mode] = text.split(':');
    const other = all.get(name)?.container.settings.volumes;
    if (name === 'container' || !all.has(name)) {
      problems.push(problemOf(from as Value, `volumes_from ${text}: what that container mounts is unknown`));
      continue;
    }
    const own = settings.volumes ?? [];
    const added = (other ?? [])
      .filter(({ target }) => !own.some((one) => one.target === target))
      .map((volume): Volume => (mode === 'ro' ? { ...volume, readOnly: true } : volume));
    if (added.length > 0) settings = { ...settings, volumes: [...own, ...added] };
  }
  const joined = networkOwner(service.networkMode, all);
  if (joined !== undefined) {
    const { network, sysctls = {} } = joined.container.settings;
    const net = Object.entries(sysctls).filter(([name]) => name.startsWith('net.'));
    settings = {
      ...settings,
      ...(network === undefined ? {} : { network }),
      ...(net.length === 0 ? {} : { sysctls: { ...settings.sysctls, ...Object.fromEntries(net) } }),
    };
  }
  return settings === container.settings ? container : { ...container, settings };
}

/** Whose network it is in the end. */
function networkOwner(mode: string | undefined, all: ReadonlyMap<string, ReadService>): ReadService | undefined {
  let at = mode;
  let owner: ReadService | undefined;
  for (let steps = 0; steps <= all.size && at?.startsWith('service:') === true; steps += 1) {
    owner = all.get(at.slice('service:'.length));
    at = owner?.service.networkMode;
  }
  return owner;
}
