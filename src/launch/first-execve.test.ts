/** The first execve of set-id files, capable files and scripts. That runc does the same is test/bad-input.test.ts's subject. */
import { describe, expect, it } from 'vitest';
import { CONFIG } from '../../test/support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Launch, Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';
import { readPrograms } from './scripts.ts';

const ELF = '\u007fELF';
const NBS = { permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true } as const;

async function start(files: Readonly<Record<string, MemoryEntry>>, settings: ContainerSettings = {}): Promise<Launch | Refusal> {
  const rootFs = memoryRootFs({ '/bin/sh': { content: ELF, mode: 0o755 }, ...files });
  const programs = await readPrograms(rootFs, ['app'], ['PATH=/bin'], '/');
  const config = { ...CONFIG, user: '1000', env: ['PATH=/bin'], cmd: ['app'] };
  return launchImage({ image: { reference: 'test', config, rootFs, programs }, settings, profile: profile('docker') });
}

describe('a set-user-ID entrypoint', () => {
  it('is root when it is a program', async () => {
    expect(await start({ '/bin/app': { content: ELF, mode: 0o4755 } })).toMatchObject({ uid: 1000, effectiveUid: 0 });
  });

  it('is nobody special when it is a script: the interpreter counts', async () => {
    const launch = await start({ '/bin/app': { content: '#! /bin/sh -e\n', mode: 0o6755, gid: 50 } });
    expect(launch).not.toHaveProperty('effectiveUid');
    expect(launch).not.toHaveProperty('effectiveGid');
    expect(launch.because.map(({ source }) => source).join()).toContain('/bin/app is a script for /bin/sh');
  });

  it('gets what its interpreter’s file gives', async () => {
    const script = { content: '#!/bin/sh\n', mode: 0o4755, uid: 7 };
    expect(await start({ '/bin/app': script, '/bin/sh': { content: ELF, mode: 0o4755 } })).toMatchObject({ effectiveUid: 0 });
    const through = { content: '#!/bin/sh\n', mode: 0o755 };
    expect(
      await start({
        '/bin/app': { ...script, content: '#!/bin/two' },
        '/bin/two': through,
        '/bin/sh': { content: ELF, mode: 0o4755, uid: 8 },
      }),
    ).toMatchObject({ effectiveUid: 8 });
  });
});

it('file capabilities of a script give nothing and refuse nothing', async () => {
  const program = await start({ '/bin/app': { content: ELF, mode: 0o755, fileCapabilities: NBS } }, { capDrop: ['ALL'] });
  expect(program).toMatchObject({ kind: 'refusal', message: expect.stringContaining('exec /bin/app: operation not permitted') });
  const script = await start(
    { '/bin/app': { content: '#!/bin/sh\n', mode: 0o755, fileCapabilities: NBS } },
    { capDrop: ['ALL'] },
  );
  expect(script).toMatchObject({ kind: 'launch', capabilities: { effective: [] } });
});

describe('an interpreter that cannot be executed refuses the script', () => {
  const special = { content: '#!/bin/none\n', mode: 0o4755 };
  it.each<[what: string, files: Readonly<Record<string, MemoryEntry>>, words: string]>([
    ['it is missing', {}, 'exec /bin/app: no such file or directory'],
    ['it has no x', { '/bin/none': { content: ELF } }, 'exec /bin/app: permission denied'],
    ['it is a directory', { '/bin/none': {} }, 'exec /bin/app: permission denied'],
    [
      'a chain without end',
      { '/bin/none': { content: '#!/bin/app', mode: 0o755 } },
      'exec /bin/app: too many levels of symbolic links',
    ],
  ])('%s', async (_, files, words) => {
    expect(await start({ '/bin/app': special, ...files })).toMatchObject({ kind: 'refusal', message: words });
  });
});

describe('what the kernel cannot execute, and a loader that is missing', () => {
  it.each<[what: string, content: string, words: string]>([
    ['no magic number', 'hello', 'exec /bin/app: exec format error'],
    ['empty', '', 'exec /bin/app: exec format error'],
    ['a line with nothing but #!', '#! \n', 'exec /bin/app: exec format error'],
    ['an interpreter that is none', '#!/bin/raw\n', 'exec /bin/app: exec format error'],
    ['an interpreter that is missing', '#!/bin/nosuch\n', 'exec /bin/app: no such file or directory'],
    ['Windows line ends', '#!/bin/sh\r\n', 'exec /bin/app: no such file or directory'],
    ['a folder', '#!', 'exec /bin/app: permission denied'],
  ])('%s', async (_, content, words) => {
    const files = { '/bin/app': { content, mode: 0o755 }, '/bin/raw': { content: 'x', mode: 0o755 } };
    expect(await start(files)).toMatchObject({ kind: 'refusal', by: 'runtime', reason: 'start', message: words });
  });

  it("in crun's words", async () => {
    const message = async (content: string) => {
      const rootFs = memoryRootFs({ '/bin/app': { content, mode: 0o755 } });
      const programs = await readPrograms(rootFs, ['/bin/app'], [], '/');
      const config = { ...CONFIG, cmd: ['/bin/app'] };
      const outcome = launchImage({
        image: { reference: 'test', config, rootFs, programs },
        settings: {},
        profile: profile('podman'),
      });
      return outcome.kind === 'refusal' ? outcome.message : outcome.kind;
    };
    expect(await message('x')).toBe('exec container process `/bin/app`: Exec format error');
    expect(await message('#!/bin/no\n')).toBe(
      'exec container process (missing dynamic library?) `/bin/app`: No such file or directory',
    );
  });

  it('a program of another machine may have an emulator', async () => {
    const rootFs = memoryRootFs({ '/bin/app': { content: 'x', mode: 0o755 } });
    const programs = new Map([['/bin/app', { kind: 'foreign', why: 'it is a program for ARM' } as const]]);
    const config = { ...CONFIG, cmd: ['/bin/app'] };
    const launch = launchImage({
      image: { reference: 'test', config, rootFs, programs },
      settings: {},
      profile: profile('docker'),
    });
    expect(launch.kind).toBe('launch');
    expect(launch.because.map(({ source }) => source).join()).toContain('only where binfmt_misc hands such programs');
  });

  it('a file of the image behind a mount is not what is executed', async () => {
    const files = { '/bin/app': { content: 'x', mode: 0o755 } };
    const bind = { kind: 'bind', target: '/bin', source: '/host' } as const;
    expect(await start(files, { volumes: [bind] })).toMatchObject({ kind: 'launch' });
  });
});

describe('a program that its process may not read', () => {
  const files = { '/bin/app': { content: ELF, mode: 0o711 } };
  it('gives root its files in /proc', async () => {
    expect(await start(files, { capDrop: ['ALL'] })).toMatchObject({ kind: 'launch', notDumpable: true });
    expect(await start({ '/bin/app': { content: ELF, mode: 0o755 } }, { capDrop: ['ALL'] })).not.toHaveProperty('notDumpable');
    // Docker's runtime still has CAP_DAC_OVERRIDE when it executes it.
    expect(await start(files)).not.toHaveProperty('notDumpable');
  });
  it('a script that is not readable does not matter, its interpreter does', async () => {
    const script = { '/bin/app': { content: '#!/bin/sh\n', mode: 0o711 } };
    expect(await start(script, { capDrop: ['ALL'] })).not.toHaveProperty('notDumpable');
    const secret = { ...script, '/bin/sh': { content: ELF, mode: 0o711 } };
    expect(await start(secret, { capDrop: ['ALL'] })).toMatchObject({ notDumpable: true });
  });
});
