import { describe, expect, it } from 'vitest';
import { type MemoryEntry, memoryRootFs } from '../../../test/support/memory-rootfs.ts';
import type { ImageConfig } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import { launchImage } from '../../launch/launch-image.ts';
import { profile } from '../../platform/profiles.ts';
import { foresee } from './foresee.ts';
import type { ReadOperation } from './read-operation.ts';

const PASSWD = 'root:x:0:0::/root:/bin/sh\napp:x:999:998:the app:/data:/sbin/nologin\n';
const GROUP = 'root:x:0:\napp:x:998:\nweb:x:33:\n';
const BASE: Readonly<Record<string, MemoryEntry | string>> = {
  '/etc/passwd': PASSWD,
  '/etc/group': GROUP,
  '/bin/sh': { content: '\x7fELF\0', mode: 0o755 },
  '/usr/sbin/nginx': {
    content: '\x7fELF\0configure arguments: --prefix=/usr/share/nginx --http-proxy-temp-path=/var/lib/nginx/proxy --user=web\0',
    mode: 0o755,
  },
  '/usr/bin/redis-server': { content: '\x7fELF\0', mode: 0o755 },
  '/usr/sbin/haproxy': { content: '\x7fELF\0', mode: 0o755 },
  '/usr/sbin/apache2': { content: '\x7fELF\0', mode: 0o755 },
};

async function reading(
  argv: readonly string[],
  tree: Readonly<Record<string, MemoryEntry | string>>,
  env: readonly string[] = [],
): Promise<readonly ReadOperation[]> {
  const rootFs = memoryRootFs({ ...BASE, ...tree });
  const config: ImageConfig = {
    user: '',
    env,
    entrypoint: argv,
    cmd: [],
    workingDir: '/srv',
    volumes: [],
    exposedPorts: [],
    labels: {},
  };
  const image = { reference: 'test', config, passwd: PASSWD, group: GROUP, rootFs };
  const launch = launchImage({ image, settings: {}, profile: profile('docker') }) as Launch;
  expect(launch.kind).toBe('launch');
  return foresee(launch, rootFs, { passwd: PASSWD, group: GROUP });
}

const script = (text: string): MemoryEntry => ({ content: `#!/bin/sh\n${text}`, mode: 0o755 });

/** `mkdir /x`, `open /y`, `chown /z 999:998`, `setuid 999`. */
const short = ({ operation: o }: ReadOperation): string => {
  if (o.kind === 'chown') return `chown ${o.path} ${o.uid}:${o.gid}`;
  if (o.kind === 'setuid' || o.kind === 'setgid') return `${o.kind} ${o.ids.join()}`;
  if (o.kind === 'setgroups') return `setgroups ${o.groups.join()}`;
  if (o.kind === 'bind') return `bind ${o.protocol} ${o.port}`;
  if (o.kind === 'rename' || o.kind === 'link') return `${o.kind} ${o.path} ${o.to}`;
  return `${o.kind} ${'path' in o ? o.path : ''}`;
};

const run = async (
  text: string,
  args: readonly string[] = [],
  tree: Readonly<Record<string, MemoryEntry | string>> = {},
): Promise<string[]> => (await reading(['/start', ...args], { ...tree, '/start': script(text) })).map(short);

describe('what a shell is handed', () => {
  const told = async (argv: readonly string[]): Promise<string[]> =>
    (await reading(argv, { '/usr/bin/tini': { content: '\x7fELF\0', mode: 0o755 }, '/run.sh': 'touch /by-file' })).map(short);
  it('as text, as the shell form of a Dockerfile and `command` of a pod hand it', async () => {
    expect(await told(['/bin/sh', '-c', 'mkdir -p /var/x && echo $$ > /var/x/pid; exec redis-server'])).toEqual([
      'mkdir /var',
      'mkdir /var/x',
      'open /var/x/pid',
    ]);
    expect(await told(['sh', '-ec', 'touch "/$1"', 'me', 'first'])).toEqual(['open /first']);
  });
  it('as a file without a first line', async () => expect(await told(['sh', '/run.sh'])).toEqual(['open /by-file']));
  it('behind an init', async () => expect(await told(['tini', '-g', '--', 'sh', '-c', 'touch /a'])).toEqual(['open /a']));
  it('names the line of the text', async () => {
    const [one] = await reading(['sh', '-c', 'true\ntouch /a # why'], {});
    expect(one).toMatchObject({ file: 'sh -c', line: 2, text: 'touch /a', confidence: 'medium' });
  });
  it('reads too', async () =>
    expect(await told(['sh', '-c', 'cat /etc/passwd; wc </etc/group'])).toEqual(['open /etc/passwd', 'open /etc/group']));
});

