/** Writes a stack to a folder and builds what its images are made of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianImage, onPath, whyNoDebianImages } from '../../support/debian-image.ts';
import { writeBelow } from '../../support/files.ts';
import { writeLayout } from '../../support/image-builder.ts';
import type { Stack } from './stack.ts';

export const whyNoStacks: string | undefined =
  whyNoDebianImages() ?? (onPath('busybox') ? undefined : 'busybox is not installed: apt-get install -y busybox-static');

/** The flags that say where its images are. */
export async function prepare(stack: Stack, folder: string): Promise<readonly string[]> {
  for (const [path, text] of Object.entries(stack.files)) writeBelow(folder, path, text);
  const flags: string[] = [];
  for (const [name, made] of Object.entries(stack.images)) {
    const reference = made === 'static' ? `oci:${staticEdge(folder)}` : (await debianImage(made)).reference;
    flags.push('--image', `${name}=${reference}`);
  }
  return flags;
}

/** One program without libraries, and nothing else. */
function staticEdge(folder: string): string {
  const program = readFileSync('/bin/busybox');
  return writeLayout(join(folder, '..', 'edge-image'), {
    layers: [
      [
        { path: '/bin' },
        { path: '/bin/busybox', content: program, mode: 0o755 },
        ...['httpd', 'sh', 'wget', 'grep'].map((name) => ({ path: `/bin/${name}`, hardlink: '/bin/busybox', mode: 0o755 })),
        { path: '/etc' },
        { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n' },
        { path: '/tmp', mode: 0o1777 },
      ],
    ],
    config: { Entrypoint: ['/bin/httpd'], ExposedPorts: { '80/tcp': {} } },
  });
}
