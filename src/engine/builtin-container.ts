/** One container of the built-in engine: a shell in new namespaces that makes the mounts, takes the identity, waits, and becomes the program. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import { isChrooted, rerootLines } from './builtin-chroot.ts';
import { placeMounts } from './builtin-place.ts';
import { builtinScript, execCommand, pivotCommands, programCommand } from './builtin-script.ts';
import { toolBox } from './builtin-tools.ts';
import { runCommand } from './command.ts';
import type { Container, CreateOptions, ExecOptions, ExecResult, ExitStatus } from './engine.ts';
import { exitStatus } from './exit-status.ts';
import { containerFiles, prepareHome } from './home.ts';
import { withoutInherited } from './inherited.ts';
import { localContainer } from './local-container.ts';
import { defaultLimits } from './proc.ts';
import { quote, type Registration, register, undo } from './reaper.ts';
import { insidePath } from './rootfs/inside.ts';
import { type RunLog, runLog } from './run-log.ts';
import { environment, hostnameOf, specMounts } from './spec.ts';
import { startRefused } from './start-refused.ts';
import { sysctlsOf } from './sysctls.ts';
import { volumeFolders } from './volumes.ts';

const CREATE_MS = 60_000;
/** Programs that run with the container's root. */
const TOOLS = ['sh', 'env', 'setpriv', 'nsenter'];

