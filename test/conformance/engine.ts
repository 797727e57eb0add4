/** The specification of an engine, as a suite of tests: whatever runs a Launch must make all of this true. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Container, CreateOptions, Engine, ExitStatus, PreparedImage, ProcessStatus } from '../../src/engine/engine.ts';
import { namespaceOf, processAlive, processLimit } from '../../src/engine/proc.ts';
import { UnrootError } from '../../src/error.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import { launchSubject } from '../../src/launch/subject.ts';
import { type Capability, type CapabilityState, capabilitySet } from '../../src/linux/capability.ts';
import { transitionOnExecve } from '../../src/linux/execve.ts';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import { profile } from '../../src/platform/profiles.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { bundleProgram } from '../support/bundle.ts';
import { temporaryFolder } from '../support/image-builder.ts';
import { writeBusyboxImage } from './busybox-image.ts';

/** An engine under test and what it could leave behind outside its containers. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Everything of the engine's that exists now: containers, images, volumes. Compared before and after. */
  readonly inventory: () => Promise<readonly string[]>;
  /** Mount points that can only be this engine's; those that name our process or lie in our temporary folder are known anyway. */
  readonly owns?: (mountPoint: string) => boolean;
  /** The daemon's, when the engine is not found by itself. */
  readonly socket?: string;
  /** Ends what the test started for the engine (a private daemon). */
  readonly dispose?: () => Promise<void>;
}

/** Seconds no other test sleeps: what is left of this run is told from what others run now. */
const FOREVER = `9${String(process.pid).padStart(7, '0')}`;
const SLEEP = ['sh', '-c', `exec sleep ${FOREVER}0`];

