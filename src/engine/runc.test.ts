import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNotWith, writeBusyboxImage } from '../../test/conformance/busybox-image.ts';
import type { Image } from '../image/image.ts';
import { openImage } from '../image/sources/index.ts';
import type { Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { launchSubject } from '../launch/subject.ts';
import { profile } from '../platform/profiles.ts';
import { freeCgroup } from './cgroup.ts';
import type { Engine, PreparedImage } from './engine.ts';
import { detectRunc, openOciEngine } from './runc.ts';
import { runtimeSpec } from './spec.ts';

const status = await detectRunc();
const missing = whyNotWith(status);
if (missing !== undefined) console.warn(`SKIPPED: runc: ${missing}`);

/** What the conformance suite cannot see because it holds for one engine only. */
describe.skipIf(missing !== undefined)('runc', () => {
  let folder: string;
  let image: Image;
  let engine: Engine;
  let prepared: PreparedImage;
  let launch: Launch;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'runc-test-'));
    image = await openImage(writeBusyboxImage(folder));
    engine = await openOciEngine('runc');
    prepared = await engine.prepare(image);
    const found = launchImage({
      image: await launchSubject(image, { rootFs: true }),
      settings: { network: 'none', user: '10001', command: ['sleep', '8639977'] },
      profile: profile('docker'),
    });
    if (found.kind !== 'launch') throw new Error(found.message);
    launch = found;
  });
  afterAll(async () => {
    await engine.close();
    await image.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const groups = (id: string): readonly string[] => freeCgroup(id)?.folders.filter((each) => existsSync(each)) ?? [];

  it('leaves no control group behind: removed before start, while running, after a refusal', async () => {
    const waiting = await prepared.create(launch);
    if (freeCgroup(waiting.id)) expect(groups(waiting.id)).not.toEqual([]);
    await waiting.remove();
    const running = await prepared.create(launch);
    await running.start();
    await running.remove();
    const refused = await prepared.create({ ...launch, argv: ['/none'] });
    await expect(refused.start()).rejects.toMatchObject({ code: 'engine.start-refused' });
    await refused.remove();
    expect([waiting, running, refused].flatMap(({ id }) => groups(id))).toEqual([]);
  });

  it('loses no word at the gate, however soon it is opened', async () => {
    for (let round = 0; round < 15; round += 1) {
      const container = await prepared.create({ ...launch, argv: ['true'] });
      await container.start();
      expect((await container.exited).code).toBe(0);
      await container.remove();
    }
  });

  it('says every limit and every namespace, and no control group where none can be made', () => {
    const around = {
      id: 'unroot-x',
      root: '/r',
      limits: { nofile: 1024, nproc: 1000 },
      volumes: new Map<string, string>(),
      files: [],
    };
    const spec = runtimeSpec(launch, around);
    expect(spec.process.rlimits.map(({ type, hard, soft }) => [type, hard, soft])).toEqual([
      ['RLIMIT_NOFILE', 1024, 1024],
      ['RLIMIT_NPROC', 1000, 1000],
    ]);
    expect(spec.linux).not.toHaveProperty('cgroupsPath');
    expect(spec.linux).not.toHaveProperty('resources');
    expect(spec.mounts.some(({ type }) => type === 'cgroup')).toBe(false);
    expect(spec.linux.namespaces).toEqual(['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })));
    const host = runtimeSpec({ ...launch, network: 'host', sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' } }, around);
    expect(JSON.stringify(host.linux)).not.toContain('net.ipv4');
    const depths = spec.mounts.map(({ destination }) => destination.split('/').filter(Boolean).length);
    expect(depths).toEqual([...depths].sort((a, b) => a - b));
  });

  it('keeps its folder empty between runs', async () => {
    const container = await prepared.create(launch);
    await container.remove();
    const runs = readdirSync(
      join(
        process.env.UNROOT_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/root', '.cache'), 'unroot'),
        'run',
      ),
    );
    expect(runs.filter((name) => name.startsWith(`${process.pid}.`))).toEqual([]);
  });
});
