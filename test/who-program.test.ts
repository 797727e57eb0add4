/** `who` on images that start as root: what the program's own file decides, and how little of the image that takes. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Image } from '../src/image/image.ts';
import { openImage } from '../src/image/sources/index.ts';
import type { Launch, Refusal } from '../src/launch/launch.ts';
import { launchImage } from '../src/launch/launch-image.ts';
import { launchSubject } from '../src/launch/subject.ts';
import { whoIn } from '../src/launch/who-in.ts';
import { profile } from '../src/platform/profiles.ts';
import { type Compression, type LayerItem, temporaryFolder, writeLayout } from './support/image-builder.ts';
import { smallestProgram } from './support/program.ts';

/** vfs_cap_data of revision 2 with the effective bit: one capability, permitted. */
const capability = (bit: number): Readonly<Record<string, Uint8Array>> => ({
  'security.capability': new Uint8Array(Uint32Array.from([0x02000001, 1 << bit, 0, 0, 0]).buffer),
});
const NET_BIND_SERVICE = 10;
const SYS_ADMIN = 21;

const items: readonly LayerItem[] = [
  { path: '/etc/passwd', content: 'root:x:0:0::/root:/bin/sh\n' },
  { path: '/usr/bin/plain', content: smallestProgram(), mode: 0o755 },
  { path: '/usr/bin/inside', content: smallestProgram(), mode: 0o755, xattrs: capability(NET_BIND_SERVICE) },
  { path: '/usr/bin/outside', content: smallestProgram(), mode: 0o755, xattrs: capability(SYS_ADMIN) },
  { path: '/usr/bin/script', content: '#!/bin/nosuch\n', mode: 0o755 },
  { path: '/usr/bin/raw', content: 'x', mode: 0o755 },
  { path: '/usr/bin/data', content: 'x', mode: 0o644 },
  { path: '/usr/bin/sgid', content: smallestProgram(), mode: 0o2755, gid: 7 },
  { path: '/usr/bin/link', target: 'outside' },
  { path: '/bin', target: 'usr/bin' },
];

let folder = '';
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Asked {
  readonly answer: Launch | Refusal;
  /** What `check` works with: the whole tree, always. */
  readonly whole: Launch | Refusal;
  readonly trees: number;
}

async function ask(program: string, compression: Compression): Promise<Asked> {
  const config = { Entrypoint: [program], Env: ['PATH=/usr/local/bin:/usr/bin:/bin'] };
  const layout = writeLayout(join(folder, `${compression}-${program.replaceAll('/', '-')}`), {
    layers: [items],
    config,
    compression,
  });
  const opened = await openImage(`oci:${layout}:latest`);
  let trees = 0;
  const image: Image = {
    ...opened,
    rootFs: () => {
      trees += 1;
      return opened.rootFs();
    },
  };
  try {
    const answer = await whoIn(image, {}, profile('docker'), 'it');
    const subject = await launchSubject(opened, { rootFs: true });
    return { answer, whole: launchImage({ image: subject, settings: {}, profile: profile('docker'), name: 'it' }), trees };
  } finally {
    await opened.close();
  }
}

const short = (one: Launch | Refusal): unknown =>
  one.kind === 'refusal' ? one.message : { uid: one.uid, gid: one.effectiveGid ?? one.gid, capabilities: one.capabilities };

describe.each<Compression>(['none', 'gzip'])('the program of an image of root, layers compressed with %s', (compression) => {
  it.each([
    '/usr/bin/plain',
    'plain',
    '/usr/bin/inside',
    '/usr/bin/outside',
    'outside',
    'link',
    '/bin/outside',
    'data',
    'sgid',
    'none',
    'script',
    'raw',
  ])('%s: who says what check finds', async (program) => {
    const { answer, whole } = await ask(program, compression);
    expect(short(answer)).toEqual(short(whole));
  });
  it('is refused when its file capabilities lie outside the bounding set', async () => {
    const { answer } = await ask('outside', compression);
    expect(answer).toMatchObject({ kind: 'refusal', by: 'runtime', message: 'exec /usr/bin/outside: operation not permitted' });
  });
  it('is refused when the kernel cannot execute it, or its interpreter is missing', async () => {
    expect((await ask('raw', compression)).answer).toMatchObject({
      kind: 'refusal',
      message: 'exec /usr/bin/raw: exec format error',
    });
    const { answer } = await ask('script', compression);
    expect(answer).toMatchObject({ kind: 'refusal', message: 'exec /usr/bin/script: no such file or directory' });
  });
});

it('reads the whole tree only when the file at its place does not settle it', async () => {
  expect((await ask('plain', 'none')).trees).toBe(0);
  expect((await ask('/usr/bin/plain', 'none')).trees).toBe(0);
  expect((await ask('outside', 'none')).trees).toBe(1);
  expect((await ask('/bin/plain', 'none')).trees).toBe(1);
});