/** `make` is called once; each engine object is closed at the end, and must have left nothing. */
export function engineConformance(name: string, make: () => Promise<EngineUnderTest>): void {
  describe(`engine ${name}`, () => {
    let folder = '';
    let scratch = '';
    let under: EngineUnderTest;
    let engine: Engine;
    let image: Image;
    let prepared: PreparedImage;
    let subject: Awaited<ReturnType<typeof launchSubject>>;
    let before: readonly string[] = [];
    const open = new Set<Container>();
    const { TMPDIR } = process.env;

    beforeAll(async () => {
      // Other tests use the machine's; in this one everything is ours.
      folder = temporaryFolder();
      scratch = join(folder, 'tmp');
      mkdirSync(scratch);
      process.env.TMPDIR = scratch;
      under = await make();
      engine = under.engine;
      image = await openImage(writeBusyboxImage(folder));
      subject = await launchSubject(image, { rootFs: true });
      before = await leftovers(under);
      prepared = await engine.prepare(image);
    });
    afterAll(async () => {
      for (const container of open) await container.remove();
      await under?.engine.close();
      await under?.dispose?.();
      await image?.close();
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      rmSync(folder, { recursive: true, force: true });
    });

    /** As the platform would start it; `over` changes the result afterwards, for what no platform does. */
    function launchOf(
      settings: ContainerSettings = {},
      over: Partial<Launch> = {},
      platform: PlatformProfile = engine.profile,
    ): Launch {
      const launch = launchImage({
        image: subject,
        settings: { network: 'none', command: SLEEP, ...settings },
        profile: platform,
      });
      if (launch.kind !== 'launch') throw new Error(`the platform refuses: ${launch.message}`);
      return { ...launch, ...over };
    }
    async function create(launch: Launch, options?: CreateOptions): Promise<Container> {
      const container = await prepared.create(launch, options);
      open.add(container);
      return container;
    }
    async function start(launch: Launch, options?: CreateOptions): Promise<Container> {
      const container = await create(launch, options);
      await container.start();
      return container;
    }
    async function remove(container: Container): Promise<void> {
      await container.remove();
      open.delete(container);
    }
    /** Runs a shell line to its end. */
    async function run(
      line: string,
      settings: ContainerSettings = {},
      over: Partial<Launch> = {},
      options?: CreateOptions,
    ): Promise<Ran> {
      const container = await start(launchOf({ ...settings, command: ['sh', '-c', line] }, over), options);
      const status = await container.exited;
      const ran = { status, stdout: container.stdout(), stderr: container.stderr(), log: container.log() };
      await remove(container);
      return ran;
    }
    async function main(container: Container): Promise<ProcessStatus> {
      return until(async () => (await container.processes()).find((each) => each.command === 'sleep'));
    }

    describe('identity in /proc/PID/status equals the Launch', () => {
      interface Case {
        readonly settings: ContainerSettings;
        readonly over?: Partial<Launch>;
        /** Default: the engine's own. */
        readonly platform?: PlatformProfile;
      }
      const cases: readonly (readonly [string, Case])[] = [
        ['root, as the image says', { settings: {} }],
        ['root with one capability more', { settings: { capAdd: ['SYS_PTRACE'] } }],
        ['root without capabilities', { settings: { capDrop: ['ALL'] } }],
        [
          'root with two capabilities and no_new_privs',
          { settings: { capDrop: ['ALL'], capAdd: ['CHOWN', 'KILL'], noNewPrivileges: true } },
        ],
        ['another name for uid 0', { settings: { user: 'toor' } }],
        ['root in groups', { settings: { groupAdd: ['77', '4000'] } }],
        ['a user of the image, with its groups', { settings: { user: 'app' } }],
        ['a user with another group', { settings: { user: 'app:extra' } }],
        ['a uid without passwd entry', { settings: { user: '4242' } }],
        ['uid 10001 without anything', { settings: { user: '10001:10001', capDrop: ['ALL'], noNewPrivileges: true } }],
        ['a non-root user with a capability added', { settings: { user: '10001:10001', capAdd: ['NET_BIND_SERVICE'] } }],
        ['a non-root user in more groups', { settings: { user: '10001:10001', groupAdd: ['extra', '5000', '6000'] } }],
        ['read-only root, non-root', { settings: { user: '10001:10001', readOnly: true } }],
        ['uid 0 with a foreign group', { settings: { user: '0:4000' } }],
        ['as the newest Docker', { settings: { user: '10001:10001' }, platform: profile('docker') }],
        ['as Docker 20.10', { settings: { user: 'app', capAdd: ['NET_ADMIN'] }, platform: profile('docker', '20.10.24') }],
        ['as podman 4.4', { settings: { user: '10001:0', capAdd: ['CHOWN'] }, platform: profile('podman', '4.4.0') }],
        ['root, as podman 5', { settings: {}, platform: profile('podman', '5.0.0') }],
        [
          'as containerd 2 in a pod',
          {
            settings: { runAsUser: 10001, runAsGroup: 3000, supplementalGroups: [2000], fsGroup: 2500 },
            platform: profile('containerd-2'),
          },
        ],
        [
          'with ambient capabilities',
          { settings: { user: '10001:10001' }, over: { runtimeCapabilities: allSets(['CAP_NET_BIND_SERVICE', 'CAP_CHOWN']) } },
        ],
        [
          'root with an empty permitted set and no_new_privs',
          {
            settings: { noNewPrivileges: true },
            over: { runtimeCapabilities: { ...allSets([]), bounding: capabilitySet(['CAP_CHOWN', 'CAP_SETUID']) } },
          },
        ],
      ];
      it.each(cases)('%s', async (title, { settings, over, platform }) => {
        const launch = launchOf(settings, over, platform);
        const differences = engine.differences(launch);
        // Its own platform an engine must reach without any difference.
        if (platform === undefined && over === undefined) expect(differences).toEqual([]);
        const container = await start(launch);
        const status = await main(container);
        expect(status.uids).toEqual(Array(4).fill(launch.uid));
        expect(status.gids).toEqual(Array(4).fill(launch.gid));
        const groups = new Set(status.groups);
        const capabilities = afterExec(launch);
        if (differences.length === 0) {
          expect(groups).toEqual(new Set(launch.groups));
          expect(status.capabilities).toEqual(capabilities);
        } else {
          console.warn(`engine ${name}, "${title}": ${differences.join('; ')}`);
          // What is said to differ does not have to; what is not said must not.
          if (!differences.some((each) => /group/.test(each))) expect(groups).toEqual(new Set(launch.groups));
          for (const set of ['bounding', 'permitted', 'effective', 'inheritable', 'ambient'] as const) {
            if (!differences.some((each) => /permitted|effective|inheritable|ambient/.test(each)) || set === 'bounding') {
              expect([set, status.capabilities[set]]).toEqual([set, capabilities[set]]);
            }
          }
        }
        expect(status.noNewPrivileges).toBe(launch.noNewPrivileges);
        await remove(container);
      });
    });

    describe('surroundings', () => {
      it('gives the environment of the Launch and nothing else but HOSTNAME', async () => {
        const launch = launchOf({ env: { ADDED: 'a b', FROM_IMAGE: 'changed', EMPTY: '', LINES: 'one\ntwo' } });
        const container = await start(launch);
        const { pid } = await main(container);
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
        expect(environment.filter((line) => !/^(?:HOSTNAME|SHLVL|PWD|OLDPWD|_)=/.test(line)).sort()).toEqual(
          [...launch.env].sort(),
        );
        expect(environment).toContain('LINES=one\ntwo');
        await remove(container);
      });

      it('starts in the working directory, with the umask and the host name', async () => {
        const seen = await run('pwd; umask; cat /proc/sys/kernel/hostname', { workdir: '/deep/er', hostname: 'named' });
        expect(seen.stdout).toBe('/deep/er\n0022\nnamed\n');
        expect((await run('pwd')).stdout).toBe('/srv\n');
      });

      it('hands every argument over as it is', async () => {
        const launch = launchOf({
          entrypoint: ['sh', '-c', 'for each; do echo "<$each>"; done', 'zero'],
          command: ['', 'a  b', '$HOME', '--x={"y":1}', 'ü'],
        });
        const container = await start(launch);
        expect(await container.exited).toEqual({ code: 0 });
        expect(container.stdout()).toBe('<>\n<a  b>\n<$HOME>\n<--x={"y":1}>\n<ü>\n');
        await remove(container);
      });

      it('has namespaces of its own', async () => {
        const container = await start(launchOf());
        const { pid } = await main(container);
        for (const kind of ['pid', 'net', 'mnt', 'ipc', 'uts'] as const)
          expect([kind, namespaceOf(pid, kind)]).not.toEqual([kind, namespaceOf('self', kind)]);
        await remove(container);
      });

      it('mounts /proc, /dev, /dev/shm, /dev/pts, /sys as runtimes do', async () => {
        const container = await start(launchOf());
        const { pid } = await main(container);
        const mounts = mountsOf(pid);
        expect(mounts.get('/proc')?.type).toBe('proc');
        expect(mounts.get('/dev')?.type).toBe('tmpfs');
        expect(mounts.get('/dev/shm')?.type).toBe('tmpfs');
        expect(mounts.get('/dev/pts')?.type).toBe('devpts');
        expect(mounts.get('/sys')?.options).toContain('ro');
        expect(mounts.get('/proc/sys')?.options).toContain('ro');
        const seen = await container.exec([
          'stat',
          '-c',
          '%n %a %u:%g %F',
          '/dev/shm',
          '/dev/null',
          '/dev/zero',
          '/dev/full',
          '/dev/random',
          '/dev/urandom',
          '/dev/tty',
        ]);
        expect(seen.stdout).toMatch(/^\/dev\/shm 1777 0:0 directory\n/);
        for (const device of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
          expect(seen.stdout).toContain(
            `/dev/${device} 666 0:0 character special file\n`.replace(
              'tty 666 0:0',
              /tty 666 0:5/.test(seen.stdout) ? 'tty 666 0:5' : 'tty 666 0:0',
            ),
          );
        }
        // The host's /proc/kcore and /sys/firmware are out of reach.
        expect((await container.exec(['sh', '-c', 'cat /proc/kcore | head -c 1'])).stdout).toBe('');
        await remove(container);
      });

      it('mounts tmpfs with the mode, owner and size of the Launch', async () => {
        const volumes: ContainerSettings['volumes'] = [
          { kind: 'tmpfs', target: '/fresh' },
          { kind: 'tmpfs', target: '/covered' },
          { kind: 'tmpfs', target: '/asked', mode: 0o2750, uid: 10001, gid: 4000, sizeLimit: 1_048_576 },
        ];
        const launch = launchOf({ volumes });
        const expected = launch.mounts
          .filter(({ origin }) => origin === 'settings')
          .map(({ target, mode = -1, uid, gid }) => `${target} ${mode.toString(8)} ${uid}:${gid}`);
        const container = await start(launch);
        const seen = await container.exec(['stat', '-c', '%n %a %u:%g', ...volumes.map(({ target }) => target)]);
        expect(seen.stdout.trim().split('\n').sort()).toEqual(expected.sort());
        expect(expected).toContain('/asked 2750 10001:4000');
        const mounts = mountsOf((await main(container)).pid);
        for (const { target } of volumes) expect([target, mounts.get(target)?.type]).toEqual([target, 'tmpfs']);
        expect(mounts.get('/asked')?.options).toContain('size=1024k');
        const copied = launch.mounts.find(({ target }) => target === '/covered')?.copiesImageContent === true;
        expect((await container.exec(['ls', '/covered'])).stdout).toBe(copied ? 'inside\n' : '');
        await remove(container);
      });

      it('makes the VOLUMEs of the image as the Launch says, with its content', async () => {
        for (const user of ['0', '1234:77']) {
          const launch = launchOf({
            user,
            command: ['sh', '-c', 'stat -c "%n %a %u:%g" /data /missing /data/seed && cat /proc/self/mountinfo'],
          });
          const container = await start(launch);
          await container.exited;
          expect([user, container.stdout().slice(0, 300), container.stderr()]).toEqual([user, expect.any(String), '']);
          const of = (target: string): string => {
            const mount = launch.mounts.find((each) => each.target === target && each.origin === 'image');
            return `${target} ${mount?.mode?.toString(8)} ${mount?.uid}:${mount?.gid}`;
          };
          expect(container.stdout().split('\n').slice(0, 3)).toEqual([of('/data'), of('/missing'), '/data/seed 640 1234:77']);
          expect(container.stdout()).toMatch(/ \/data /);
          expect(container.stdout()).toMatch(/ \/missing /);
          await remove(container);
        }
      });

      it('makes named and anonymous volumes of the settings, owned as asked', async () => {
        const seen = await run(
          'stat -c "%n %a %u:%g" /owned /deep/er && cat /deep/er/file && touch /owned/x && ! touch /locked/x 2>/dev/null',
          {
            user: '10001:10001',
            volumes: [
              { kind: 'named', source: 'state', target: '/owned', uid: 10001, gid: 10001, mode: 0o700 },
              { kind: 'anonymous', target: '/deep/er' },
              { kind: 'named', source: 'other', target: '/locked', readOnly: true, uid: 10001 },
            ],
          },
        );
        expect(seen.stderr).toBe('');
        expect(seen.stdout).toBe('/owned 700 10001:10001\n/deep/er 755 0:0\ndeep\n');
        expect(seen.status).toEqual({ code: 0 });
      });

      it('gives every container new volumes', async () => {
        const volumes: ContainerSettings['volumes'] = [{ kind: 'named', source: 'shared', target: '/state' }];
        expect((await run('echo 1 > /state/mark', { volumes })).status).toEqual({ code: 0 });
        expect((await run('ls /state', { volumes })).stdout).toBe('');
      });

      it('binds folders of the host, writable and not', async () => {
        const source = join(folder, 'bound');
        mkdirSync(source, { recursive: true });
        writeFileSync(join(source, 'given'), 'from outside\n');
        const seen = await run('cat /rw/given; echo back > /rw/back; echo no > /ro/no', {
          volumes: [
            { kind: 'bind', source, target: '/rw' },
            { kind: 'bind', source, target: '/ro', readOnly: true },
          ],
        });
        expect(seen.stdout).toBe('from outside\n');
        expect(seen.stderr).toMatch(/Read-only file system/);
        expect(readFileSync(join(source, 'back'), 'utf8')).toBe('back\n');
      });

      it('shows the folders behind volumes and binds when the program has ended', async () => {
        const source = join(folder, 'shown');
        mkdirSync(source, { recursive: true });
        const launch = launchOf({
          command: ['sh', '-c', 'echo 1 > /data/left; echo 2 > /state/left; echo 3 > /rw/left'],
          volumes: [
            { kind: 'named', source: 'shown', target: '/state' },
            { kind: 'bind', source, target: '/rw' },
          ],
        });
        const container = await start(launch);
        await container.exited;
        const found = container.volumes?.() ?? new Map<string, string>();
        const left = ['/data', '/state', '/rw'].map((target) => readFileSync(join(found.get(target) ?? '', 'left'), 'utf8'));
        expect(left).toEqual(['1\n', '2\n', '3\n']);
        await remove(container);
      });

      it('makes the root read-only', async () => {
        const seen = await run('touch /etc/new; touch /dev/shm/ok && echo shm', { readOnly: true });
        expect(seen.stderr).toMatch(/Read-only file system/);
        expect(seen.stdout).toBe('shm\n');
      });

      it('sets sysctls, and leaves no preset of its own', async () => {
        const read = 'cd /proc/sys/net; cat ipv4/ip_unprivileged_port_start core/somaxconn; cat ipv4/ping_group_range';
        const asked = await run(read, { sysctls: { 'net.core.somaxconn': '77', 'net.ipv4.ip_unprivileged_port_start': '80' } });
        expect(asked.stdout.split('\n').slice(0, 2)).toEqual(['80', '77']);
        const kubernetes = launchOf({ command: ['sh', '-c', read] }, {}, profile('containerd-1'));
        const container = await start(kubernetes);
        await container.exited;
        const [port, , ping] = container.stdout().split('\n');
        expect(Number(port)).toBe(kubernetes.facts.unprivilegedPortStart);
        expect(ping?.split('\t').map(Number)).toEqual(kubernetes.facts.pingGroupRange);
        await remove(container);
      });

      it('sets the limits explicitly', async () => {
        const container = await start(launchOf());
        const { pid } = await main(container);
        expect(processLimit(pid, 'Max open files')).toEqual([1024, 1024]);
        await remove(container);
      });
    });

    describe('life', () => {
      it('knows the process before it starts, when it stops before start', async () => {
        const container = await create(launchOf());
        expect(container.running()).toBe(false);
        if (engine.stopsBeforeStart) {
          expect(container.pid).toBeGreaterThan(1);
          const waiting = container.pid!;
          await container.start();
          expect((await main(container)).pid).toBe(waiting);
        } else {
          expect(container.pid).toBeUndefined();
          await container.start();
          await main(container);
        }
        expect(container.running()).toBe(true);
        expect(container.pid).toBe((await main(container)).pid);
        await remove(container);
        expect(container.running()).toBe(false);
      });

      it.each([0, 3, 42, 255])('tells exit code %i', async (code) => {
        expect((await run(`exit ${code}`)).status).toEqual({ code });
      });

      it('tells the signal that ended it', async () => {
        const container = await start(launchOf());
        await main(container);
        await container.signal('SIGKILL');
        expect(await container.exited).toEqual({ code: 137, signal: 'SIGKILL' });
        expect(container.running()).toBe(false);
        await remove(container);
      });

      it('delivers SIGTERM, which the program may handle', async () => {
        const container = await start(
          launchOf({ command: ['sh', '-c', 'trap "echo got it; exit 7" TERM; echo ready; while :; do sleep 0.05; done'] }),
        );
        await until(async () => container.stdout().includes('ready'));
        await container.signal('SIGTERM');
        expect(await container.exited).toEqual({ code: 7 });
        expect(container.stdout()).toBe('ready\ngot it\n');
        await remove(container);
      });

      it("stops with the image's STOPSIGNAL", async () => {
        const container = await start(
          launchOf({ command: ['sh', '-c', 'trap "exit 9" USR1; trap "exit 8" TERM; echo ready; while :; do sleep 0.05; done'] }),
        );
        await until(async () => container.stdout().includes('ready'));
        expect(await container.stop()).toEqual({ code: 9 });
        // Once more changes nothing.
        expect(await container.stop()).toEqual({ code: 9 });
        await remove(container);
      });

      it('kills what does not stop', async () => {
        const container = await start(
          // Heard, but not obeyed; one that process 1 ignores (trap "") is not waited for.
          launchOf({ command: ['sh', '-c', 'trap : USR1 TERM; echo ready; while :; do sleep 0.05; done'] }),
        );
        await until(async () => container.stdout().includes('ready'));
        const began = Date.now();
        expect(await container.stop(300)).toEqual({ code: 137, signal: 'SIGKILL' });
        expect(Date.now() - began).toBeGreaterThanOrEqual(290);
        await remove(container);
      });

      it('keeps both streams apart, in order, and the end of what is too long', async () => {
        const seen = await run(
          'echo out1; sleep 0.2; echo err1 >&2; sleep 0.2; printf "out2 without end"; sleep 0.2; echo err2 >&2',
        );
        expect([seen.stdout, seen.stderr]).toEqual(['out1\nout2 without end', 'err1\nerr2\n']);
        expect(seen.log).toMatch(/^out1\n.*err1\n.*out2 without end.*err2\n$/s);
        const long = await run('seq 1 200000; echo last >&2', {}, {}, { logLimit: 5000 });
        expect(long.stdout).toHaveLength(5000);
        expect(long.stdout.endsWith('199999\n200000\n')).toBe(true);
        expect(long.stderr).toBe('last\n');
      });

      it('loses nothing of a fast writer', async () => {
        const seen = await run('yes 0123456789abcde | head -c 8000000; echo end', {}, {}, { logLimit: 16_000_000 });
        expect(seen.stdout.length).toBe(8_000_004);
        expect(seen.stdout.endsWith('0123456789abcde\nend\n')).toBe(true);
      });

      it('keeps /dev/stdout openable, as images do that log there', async () => {
        const seen = await run('echo through > /dev/stdout; echo error > /dev/stderr', { user: '10001:10001' });
        expect([seen.stdout, seen.stderr, seen.status.code]).toEqual(['through\n', 'error\n', 0]);
      });

      it('executes programs inside, with code, streams, environment and timeout', async () => {
        const container = await start(launchOf({ user: '10001:10001' }));
        await main(container);
        const result = await container.exec(['sh', '-c', 'echo "$X $FROM_IMAGE"; id -u; id -g; echo bad >&2; exit 5'], {
          env: ['X=given'],
        });
        expect(result).toEqual({ code: 5, stdout: 'given yes\n10001\n10001\n', stderr: 'bad\n', timedOut: false });
        const began = Date.now();
        const slow = await container.exec(['sh', '-c', `echo begun; sleep ${FOREVER}1 & sleep ${FOREVER}2; true`], {
          timeoutMs: 1000,
        });
        expect(slow.timedOut).toBe(true);
        expect(slow.stdout).toBe('begun\n');
        expect(Date.now() - began).toBeLessThan(10_000);
        await until(async () => (await container.processes()).length === 1);
        const missing = await container.exec(['no-such-program']);
        expect(missing.code).toBeGreaterThanOrEqual(126);
        expect(missing.timedOut).toBe(false);
        expect(container.running()).toBe(true);
        await remove(container);
      });

      it('lists its processes as the host sees them', async () => {
        const container = await start(
          launchOf({ command: ['sh', '-c', `(sleep ${FOREVER}3 &) ; sleep ${FOREVER}4 & exec sleep ${FOREVER}5`] }),
        );
        const found = await until(async () => {
          const now = await container.processes();
          return now.filter((each) => each.command === 'sleep').length === 3 ? now : undefined;
        });
        expect(found[0]?.pid).toBe(container.pid);
        expect(found.map(({ argv }) => argv[1]).sort()).toEqual([`${FOREVER}3`, `${FOREVER}4`, `${FOREVER}5`]);
        await remove(container);
        expect(found.filter(({ pid }) => processAlive(pid))).toEqual([]);
        expect(await container.processes()).toEqual([]);
      });

      it('lists listening sockets and lets host programs reach them; nobody else can', async () => {
        const container = await start(launchOf({ command: ['sh', '-c', 'exec httpd -f -p 8080 -h /www'] }));
        const sockets = await until(async () => {
          const now = await container.listening();
          return now.length > 0 ? now : undefined;
        });
        expect(sockets.map(({ protocol, port }) => `${protocol} ${port}`)).toEqual(['tcp 8080']);
        const probe = `fetch('http://127.0.0.1:8080/').then((r) => r.text()).then((t) => process.stdout.write(t))`;
        expect(await container.inNetwork([process.execPath, '-e', probe])).toEqual({
          code: 0,
          stdout: 'served\n',
          stderr: '',
          timedOut: false,
        });
        expect((await container.inNetwork(['sleep', '60'], { timeoutMs: 200 })).timedOut).toBe(true);
        expect((await container.inNetwork(['cat'], { input: 'in' })).stdout).toBe('in');
        await expect(fetch('http://127.0.0.1:8080/')).rejects.toThrow();
        await remove(container);
      });

      it('publishes ports on 127.0.0.1, until it is removed', async () => {
        const port = 20_000 + (process.pid % 20_000);
        const container = await start(launchOf({ command: ['sh', '-c', 'exec httpd -f -p 8080 -h /www'] }), {
          publish: new Map([[8080, port]]),
        });
        await until(async () => (await container.listening()).length > 0);
        expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('served\n');
        const second = await create(launchOf({ command: ['sh', '-c', 'exec httpd -f -p 8080 -h /www'] }), {
          publish: new Map([[8080, port]]),
        });
        await expect(second.start()).rejects.toMatchObject({ code: 'engine.port-in-use' });
        await remove(second);
        await remove(container);
        await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
      });

      it('reports what a run changed, in the root, in volumes and in binds', async () => {
        const source = join(folder, 'changed');
        mkdirSync(source, { recursive: true });
        writeFileSync(join(source, 'old'), 'old');
        const line = [
          'echo new > /srv/added',
          'mkdir -m 700 /srv/made && chown 1234:77 /srv/made',
          'echo more >> /etc/plain',
          'rm /etc/doomed',
          'rm -r /deep/er && mkdir /deep/er',
          'chmod 711 /home',
          'ln -s nowhere /srv/link',
          'echo 1 > /data/fresh && rm /data/seed',
          'echo 2 > /bound/new && rm /bound/old',
          'echo 3 > /scratch/in-tmpfs',
          `echo ready; exec sleep ${FOREVER}0`,
        ].join('; ');
        const volumes: ContainerSettings['volumes'] = [
          { kind: 'bind', source, target: '/bound' },
          { kind: 'tmpfs', target: '/scratch' },
        ];
        const container = await start(launchOf({ volumes, command: ['sh', '-c', line] }));
        await until(async () => container.stdout().includes('ready'));
        const told = async (): Promise<string[]> =>
          (await container.changes()).map(
            (each) => `${each.change} ${each.type} ${each.path} ${each.mode.toString(8)} ${each.uid}:${each.gid}`,
          );
        const persistent = [
          'added file /srv/added 644 0:0',
          'added directory /srv/made 700 1234:77',
          'modified file /etc/plain 644 0:0',
          'deleted file /etc/doomed 644 0:0',
          'deleted file /deep/er/file 644 0:0',
          'modified directory /home 711 0:0',
          'added symlink /srv/link 777 0:0',
          'added file /data/fresh 644 0:0',
          'deleted file /data/seed 640 1234:77',
          'added file /bound/new 644 0:0',
          'deleted file /bound/old 644 0:0',
        ];
        expect((await told()).sort()).toEqual([...persistent, 'added file /scratch/in-tmpfs 644 0:0'].sort());
        await container.stop(0);
        expect((await told()).filter((each) => !each.includes('/scratch')).sort()).toEqual(persistent.sort());
        await remove(container);
      });

      it('reports nothing when nothing changed', async () => {
        for (const user of ['0', '4242']) {
          const container = await start(launchOf({ user, workdir: '/srv' }));
          await main(container);
          await container.stop(0);
          expect(await container.changes()).toEqual([]);
          await remove(container);
        }
      });
    });

    describe('refusals', () => {
      it.each([
        ['a program that is not there', ['/no/such/program'], /no such file/i],
        ['a name that PATH does not find', ['no-such-program'], /not found|no such file/i],
        ['a file that is not executable', ['/etc/plain'], /permission denied/i],
        ['a folder', ['/srv'], /permission denied|is a directory/i],
      ])('%s', async (_, argv, words) => {
        const error = await create(launchOf({}, { argv }))
          .then((container) => container.start().finally(() => remove(container)))
          .then(
            () => undefined,
            (reason: unknown) => reason,
          );
        expect(error).toBeInstanceOf(UnrootError);
        expect((error as UnrootError).code).toBe('engine.start-refused');
        expect((error as UnrootError).message).toMatch(words);
      });
    });

    describe('nothing is left behind', () => {
      async function nothingSince(then: readonly string[]): Promise<void> {
        const added = async (): Promise<readonly string[]> => (await leftovers(under)).filter((each) => !then.includes(each));
        await until(async () => (await added()).length === 0).catch(async () => expect(await added()).toEqual([]));
      }
      async function sinceNow(work: () => Promise<void>): Promise<void> {
        const then = await leftovers(under);
        await work();
        await nothingSince(then);
      }

      it('after remove, whatever the state', () =>
        sinceNow(async () => {
          const volumes: ContainerSettings['volumes'] = [{ kind: 'named', source: 'v', target: '/v' }];
          await (await create(launchOf({ volumes }))).remove();
          const running = await start(launchOf({ volumes }));
          await running.remove();
          await running.remove();
          const ended = await start(launchOf({ volumes, command: ['true'] }));
          await ended.exited;
          await ended.remove();
        }));

      it('after a refusal', () =>
        sinceNow(async () => {
          await expect(
            create(launchOf({}, { argv: ['/no/such/program'] })).then((each) => each.start().finally(() => each.remove())),
          ).rejects.toThrow();
        }));

      it('after an abort while it runs, and before', () =>
        sinceNow(async () => {
          const controller = new AbortController();
          const container = await start(launchOf(), { signal: controller.signal });
          const { pid } = await main(container);
          controller.abort();
          expect((await container.exited).code).toBe(137);
          await until(async () => !processAlive(pid));
          await expect(create(launchOf(), { signal: AbortSignal.abort() }).then((each) => each.start())).rejects.toMatchObject({
            exitCode: 130,
          });
          await container.remove();
        }));

      it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)('after %s to the program that runs it', (signal) =>
        sinceNow(async () => {
          const program = await bundleProgram(fileURLToPath(new URL('orphan.ts', import.meta.url)), join(folder, 'orphan'));
          const child = spawn(
            process.execPath,
            [program, engine.kind, image.reference, `${FOREVER}6`, ...(under.socket ? [under.socket] : [])],
            {
              stdio: ['ignore', 'pipe', 'inherit'],
            },
          );
          const gone = new Promise<readonly [number | null, string | null]>((resolve) =>
            child.once('exit', (...how) => resolve(how)),
          );
          const said = await Promise.race([
            new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data)))),
            gone,
          ]);
          expect(said).toMatch(/^running \d+\n$/);
          const pid = Number(/\d+/.exec(String(said))?.[0]);
          expect(processAlive(pid)).toBe(true);
          child.kill(signal);
          expect(await gone).toEqual(signal === 'SIGKILL' ? [null, 'SIGKILL'] : [130, null]);
          await until(async () => !processAlive(pid));
        }),
      );

      it('after close with containers still running, and close may be called again', async () => {
        await start(launchOf());
        await create(launchOf());
        await engine.close();
        await engine.close();
        open.clear();
        await nothingSince(before);
        expect(readdirSync(scratch)).toEqual([]);
      });
    });
  });
}

