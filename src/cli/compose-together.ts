/** The services of a project looked at together: the search for the fix of each among the others, and the proof of the whole. */
import { dirname, resolve } from 'node:path';
import type { ProjectRun, ProjectService } from '../compose/project.ts';
import { type ProjectProof, proveProject } from '../compose/prove-project.ts';
import { projectSearch } from '../compose/search.ts';
import type { Engine, EngineKind, PreparedImage } from '../engine/engine.ts';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { profile } from '../platform/profiles.ts';
import type { Reason } from '../prove/reason.ts';
import { openSession, type Session } from '../prove/session.ts';
import type { Expectation } from '../prove/verdict.ts';
import type { FixResult, ImageOptions } from '../unroot.ts';
import { fixImage } from '../unroot.ts';
import type { ComposeProject } from '../workload/formats/compose/read.ts';
import { type Asking, projectService, type Stage, type StageOptions, stageProject } from './compose-stage.ts';
import type { ContainerImages } from './container-images.ts';
import type { ProvedImage } from './fix-container.ts';
import type { AnyContainer } from './manifest-containers.ts';
import { withoutVolumeOwners } from './volume-owners.ts';

export interface TogetherOptions {
  readonly images: ContainerImages;
  readonly engine: EngineKind | 'auto';
  readonly profile: PlatformProfile | undefined;
  readonly allowedBinds: readonly string[];
  readonly asking: Asking;
  /** What every search is given. */
  readonly search: Omit<ImageOptions, 'settings' | 'engine' | 'profile'>;
  /** Where the image of a fix goes, and what it is called from then on. */
  keep(result: FixResult, one: AnyContainer): Promise<Omit<ProvedImage, 'result'>>;
  readonly signal: AbortSignal;
  onProgress(message: string): void;
}

export interface Together {
  readonly profile: PlatformProfile;
  readonly engine: string;
  /** As `DecideOptions.prove`. */
  prove(image: Image, one: AnyContainer): Promise<ProvedImage>;
  /** Nothing more will be asked about this service. */
  done(name: string): void;
  /** Both runs. `staysRoot`: what a service says that stays root; absent = that does not matter. */
  proof(after: ComposeProject, staysRoot?: (name: string) => Reason): Promise<ProjectProof>;
  /** Rounds that the search for a service's fix took. */
  rounds(name: string): number;
  notes(): readonly string[];
  close(): Promise<void>;
}

