/** The first execve of set-id files, capable files and scripts. That runc does the same is test/bad-input.test.ts's subject. */
import { describe, expect, it } from 'vitest';
import { CONFIG } from '../../test/support/launch.ts';
import { type MemoryEntry, memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Launch, Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';
import { readScripts } from './scripts.ts';

const ELF = '\u007fELF';
const NBS = { permitted: ['CAP_NET_BIND_SERVICE'], inheritable: [], effective: true } as const;

async function start(files: Readonly<Record<string, MemoryEntry>>, settings: ContainerSettings = {}): Promise<Launch | Refusal> {
  const rootFs = memoryRootFs({ '/bin/sh': { content: ELF, mode: 0o755 }, ...files });
  const scripts = await readScripts(rootFs, ['app'], ['PATH=/bin'], '/');
  const config = { ...CONFIG, user: '1000', env: ['PATH=/bin'], cmd: ['app'] };
  return launchImage({ image: { reference: 'test', config, rootFs, scripts }, settings, profile: profile('docker') });
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
