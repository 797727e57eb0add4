import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Container } from '../../engine/engine.ts';
import { UnrootError } from '../../error.ts';
import type { Launch } from '../../launch/launch.ts';
import { listeningPorts } from '../listening-ports.ts';
import { createStraceTracer } from './strace.ts';

const has = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const missing = ['strace', 'runc'].filter((program) => !has(program));
if (missing.length > 0) console.warn(`SKIPPED (tracing): ${missing.join(', ')} missing: apt-get install -y ${missing.join(' ')}`);
const root = process.getuid?.() === 0;
if (!root) console.warn('SKIPPED (tracing containers): needs root');

const folder: string = mkdtempSync(join(tmpdir(), 'unroot-strace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what: string, condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await sleep(20);
  }
  throw new Error(`never happened: ${what}`);
};

/** The parts of a launch that the tracer reads. */
const launchOf = (argv: readonly string[], executable: string, more: Partial<Launch> = {}): Launch =>
  ({ kind: 'launch', uid: 0, gid: 0, cwd: '/', argv, executable, ...more }) as unknown as Launch;
/** A process as a container: the tracer needs no more of it. */
const containerOf = (pid: number | undefined, running: () => boolean): Container =>
  ({ id: `test-${pid}`, pid, running }) as unknown as Container;

/** A shell that stops itself before it becomes the program. */
async function stopped(
  argv: readonly string[],
  cwd: string,
): Promise<{ child: ChildProcess; resume: () => void; container: Container; exit: Promise<number | null> }> {
  const child = spawn('/bin/sh', ['-c', 'kill -STOP $$; exec "$@"', 'sh', ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let ended = false;
  const exit = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      ended = true;
      resolve(code);
    }),
  );
  await until('stopped', () => /\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8')));
  return { child, resume: () => child.kill('SIGCONT'), container: containerOf(child.pid, () => !ended), exit };
}

