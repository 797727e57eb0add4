/** Names that nobody knows are bad usage: an answer about them would be made up. */
import { describe, expect, it } from 'vitest';
import { CONFIG } from '../../test/support/launch.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { UnrootError } from '../error.ts';
import { launchImage } from '../launch/launch-image.ts';
import { profile } from '../platform/profiles.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';
import { readQuestion } from './question.ts';

async function ask(words: string): Promise<Explanation> {
  const subject = {
    reference: 'x',
    config: CONFIG,
    passwd: 'app:x:33:33::/:\n',
    group: 'app:x:33:\n',
    rootFs: memoryRootFs({ '/bin/app': { content: '', mode: 0o755 } }),
  };
  const launch = launchImage({ image: subject, settings: { user: '1000' }, profile: profile('podman') });
  if (launch.kind === 'refusal') throw new Error(launch.message);
  return explain({ question: readQuestion(words.split(' '), undefined), launch, subject, layers: [] });
}

describe('calls', () => {
  it.each([
    ['unshare foo', 'FLAG one of mount, uts, ipc, net'],
    ['unshare CLONE_NEWFOO', 'FLAG one of mount'],
    ['rlimit FOO', 'NAME one of AS, CORE'],
    ['setsockopt FOO', 'one of SO_MARK, SO_RCVBUFFORCE'],
    ['setuid nosuch', 'UID as a number from 0 to 4294967294, or a name that is in /etc/passwd'],
    ['setgid nosuch', 'a name that is in /etc/group'],
    ['setgroups 1 nosuch', 'each GID as a number'],
  ])('%s is bad usage', async (words, expected) => {
    const error = await ask(words).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnrootError);
    expect(error).toMatchObject({ code: 'explain.question', message: `${words} is not understood` });
    expect((error as UnrootError).expected).toContain(expected);
  });

  it.each([
    ['unshare net clone_newns', ['CLONE_NEWNET', 'CLONE_NEWNS']],
    ['unshare ns fs', ['CLONE_NEWNS', 'CLONE_FS']],
  ])('%s', async (words, flags) => {
    expect((await ask(words)).decision.operation).toEqual({ kind: 'unshare', flags });
  });

  it('names are taken in either case, with and without prefix', async () => {
    expect((await ask('rlimit nproc')).decision.operation).toMatchObject({ resource: 'RLIMIT_NPROC' });
    expect((await ask('rlimit')).decision).toMatchObject({ errno: 'EPERM', operation: { resource: 'RLIMIT_NOFILE' } });
    expect((await ask('setsockopt so_mark')).decision).toMatchObject({ allowed: false, operation: { name: 'SO_MARK' } });
    expect((await ask('setsockopt TCP_NODELAY')).decision.allowed).toBe(true);
    expect((await ask('setuid app')).decision.operation).toMatchObject({ ids: [33] });
  });
});
