/** One service while its project runs: started, started again as its `restart` says, stopped; whichever container it is at the moment. */

import { heldSockets } from '../engine/container-sockets.ts';
import type { Container, CreateOptions, ExitStatus } from '../engine/engine.ts';
import type { NetworkMember } from '../engine/project-network.ts';
import { UnrootError } from '../error.ts';
import type { Launch } from '../launch/launch.ts';
import { pause } from '../pod/pause.ts';
import type { Tracer, TraceSession } from '../trace/tracer.ts';
import type { ProjectService } from './project.ts';

export interface Life {
  readonly service: ProjectService;
  /** The last one that was made. */
  container(): Container | undefined;
  session(): TraceSession | undefined;
  /** Why no container could be started, in words. */
  refusal(): string | undefined;
  restarts(): number;
  /** It has ended, and nobody starts it again. */
  over(): ExitStatus | undefined;
  /** Resolves then. */
  readonly ended: Promise<void>;
  /** Starts it; resolves when it runs, or cannot. */
  start(): Promise<void>;
  /** No more restarts; ends what runs. */
  stop(graceMs: number): Promise<ExitStatus | undefined>;
  remove(): Promise<void>;
}

export interface LifeOptions {
  /** Over the folders of this run. */
  readonly launch: Launch;
  readonly create: CreateOptions;
  readonly member?: NetworkMember;
  readonly names: readonly string[];
  /** Others are on the same end of the network. */
  readonly shared?: boolean;
  readonly tracer?: Tracer;
  readonly signal?: AbortSignal;
}

/** moby restartmanager: at once after 100 ms, doubled each time. */
const FIRST_PAUSE_MS = 100;
/** A service that ended so often does not come up. */
const MOST_RESTARTS = 8;

export function serviceLife(service: ProjectService, options: LifeOptions): Life {
  const { launch, create, member, names, tracer, signal } = options;
  let container: Container | undefined;
  let session: TraceSession | undefined;
  let refusal: string | undefined;
  let restarts = 0;
  let over: ExitStatus | undefined;
  let stopping = false;
  let failed: unknown;
  let resolveEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const old: Container[] = [];
  const begin = async (): Promise<void> => {
    try {
      container = withOwnSockets(await service.image.create(launch, create), options.shared === true);
      await session?.abort();
      session = tracer === undefined ? undefined : await tracer.attach(container, launch);
      await container.start();
      member?.announce(names);
    } catch (error) {
      if (!(error instanceof UnrootError) || error.code !== 'engine.start-refused') throw error;
      refusal = error.message;
      over = { code: 127 };
      resolveEnded();
      return;
    }
    const running = container;
    void running.exited
      .then((status) => again(running, status))
      .catch((error: unknown) => {
        failed = error;
        resolveEnded();
      });
  };
  const again = async (running: Container, status: ExitStatus): Promise<void> => {
    member?.withdraw();
    const { restart } = service.surroundings;
    const wanted = restart === 'always' || (restart === 'on-failure' && status.code !== 0);
    if (!stopping && wanted && restarts < MOST_RESTARTS) {
      await pause(FIRST_PAUSE_MS * 2 ** restarts, signal);
      if (!stopping && signal?.aborted !== true) {
        restarts += 1;
        old.push(running);
        await running.remove();
        return begin();
      }
    }
    over = status;
    resolveEnded();
  };
  return {
    service,
    ended,
    container: () => container,
    session: () => session,
    refusal: () => refusal,
    restarts: () => restarts,
    over: () => {
      if (failed !== undefined) throw failed;
      return over;
    },
    start: begin,
    async stop(graceMs) {
      stopping = true;
      if (container === undefined || refusal !== undefined) return over;
      return container.running() ? container.stop(graceMs) : (over ?? container.exited);
    },
    async remove() {
      stopping = true;
      member?.withdraw();
      await container?.remove();
    },
  };
}

/** The engine's own resolver is nothing that the program listens on, nor is what another service does on the same network. */
const withOwnSockets = (container: Container, shared: boolean): Container => ({
  ...container,
  get pid() {
    return container.pid;
  },
  async listening() {
    const sockets = (await container.listening()).filter(({ address }) => address !== '127.0.0.11');
    return shared && container.pid !== undefined ? heldSockets(container.pid, sockets) : sockets;
  },
});
