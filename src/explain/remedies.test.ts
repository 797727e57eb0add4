/** Every remedy that explain offers is decided again on the tree it leaves; where none is enough, none is offered. */
import { describe, expect, it } from 'vitest';
import { CONFIG, type Scene } from '../../test/support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { launchImage } from '../launch/launch-image.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { settingsOfPod } from '../workload/formats/kubernetes/pod-settings.ts';
import { surroundingsOf } from '../workload/formats/kubernetes/surroundings.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { readQuestion } from './question.ts';

const FILES: Readonly<Record<string, MemoryEntry | string>> = {
  '/bin/app': { content: '', mode: 0o755 },
  '/bin/busybox': { content: 'elf', mode: 0o755 },
  '/sticky': { mode: 0o1777 },
  '/sticky/byroot': '',
  '/sticky/other': { content: '', uid: 33 },
  '/stickyroot': { mode: 0o1755 },
  '/stickyroot/byroot': '',
  '/stickyroot/keep': '',
  '/stickyroot/link': { target: 'keep' },
  '/closed': { mode: 0o700 },
  '/closed/again': { mode: 0o700 },
  '/closed/again/file': 'x',
  '/data': { uid: 10001, gid: 10001 },
  '/data/mine': { content: '', uid: 10001, gid: 10001 },
  '/tmp': { mode: 0o1777 },
};

async function ask(
  what: string,
  to: string,
  {
    platform = 'docker',
    settings = {},
    arbitrary = false,
  }: { platform?: Scene['platform']; settings?: ContainerSettings; arbitrary?: boolean } = {},
): Promise<Explanation> {
  const rootFs = memoryRootFs(FILES);
  const subject = { reference: 'test', config: CONFIG, passwd: '', group: '', rootFs };
  const user = arbitrary ? '1000650000:0' : '10001:10001';
  const launch = launchImage({ image: subject, settings: { user, ...settings }, profile: profile(platform ?? 'docker') });
  if (launch.kind === 'refusal') throw new Error(launch.message);
  return explain({ question: readQuestion([what], to), launch, subject, layers: [], arbitrary });
}
const titles = ({ remedies }: Explanation): string[] => remedies.filter(({ id }) => id !== 'cap-add').map(({ title }) => title);

describe('sticky directories', () => {
  it('one that may be written already: the entry itself changes hands', async () => {
    const { decision, ...rest } = await ask('/sticky/byroot', 'delete');
    expect(decision).toMatchObject({ errno: 'EPERM', deniedAt: { need: 'sticky' } });
    expect(titles({ decision, ...rest })).toEqual(['/sticky/byroot: 0:0 → 10001:10001']);
    expect(titles(await ask('/sticky/other', 'rename=/sticky/new'))).toEqual(['/sticky/other: 33:0 → 10001:10001']);
  });
  it('one that a remedy makes sticky, or that stays sticky: the entry as well', async () => {
    expect(titles(await ask('/bin/busybox', 'delete'))).toEqual([
      '/bin: 0755 0:0 → 1775 0:10001; /bin/busybox: owner 10001:10001',
    ]);
    expect(titles(await ask('/stickyroot/byroot', 'delete'))).toEqual([
      '/stickyroot: 1755 0:0 → 1775 0:10001; /stickyroot/byroot: owner 10001:10001',
    ]);
    expect(titles(await ask('/stickyroot/link', 'delete'))[0]).toContain('/stickyroot/link: owner 10001:10001');
  });
  it('none for an arbitrary uid, which can own nothing beforehand', async () => {
    const found = await ask('/sticky/byroot', 'delete', { arbitrary: true });
    expect(found.decision.allowed).toBe(false);
    expect(titles(found)).toEqual([]);
    expect(found.notes.join()).toContain('the sticky bit of /sticky lets only the owner of /sticky/byroot remove');
  });
});

describe('only what denied', () => {
  it('is changed of the two directories of rename and link', async () => {
    expect(titles(await ask('/stickyroot/keep', 'rename=/tmp/x'))).toEqual([
      '/stickyroot: 1755 0:0 → 1775 0:10001; /stickyroot/keep: owner 10001:10001',
    ]);
    expect(titles(await ask('/bin/busybox', 'link=/tmp/x'))).toEqual(['/bin/busybox: 0755 0:0 → 0755 10001:10001']);
    expect(titles(await ask('/data/mine', 'rename=/stickyroot/mine'))).toEqual(['/stickyroot: 1755 0:0 → 1775 0:10001']);
  });
  it('and all that denies: directories behind the first one', async () => {
    expect(titles(await ask('/closed/again/file', 'write'))).toHaveLength(3);
  });
});

describe('what no layer changes', () => {
  it('/ is made by podman', async () => {
    for (const to of ['create', 'mkdir', 'chmod=0777']) {
      const found = await ask(to === 'chmod=0777' ? '/' : '/new', to, { platform: 'podman' });
      expect(found.decision.allowed).toBe(false);
      expect(titles(found).join(), to).not.toMatch(/^\/: /);
    }
    expect((await ask('/new', 'create', { platform: 'podman' })).notes.join()).toContain('podman makes / itself');
    expect(titles(await ask('/new', 'mkdir', { platform: 'podman' }))).toEqual(['Ship /new in the image, owned by 10001:10001']);
    expect(titles(await ask('/new', 'create'))[0]).toMatch(/^\/: 0755 0:0 → 1775 0:10001/);
  });

  it('what the kubelet writes is mounted read-only', async () => {
    const spec = {
      volumes: [{ name: 's', secret: { secretName: 's', defaultMode: 0o400 } }],
      containers: [{ name: 'main', volumeMounts: [{ name: 's', mountPath: '/secret' }] }],
      securityContext: { runAsUser: 1000 },
    };
    const objects = surroundingsOf([{ kind: 'Secret', metadata: { name: 's' }, stringData: { key: 'x' } }]);
    const settings = settingsOfPod({ metadata: { name: 'web' }, spec }, objects)[0]?.settings ?? {};
    for (const [path, to] of [
      ['/secret/key', 'read'],
      ['/secret/key', 'write'],
      ['/secret/new', 'create'],
      ['/secret', 'chmod=0700'],
    ] as const) {
      const found = await ask(path, to, { platform: 'containerd-2', settings: { ...settings, capDrop: ['ALL'] } });
      expect(found.decision.allowed, to).toBe(false);
      expect(titles(found), `${to} ${path}`).toEqual([]);
      expect(found.notes.join(), `${to} ${path}`).toMatch(/no remedy: .*read-only.*emptyDir/);
    }
  });
});
