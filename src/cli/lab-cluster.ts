/** `kubectl` in the node of a lab: asks the cluster that stands in for one, and starts it when nobody did. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../engine/builtin-tools.ts';
import { quote } from '../engine/reaper.ts';
import { UnrootError } from '../error.ts';
import { fileNamed } from '../lab/cluster/flags.ts';
import type { Question } from '../lab/cluster/kubectl.ts';
import type { EnterContainer } from '../lab/cluster/reply.ts';
import { EXIT_TRAILER, serveCluster, socketOf } from '../lab/cluster/serve.ts';
import type { CommandContext } from './command.ts';

const READY_MS = 30_000;
const MAX = 1024 * 1024;

/** Where the cluster has its socket and its pods' files; a lab's node has one. */
const clusterFolder = (): string => process.env.UNROOT_LAB_CLUSTER || '/run/cluster';

/** What stands behind `--` is as after `kubectl`; with `serve` it is the cluster itself. */
export async function askCluster(serve: boolean, context: CommandContext): Promise<void> {
  const folder = clusterFolder();
  const program = realpathSync(process.argv[1] ?? '');
  if (serve) {
    const server = await serveCluster({ folder, program, hostRoot: process.env.UNROOT_LAB_HOST_ROOT || '/', host: '127.0.0.1' });
    await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
    await server.close();
    context.done(0);
    return;
  }
  const question = readQuestion(context.behind);
  const first = await ask(folder, question, context.signal);
  if (first !== undefined) return context.done(first);
  // It does not listen: nobody asked before, or it was ended.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  rmSync(socketOf(folder), { force: true });
  const log = openSync(join(folder, 'log'), 'a');
  const server = spawn(process.execPath, [program, 'lab', 'cluster', 'serve'], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
  });
  server.unref();
  for (const end = Date.now() + READY_MS; Date.now() < end && server.exitCode === null; await sleep(50)) {
    const code = existsSync(socketOf(folder)) ? await ask(folder, question, context.signal) : undefined;
    if (code !== undefined) return context.done(code);
  }
  throw new UnrootError('the cluster did not start', { code: 'lab.cluster', where: { file: join(folder, 'log') } });
}

/** With the text of the file that -f names, which is this process's to read. */
function readQuestion(words: readonly string[]): Question {
  const file = fileNamed(words);
  if (file === undefined) return { words };
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    if (text.length > MAX / 2) throw new Error('it is larger than 512 KiB');
    return { words, text };
  } catch (error) {
    throw new UnrootError(`${file} cannot be read: ${(error as Error).message}`, {
      code: 'lab.cluster',
      where: { file },
      ...(/^https?:/.test(file) ? { hint: "a lab has no network: what its text names lies in the learner's folder" } : {}),
      cause: error,
    });
  }
}

/** The exit code; undefined = nobody listens. */
async function ask(folder: string, question: Question, signal: AbortSignal): Promise<number | undefined> {
  const { code, entered } = await answered(folder, question, signal);
  return entered === undefined ? code : enter(entered);
}

interface Answered {
  readonly code: number | undefined;
  readonly entered?: EnterContainer;
}

function answered(folder: string, question: Question, signal: AbortSignal): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let entered: EnterContainer | undefined;
    const end = (code: number | undefined): void => resolve({ code, ...(entered === undefined ? {} : { entered }) });
    const asked = request({ socketPath: socketOf(folder), method: 'POST', path: '/' }, (answer) => {
      let rest = Buffer.alloc(0);
      answer.on('data', (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 5) {
          const length = rest.readUInt32BE(1);
          if (rest.length < 5 + length) break;
          const text = rest.subarray(5, 5 + length);
          if (rest[0] === 3) entered = JSON.parse(String(text)) as EnterContainer;
          else (rest[0] === 1 ? process.stdout : process.stderr).write(text);
          rest = rest.subarray(5 + length);
        }
      });
      answer.on('end', () => end(Number(answer.trailers[EXIT_TRAILER] ?? 1)));
      answer.on('error', () => end(signal.aborted ? 130 : 1));
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) end(130);
      else if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') end(undefined);
      else reject(error);
    });
    signal.addEventListener('abort', () => asked.destroy(), { once: true });
    asked.end(JSON.stringify(question));
  });
}

/** As `enter` of a node does it; the words about the end are kubectl's. */
async function enter({ pid, command, stdin, tty }: EnterContainer): Promise<number> {
  if (tty && !process.stdin.isTTY)
    process.stderr.write('Unable to use a TTY - input is not a terminal or the right kind of file\n');
  const program = process.env.UNROOT_LAB_ENTER || '/opt/lab/bin/enter';
  const argv = [program, String(pid), ...command];
  // A terminal is the container's own, as the kubelet makes one.
  const script = tty && process.stdin.isTTY ? findProgram('script') : undefined;
  const [file = '', ...args] =
    script === undefined ? argv : [script, '-qec', `LAB_TERMINAL=1 exec ${argv.map(quote).join(' ')}`, '/dev/null'];
  const child = spawn(file, args, { stdio: [stdin ? 'inherit' : 'ignore', 'inherit', 'inherit'] });
  const [code, signal] = await new Promise<readonly [number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new UnrootError(`${program} cannot be run: ${cause.message}`, { code: 'lab.cluster', cause })),
    );
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
  const ended = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  if (ended !== 0) process.stderr.write(`command terminated with exit code ${ended}\n`);
  return ended;
}
