/**
 * The player's hand in a guest: makes nodes there as the player makes them on the machine, runs what it is told to in them, looks at them with
 * the same checks, and carries terminals. One line to the player, many conversations (frames.ts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, openSync, read, readdirSync, readFileSync, write, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../engine/command.ts';
import { evaluate } from '../checks/evaluate.ts';
import { digestOf } from '../checks/file.ts';
import type { LabCheck } from '../lab.ts';
import { type LabNode, startNode } from '../node.ts';
import { drawAsked, type NodeAsk } from '../serve/draw-asked.ts';
import { startWithScript } from '../serve/pty-script.ts';
import { toolsIn } from '../tools.ts';
import { lookAround } from '../world.ts';
import { dataFrames, FRAME, type Frame, frame, frameReader, jsonFrame, jsonOf } from './frames.ts';
import { GUEST } from './init.ts';

/** How a conversation begins. */
export type Opening =
  | { readonly kind: 'call'; readonly method: string; readonly value: unknown }
  | {
      readonly kind: 'exec';
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly terminal?: { readonly cols: number; readonly rows: number };
    }
  | { readonly kind: 'desk' };

/** What `begin` is told. */
export interface NodeWish {
  readonly setup?: string;
  readonly disks: number;
  /** Paths to remember as they are. */
  readonly unchanged: readonly string[];
}

interface Talk {
  frame(one: Frame): void;
}

/** Conversations that begin here have the highest bit. */
const OURS = 0x80000000;
/** Bytes that wait for the line before what makes more is held. */
const MUCH = 256 << 10;

/** Runs until the guest ends. */
export async function runAgent(): Promise<void> {
  const line = openLine();
  const talks = new Map<number, Talk>();
  let node: LabNode | undefined;
  let before: ReadonlyMap<string, string> = new Map();
  let desk: Server | undefined;
  let serial = 0;
  const tools = toolsIn(GUEST.tools);
  const there = (): LabNode => {
    if (node === undefined) throw new Error('there is no node');
    return node;
  };

  const methods: Readonly<Record<string, (value: never) => unknown>> = {
    async begin({ setup, disks, unchanged }: NodeWish) {
      await afresh();
      const files = join(GUEST.payload, 'files');
      const images = join(GUEST.payload, 'images');
      const made = await startNode({
        cacheFolder: GUEST.cache,
        lower: ['/'],
        images: new Map((existsSync(images) ? readdirSync(images) : []).map((name) => [name, join(images, name)])),
        ...(existsSync(files) ? { files } : {}),
        ...(setup === undefined ? {} : { setup }),
        program: join(GUEST.payload, 'program'),
        tools: GUEST.tools,
        disks,
        guest: true,
      });
      node = made;
      before = new Map(unchanged.map((path) => [path, digestOf(made.root, path)]));
      desk = listen(made);
      void made.exited.then(() => line.send(jsonFrame(FRAME.result, 0, { exited: made.id })));
      return { id: made.id, notes: made.notes };
    },
    async end() {
      const old = node;
      node = undefined;
      desk?.close();
      if (old === undefined) return;
      // Of a server in the kernel nothing ends with its namespaces; clients of it would wait for it.
      // What waits in the kernel cannot be killed, and is not waited for.
      await Promise.race([old.run(LET_GO, { timeoutMs: LET_GO_MS, cwd: '/' }), sleep(LET_GO_MS + 1000)]);
      await old.end();
    },
    evaluate: (check: LabCheck) => evaluate(check, { node: there(), tools, before }),
    world: () => lookAround(there()),
    run: ({ script, ...options }: { script: string; timeoutMs?: number; cwd?: string }) => there().run(script, options),
    draw: (ask: NodeAsk) => drawAsked(ask, there()),
  };

  /** Every connection to the player's socket in the node is a conversation of ours. */
  const listen = (made: LabNode): Server => {
    const server = createServer((socket) => {
      const channel = OURS + ++serial;
      line.send(jsonFrame(FRAME.open, channel, { kind: 'desk' } satisfies Opening));
      talks.set(channel, socketTalk(socket));
      socket.on('data', (bytes) => line.send(...dataFrames(FRAME.data, channel, bytes)));
      socket.on('end', () => line.send(frame(FRAME.end, channel)));
      socket.on('error', () => {});
      socket.on('close', () => {
        line.send(frame(FRAME.cancel, channel));
        talks.delete(channel);
      });
    });
    server.listen(join(made.shared, 'player'));
    return server;
  };

  const call = async (channel: number, method: string, value: unknown): Promise<void> => {
    try {
      const known = methods[method];
      if (known === undefined) throw new Error(`nothing is called ${method}`);
      const answer = await known(value as never);
      line.send(jsonFrame(FRAME.result, channel, { value: answer }));
    } catch (error) {
      const { message, code, hint } = error as Error & { code?: string; hint?: string };
      line.send(jsonFrame(FRAME.result, channel, { error: { message, code, hint } }));
    }
  };

  const onFrame = frameReader((one) => {
    const { kind, channel, bytes } = one;
    if (kind !== FRAME.open) return talks.get(channel)?.frame(one);
    const opening = jsonOf(bytes) as Opening;
    if (opening.kind === 'call') return void call(channel, opening.method, opening.value);
    if (opening.kind !== 'exec') return;
    const over = (code: number): void => {
      talks.delete(channel);
      line.send(jsonFrame(FRAME.result, channel, { code }));
    };
    if (node === undefined) return over(125);
    talks.set(channel, programTalk(node, opening, channel, line, over));
  });
  line.onData(onFrame);
  line.send(jsonFrame(FRAME.result, 0, { hello: process.version }));
  await new Promise(() => {});
}