describe.skipIf(!has('strace'))('strace on a stopped process', () => {
  const program =
    'cd sub; mkdir made; echo x >made/file; chmod 600 made/file; ls /nowhere 2>/dev/null; (cat /etc/hostname; exit 0) >/dev/null; exit 7';

  it('sees everything from the first program on, with absolute paths, results and exits', async () => {
    mkdirSync(join(folder, 'sub'), { recursive: true });
    const argv = ['/bin/sh', '-c', program];
    const { resume, container, exit } = await stopped(argv, folder);
    const session = await createStraceTracer().attach(container, launchOf(argv, '/bin/sh', { cwd: folder }));
    resume();
    expect(await exit).toBe(7);
    const trace = await session.finish();
    const seen = (kind: string, path: string): number =>
      trace.events.filter(
        (e) => e.operation.kind === kind && 'path' in e.operation && e.operation.path === path && e.errno === undefined,
      ).length;
    expect(trace.events[0]).toMatchObject({
      seq: 0,
      time: 0,
      pid: container.pid,
      operation: { kind: 'exec', path: '/bin/sh', argv },
    });
    expect(seen('mkdir', join(folder, 'sub/made'))).toBe(1);
    expect(seen('chmod', join(folder, 'sub/made/file'))).toBe(1);
    expect(trace.events).toContainEqual(
      expect.objectContaining({
        program: '/bin/sh',
        operation: {
          kind: 'open',
          path: join(folder, 'sub/made/file'),
          access: 'write',
          create: true,
          truncate: true,
          mode: 0o666,
        },
      }),
    );
    expect(trace.events.some((e) => e.errno === 'ENOENT' && 'path' in e.operation && e.operation.path === '/nowhere')).toBe(true);
    expect(trace.processes.find((p) => p.pid === container.pid)).toMatchObject({ argv, program: '/bin/sh', exit: { code: 7 } });
    expect(trace.processes.filter((p) => p.ppid === container.pid && p.exit !== undefined).length).toBeGreaterThanOrEqual(4);
    expect(session.eventCount()).toBeGreaterThanOrEqual(trace.events.length);
  });

  it('lets go on demand: the program runs on, and abort does the same', async () => {
    for (const cut of ['finish', 'abort'] as const) {
      const argv = ['/bin/sh', '-c', 'mkdir -p /tmp; while :; do sleep 0.05; done'];
      const { child, resume, container, exit } = await stopped(argv, folder);
      const session = await createStraceTracer().attach(container, launchOf(argv, '/bin/sh'));
      resume();
      await until('events', () => session.eventCount() > 80);
      const trace = await session[cut]();
      if (trace !== undefined) expect(trace.events.some((e) => e.operation.kind === 'mkdir')).toBe(true);
      await sleep(150);
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      expect(status).toMatch(/^TracerPid:\s+0$/m);
      // Anything but stopped: a shell that waits for its vfork is in D.
      expect(status).toMatch(/^State:\s+[SRD]/m);
      child.kill('SIGKILL');
      await exit;
    }
  });

  it('says what is missing: strace, the process, the right to trace', async () => {
    const failure = async (promise: Promise<unknown>): Promise<UnrootError> => {
      const error = await promise.then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(UnrootError);
      return error as UnrootError;
    };
    const launch = launchOf(['/bin/true'], '/bin/true');
    const absent = await failure(
      createStraceTracer({ strace: 'strace-that-is-not-there' }).attach(
        containerOf(process.pid, () => true),
        launch,
      ),
    );
    expect(absent.code).toBe('trace.strace-missing');
    expect(absent.hint).toMatch(/apt-get install -y strace/);
    expect(
      (
        await failure(
          createStraceTracer().attach(
            containerOf(undefined, () => true),
            launch,
          ),
        )
      ).code,
    ).toBe('trace.no-process');
    expect(
      (
        await failure(
          createStraceTracer().attach(
            containerOf(4_194_303, () => true),
            launch,
          ),
        )
      ).code,
    ).toBe('trace.process-gone');
    // A process has one tracer at most: a second strace is refused as someone without the right would be.
    const { child, container, exit } = await stopped(['/bin/true'], folder);
    const first = await createStraceTracer().attach(container, launch);
    const second = await failure(createStraceTracer().attach(container, launch));
    expect(second.code).toBe('trace.not-permitted');
    expect(second.expected).toMatch(/CAP_SYS_PTRACE/);
    await first.abort();
    child.kill('SIGKILL');
    await exit;
  });
});

