/** An nginx that nobody runs: its configuration, the folders it names, and a program of that name. */
import { type LayerItem, writeLayout } from './image-builder.ts';
import { smallestProgram } from './program.ts';

const FOLDERS = [
  '/etc',
  '/etc/nginx',
  '/etc/nginx/conf.d',
  '/run',
  '/usr',
  '/usr/sbin',
  '/var',
  '/var/cache',
  '/var/cache/nginx',
];

/** The layout, written to `folder`. */
export function writeNginx(folder: string): string {
  const items: LayerItem[] = [
    ...FOLDERS.map((path) => ({ path })),
    { path: '/etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101::/:/bin/false\n' },
    { path: '/etc/group', content: 'root:x:0:\nnginx:x:101:\n' },
    { path: '/etc/nginx/nginx.conf', content: 'pid /run/nginx.pid;\nevents {}\nhttp { include /etc/nginx/conf.d/*.conf; }\n' },
    { path: '/etc/nginx/conf.d/default.conf', content: 'server { listen 80; }\n' },
    { path: '/usr/sbin/nginx', content: smallestProgram(), mode: 0o755 },
    { path: '/tmp', mode: 0o1777 },
  ];
  return writeLayout(folder, {
    layers: [items],
    config: { Cmd: ['/usr/sbin/nginx', '-g', 'daemon off;'], ExposedPorts: { '80/tcp': {} } },
  });
}