describe('scripts', () => {
  it.each([
    ['touch /a', 'medium'],
    ['touch /a 2>/dev/null || { echo cannot; exit 0; }', 'low'],
    ['touch /a || true', 'low'],
    ['touch /a && echo done || echo not', 'low'],
    ['if touch /a 2>/dev/null; then echo yes; fi', 'low'],
    ['touch /a || exit 1', 'medium'],
    ['touch /a || { echo cannot >&2; exit 1; }', 'medium'],
    ['touch /a || die "cannot"', 'medium'],
    ['if ! touch /a; then echo cannot; exit 3; fi', 'medium'],
  ])('what may fail is not sure to matter: %s', async (text, confidence) => {
    const found = await reading(['sh', '-c', text], {});
    expect(found.find(({ operation }) => operation.kind === 'open')).toMatchObject({ confidence });
  });
  it.each([
    ['mkdir -p /a/b', ['mkdir /a', 'mkdir /a/b']],
    ['mkdir -m 700 x', ['mkdir /srv/x']],
    ['mkdir -p /etc', []],
    ['echo x > /run/app.pid', ['open /run/app.pid']],
    ['echo x >> log 2>&1', ['open /srv/log']],
    ['echo x > /dev/null 2>/dev/stderr', []],
    ['touch /a; touch /a', ['open /a', 'open /a']],
    ['chown -R app:web /etc', ['chown /etc 999:33']],
    ['chown app: /etc', ['chown /etc 999:998']],
    ['chown nobody-knows /etc', []],
    ['chgrp web /etc', ['chown /etc -1:33']],
    ['chmod 0700 /etc', ['chmod /etc']],
    ['rm -rf /etc/passwd /nowhere', ['unlink /etc/passwd']],
    ['cp /etc/passwd /etc/group /opt', ['open /opt', 'open /opt']],
    ['mv /etc/passwd /opt/', ['rename /etc/passwd /opt']],
    ['mv /etc/passwd /etc', ['rename /etc/passwd /etc/passwd']],
    ['make-it > new; mv new /etc/passwd', ['open /srv/new', 'open /etc/mvXXXXXX', 'rename /etc/mvXXXXXX /etc/passwd']],
    ['install -d -m 755 -o app /var/cache/x', ['mkdir /var', 'mkdir /var/cache', 'mkdir /var/cache/x']],
    ['ln -sf /dev/stdout /var/log/x', ['symlink /var/log/x']],
    ['sed -i s/a/b/ /etc/passwd', ['open /etc/sedXXXXXX', 'rename /etc/sedXXXXXX /etc/passwd']],
    ['sed s/a/b/ /etc/passwd', []],
    ['echo x | tee -a /etc/passwd', ['open /etc/passwd']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
    ['D=/opt/d; mkdir "$D/${SUB:-sub}"', ['mkdir /opt/d/sub']],
    ['mkdir "$(mktemp -d)/x"', []],
    ['for d in /a /b; do mkdir $d; done', ['mkdir /a', 'mkdir /b']],
    ['f() { mkdir "$1"; }; f /a', ['mkdir /a']],
    ['[ -d /nowhere ] || mkdir /nowhere', ['mkdir /nowhere']],
    ['[ -d /etc ] || mkdir /never', []],
    ['if [ -f /etc/passwd ]; then mkdir /a; else mkdir /b; fi', ['mkdir /a']],
    ['cd /opt && mkdir x', ['mkdir /opt/x']],
    ['exit 0\nmkdir /never', []],
    ['exec gosu app redis-server', ['setgid 998', 'setgroups 998', 'setuid 999']],
    ['su -s /bin/sh -c "x" app', ['setgid 998', 'setgroups 998', 'setuid 999']],
  ])('%s', async (text, wanted) => {
    const tree = { '/usr/bin/gosu': { content: '\x7fELF\0', mode: 0o755 } };
    expect(await run(text, [], tree)).toEqual(wanted);
  });

  it('know what they are called with', async () => {
    const text = 'case "$1" in\n  -*) set -- server "$@" ;;\nesac\nif [ "$1" = server ]; then mkdir /made; fi\nexec "$@"';
    expect(await run(text, ['-x'])).toEqual(['mkdir /made']);
    expect(await run(text, ['other'])).toEqual([]);
  });

  it('become root only where they ask for it, and start themselves again', async () => {
    const text =
      'if [ "$(id -u)" = 0 ]; then\n  chown app /etc\n  exec setpriv --reuid=app --regid=app "$0" "$@"\nfi\nmkdir /mine';
    const found = await reading(['/start'], {
      '/start': script(text),
      '/usr/bin/setpriv': { content: '\x7fELF\0', mode: 0o755 },
    });
    expect(found.map((one) => [short(one), one.line, one.onlyRoot ?? false])).toEqual([
      ['chown /etc 999:-1', 3, true],
      ['setgid 998', 4, true],
      ['setgroups 998', 4, true],
      ['setuid 999', 4, true],
      ['mkdir /mine', 6, false],
    ]);
  });

  it('are less sure behind what nobody knows', async () => {
    const found = await reading(['/start'], {
      '/start': script('mkdir /a\nif curl -s x; then mkdir /b; fi\ncurl y || exit 1\nmkdir /c'),
    });
    expect(found.map((one) => [short(one), one.confidence])).toEqual([
      ['mkdir /a', 'medium'],
      ['mkdir /b', 'low'],
      ['mkdir /c', 'low'],
    ]);
  });

  it('read what they start and what they include', async () => {
    const tree = {
      '/parts/10.sh': script('mkdir /ten'),
      '/parts/20.sh': { content: '#!/bin/sh\nmkdir /never', mode: 0o644 },
      '/parts/README': 'mkdir /text',
      '/lib.sh': 'mkdir /lib',
    };
    const text = '. /lib.sh\nfor part in /parts/*; do case "$part" in *.sh) [ ! -x "$part" ] || "$part" ;; esac; done';
    expect(await run(text, [], tree)).toEqual(['mkdir /lib', 'exec /parts/10.sh', 'mkdir /ten']);
  });

  it('are bounded, whatever they say', async () => {
    const hostile: Readonly<Record<string, string>> = {
      itself: '/start; /start; /start; /start',
      functions: 'f() { f; f; f; f; }; f',
      loops: `${'for a in 1 2 3 4 5 6 7 8 9; do '.repeat(12)}mkdir /x${'; done'.repeat(12)}`,
      nested: `${'( '.repeat(5000)}x${' )'.repeat(5000)}`,
      substitutions: `mkdir ${'$('.repeat(5000)}`,
      growing: `a=xxxxxxxxxx\n${'a="$a$a$a$a"\n'.repeat(40)}mkdir "/$a"`,
      stars: `case ${'a'.repeat(3000)} in ${'*a'.repeat(200)}b) mkdir /x ;; esac`,
      broken: 'if then fi ((( "',
      huge: 'mkdir /x\n'.repeat(7000),
      binary: '\u0000\u0001 mkdir /x',
    };
    for (const [name, text] of Object.entries(hostile)) {
      const began = performance.now();
      const found = await run(text);
      expect(found.length, name).toBeLessThanOrEqual(500);
      expect(performance.now() - began, name).toBeLessThan(2000);
    }
  });
});

describe('nginx', () => {
  it('is read with its includes, and with what it was built with', async () => {
    const found = await reading(['nginx', '-g', 'daemon off; pid /run/n.pid;'], {
      '/etc/nginx/nginx.conf':
        'user app web;\nerror_log /var/log/e.log warn;\nevents { worker_connections 1; }\nhttp {\n  include conf.d/*.conf;\n  access_log off; # none\n}\n',
      '/etc/nginx/conf.d/a.conf':
        'server {\n  listen 80 default_server;\n  listen [::]:443 ssl;\n  listen unix:/run/n.sock;\n  location / { return 200 "listen 99;"; }\n}\n',
      '/etc/nginx/conf.d/a.off': 'server { listen 81; }',
    });
    expect(found.map(short)).toEqual([
      'bind tcp 80',
      'bind tcp 443',
      'bind-unix /run/n.sock',
      'open /var/log/e.log',
      'mkdir /var/lib/nginx/proxy',
      'chown /var/lib/nginx/proxy 999:-1',
      'open /run/n.pid',
      'unlink /run/n.pid',
      'setgid 33',
      'setgroups 33',
      'setuid 999',
    ]);
    expect(found[0]).toMatchObject({ file: '/etc/nginx/conf.d/a.conf', line: 2, text: 'listen 80 default_server' });
  });

  it('without its configuration is not guessed at, and a ring of includes ends', async () => {
    expect(await reading(['nginx'], {})).toEqual([]);
    const ring = { '/etc/nginx/nginx.conf': 'include nginx.conf; include nginx.conf; include nginx.conf;' };
    expect((await reading(['nginx'], ring)).map(short)).not.toContain('bind tcp 80');
  });
});

describe('redis, haproxy and httpd', () => {
  it('redis: a file, and options over it', async () => {
    const found = await reading(['redis-server', '/etc/redis.conf', '--port', '99', '--appendonly', 'yes'], {
      '/etc/redis.conf': 'port 6379\ndir /data\nlogfile "/var/log/redis.log"\nsave ""\nunixsocket /run/r.sock\n# pidfile /x\n',
    });
    expect(found.map(short)).toEqual([
      'bind tcp 99',
      'open /var/log/redis.log',
      'bind-unix /run/r.sock',
      'mkdir /data/appendonlydir',
    ]);
  });

  it('haproxy: all files, users of lists are no users', async () => {
    const found = await reading(['haproxy', '-f', '/etc/h.cfg', '-f', '/etc/more'], {
      '/etc/h.cfg':
        'global\n  chroot /var/lib/haproxy\n  user app\n  stats socket /run/h.sock mode 600\nuserlist u\n  user bob password x\n',
      '/etc/more/a.cfg': 'frontend a\n  bind :80,:::443 ssl\n  bind *:8000-8010\n',
    });
    expect(found.map(short)).toEqual([
      'bind-unix /run/h.sock',
      'bind tcp 80',
      'bind tcp 443',
      'chroot /var/lib/haproxy',
      'setgid 998',
      'setgroups 998',
      'setuid 999',
    ]);
  });

  it('httpd: with the variables of envvars; what depends on modules is left out', async () => {
    const found = await reading(['apache2', '-DFOREGROUND'], {
      '/etc/apache2/envvars': 'export APACHE_RUN_USER=app\nexport APACHE_PID_FILE=/run/apache2$SUFFIX/apache2.pid\n',
      '/etc/apache2/apache2.conf':
        // biome-ignore lint/suspicious/noTemplateCurlyInString: httpd's own
        'PidFile ${APACHE_PID_FILE}\nUser ${APACHE_RUN_USER}\nGroup ${NOBODY_SET_THIS}\nInclude ports.conf\nIncludeOptional sites/*.conf\n',
      '/etc/apache2/ports.conf': 'Listen 80\n<IfModule ssl_module>\nListen 443\n</IfModule>\n',
      '/etc/apache2/sites/a.conf': '<VirtualHost *:80>\n ErrorLog logs/e.log\n CustomLog "|/bin/x" combined\n</VirtualHost>\n',
    });
    expect(found.map(short)).toEqual([
      'open /run/apache2/apache2.pid',
      'bind tcp 80',
      'open /etc/apache2/logs/e.log',
      'setgid 998',
      'setgroups 998',
      'setuid 999',
    ]);
  });
});
