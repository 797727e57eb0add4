/** `explain` against the kernel: a program inside a container tries more than a hundred operations as whoever it is, and each answer must be the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectBuiltin, openBuiltinEngine } from '../../src/engine/builtin.ts';
import type { Engine, EngineStatus, PreparedImage } from '../../src/engine/engine.ts';
import { detectPodman, podmanEngine } from '../../src/engine/podman.ts';
import { detectRunc, openOciEngine } from '../../src/engine/runc.ts';
import { explain } from '../../src/explain/explain.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { readQuestion } from '../../src/explain/question.ts';
import type { Image } from '../../src/image/image.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { fileTree } from '../../src/launch/file-tree.ts';
import type { Launch } from '../../src/launch/launch.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import type { PlatformProfile } from '../../src/platform/platform.ts';
import { profile } from '../../src/platform/profiles.ts';
import { readSubject, type Subject } from '../../src/prove/subject.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import { recordConformance } from '../support/conformance.ts';
import { writeLayout } from '../support/image-builder.ts';
import { explainSpec, FOLDERS, whyNoExplainImage } from './explain-image.ts';
import { compareMounts, type MountsCompared } from './mount-table.ts';
import { factsHere } from './performer.ts';

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** What is asked, as on the command line: the words, and `--to`. */
const QUESTIONS: readonly (readonly [string, string?])[] = [
  ...FOLDERS.flatMap((folder): (readonly [string, string?])[] => [
    [folder, 'list'],
    [folder, 'enter'],
    [`${folder}/new`, 'create'],
    [`${folder}/new`, 'mkdir'],
    [`${folder}/own`, 'read'],
    [`${folder}/own`, 'write'],
    [`${folder}/delete`, 'delete'],
    [`${folder}/empty`, 'delete'],
    [`${folder}/rename`, `rename=${folder}/renamed`],
    [`${folder}/chown`, 'chown=1234:77'],
    [`${folder}/chmod`, 'chmod=644'],
    [`${folder}/truncate`, 'truncate'],
    [`${folder}/link`, `link=${folder}/linked`],
    [`${folder}/own`, 'touch'],
    [`${folder}/own`, 'setxattr=user.x'],
    [`${folder}/none`, 'read'],
  ]),
  ...['prog', 'rootonly', 'team', 'suid', 'nobits', 'script', 'script2', 'script3', 'script4', 'none'].map(
    (name): readonly [string, string] => [`/bin/${name}`, 'execute'],
  ),
  ['/acl-user', 'read'],
  ['/acl-user', 'write'],
  ['/acl-group', 'read'],
  ['/acl-group', 'write'],
  ['/to-shadow', 'read'],
  ['/to-mine/own', 'read'],
  ['/dangling', 'read'],
  ['/loop', 'read'],
  ['/sticky/pointer', 'read'],
  ['../etc/../etc/passwd', 'read'],
  ['./own', 'read'],
  ['/etc/passwd/x', 'read'],
  ['/etc/passwd', 'list'],
  ['/etc/passwd', 'mkdir'],
  ['/scratch-here', 'rename=/data/moved'],
  ['/data', 'rmdir'],
  ['/scratch/new', 'create'],
  ['/scratch/new', 'mkdir'],
  // From one mount to another, and mount points themselves.
  ['/wide/away', 'rename=/scratch/away'],
  ['/wide/linked', 'link=/scratch/linked'],
  ['/wide/onto', 'rename=/data/onto'],
  ['/wide', 'rename=/scratch/wide'],
  ['/scratch', 'rename=/scratched'],
  ['/data', 'rename=/moved-data'],
  ['/dev/shm', 'rmdir'],
  ['/dev/pts', 'rename=/dev/elsewhere'],
  ['/dev/shm/new', 'create'],
  ['/etc/hosts', 'delete'],
  ['/etc/hosts', 'rename=/etc/hosts.old'],
  ['/proc/sys/net/ipv4/ip_forward', 'write'],
  ['/proc/sys/net/ipv4/ip_forward', 'read'],
  ['/wide/two', 'rename=/wide/one'],
  ['/narrow/other', 'rename=/narrow/one'],
  ['/new', 'create'],
  ['/run/app.sock', 'listen'],
  ['/etc/hosts', 'write'],
  ['/dev/null', 'write'],
  ['/dev/new', 'create'],
  ['/proc/self/status', 'read'],
  ['/proc/sys/kernel/hostname', 'write'],
  [':80'],
  [':8080'],
  [':53/udp'],
  ['setuid 33'],
  ['setuid 1234'],
  ['setgid 77'],
  ['setgroups'],
  ['chroot /open'],
  ['chroot /shut'],
  ['mknod /open/dev c'],
  ['mknod /sticky/pipe p'],
  ['setcap /bin/prog'],
  ['kill 1'],
  ['raw-socket'],
  ['packet-socket'],
  ['ping'],
  ['sethostname'],
  ['nice'],
];

interface Case {
  readonly name: string;
  readonly settings: ContainerSettings;
}