/**
 * Mounts of network file systems first, which say goodbye to their server, when nobody uses them any more; then that one, in a node that ends.
 * The server's own helper goes on answering until then.
 */
const LET_GO = `if grep -qE ' nfs4? ' /proc/self/mounts; then
  for one in /proc/[0-9]*; do
    read -r name <"$one/comm" && [ "$one" != /proc/1 ] && [ "$one" != "/proc/$$" ] && [ "$name" != rpc.mountd ] && kill -9 "\${one#/proc/}"
  done 2>/dev/null
  umount -f -a -t nfs,nfs4 || umount -l -a -t nfs,nfs4
fi
if [ -e /proc/fs/nfsd/threads ]; then exportfs -ua; echo 0 >/proc/fs/nfsd/threads; fi`;
const LET_GO_MS = 30_000;

/** What a learner may have done to the kernel is undone, as far as one node can do it. */
async function afresh(): Promise<void> {
  const enforce = '/sys/fs/selinux/enforce';
  if (!existsSync(enforce)) return;
  await runCommand(['load_policy'], { timeoutMs: 20_000 });
  if (readFileSync(enforce, 'utf8').trim() !== '1') writeFileSync(enforce, '1');
}

const socketTalk = (socket: Socket): Talk => ({
  frame({ kind, bytes }) {
    if (kind === FRAME.data) socket.write(bytes);
    else if (kind === FRAME.end) socket.end();
    else if (kind === FRAME.cancel) socket.destroy();
  },
});

function programTalk(
  node: LabNode,
  { argv, env, terminal }: Extract<Opening, { kind: 'exec' }>,
  channel: number,
  line: Line,
  over: (code: number) => void,
): Talk {
  const entry = node.enter(argv, env);
  if (terminal !== undefined) {
    const pty = startWithScript(
      'script',
      { ...entry, ...terminal },
      {
        onData(bytes) {
          line.send(...dataFrames(FRAME.data, channel, bytes));
          line.hold(pty);
        },
        onEnd: (how) => over(Number(/^exit (\d+)$/.exec(how)?.[1] ?? 129)),
      },
    );
    return {
      frame({ kind, bytes }) {
        if (kind === FRAME.data) pty.write(bytes);
        else if (kind === FRAME.cancel) pty.end();
        else if (kind === FRAME.pause) pty.pause();
        else if (kind === FRAME.resume) pty.resume();
        else if (kind === FRAME.resize) {
          const { cols, rows } = jsonOf(bytes) as { cols: number; rows: number };
          pty.resize(cols, rows);
        }
      },
    };
  }
  const child: ChildProcess = spawn(entry.file, entry.args, { env: entry.env, stdio: 'pipe' });
  for (const [stream, kind] of [
    [child.stdout, FRAME.data],
    [child.stderr, FRAME.error],
  ] as const)
    stream?.on('data', (bytes: Buffer) => {
      line.send(...dataFrames(kind, channel, bytes));
      line.hold(stream);
    });
  child.stdin?.on('error', () => {});
  child.on('error', () => over(127));
  child.on('close', (code) => over(code ?? 129));
  return {
    frame({ kind, bytes }) {
      if (kind === FRAME.data) child.stdin?.write(bytes);
      else if (kind === FRAME.end) child.stdin?.end();
      else if (kind === FRAME.cancel) child.kill('SIGKILL');
    },
  };
}

interface Line {
  send(...frames: readonly Uint8Array[]): void;
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Pauses it while much waits. */
  hold(source: { pause(): void; resume(): void }): void;
}

/** The port: a device that is read and written a piece at a time; nothing of it is a socket to the kernel. */
function openLine(): Line {
  const [port] = readdirSync(GUEST.ports);
  if (port === undefined) throw new Error('there is no line to the player');
  const fd = openSync(join('/dev', port), 'r+');
  const queue: Uint8Array[] = [];
  let waiting = 0;
  let writing = false;
  const held = new Set<{ resume(): void }>();
  const next = (): void => {
    const [first] = queue;
    if (first === undefined) {
      writing = false;
      return;
    }
    writing = true;
    write(fd, first, 0, first.length, null, (error, count) => {
      // Nobody on the other side, for a moment: the player and this machine end together.
      if (error !== null) return void setTimeout(next, 50);
      waiting -= count;
      if (count === first.length) queue.shift();
      else queue[0] = first.subarray(count);
      if (waiting < MUCH) {
        for (const source of held) source.resume();
        held.clear();
      }
      next();
    });
  };
  return {
    send(...frames) {
      for (const one of frames) {
        queue.push(one);
        waiting += one.length;
      }
      if (!writing) next();
    },
    hold(source) {
      if (waiting < MUCH) return;
      source.pause();
      held.add(source);
    },
    onData(listener) {
      const buffer = Buffer.alloc(64 << 10);
      const more = (): void =>
        read(fd, buffer, 0, buffer.length, null, (error, count) => {
          if (error !== null || count === 0) return void setTimeout(more, 50);
          listener(Buffer.from(buffer.subarray(0, count)));
          more();
        });
      more();
    },
  };
}