interface Ran {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
  readonly log: string;
}

/** What /proc/PID/status must show after the execve of a plain program without file capabilities. */
function afterExec(launch: Launch): CapabilityState {
  const { uid, gid, noNewPrivileges, runtimeCapabilities } = launch;
  const outcome = transitionOnExecve(
    { uid, gid, capabilities: runtimeCapabilities, noNewPrivileges },
    { uid: 0, gid: 0, mode: 0o755 },
  );
  if (outcome.kind !== 'runs') throw new Error('a program without file capabilities is never refused');
  return outcome.capabilities;
}

function allSets(names: readonly Capability[]): CapabilityState {
  const set = capabilitySet(names);
  return { bounding: set, permitted: set, effective: set, inheritable: set, ambient: set };
}

/** Polls; a test that waits in vain fails with what it waited for. */
export async function until<T>(probe: () => Promise<T | undefined | false>, ms = 15_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${probe}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

function mountsOf(pid: number): ReadonlyMap<string, { readonly type: string; readonly options: readonly string[] }> {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const fields = left.split(' ');
      const [type = '', , superOptions = ''] = right.split(' ');
      return [fields[4] ?? '', { type, options: [...(fields[5] ?? '').split(','), ...superOptions.split(',')] }];
    }),
  );
}

/** Mounts of the host, our temporary folders, sleeping test programs, and what the engine itself lists. */
async function leftovers(under: EngineUnderTest): Promise<readonly string[]> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => under.owns?.(point) || point.startsWith(tmpdir()) || new RegExp(`\\b${process.pid}[.-]`).test(point));
  const folders = readdirSync(tmpdir());
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => commandLine(pid).includes(FOREVER));
  return [...mounts, ...folders, ...processes, ...(await under.inventory())].sort();
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
