/** A lab with a kernel of its own, for real: what its machine may do, its terminal, its pictures, and what is left when its player is killed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLab, labsFolder } from '../src/lab/find-labs.ts';
import { missingFor } from '../src/lab/needs.ts';
import { draw } from '../src/lab/serve/draw-asked.ts';
import { findPtyMaker } from '../src/lab/serve/pty-maker.ts';
import { type LabSession, startLab } from '../src/lab/session.ts';
import { leftovers, type SeenNode, seen } from '../src/lab/test-lab.ts';
import { freshDist } from './support/build.ts';

const found = findLab(labsFolder(), '21');
const lacks = await missingFor(found.lab);
if (lacks.length > 0) console.warn(`SKIPPED: guests: ${lacks.map(({ why, get }) => `${why} (${get})`).join('; ')}`);
/** Its system is built once, and all of it is emulated. */
const LONG_MS = 900_000;

describe.skipIf(lacks.length > 0)('a guest', () => {
  const stateFolder = mkdtempSync(join(tmpdir(), 'unroot-guest-state-'));
  const nodes: SeenNode[] = [];
  let session: LabSession;
  beforeAll(async () => {
    session = await startLab(found, {
      program: dirname(freshDist()),
      stateFolder,
      onNode: (node) => void nodes.push(seen(node)),
    });
  }, LONG_MS);
  afterAll(async () => {
    await session?.stop();
    rmSync(stateFolder, { recursive: true, force: true });
    for (const node of nodes) expect(leftovers(node)).toEqual([]);
  }, LONG_MS);

  it(
    'has a kernel of its own, and no way out',
    async () => {
      const { stdout } = await session.run("uname -r; ip -o link | awk '{print $2}'; ls /dev/vd* 2>/dev/null");
      const [kernel, ...rest] = stdout.trim().split('\n');
      expect(kernel).toMatch(/-cloud-amd64$/);
      expect(kernel).not.toBe(release());
      expect(rest).toEqual(['lo:']);
    },
    LONG_MS,
  );

  it('is nobody on the machine, without a capability or a network', () => {
    const status = readFileSync(`/proc/${session.node().pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    expect(status).toMatch(/^CapPrm:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    for (const name of ['net', 'pid'])
      expect(readlinkSync(`/proc/${session.node().pid}/ns/${name}`)).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
  });

  it(
    'takes keys, tells the size of the terminal, and a change of it',
    async () => {
      let said = '';
      let ended = '';
      const maker = await findPtyMaker('script');
      const pty = maker.start(
        { ...session.shell('host'), cols: 93, rows: 31 },
        {
          onData(bytes) {
            said += Buffer.from(bytes).toString();
          },
          onEnd(how) {
            ended = how;
          },
        },
      );
      const shows = async (what: RegExp): Promise<void> => {
        for (const end = Date.now() + 240_000; !what.test(said) && Date.now() < end; ) await sleep(100);
        expect(said).toMatch(what);
      };
      await shows(/root@node/);
      pty.write(Buffer.from('stty size\r'));
      await shows(/^31 93\r?$/m);
      pty.resize(120, 40);
      await sleep(3000);
      pty.write(Buffer.from('stty size; exit 3\r'));
      await shows(/^40 120\r?$/m);
      for (const end = Date.now() + 60_000; ended === '' && Date.now() < end; ) await sleep(100);
      expect(ended).toBe('exit 3');
    },
    LONG_MS,
  );

  it(
    'is looked at where it is: checks, and pictures',
    async () => {
      const [first] = found.lab.steps;
      expect((await session.check(first!.id)).every(({ green }) => !green)).toBe(true);
      await session.solve(first!.id);
      expect((await session.check(first!.id)).map(({ green, detail }) => [green, detail])).toEqual(
        first!.checks.map(() => [true, expect.any(String)]),
      );
      const { processes, listening } = await session.world();
      expect(processes.some(({ pid }) => pid === 1)).toBe(true);
      expect(listening.map(({ port }) => port)).toContain(2049);
      const walk = await draw<'walk'>(
        { kind: 'walk', lab: found.lab.name, pid: 0, uid: 1000, gid: 1000, action: 'read', path: '/srv/export/key' } as never,
        session.node(),
      );
      expect(JSON.stringify(walk)).toContain('/srv/export/key');
    },
    LONG_MS,
  );
});

describe.skipIf(lacks.length > 0)('a player of a guest that is killed', () => {
  it(
    'takes it along',
    async () => {
      const state = mkdtempSync(join(tmpdir(), 'unroot-guest-state-'));
      const player = spawn(process.execPath, [freshDist(), 'lab', 'start', '21'], {
        env: { ...process.env, XDG_STATE_HOME: state },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      try {
        let said = '';
        player.stdout.on('data', (bytes: Buffer) => {
          said += bytes.toString();
        });
        const running = join(state, 'unroot/lab', `${found.lab.name}.running`);
        for (const end = Date.now() + LONG_MS / 2; !existsSync(running) && Date.now() < end; ) await sleep(200);
        const { socket } = JSON.parse(readFileSync(running, 'utf8')) as { socket: string };
        const home = dirname(dirname(dirname(socket)));
        expect(existsSync(join(home, 'payload.img')), said).toBe(true);
        const ours = (): readonly string[] =>
          readdirSync('/proc').filter((name) => {
            try {
              return (
                /^\d+$/.test(name) &&
                readdirSync(`/proc/${name}/fd`).some((fd) => readlinkSync(`/proc/${name}/fd/${fd}`).startsWith(home))
              );
            } catch {
              return false;
            }
          });
        expect(ours().length).toBeGreaterThan(0);
        player.kill('SIGKILL');
        for (const end = Date.now() + 30_000; (ours().length > 0 || existsSync(home)) && Date.now() < end; ) await sleep(100);
        expect(ours()).toEqual([]);
        expect(existsSync(home)).toBe(false);
      } finally {
        player.kill('SIGKILL');
        rmSync(state, { recursive: true, force: true });
      }
    },
    LONG_MS,
  );
});
