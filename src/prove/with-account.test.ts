import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writeLayout } from '../../test/support/image-builder.ts';
import { smallestProgram } from '../../test/support/program.ts';
import { openImage } from '../image/sources/index.ts';
import type { ProfileName } from '../platform/platform.ts';
import { profile } from '../platform/profiles.ts';
import { launchOf, readSubject } from './subject.ts';
import { withAccount } from './with-account.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** What /etc/passwd says in the run of an image whose file has this mode. */
async function passwd(platform: ProfileName, user: string, arbitrary = true, mode = 0o644): Promise<string> {
  const layer = [
    { path: '/etc', mode: 0o755 },
    { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\napp:x:7:7::/app:/bin/sh', mode },
    { path: '/bin', mode: 0o755 },
    { path: '/bin/app', content: smallestProgram(), mode: 0o755 },
  ];
  const config = { Cmd: ['/bin/app'], WorkingDir: '/' };
  const image = await openImage(`oci:${writeLayout(join(folder, String(++count)), { layers: [layer], config })}`);
  const settings = platform === 'crio' ? { runAsUser: Number(user) } : { user };
  const launch = launchOf(await readSubject(image), settings, profile(platform));
  if (launch.kind === 'refusal') throw new Error(launch.message);
  const run = await withAccount(image, launch, { arbitrary });
  const text = new TextDecoder().decode(await (await run.rootFs()).readFile('/etc/passwd'));
  await image.close();
  return text;
}

describe('withAccount', () => {
  it('adds the line that CRI-O and Podman write for a uid that no image lists', async () => {
    expect(await passwd('podman', '1234:0')).toMatch(/\napp:.*\n1234:\*:1234:0:container user:\/:\/bin\/sh\n$/);
    expect(await passwd('crio', '1234')).toMatch(/\n1234:x:1234:0:1234 user:\/:\/sbin\/nologin\n$/);
  });

  it('adds none where the platform writes none, for a uid that has one, or for one that the image could list', async () => {
    expect(await passwd('docker', '1234:0')).not.toContain('1234');
    expect((await passwd('podman', '7:0')).split('\n')).toHaveLength(2);
    expect(await passwd('podman', '1234:0', false)).not.toContain('1234');
    expect(await passwd('crio', '1234', true, 0o664)).not.toContain('1234');
    expect(await passwd('podman', '1234:0', true, 0o664)).toContain('1234');
  });
});