/** Throws `compose.not-runnable`, `engine.…`. */
export async function openTogether(project: ComposeProject, options: TogetherOptions): Promise<Together> {
  // What stands in the way of any engine is told before one is looked for.
  await stageProject(project, staging(project, options, options.profile ?? profile('podman'), new Map()));
  const session = await sessionFor(options);
  try {
    return await together(project, options, session);
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function together(project: ComposeProject, options: TogetherOptions, session: Session): Promise<Together> {
  const { asking, signal, onProgress, search: asked } = options;
  const { engine, watcher, profile: rules } = session;
  const made = new Map<string, Image>();
  const staged = staging(project, options, rules, made);
  const stage = await stageProject(project, staged);
  const prepared = new Map<Engine, Map<Image, Promise<PreparedImage>>>();
  const prepare = (on: Engine, image: Image): Promise<PreparedImage> => {
    const here = prepared.get(on) ?? new Map<Image, Promise<PreparedImage>>();
    prepared.set(on, here);
    const one = here.get(image) ?? on.prepare(image, { signal, onProgress });
    here.set(image, one);
    return one;
  };
  const servicesOn = async (on: Engine, { services }: Stage): Promise<readonly ProjectService[]> => {
    const out: ProjectService[] = [];
    // One after the other: engines with a store of their own lock it.
    for (const one of services) out.push(projectService(one, await prepare(on, one.image), asking));
    return out;
  };
  const probed = asking.probe?.service;
  if (probed !== undefined && !stage.services.some(({ workload }) => workload.name === probed))
    throw new UnrootError(`--probe ${probed}=…: there is no service ${probed}`, {
      code: 'cli.usage',
      expected: `one of ${stage.services.map(({ workload }) => workload.name).join(', ')}`,
    });
  const before = await servicesOn(engine, stage);
  const search = projectSearch({
    services: engine === watcher ? before : await servicesOn(watcher, stage),
    names: stage.services.map(({ workload }) => workload.name),
    engine: watcher,
    signal,
    onProgress,
  });
  const expectations = new Map<string, Omit<Expectation, 'hostUid'>>();
  const rounds = new Map<string, number>();
  const notes = new Set<string>(stage.notes);
  let ran: ProjectRun | undefined;
  return {
    profile: rules,
    engine: engine.kind,
    async prove(image, one) {
      const { name } = one.workload;
      const own = stage.services.find(({ workload }) => workload.name === name);
      if (own === undefined)
        throw new UnrootError(`service ${name} is not started, so nothing is known of it`, { code: 'compose.not-started' });
      const found = await fixImage(image, {
        ...asked,
        settings: own.settings,
        engine: 'auto',
        profile: rules,
        session,
        run: search.observer(name),
        prove: false,
      });
      const result = withoutVolumeOwners(one, found);
      if (result.expectation !== undefined) expectations.set(name, result.expectation);
      rounds.set(name, result.rounds);
      if (result.layer.length === 0) return { result };
      const kept = await options.keep(result, one);
      if (kept.name !== undefined) made.set(kept.name, result.image);
      return { result, ...kept };
    },
    done: (name) => search.done(name),
    rounds: (name) => rounds.get(name) ?? 0,
    async proof(after, staysRoot) {
      const changed = await stageProject(after, staged);
      for (const note of changed.notes) notes.add(note);
      for (const { launch } of [...stage.services, ...changed.services])
        if (launch.kind === 'launch')
          for (const note of engine.differences(launch)) if (!note.startsWith('network:')) notes.add(note);
      const like = search.before();
      const proof = await proveProject({
        engine,
        before,
        after: await servicesOn(engine, changed),
        expectations,
        ...(staysRoot === undefined ? {} : { staysRoot }),
        ...(like === undefined ? {} : { like }),
        ...(ran === undefined ? {} : { ran }),
        signal,
        onProgress,
      });
      ran = proof.ran;
      return proof;
    },
    notes: () => [...notes, ...session.notes],
    close: () => session.close(),
  };
}

function staging(
  { sources }: ComposeProject,
  { images, allowedBinds }: TogetherOptions,
  rules: PlatformProfile,
  made: ReadonlyMap<string, Image>,
): StageOptions {
  const main = sources[0]!.path;
  return { images, made, profile: rules, folder: dirname(resolve(main === '-' ? '.' : main)), allowedBinds };
}

/** Engines that let containers share networks and volumes: what else was asked for does not do. */
async function sessionFor({ engine, profile: rules }: TogetherOptions): Promise<Session> {
  const open = (kind: EngineKind | 'auto'): Promise<Session> =>
    openSession({ engine: kind, ...(rules === undefined ? {} : { profile: rules }) });
  const fits = ({ engine: one, watcher }: Session): boolean =>
    [one, watcher].every(({ joinsSandboxes, makeVolume }) => joinsSandboxes === true && makeVolume !== undefined);
  const first = await open(engine);
  if (fits(first)) return first;
  await first.close();
  if (engine === 'auto')
    for (const kind of ['runc', 'crun', 'builtin'] as const) {
      try {
        const other = await open(kind);
        if (fits(other)) return other;
        await other.close();
      } catch (error) {
        if (!(error instanceof UnrootError) || error.code !== 'engine.unavailable') throw error;
      }
    }
  const { kind } = first.engine;
  // HostConfig.NetworkMode of the Engine API: none, host, a network of the daemon's own, or that of another container.
  const why =
    kind === 'docker'
      ? 'its daemon puts a container into no network but those it makes, and the services need one that is made here, apart from the world'
      : 'it puts no container into a network that was made here';
  throw new UnrootError(`${kind} cannot run the services of a project together: ${why}`, {
    code: 'engine.none',
    expected: 'podman as root, runc, crun, or root with util-linux for the built-in engine',
    hint:
      kind === 'docker'
        ? "Leave --engine out: Docker's rules hold all the same for what runc or podman run (--platform-profile docker)"
        : 'apt-get install -y runc iproute2',
  });
}
