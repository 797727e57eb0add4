import { describe, expect, it } from 'vitest';
import { isOwnFailure, removedAtLast, triedAgain } from './own-failure.ts';

describe('failures of podman itself', () => {
  it('are told from refusals of the runtime', () => {
    for (const words of [
      'localhost/unroot-brought-12-3:run: image not known',
      'reading image "809c": locating image with ID "809c": image not known',
      'creating container storage: layer not known',
      'no container with name or ID "unroot-1" found: no such container',
    ])
      expect(isOwnFailure(words), words).toBe(true);
    for (const words of [
      'runc: runc create failed: unable to start container process: exec: "/nothing": stat /nothing: no such file or directory: OCI runtime attempted to invoke a command that was not found',
      'runc: exec: "/app": permission denied: OCI permission denied',
      'workdir "/srv/app" does not exist on container unroot-1',
    ])
      expect(isOwnFailure(words), words).toBe(false);
  });

  const answer = (code: number, stderr: string) => ({
    code,
    stderr,
    stdout: '',
    timedOut: false,
    missing: false,
    aborted: false,
  });

  it('are mended and tried again, refusals are not', async () => {
    let mended = 0;
    const mend = async (): Promise<void> => {
      mended++;
    };
    const spoilt = await triedAgain(
      async () => (mended > 0 ? answer(0, '') : answer(125, 'Error: x:run: image not known')),
      mend,
    );
    expect([spoilt.code, mended]).toEqual([0, 1]);
    const refused = await triedAgain(async () => answer(126, 'Error: runc: exec: "/app": permission denied'), mend);
    expect([refused.code, mended]).toEqual([126, 1]);
  });

  it('to remove what is still busy is tried again, any other is an error', async () => {
    const busy =
      'Error: removing container 1 root filesystem: 1 error occurred:\n\t* unlinkat /s/userdata/shm: device or resource busy';
    const answers = [answer(125, busy), answer(125, `${busy}\n\n`), answer(0, '')];
    expect(await removedAtLast(async () => answers.shift() ?? answer(1, 'asked too often'))).toBe(true);
    expect(answers).toEqual([]);
    const other = removedAtLast(async () => answer(125, 'Error: container 1 has dependent containers'));
    await expect(other).rejects.toThrow('podman rm failed: container 1 has dependent containers');
  });
});
