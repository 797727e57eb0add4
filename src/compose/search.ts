/**
 * Runs the project for everybody who looks for the fix of one of its services: as it is first, once for all; then with all candidates together.
 * When that shows less than before, only the service that is started first of those that do less is told: nobody shall look for a remedy of what
 * another one broke.
 */
import type { Engine, PreparedImage } from '../engine/engine.ts';
import type { Launch } from '../launch/launch.ts';
import { notStarted, type Observation } from '../prove/observation.ts';
import type { Observe, ObserveOptions } from '../prove/observe.ts';
import { worksLess } from '../prove/verdict.ts';
import type { Tracer } from '../trace/tracer.ts';
import { type ProjectRun, type ProjectService, startOrder } from './project.ts';
import { runProject } from './run-project.ts';

export interface ProjectSearch {
  /** How this service is run; call `done` when its search is over. */
  observer(name: string): Observe;
  done(name: string): void;
  /** The project as it is, watched; undefined until somebody asked. */
  before(): ProjectRun | undefined;
}

export interface ProjectSearchInput {
  /** As the file says, on the engine that is watched. */
  readonly services: readonly ProjectService[];
  /** Whose fixes are looked for. */
  readonly names: readonly string[];
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  readonly onProgress: (message: string) => void;
}

interface Asked {
  readonly name: string;
  readonly image: PreparedImage;
  readonly launch: Launch;
  readonly tracer?: Tracer;
  readonly like?: Observation;
  resolve(observation: Observation): void;
  reject(error: unknown): void;
}

export function projectSearch(input: ProjectSearchInput): ProjectSearch {
  const { services, engine, signal, onProgress } = input;
  const searching = new Set(input.names);
  const waiting = new Map<string, Asked>();
  let first: ProjectRun | undefined;
  let working = false;

  const run = async (candidates: readonly Asked[], words: string): Promise<ProjectRun> => {
    const by = new Map(candidates.map((one) => [one.name, one]));
    onProgress(words);
    return runProject({
      services: services.map((service) => {
        const one = by.get(service.name);
        return one === undefined ? service : { ...service, image: one.image, launch: one.launch };
      }),
      engine,
      tracers: new Map(candidates.flatMap(({ name, tracer }) => (tracer === undefined ? [] : [[name, tracer] as const]))),
      like: new Map([
        ...[...(first ?? [])].map(([name, { observation }]) => [name, observation] as const),
        ...candidates.flatMap(({ name, like }) => (like === undefined ? [] : [[name, like] as const])),
      ]),
      ...(signal === undefined ? {} : { signal }),
      onProgress: (message) => onProgress(`${words}: ${message}`),
    });
  };
  const seen = (result: ProjectRun, name: string): Observation =>
    result.get(name)?.observation ?? notStarted('it is no service of the project');
  /** Nothing in the whole project shows less than when it ran as it is. */
  const whole = (result: ProjectRun, candidates: readonly Asked[]): boolean =>
    services.every(({ name }) => {
      const like = candidates.find((one) => one.name === name)?.like ?? first?.get(name)?.observation;
      return like === undefined || !worksLess(like, seen(result, name));
    });
  /** Of those that show less the one that is started first: whatever the others lack may be its fault. */
  const firstBroken = (result: ProjectRun, candidates: readonly Asked[]): Asked | undefined => {
    for (const { name } of startOrder(services)) {
      const one = candidates.find((each) => each.name === name);
      if (one?.like !== undefined && worksLess(one.like, seen(result, name))) return one;
    }
    return undefined;
  };
  const work = async (): Promise<void> => {
    while (waiting.size > 0 && [...searching].every((name) => waiting.has(name))) {
      const batch = [...waiting.values()];
      waiting.clear();
      try {
        if (first === undefined) {
          first = await run(batch, 'the project as it is, watched');
          for (const one of batch) one.resolve(seen(first, one.name));
          // Whoever asks next comes back first.
          await new Promise((resolve) => setTimeout(resolve));
          continue;
        }
        const names = batch.map(({ name }) => name).join(', ');
        const together = await run(batch, `as somebody else: ${names}`);
        if (batch.length === 1 || whole(together, batch)) {
          for (const one of batch) one.resolve(seen(together, one.name));
          continue;
        }
        const guilty = firstBroken(together, batch);
        if (guilty !== undefined) {
          // The others wait for its next candidate: what they did beside it says nothing about them.
          for (const one of batch) if (one !== guilty) waiting.set(one.name, one);
          guilty.resolve(seen(together, guilty.name));
          await new Promise((resolve) => setTimeout(resolve));
          continue;
        }
        for (const one of batch) one.resolve(seen(await run([one], `as somebody else: ${one.name} alone`), one.name));
      } catch (error) {
        for (const one of batch) one.reject(error);
      }
    }
  };
  const look = (): void => {
    if (working) return;
    working = true;
    void work().finally(() => {
      working = false;
      if (waiting.size > 0 && [...searching].every((name) => waiting.has(name))) look();
    });
  };
  return {
    before: () => first,
    observer:
      (name) =>
      (image: PreparedImage, launch: Launch, options: ObserveOptions = {}) =>
        new Promise<Observation>((resolve, reject) => {
          waiting.set(name, {
            name,
            image,
            launch,
            ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
            ...(options.like === undefined ? {} : { like: options.like }),
            resolve,
            reject,
          });
          look();
        }),
    done(name) {
      searching.delete(name);
      look();
    },
  };
}
