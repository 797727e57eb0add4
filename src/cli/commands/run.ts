/** `unroot run`: run an image or a pod here exactly as the chosen platform would, until it ends or Ctrl-C. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { chooseEngine, detectEngines } from '../../engine/detect.ts';
import type { Container, Engine, ExitStatus } from '../../engine/engine.ts';
import { processStatus } from '../../engine/proc.ts';
import type { Launch } from '../../launch/launch.ts';
import { started } from '../../launch/started.ts';
import type { CapabilitySet } from '../../linux/capability.ts';
import { launchOf, readSubject } from '../../prove/subject.ts';
import type { ImageOptions } from '../../unroot.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { manifestTarget } from '../explain-manifest.ts';
import { addCommon, addEngine, addProfile, addUser } from '../flags.ts';
import { addAccess, imageAccess } from '../image-access.ts';
import { imageOptions, logFor, type RunFlags, withImage } from '../image-run.ts';
import { refuseSettings } from '../manifest-settings.ts';
import { manifestProfile } from '../profile.ts';
import { addSettings, settingsFrom } from '../settings.ts';
import { startRecord } from '../start-record.ts';
import { usageError } from '../usage-error.ts';

interface RunCommandFlags extends RunFlags, ImageFlags {
  readonly publish?: readonly string[];
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly deviceOwnership?: boolean;
  readonly hostPid?: boolean;
  readonly stopTimeout: string;
  readonly hostRoot?: string;
  readonly until: 'end' | 'ready';
  readonly status?: string;
}

/** Adds what `run` takes. */
export function run(command: Command, context: CommandContext): Command {
  command
    .description(
      'Runs the image here as the chosen platform would, until it ends or Ctrl-C; its output is yours, its exit code too. A pod of a manifest (FILE, FILE#NAME) runs by the rules of a kubelet: volumes, init containers, probes, restarts, refusals. The network is loopback only; -p publishes a port on 127.0.0.1.',
    )
    .argument('<target>', 'image, or manifest of a pod')
    .usage('[flags] TARGET [-- COMMAND…]')
    .option(
      '-p, --publish <host:container>',
      'port on 127.0.0.1 that leads to one of the container (repeatable)',
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option('-i, --interactive', 'its standard input is yours')
    .option('-t, --tty', 'it has a terminal, which is yours')
    .option(
      '--device-ownership',
      'pods: devices are given to the user of the pod, as where the runtime has device_ownership_from_security_context',
    )
    .option('--host-pid', 'pods: hostPID means the processes of this machine, for good or ill')
    .option('--stop-timeout <seconds>', 'how long it may take to stop before it is killed', '10')
    .option('--host-root <dir>', 'pods: what / of the node is, for hostPath volumes (default: an empty folder)')
    .option('--status <file>', 'pods: keep FILE as how the pod stands, with its events, as JSON, instead of saying it here')
    .addOption(
      new Option('--until <what>', 'pods: run to the end, or until every container is ready')
        .choices(['end', 'ready'])
        .default('end'),
    );
  addUser(command, 'run it as this user, as docker run --user');
  addImages(addEngine(addProfile(command)));
  addSettings(addAccess(addCommon(command)));
  return command.action(async (target: string, flags: RunCommandFlags) => {
    const publish = new Map((flags.publish ?? []).map(portPair));
    const grace = Number(flags.stopTimeout) * 1000;
    if (!(grace >= 0)) throw usageError(`--stop-timeout ${flags.stopTimeout} is no number of seconds`, 'a number');
    const log = logFor(flags);
    const manifest = manifestTarget(target);
    if (flags.tty === true && !(process.stdin.isTTY && process.stdout.isTTY))
      throw usageError(
        '-t needs a terminal, and standard input and output are none',
        'a terminal',
        'leave out -t; -i alone passes standard input',
      );
    if (manifest !== undefined) {
      if (flags.interactive === true || flags.tty === true) throw usageError('-i and -t are for images', 'an image');
      refuseSettings(settingsFrom(flags, flags.user, context.behind), [target]);
      const images = containerImages(flags, {
        ...imageAccess(flags, context.signal, (message) => log.progress(message)),
        signal: context.signal,
      });
      try {
        const { runPodOfManifest } = await import('../run-pod.ts');
        context.done(
          await runPodOfManifest({
            file: manifest.file,
            ...(manifest.container === undefined ? {} : { workload: manifest.container }),
            profile: {
              ...manifestProfile(flags.platformProfile),
              ...(flags.deviceOwnership === true ? { deviceOwnershipFromSecurityContext: true } : {}),
            },
            engine: flags.engine ?? 'auto',
            images,
            publish,
            ...(flags.hostPid === true ? { hostPid: true } : {}),
            ...(flags.hostRoot === undefined ? {} : { hostRoot: resolve(flags.hostRoot) }),
            until: flags.until,
            ...(flags.status === undefined ? {} : { status: flags.status }),
            signal: context.signal,
            log,
          }),
        );
      } finally {
        await images.close();
      }
      return;
    }
    const options = imageOptions(flags, context, log);
    const settings = { ...options.settings, ...(flags.user === undefined ? {} : { user: flags.user }) };
    await withImage(
      target,
      imageAccess(flags, context.signal, (message) => log.progress(message)),
      async (image) => {
        const attach = flags.tty === true ? 'terminal' : flags.interactive === true ? 'input' : undefined;
        const engine = await openEngine(options, attach !== undefined);
        const record = startRecord(target);
        try {
          const launch = withTerminal(
            started(launchOf(await readSubject(image), settings, options.profile ?? engine.profile, startedHere(engine))),
            attach === 'terminal',
          );
          for (const difference of engine.differences(launch)) log.note(difference);
          const prepared = await engine.prepare(image, {
            signal: context.signal,
            onProgress: (message) => log.progress(message),
          });
          // What the runtime says while it is created is part of the error, if there is one.
          let live = false;
          // Without a signal of its own: on Ctrl-C it is stopped as its image asks, not killed.
          const container = await prepared.create(launch, {
            publish,
            ...(attach === undefined ? {} : { attach }),
            onOutput: (stream, chunk) => void (live && process[stream].write(chunk)),
          });
          log.clear();
          for (const note of prepared.notes ?? []) log.note(note);
          try {
            await container.start();
            record.started(launch);
            process.stdout.write(container.stdout());
            process.stderr.write(container.stderr());
            live = true;
            const status = await untilEnd(container, context.signal, grace);
            record.ended(launch, status.code, container.log());
            context.done(status.code);
          } finally {
            await container.remove();
          }
        } catch (error) {
          record.refused((error as Error).message);
          throw error;
        } finally {
          await engine.close();
        }
      },
    );
  });
}

/** Podman and Docker are asked over their own programs: what is attached to a terminal is started here. */
async function openEngine(options: ImageOptions, attached: boolean): Promise<Engine> {
  const wish = options.profile ? { profile: options.profile } : {};
  if (!attached) return chooseEngine(options.engine ?? 'auto', wish);
  if (options.engine === 'podman' || options.engine === 'docker')
    throw usageError(`-i and -t do not go with --engine ${options.engine}`, 'runc, crun or builtin');
  if (options.engine !== undefined && options.engine !== 'auto') return chooseEngine(options.engine, wish);
  const kinds = ['runc', 'crun', 'builtin'] as const;
  const available = await detectEngines();
  const kind = kinds.find((one) => available.some((status) => status.kind === one && status.available)) ?? 'builtin';
  return chooseEngine(kind, wish);
}

/** Of an engine that starts it from this process: nothing is given that this process does not have. */
function startedHere({ kind }: Engine): { readonly bounding?: CapabilitySet } {
  const bounding = kind === 'podman' || kind === 'docker' ? undefined : processStatus(process.pid)?.capabilities.bounding;
  return bounding === undefined ? {} : { bounding };
}

/** As docker run -t: the program is told what kind it is. */
const withTerminal = (launch: Launch, terminal: boolean): Launch =>
  !terminal || launch.env.some((each) => each.startsWith('TERM=')) ? launch : { ...launch, env: [...launch.env, 'TERM=xterm'] };

/** Until it ends; Ctrl-C stops it. */
async function untilEnd(container: Container, signal: AbortSignal, graceMs: number): Promise<ExitStatus> {
  const interrupted = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return (await Promise.race([container.exited, interrupted])) ?? (await container.stop(graceMs));
}

/** Container port → host port. */
function portPair(text: string): readonly [number, number] {
  const match = /^(?:127\.0\.0\.1:)?(\d+):(\d+)(?:\/tcp)?$/.exec(text);
  const [host, inside] = [Number(match?.[1]), Number(match?.[2])];
  if (!(host >= 1 && host <= 65535 && inside >= 1 && inside <= 65535))
    throw usageError(`-p ${text} is no pair of ports`, 'HOST:CONTAINER, both 1–65535, as in -p 8080:80');
  return [inside, host];
}