describe.skipIf(missing.length > 0 || !root)('strace on a container created by runc', () => {
  /** A bundle whose root is made of read-only mounts of this machine's own programs, with writable /var and /tmp. */
  function bundle(args: readonly string[], uid: number, cwd: string): string {
    const path = mkdtempSync(join(folder, 'bundle-'));
    const rootfs = join(path, 'rootfs');
    for (const name of ['usr', 'etc', 'proc', 'dev', 'var/data', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true });
    for (const name of ['bin', 'sbin', 'lib', 'lib64'])
      if (existsSync(`/${name}`)) symlinkSync(`usr/${name}`, join(rootfs, name));
    execFileSync('runc', ['spec'], { cwd: path });
    const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
    const all = [
      'CAP_CHOWN',
      'CAP_DAC_OVERRIDE',
      'CAP_SETUID',
      'CAP_SETGID',
      'CAP_NET_BIND_SERVICE',
      'CAP_KILL',
      'CAP_SYS_CHROOT',
      'CAP_FOWNER',
    ];
    const sets = uid === 0 ? all : [];
    config.process = {
      ...config.process,
      terminal: false,
      args,
      cwd,
      user: { uid, gid: uid },
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    };
    config.process.capabilities = { bounding: sets, effective: sets, permitted: sets };
    config.root.readonly = false;
    config.mounts = config.mounts.filter((mount: { type: string }) => !mount.type.startsWith('cgroup'));
    config.mounts.push(
      { destination: '/usr', type: 'bind', source: '/usr', options: ['bind', 'ro'] },
      { destination: '/etc', type: 'bind', source: '/etc', options: ['bind', 'ro'] },
    );
    delete config.linux.resources;
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    return path;
  }

  async function run(
    script: string,
    uid = 0,
    cwd = '/var/data',
  ): Promise<Awaited<ReturnType<Awaited<ReturnType<ReturnType<typeof createStraceTracer>['attach']>>['finish']>>> {
    const argv = ['/bin/sh', '-c', script];
    const path = bundle(argv, uid, cwd);
    const id = `unroot-trace-test-${process.pid}-${Math.random().toString(36).slice(2)}`;
    const pidFile = join(path, 'pid');
    try {
      execFileSync('runc', ['create', '--bundle', path, '--pid-file', pidFile, id], { stdio: ['ignore', 'ignore', 'ignore'] });
      const pid = Number(readFileSync(pidFile, 'utf8'));
      const running = (): boolean => existsSync(`/proc/${pid}/root/usr`);
      const session = await createStraceTracer().attach(
        containerOf(pid, running),
        launchOf(argv, '/bin/sh', { uid, gid: uid, cwd }),
      );
      execFileSync('runc', ['start', id], { stdio: 'ignore' });
      await until('ended', () => !running());
      return await session.finish();
    } finally {
      execFileSync('runc', ['delete', '--force', id], { stdio: 'ignore' });
    }
  }

  it('begins with the program itself, and names paths as the container sees them', async () => {
    const trace = await run(
      'mkdir a; echo 1 >a/f; chown 33:33 a/f; exec 9>a/gone; rm a/gone; chmod 600 /proc/self/fd/9; /bin/true; exit 4',
    );
    expect(trace.events[0]?.operation).toMatchObject({ kind: 'exec', path: '/bin/sh' });
    const text = JSON.stringify(trace);
    expect(text).not.toContain(folder);
    expect(text).not.toContain('exec.fifo');
    expect(trace.events.map((e) => e.operation)).toContainEqual({ kind: 'chown', path: '/var/data/a/f', uid: 33, gid: 33 });
    expect(trace.events.map((e) => e.operation)).toContainEqual({ kind: 'unlink', path: '/var/data/a/gone' });
    expect(trace.processes[0]).toMatchObject({ argv: expect.arrayContaining(['-c']), exit: { code: 4 } });
    expect(trace.blindSpots).toHaveLength(1);
  });

  it('shows what a user without rights is denied', async () => {
    const trace = await run('mkdir /var/data/x; true', 10001, '/tmp');
    expect(
      trace.events.filter((e) => e.errno === 'EACCES').map((e) => [e.uid, e.gid, e.program.replace(/^\/usr/, ''), e.operation]),
    ).toContainEqual([10001, 10001, '/bin/mkdir', { kind: 'mkdir', path: '/var/data/x', mode: 0o777 }]);
  });

  it.skipIf(!has('perl'))(
    'follows a server that drops its rights, knows its port, and its children by their parents',
    async () => {
      const trace = await run(
        `perl -e 'use Socket; use POSIX; socket(S,AF_INET,SOCK_STREAM,0); bind(S,sockaddr_in(80,INADDR_ANY)); listen(S,5); if (!fork) { POSIX::setgid(33); POSIX::setuid(33); mkdir "denied"; exit 5 } wait; chroot("/var"); mkdir "/jailed"'`,
      );
      expect(listeningPorts(trace)).toMatchObject([{ protocol: 'tcp', address: '0.0.0.0', port: 80 }]);
      const denied = trace.events.find((e) => e.operation.kind === 'mkdir' && e.operation.path === '/var/data/denied');
      expect(denied).toMatchObject({ uid: 33, gid: 33, errno: 'EACCES' });
      expect(trace.events.some((e) => e.operation.kind === 'mkdir' && e.operation.path === '/var/jailed')).toBe(true);
      const worker = trace.processes.find((p) => p.pid === denied?.pid);
      expect(worker).toMatchObject({ uid: 33, exit: { code: 5 } });
      expect(trace.processes.some((p) => p.pid === worker?.ppid && p.argv[0] === 'perl')).toBe(true);
    },
  );
});
