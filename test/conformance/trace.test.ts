/** Both tracers on containers of every engine of this machine: the same program must give the same account of itself. */
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chooseEngine, detectEngines } from '../../src/engine/detect.ts';
import type { Container, Engine, PreparedImage } from '../../src/engine/engine.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import { launchSubject } from '../../src/launch/subject.ts';
import { denials } from '../../src/trace/denials.ts';
import type { Trace } from '../../src/trace/event.ts';
import { listeningPorts } from '../../src/trace/listening-ports.ts';
import type { Tracer } from '../../src/trace/tracer.ts';
import { createFileSystemDifferenceTracer } from '../../src/trace/tracers/file-system-difference.ts';
import { createStraceTracer, detectStrace } from '../../src/trace/tracers/strace.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { temporaryFolder } from '../support/image-builder.ts';
import { whyNotWith, writeBusyboxImage } from './busybox-image.ts';

const strace = await detectStrace();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const SCRIPT = `mkdir -p made/deep; echo x >made/file; chown 1234:77 made/file; chmod 600 made/file; cat /etc/plain >/dev/null
echo y >made/gone; sleep 0.8; rm made/gone; cat /nowhere 2>/dev/null; httpd -p 80 -h /www; sleep 1; echo done; exit 3`;

for (const status of await detectEngines()) {
  const { kind } = status;
  const missing = whyNotWith(status);
  if (missing !== undefined) {
    console.warn(`SKIPPED: tracing under ${kind}: ${missing}`);
    // A file without a suite fails.
    describe.skip(`under ${kind} (${missing})`, () => {
      it('is not tested here', () => {});
    });
    continue;
  }
  describe(`under ${kind}`, () => {
    const folder = temporaryFolder();
    let engine: Engine;
    let image: Image;
    let prepared: PreparedImage;
    let subject: Awaited<ReturnType<typeof launchSubject>>;
    const open = new Set<Container>();
    beforeAll(async () => {
      engine = await chooseEngine(kind);
      image = await openImage(writeBusyboxImage(folder));
      subject = await launchSubject(image, { rootFs: true });
      prepared = await engine.prepare(image);
    });
    afterEach(async () => {
      for (const container of open) await container.remove();
      open.clear();
    });
    afterAll(async () => {
      await engine?.close();
      await image?.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const launchOf = (settings: ContainerSettings): Launch => {
      const launch = launchImage({ image: subject, settings: { network: 'none', ...settings }, profile: engine.profile });
      if (launch.kind !== 'launch') throw new Error(launch.message);
      return launch;
    };
    async function trace(
      tracer: Tracer,
      line: string,
      settings: ContainerSettings = {},
    ): Promise<{ trace: Trace; launch: Launch; log: string }> {
      const launch = launchOf({ ...settings, command: ['sh', '-c', line] });
      const container = await prepared.create(launch);
      open.add(container);
      const session = await tracer.attach(container, launch);
      await container.start();
      await container.exited;
      return { trace: await session.finish(), launch, log: container.log() };
    }
    const operations = (trace: Trace, failed = false): unknown[] =>
      trace.events.filter((e) => (e.errno !== undefined) === failed).map((e) => e.operation);

    it.skipIf(!strace.available || !status.available)(
      'strace tells the whole story from the first instruction',
      async ({ skip }) => {
        if (!engine.stopsBeforeStart) skip(`${kind} starts without a pause`);
        const { trace: seen, launch, log } = await trace(createStraceTracer(), SCRIPT);
        expect(log).toContain('done');
        expect(seen.blindSpots).toHaveLength(1);
        expect(seen.events[0]).toMatchObject({
          seq: 0,
          uid: 0,
          gid: 0,
          operation: { kind: 'exec', path: '/bin/sh', argv: launch.argv },
        });
        expect(seen.processes[0]).toMatchObject({ argv: launch.argv, exit: { code: 3 } });
        const all = operations(seen);
        expect(all).toContainEqual({ kind: 'mkdir', path: '/srv/made', mode: 0o777 });
        expect(all).toContainEqual(
          expect.objectContaining({ kind: 'open', path: '/srv/made/file', access: 'write', create: true }),
        );
        expect(all).toContainEqual({ kind: 'chown', path: '/srv/made/file', uid: 1234, gid: 77 });
        expect(all).toContainEqual({ kind: 'unlink', path: '/srv/made/gone' });
        expect(all).toContainEqual(expect.objectContaining({ kind: 'open', path: '/etc/plain', access: 'read' }));
        expect(operations(seen, true)).toContainEqual(expect.objectContaining({ path: '/nowhere' }));
        expect(listeningPorts(seen).map((p) => p.port)).toEqual([80]);
        // Nothing of the runtime, nothing of the host.
        expect(JSON.stringify(seen.events.map((e) => ('path' in e.operation ? e.operation.path : '')))).not.toMatch(
          /exec\.fifo|unroot|runc|containers|overlay/,
        );
      },
    );

    it.skipIf(!strace.available)('strace shows what an ordinary user is denied', async ({ skip }) => {
      if (!engine.stopsBeforeStart) skip(`${kind} starts without a pause`);
      const { trace: seen } = await trace(
        createStraceTracer(),
        'mkdir /srv/x; echo x >/etc/plain; echo x >/home/app/x; ls /root; true',
        { user: '4321:4321' },
      );
      expect(denials(seen).map((e) => [e.operation.kind, (e.operation as { path: string }).path, e.uid, e.errno])).toEqual(
        expect.arrayContaining([
          ['mkdir', '/srv/x', 4321, 'EACCES'],
          ['open', '/etc/plain', 4321, 'EACCES'],
          ['open', '/home/app/x', 4321, 'EACCES'],
        ]),
      );
    });

    it('comparing the file system finds what is left, what was there for a while, and who gave what away', async () => {
      const { trace: seen } = await trace(createFileSystemDifferenceTracer({ intervalMs: 100 }), SCRIPT);
      const all = operations(seen);
      expect(all).toContainEqual({ kind: 'mkdir', path: '/srv/made', mode: 0o755 });
      expect(all).toContainEqual({ kind: 'mkdir', path: '/srv/made/deep', mode: 0o755 });
      expect(all).toContainEqual({ kind: 'open', path: '/srv/made/file', access: 'write', create: true, mode: 0o600 });
      expect(all).toContainEqual({ kind: 'chown', path: '/srv/made/file', uid: 1234, gid: 77 });
      expect(all).toContainEqual({ kind: 'open', path: '/srv/made/gone', access: 'write', create: true, mode: 0o644 });
      expect(all).toContainEqual({ kind: 'unlink', path: '/srv/made/gone' });
      expect(listeningPorts(seen).map((p) => p.port)).toEqual([80]);
      expect(seen.blindSpots.join('\n')).toMatch(/read[\s\S]*failed/);
      expect(seen.blindSpots.join('\n')).not.toMatch(/Could not look/);
      const paths = seen.events.map((e) => ('path' in e.operation ? e.operation.path : ''));
      expect(paths.filter((path) => path.startsWith('/etc') || path.startsWith('/dev'))).toEqual([]);
      expect(paths.indexOf('/srv/made')).toBeLessThan(paths.indexOf('/srv/made/deep'));
    });

    it('leaves the container alone when it is cut short', async () => {
      for (const tracer of [
        createFileSystemDifferenceTracer(),
        ...(engine.stopsBeforeStart && strace.available ? [createStraceTracer()] : []),
      ]) {
        const launch = launchOf({ command: ['sh', '-c', 'mkdir /srv/early; while :; do sleep 0.1; done'] });
        const container = await prepared.create(launch);
        open.add(container);
        const session = await tracer.attach(container, launch);
        await container.start();
        for (let i = 0; i < 100 && session.eventCount() < 2; i++) await sleep(50);
        await sleep(700);
        const seen = await session.finish();
        expect(operations(seen)).toContainEqual(expect.objectContaining({ kind: 'mkdir', path: '/srv/early' }));
        expect(container.running()).toBe(true);
      }
    });
  });
}
