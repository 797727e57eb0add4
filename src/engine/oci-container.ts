/**
 * One container of runc or crun. `run` stays in the foreground as our child, so that its exit status is the program's; a createRuntime
 * hook that waits on a fifo holds it back when all mounts are made, so that a tracer can attach. Should we die, the fifo ends, the hook
 * fails, and the runtime takes the container down by itself.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { freeCgroup, removeFolders } from './cgroup.ts';
import { runCommand } from './command.ts';
import type { Container, CreateOptions, ExecOptions, ExecResult, ExitStatus } from './engine.ts';
import { exitStatus } from './exit-status.ts';
import { containerFiles, prepareHome } from './home.ts';
import { localContainer } from './local-container.ts';
import { containerProcesses, defaultLimits, sessionOf, signalProcess } from './proc.ts';
import { type Registration, register, undo } from './reaper.ts';
import { runLog } from './run-log.ts';
import { hostnameOf, runtimeSpec, specProcess } from './spec.ts';
import { startRefused } from './start-refused.ts';
import { volumeFolders } from './volumes.ts';

/** Where the program and its words for things are. */
export interface OciRuntime {
  readonly kind: 'runc' | 'crun';
  readonly program: string;
}

/** How long the runtime may take to make the mounts. */
const CREATE_MS = 60_000;
/** From the word to go to the image's program: milliseconds, unless the runtime's own process hangs in execve. */
const EXEC_MS = 40_000;

