/** The image of the engine conformance suite: one static busybox from scratch, and a few files with owners that matter. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineStatus } from '../../src/engine/engine.ts';
import { type BuildSpec, type LayerItem, writeLayout } from '../support/image-builder.ts';

const BUSYBOX: string | undefined = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path) && isStatic(path));

/** Undefined when the image can be built here. */
export const whyNoBusyboxImage: string | undefined =
  BUSYBOX === undefined ? 'a static busybox is missing: apt-get install -y busybox-static' : undefined;

const APT = 'apt-get install -y ';

/** What keeps an engine from being tried with this image, and the one line that brings all of it. */
export function whyNotWith({ available, reason = '', install = '' }: EngineStatus): string | undefined {
  if (available || !whyNoBusyboxImage || !install.startsWith(APT))
    return available ? whyNoBusyboxImage : [reason, install].filter(Boolean).join(': ');
  return `${reason}, ${whyNoBusyboxImage.replace(APT, `${install} `)}`;
}

const APPLETS =
  'cat chmod chown cp echo env false grep head httpd id kill ln ls mkdir mount mv pwd rm seq sh sleep stat tail touch true umask wget yes'.split(
    ' ',
  );

/**
 * /etc/passwd knows root, toor (uid 0 too) and app (1234, also in group extra = 77). VOLUME /data (app's, 0750, holding `seed`) and
 * /missing, which is not in the image; /covered (0711) is there for a tmpfs; STOPSIGNAL is SIGUSR1; WORKDIR /srv.
 */
export function busyboxSpec(): BuildSpec {
  const file = (path: string, content: string | Uint8Array, mode = 0o644, uid = 0, gid = 0): LayerItem => ({
    path,
    content,
    mode,
    uid,
    gid,
  });
  const items: LayerItem[] = [
    ...['/', '/bin', '/etc', '/srv', '/www', '/run', '/home', '/root', '/deep', '/deep/er'].map((path) => ({ path })),
    { path: '/tmp', mode: 0o1777 },
    { path: '/covered', mode: 0o711 },
    { path: '/home/app', mode: 0o700, uid: 1234, gid: 1234 },
    { path: '/data', mode: 0o750, uid: 1234, gid: 77 },
    file('/data/seed', 'from the image\n', 0o640, 1234, 77),
    file('/covered/inside', 'covered\n'),
    file('/www/index.html', 'served\n'),
    file(
      '/etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0:also root:/root:/bin/sh\napp:x:1234:1234:app:/home/app:/bin/sh\n',
    ),
    file('/etc/group', 'root:x:0:\napp:x:1234:\nextra:x:77:app\n'),
    file('/etc/plain', 'no program\n'),
    file('/etc/doomed', 'to be deleted\n'),
    file('/deep/er/file', 'deep\n'),
    file('/bin/busybox', readFileSync(BUSYBOX!), 0o755),
    ...APPLETS.map((applet): LayerItem => ({ path: `/bin/${applet}`, target: 'busybox' })),
  ];
  return {
    layers: [items],
    config: {
      Env: ['PATH=/bin', 'FROM_IMAGE=yes'],
      Cmd: ['sh'],
      WorkingDir: '/srv',
      Volumes: { '/data': {}, '/missing': {} },
      StopSignal: 'SIGUSR1',
    },
  };
}

/** Writes the OCI layout and returns the reference to open it by. */
export function writeBusyboxImage(folder: string): string {
  return `oci:${writeLayout(join(folder, 'busybox'), busyboxSpec())}:latest`;
}

/** A program without an interpreter line in its ELF header: ldd refuses it. */
function isStatic(program: string): boolean {
  return spawnSync('ldd', [program], { stdio: 'ignore' }).status !== 0;
}