const tmpfs = { kind: 'tmpfs', target: '/scratch' } as const;
const volume = { kind: 'anonymous', target: '/scratch' } as const;
const CASES: readonly Case[] = [
  { name: 'root', settings: {} },
  { name: 'root without capabilities', settings: { capDrop: ['ALL'], volumes: [tmpfs] } },
  { name: 'a user of the image', settings: { user: 'app', volumes: [volume] } },
  { name: 'a stranger', settings: { user: '10001:10001', noNewPrivileges: true } },
  { name: 'a stranger in a group, read-only root', settings: { user: '10001:77', readOnly: true, volumes: [tmpfs] } },
  { name: 'a stranger with capabilities', settings: { user: '10001:10001', capAdd: ['DAC_READ_SEARCH', 'CHOWN', 'NET_RAW'] } },
];

const missing = whyNoExplainImage();
const candidates: readonly { readonly kind: string; detect(): Promise<EngineStatus>; open(): Promise<Engine> }[] = [
  { kind: 'podman', detect: detectPodman, open: () => podmanEngine() },
  { kind: 'runc', detect: detectRunc, open: () => openOciEngine('runc') },
  { kind: 'builtin', detect: detectBuiltin, open: () => openBuiltinEngine() },
];

for (const candidate of candidates) {
  const status = missing === undefined ? await candidate.detect() : undefined;
  const why = missing ?? (status?.available === true ? undefined : `${status?.reason}: ${status?.install ?? ''}`);
  if (why !== undefined) console.warn(`SKIPPED: explain against ${candidate.kind}: ${why}`);
  describe.skipIf(why !== undefined)(`explain against ${candidate.kind}`, () => {
    let folder = '';
    let engine: Engine;
    let image: Image;
    let subject: Subject;
    let prepared: PreparedImage;
    let [compared, unknown] = [0, 0];
    const counts: Record<string, number> = {};

    const launchOf = (settings: ContainerSettings, platform: PlatformProfile): Launch => {
      const host = { kernel: factsHere() };
      const launch = launchImage({ image: subject, settings: { network: 'none', ...settings }, profile: platform, host });
      if (launch.kind === 'refusal') throw new Error(launch.message);
      return launch;
    };
    const answers = (launch: Launch): Promise<Explanation[]> =>
      Promise.all(
        QUESTIONS.map(([what, to]) => explain({ question: readQuestion([what], to), launch, subject, layers: image.layers })),
      );

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'unroot-explain-'));
      engine = await candidate.open();
      // The operations are those that explain makes of the questions, and the image must hold them.
      image = await openImage(`oci:${writeLayout(join(folder, 'first'), explainSpec([]))}:latest`);
      subject = await readSubject(image);
      const operations = (await answers(launchOf({}, profile('docker')))).map(({ decision }) => decision.operation);
      await image.close();
      image = await openImage(`oci:${writeLayout(join(folder, 'second'), explainSpec(operations))}:latest`);
      subject = await readSubject(image);
      prepared = await engine.prepare(image);
    });
    afterAll(async () => {
      await engine?.close();
      await image?.close();
      rmSync(folder, { recursive: true, force: true });
      if (compared > 0)
        recordConformance({
          id: `explain-${candidate.kind}`,
          title:
            'unroot explain against a program inside containers that tries the same: paths, ports and calls, allow or the exact errno',
          against: `${candidate.kind} ${engine.version}`,
          compared,
          mismatches: 0,
          unknown,
          counts,
        });
    });

    it.each(CASES)('$name', async ({ settings }) => {
      const launch = launchOf(settings, engine.profile);
      const container = await prepared.create(launch);
      let output = '';
      let mounts: MountsCompared | undefined;
      try {
        // Under the other engines nothing is mounted yet.
        if (container.pid !== undefined && candidate.kind === 'podman')
          mounts = compareMounts(container.pid, fileTree(launch, subject.rootFs));
        await container.start();
        await container.exited;
        output = container.stdout();
      } finally {
        await container.remove();
      }
      const real = [...output.matchAll(/^did\t(-?\d+)$/gm)].map(([, number]) =>
        number === '0' ? 'allowed' : (NAMES.get(Number(number)) ?? number),
      );
      expect(real.length, container.log()).toBe(QUESTIONS.length);
      if (candidate.kind === 'podman') expect(mounts?.compared).toBeGreaterThan(7);
      const wrong: string[] = [...(mounts?.wrong ?? [])];
      for (const [index, explanation] of (await answers(launch)).entries()) {
        const { decision, asked, walk, steps } = explanation;
        const says = decision.allowed ? 'allowed' : (decision.errno ?? 'unknown');
        if (!decision.known) unknown += 1;
        else if (says !== real[index])
          wrong.push(`${decision.to} ${asked}: really ${real[index]}, explained as ${says}: ${steps.at(-1)?.text}`);
        else {
          compared += 1;
          counts[says] = (counts[says] ?? 0) + 1;
          // The story must end where the decision did.
          const marked = walk.filter(({ verdict }) => verdict === 'no').length;
          const onPath = walk.length > 0 && !(decision.deniedAt?.need === 'capability' && decision.deniedAt.path === '');
          if (onPath && marked !== (decision.allowed ? 0 : 1))
            wrong.push(`${decision.to} ${asked}: ${marked} components are marked`);
        }
      }
      expect(wrong).toEqual([]);
    });
  });
}