/** Created and held back. `layers`: folders of the image, bottom first. */
export async function createOciContainer(
  runtime: OciRuntime,
  image: Image,
  layers: readonly string[],
  launch: Launch,
  options: CreateOptions,
): Promise<Container> {
  const home = await prepareHome(image, layers, launch);
  const { id } = home;
  const registrations: Registration[] = [];
  const cgroup = freeCgroup(id);
  const state = join(home.path, 'state');
  const base = [runtime.program, '--root', state, '--log', join(home.path, 'runtime.log'), '--log-format', 'json'];
  let gate = -1;
  const openGate = (): void => {
    // Stays open until the program runs: the hook may not have opened its end yet, and what is in a fifo nobody holds is lost.
    if (gate >= 0) writeSync(gate, 'go\n');
  };
  const closeGate = (): void => {
    if (gate >= 0) closeSync(gate);
    gate = -1;
  };
  let child: ChildProcess | undefined;
  const log = runLog(options.logLimit, options.onOutput);
  const disposeAll = async (): Promise<void> => {
    closeGate();
    if (child && child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    if (existsSync(join(state, id))) await runCommand([...base, 'delete', '--force', id], { timeoutMs: 20_000 });
    // A hook whose runtime was killed may still wait for somebody to open the other end.
    const waiting = join(home.path, 'gate');
    if (existsSync(waiting)) closeSync(openSync(waiting, constants.O_RDWR | constants.O_NONBLOCK));
    // The runtime leaves them when it is stopped half-way.
    await removeFolders(cgroup?.folders ?? []);
    for (const registration of registrations.toReversed()) registration.release();
    await home.remove();
  };
  try {
    // Before the next line, so after it when the list is worked off: the runtime's own clean-up comes first.
    if (cgroup) registrations.push(register(cgroup.folders.map(undo.rmdir).join('\n')));
    registrations.push(register(undo.command(...base, 'delete', '--force', id)));
    const fifo = join(home.path, 'gate');
    const about = join(home.path, 'about.json');
    execFileSync('mkfifo', ['-m', '600', fifo]);
    registrations.push(register(undo.unblock(fifo)));
    const limits = defaultLimits();
    const spec = runtimeSpec(launch, {
      id,
      root: home.root.path,
      limits,
      ...(cgroup ? { cgroup } : {}),
      ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
      volumes: new Map(home.volumes.map(({ mount, folder }) => [mount.target, folder])),
      files: containerFiles(home, launch, options.names),
      terminal: options.attach === 'terminal',
      hook: {
        args: [
          'sh',
          '-c',
          'exec 3<"$2" && cat >"$1.new" && mv "$1.new" "$1" && read -r word <&3 && [ "$word" = go ]',
          'unroot-gate',
          about,
          fifo,
        ],
      },
    });
    mkdirSync(state, { mode: 0o700 });
    writeFileSync(join(home.path, 'config.json'), JSON.stringify(spec), { mode: 0o600 });
    // Both ends are ours, so that the hook's open does not block; it opens before it tells us, so that no word of ours is lost.
    gate = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const { exited, refusal } = launchRuntime([...base, 'run', '--bundle', home.path, id]);
    const pid = await waitForHook(about, exited);
    if (pid === undefined) {
      await exited;
      throw startRefused(runtime.kind, image.reference, launch.argv, refusal() || log.stderr());
    }
    registrations.push(register(undo.kill(pid)));
    // Its root is still ours at this point, with the container's mounts below our folder.
    home.baseline(pid, launch, `/proc/${pid}/root${home.root.path}`);
    const before = executable(pid);
    return localContainer(
      {
        id,
        pid,
        log,
        exited,
        stopSignal: image.config.stopSignal,
        publish: options.publish,
        async start() {
          openGate();
          // Until its program has become the image's; a short one may be over before we look.
          const ended = exited.then(() => true);
          const late = Date.now() + EXEC_MS;
          while (executable(pid) === before) {
            if (await Promise.race([ended, sleep(2, false)])) break;
            if (Date.now() > late)
              throw new UnrootError(`${runtime.kind} has not executed the program of ${id} in ${EXEC_MS / 1000} s`, {
                code: 'engine.start-stuck',
                where: { file: `/proc/${pid}/wchan` },
                hint: 'the machine is very busy, or the kernel waits for a thread that its tracer has not collected: try again',
              });
          }
          closeGate();
          const now = executable(pid);
          const words = now === undefined || now === before ? refusedWith(await exited) : undefined;
          if (words !== undefined) throw startRefused(runtime.kind, image.reference, launch.argv, words);
        },
        exec: (argv, execOptions) => exec(pid, argv, execOptions, limits),
        changes: () => home.changes(launch),
        volumes: () => volumeFolders(home.volumes),
        abandon: closeGate,
        dispose: disposeAll,
      },
      options.signal,
    );

    function refusedWith(status: ExitStatus): string | undefined {
      const words = refusal();
      if (words) return words;
      // The runtime had already let go: then its init says it on the container's own stderr (runc libcontainer/standard_init_linux.go).
      const last = log.stderr().trim().split('\n').at(-1) ?? '';
      return [1, 255].includes(status.code) && /^(exec \/|standard_init_linux\.go)[^\n]*: [a-z ]+$/.test(last) ? last : undefined;
    }
  } catch (error) {
    await disposeAll();
    throw error;
  }

  function launchRuntime(argv: readonly string[]): { exited: Promise<ExitStatus>; refusal: () => string } {
    const [file = '', ...args] = argv;
    const terminal = options.attach === 'terminal';
    const input = options.attach === undefined ? 'ignore' : 'inherit';
    // A group of its own: a Ctrl-C in the terminal is for us, and we decide what becomes of the container. With a terminal the runtime
    // reads the keys itself, Ctrl-C too, and must be in the terminal's own group to hear of a new size.
    const started = spawn(file, args, {
      stdio: terminal ? 'inherit' : [input, 'pipe', 'pipe'],
      detached: !terminal,
      cwd: home.path,
    });
    child = started;
    if (started.pid !== undefined) registrations.push(register(undo.kill(started.pid)));
    started.stdout?.on('data', (chunk: Buffer) => log.push('stdout', chunk));
    started.stderr?.on('data', (chunk: Buffer) => log.push('stderr', chunk));
    const exited = new Promise<ExitStatus>((resolve) => {
      started.on('error', (error) => {
        log.push('stderr', Buffer.from(error.message));
        resolve({ code: 127 });
      });
      started.on('close', (code, signal) =>
        resolve(code === null ? { code: 128 + osConstants.signals[signal!], signal: signal! } : exitStatus(code)),
      );
    });
    return { exited, refusal: () => runtimeWords(join(home.path, 'runtime.log')) };
  }

  async function exec(
    main: number,
    argv: readonly string[],
    execOptions: ExecOptions,
    limits: { nofile: number; nproc: number },
  ): Promise<ExecResult> {
    execs += 1;
    const number = execs;
    const [processFile, pidFile] = [join(home.path, `exec-${number}.json`), join(home.path, `exec-${number}.pid`)];
    writeFileSync(processFile, JSON.stringify(specProcess(launch, limits, hostnameOf(launch, id), argv, execOptions.env)), {
      mode: 0o600,
    });
    const result = await runCommand([...base, 'exec', '--process', processFile, '--pid-file', pidFile, id], {
      timeoutMs: execOptions.timeoutMs ?? 60_000,
    });
    // The runtime is gone, what it started is not.
    if (result.timedOut && existsSync(pidFile)) killTree(main, Number(readFileSync(pidFile, 'utf8')));
    for (const file of [processFile, pidFile]) rmSync(file, { force: true });
    const { code, stdout, stderr, timedOut } = result;
    return { code, stdout, stderr, timedOut };
  }
}

let execs = 0;

/** SIGKILL to a process of a container and to all that came from it, also when its parents are gone: runc gives each exec a session of its own. */
function killTree(main: number, top: number): void {
  const doomed = new Set([top]);
  for (const { pid, ppid } of containerProcesses(main)) if (doomed.has(ppid) || sessionOf(pid) === top) doomed.add(pid);
  for (const pid of doomed) if (pid !== main) signalProcess(pid, 'SIGKILL');
}

/** The pid of the held-back init, as the hook was told; undefined when the runtime gave up before. */
async function waitForHook(file: string, exited: Promise<ExitStatus>): Promise<number | undefined> {
  const over = exited.then(() => true);
  for (const end = Date.now() + CREATE_MS; Date.now() < end; ) {
    if (existsSync(file)) return Number((JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid);
    if (await Promise.race([over, sleep(2, false)])) return undefined;
  }
  throw new UnrootError(`the runtime did not create the container within ${CREATE_MS / 1000} s`, { code: 'engine.timeout' });
}

/** Undefined when the process is gone or a zombie. */
function executable(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

/** What the runtime wrote to its own log at level error. */
function runtimeWords(file: string): string {
  if (!existsSync(file)) return '';
  const words = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): string[] => {
      try {
        const { level, msg } = JSON.parse(line) as { level?: string; msg?: string };
        return (level === 'error' || level === 'fatal') && msg ? [msg] : [];
      } catch {
        return [];
      }
    });
  return words.join('\n');
}