/** Created and held back. `layers`: folders of the image, bottom first. */
export async function createBuiltinContainer(
  image: Image,
  layers: readonly string[],
  launch: Launch,
  options: CreateOptions,
): Promise<Container> {
  const refuse = (words: string): UnrootError => startRefused('builtin', image.reference, launch.argv, words);
  refuseSysctls(launch, refuse);
  if (launch.argv[0]?.includes('='))
    throw refuse(`exec: ${JSON.stringify(launch.argv[0])}: the built-in engine cannot start a program with "=" in its name`);
  const home = await prepareHome(image, layers, launch);
  const registrations: Registration[] = [];
  const log = runLog(options.logLimit, options.onOutput);
  const hostname = hostnameOf(launch, home.id);
  const limits = defaultLimits();
  const tools = join(home.path, 'tools');
  const at = (name: string): string => join(home.path, name);
  let gate = -1;
  let keptBox = -1;
  let child: ChildProcess | undefined;
  const closeGate = (): void => {
    if (gate >= 0) closeSync(gate);
    gate = -1;
  };
  const dispose = async (): Promise<void> => {
    closeGate();
    if (keptBox >= 0) closeSync(keptBox);
    keptBox = -1;
    if (child && child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    for (const registration of registrations.toReversed()) registration.release();
    await home.remove();
  };
  try {
    const volumes = new Map(home.volumes.map(({ mount, folder }) => [mount.target, folder]));
    const mounts = placeMounts(
      home.root.path,
      specMounts(launch, { volumes, files: containerFiles(home, launch, options.names) }),
      launch.cwd,
      refuse,
    );
    const box = toolBox(tools, TOOLS);
    mkdirSync(at('box'));
    const chrooted = isChrooted(tools, box);
    execFileSync('mkfifo', ['-m', '600', at('gate'), at('out'), at('err')]);
    const env = environment(launch, hostname);
    const script = builtinScript({
      launch,
      root: home.root.path,
      tools,
      box: at('box'),
      ready: at('ready'),
      gate: at('gate'),
      hostname,
      toolBox: box,
      reroot: chrooted ? rerootLines(home.path, at('launch.sh'), at('box')) : [],
      program: programCommand(launch, env, launch.argv, box),
      limits,
      mounts,
      sysctls: sysctlsOf(launch),
      ownNetwork: launch.network !== 'host' && options.sandbox === undefined,
    });
    writeFileSync(at('launch.sh'), script, { mode: 0o600 });
    writeFileSync(at('ready'), '', { mode: 0o600 });
    gate = openSync(at('gate'), constants.O_RDWR | constants.O_NONBLOCK);
    const exited = begin(chrooted ? 'unchanged' : 'private');
    const pid = await waitUntilReady(at('ready'), exited);
    if (pid === undefined) {
      await exited;
      throw refuse(log.stderr());
    }
    registrations.push(register(undo.kill(pid)));
    for (const command of pivotCommands(pid, home.root.path)) {
      const pivot = await runCommand(command, { timeoutMs: 20_000 });
      if (pivot.code !== 0) {
        throw new UnrootError(`the root of the container could not be changed: ${(pivot.stderr || pivot.stdout).trim()}`, {
          code: 'engine.pivot',
        });
      }
    }
    // Keeps the tools' file system, which is mounted nowhere now, for exec.
    keptBox = openSync(`/proc/${pid}/cwd`, constants.O_RDONLY | constants.O_DIRECTORY);
    home.baseline(pid, launch, `/proc/${pid}/root`);
    const waiting = executableOf(pid);
    return localContainer(
      {
        id: home.id,
        pid,
        log,
        exited,
        stopSignal: image.config.stopSignal,
        publish: options.publish,
        async start() {
          const bad = notAProgram(home.root.path, launch);
          if (bad) throw refuse(bad);
          writeSync(gate, 'go\n');
          closeGate();
          const ended = exited.then(() => true);
          // Until it runs neither the waiting shell nor env, which live on the same small file system.
          while (executableOf(pid)?.dev === waiting?.dev) {
            if (await Promise.race([ended, sleep(2, false)])) break;
          }
          const now = executableOf(pid);
          if (now !== undefined && now.dev !== waiting?.dev) return;
          const words = refusedWith(await exited, log);
          if (words !== undefined) throw refuse(words);
        },
        exec: (argv, execOptions) => exec(pid, argv, execOptions),
        changes: () => home.changes(launch),
        volumes: () => volumeFolders(home.volumes),
        abandon: closeGate,
        dispose,
      },
      options.signal,
    );

    async function exec(main: number, argv: readonly string[], execOptions: ExecOptions): Promise<ExecResult> {
      const program = programCommand(launch, [...env, ...(execOptions.env ?? [])], argv, box);
      const line = execCommand(main, launch, limits, `/proc/${process.pid}/fd/${keptBox}`, box, program);
      const shell = ['sh', '-c', `umask ${launch.umask.toString(8).padStart(4, '0')}; exec ${line.map(quote).join(' ')}`];
      const result = await runCommand(withoutInherited(shell), {
        timeoutMs: execOptions.timeoutMs ?? 60_000,
      });
      const { code, stdout, stderr, timedOut } = result;
      return { code, stdout, stderr, timedOut };
    }
  } catch (error) {
    await dispose();
    throw error;
  }

  function begin(propagation: 'private' | 'unchanged'): Promise<ExitStatus> {
    const readers = (['out', 'err'] as const).map((name) => {
      const file = at(name);
      const read = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
      const write = openSync(file, constants.O_WRONLY);
      // As runc does (fixStdioPermissions), so that the program may open /dev/stdout.
      fchownSync(write, launch.uid, 0);
      rmSync(file);
      const socket = new Socket({ fd: read, readable: true, writable: false });
      socket.on('data', (chunk: Buffer) => log.push(name === 'out' ? 'stdout' : 'stderr', chunk));
      socket.on('error', () => {});
      return { write, closed: new Promise<void>((resolve) => socket.once('close', () => resolve())), socket };
    });
    const joined =
      options.sandbox === undefined ? [] : ['net', 'ipc'].map((kind) => `--${kind}=/proc/${options.sandbox}/ns/${kind}`);
    const own = options.sandbox === undefined ? ['--ipc', ...(launch.network === 'host' ? [] : ['--net'])] : [];
    const namespaces = ['--mount', '--pid', '--uts', ...own];
    const [file = '', ...args] = withoutInherited([
      ...(joined.length === 0 ? [] : ['nsenter', ...joined, '--']),
      'unshare',
      ...namespaces,
      '--propagation',
      propagation,
      '--',
      // The first child is PID 1 of the new namespace; its parent keeps its status, and keeps to itself what a shell says of a killed child.
      ...['sh', '-c', 'exec 9>&2 2>/dev/null; sh "$1" 2>&9 9>&-; exit $?', 'unroot', at('launch.sh')],
    ]);
    const terminal = options.attach === 'terminal';
    const started = spawn(file, args, {
      stdio: terminal ? 'inherit' : [options.attach === undefined ? 'ignore' : 'inherit', readers[0]!.write, readers[1]!.write],
      detached: !terminal,
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    child = started;
    if (started.pid !== undefined) registrations.push(register(undo.kill(started.pid)));
    for (const { write } of readers) closeSync(write);
    return new Promise<ExitStatus>((resolve) => {
      const finish = async (status: ExitStatus): Promise<void> => {
        // Everything in its pid namespace is dead by now, so the pipes end by themselves.
        await Promise.race([Promise.all(readers.map(({ closed }) => closed)), sleep(500)]);
        for (const { socket } of readers) socket.destroy();
        resolve(status);
      };
      started.on('error', (error) => {
        log.push('stderr', Buffer.from(error.message));
        void finish({ code: 127 });
      });
      started.on('exit', (code, signal) => void finish(exitStatus(code ?? 128 + osConstants.signals[signal!])));
    });
  }
}

/** The host's number of the waiting process; undefined when the script failed. */
async function waitUntilReady(file: string, exited: Promise<ExitStatus>): Promise<number | undefined> {
  const over = exited.then(() => true);
  for (const end = Date.now() + CREATE_MS; Date.now() < end; ) {
    const text = readFileSync(file, 'utf8');
    if (text.endsWith('\n')) return Number(text);
    if (await Promise.race([over, sleep(2, false)])) return undefined;
  }
  throw new UnrootError(`the container was not ready within ${CREATE_MS / 1000} s`, { code: 'engine.timeout' });
}

function executableOf(pid: number): { readonly dev: number } | undefined {
  return statSync(`/proc/${pid}/exe`, { throwIfNoEntry: false });
}

/** env(1) ends with 127, 126 or 125 and a line of its own when it cannot start the program; said here in runc's words. */
function refusedWith(status: ExitStatus, log: RunLog): string | undefined {
  const last = log.stderr().trim().split('\n').at(-1) ?? '';
  const [, what = '', why = ''] = /^(?:\S*\/)?env: (.*): ([^:]+)$/.exec(last) ?? [];
  if (![125, 126, 127].includes(status.code) || why === '') return undefined;
  const name = what.replace(/^cannot change directory to /, '').replace(/^['‘](.*)['’]$/, '$1');
  const reason = why.toLowerCase();
  if (what.startsWith('cannot change directory'))
    return `chdir to cwd (${JSON.stringify(name)}) set in config.json failed: ${reason}`;
  if (!name.includes('/') && status.code === 127) return `exec: ${JSON.stringify(name)}: executable file not found in $PATH`;
  return `exec: ${JSON.stringify(name)}: ${status.code === 127 ? `stat ${name}: ` : ''}${reason}`;
}

/** execve(2) refuses what is neither ELF nor a script; env would hand it to a shell. */
function notAProgram(root: string, launch: Launch): string | undefined {
  const inside = launch.executable === undefined ? undefined : insidePath(root, launch.executable);
  if (inside === undefined) return undefined;
  try {
    const fd = openSync(join(root, inside), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const head = Buffer.alloc(4);
    try {
      readSync(fd, head, 0, 4, 0);
    } finally {
      closeSync(fd);
    }
    return head.toString('latin1') === '\x7fELF' || head.toString('latin1', 0, 2) === '#!'
      ? undefined
      : `exec ${launch.argv[0]}: exec format error`;
  } catch {
    // Not there, a directory, in a volume: env will find out.
    return undefined;
  }
}

/** Only what belongs to a namespace of the container (runc libcontainer/configs/validate): the rest would change the host. */
function refuseSysctls(launch: Launch, refuse: (words: string) => UnrootError): void {
  for (const name of Object.keys(sysctlsOf(launch))) {
    const key = name.replaceAll('/', '.');
    const ours = /^(net\.|fs\.mqueue\.|kernel\.(domainname|msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$)/.test(
      key,
    );
    if (!ours || key.includes('..')) throw refuse(`sysctl ${JSON.stringify(name)} is not in a separate kernel namespace`);
  }
}
