/** The images the tests run on: Debian services laid out like the official images of the same name. Scripts and configuration are our own. */
import { debianImage, type ImageRecipe, type RecipeConfig, type RecipeEntry, type TestImage } from './debian-image.ts';

export type { ImageRecipe, TestImage } from './debian-image.ts';
export { whyNoDebianImages } from './debian-image.ts';

const script = (path: string, content: string): RecipeEntry => ({ path, content, mode: 0o755 });

const NGINX_ENTRYPOINT = `#!/bin/sh
# Runs the start-up parts when the command is nginx, then becomes the command.
set -e

if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for part in /docker-entrypoint.d/*; do
        case "$part" in
            *.sh)
                if [ -x "$part" ]; then
                    echo "$0: running $part"
                    "$part"
                else
                    echo "$0: skipping $part, not executable"
                fi
                ;;
            *) echo "$0: skipping $part" ;;
        esac
    done
    echo "$0: configuration complete, starting"
fi

exec "$@"
`;

/** Like its model: changes the default server when it may, says so and goes on when it may not. */
const NGINX_IPV6 = `#!/bin/sh
# Makes the default server listen on IPv6 too, unless somebody has changed it.
set -e
me=$(basename "$0")
file=/etc/nginx/conf.d/default.conf

[ -f /proc/net/if_inet6 ] || { echo "$me: info: no IPv6 here"; exit 0; }
[ -f "$file" ] || { echo "$me: info: $file is not there"; exit 0; }
touch "$file" 2>/dev/null || { echo "$me: info: cannot change $file (read-only file system?)" >&2; exit 0; }
grep -q 'listen  *\\[::\\]:80;' "$file" && { echo "$me: info: IPv6 is on already"; exit 0; }

sed -i 's,listen  *80;,listen 80;\\n    listen [::]:80;,' "$file"
echo "$me: info: IPv6 switched on in $file"
`;

const NGINX_WORKERS = `#!/bin/sh
# Fits the number of workers to the machine, when asked for.
set -e
[ -n "$NGINX_ENTRYPOINT_WORKER_PROCESSES_AUTOTUNE" ] || exit 0
sed -i "s/^worker_processes.*/worker_processes $(nproc);/" /etc/nginx/nginx.conf
`;

const NGINX_CONF = `user  nginx;
worker_processes  2;

error_log  /var/log/nginx/error.log notice;
pid        /var/run/nginx.pid;

events {
    worker_connections  512;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent';
    access_log  /var/log/nginx/access.log  main;

    sendfile  on;
    keepalive_timeout  65;

    client_body_temp_path  /var/cache/nginx/client_temp;
    proxy_temp_path        /var/cache/nginx/proxy_temp;
    fastcgi_temp_path      /var/cache/nginx/fastcgi_temp;
    uwsgi_temp_path        /var/cache/nginx/uwsgi_temp;
    scgi_temp_path         /var/cache/nginx/scgi_temp;

    include /etc/nginx/conf.d/*.conf;
}
`;

const NGINX_DEFAULT = `server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html;
    }
}
`;

export const NGINX: ImageRecipe = {
  name: 'nginx',
  packages: ['nginx-light'],
  script: [
    'set -e',
    'chroot "$1" groupadd --system --gid 101 nginx',
    'chroot "$1" useradd --system --gid nginx --uid 101 --home-dir /nonexistent --no-create-home --shell /bin/false nginx',
    'rm -rf "$1"/etc/nginx/sites-* "$1"/var/lib/nginx "$1"/var/log/nginx',
  ].join('\n'),
  entries: [
    script('/docker-entrypoint.sh', NGINX_ENTRYPOINT),
    { path: '/docker-entrypoint.d' },
    script('/docker-entrypoint.d/10-listen-on-ipv6.sh', NGINX_IPV6),
    script('/docker-entrypoint.d/30-worker-processes.sh', NGINX_WORKERS),
    { path: '/etc/nginx/nginx.conf', content: NGINX_CONF },
    { path: '/etc/nginx/conf.d/default.conf', content: NGINX_DEFAULT },
    { path: '/usr/share/nginx/html/index.html', content: '<!DOCTYPE html>\n<title>It works</title>\n<h1>It works</h1>\n' },
    { path: '/var/cache/nginx' },
    { path: '/var/log/nginx' },
    { path: '/var/log/nginx/access.log', target: '/dev/stdout' },
    { path: '/var/log/nginx/error.log', target: '/dev/stderr' },
  ],
  config: {
    Entrypoint: ['/docker-entrypoint.sh'],
    Cmd: ['nginx', '-g', 'daemon off;'],
    ExposedPorts: { '80/tcp': {} },
    StopSignal: 'SIGQUIT',
  },
};

/** As root: gives what is in /data to `redis`, then becomes `redis`. `DROP` is the program that changes the user. */
const redisEntrypoint = (drop: string): string => `#!/bin/sh
# Options or a configuration file alone mean redis-server.
set -e
case "$1" in
    -*|*.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis '{}' +
    exec ${drop} "$0" "$@"
fi

if [ "$(umask)" = 0022 ]; then umask 0077; fi
exec "$@"
`;

const redisRecipe = (name: string, packages: readonly string[], drop: string): ImageRecipe => ({
  name,
  packages,
  script: 'rm -rf "$1"/var/lib/redis/* "$1"/var/log/redis',
  entries: [script('/usr/local/bin/docker-entrypoint.sh', redisEntrypoint(drop)), { path: '/data' }],
  config: {
    Entrypoint: ['docker-entrypoint.sh'],
    Cmd: ['redis-server', '--bind', '127.0.0.1', '--save', '60', '1', '--appendonly', 'yes'],
    WorkingDir: '/data',
    Volumes: { '/data': {} },
    ExposedPorts: { '6379/tcp': {} },
  },
});

export const REDIS: ImageRecipe = redisRecipe('redis', ['redis-server'], 'setpriv --reuid=redis --regid=redis --init-groups');
export const REDIS_GOSU: ImageRecipe = redisRecipe('redis-gosu', ['redis-server', 'gosu'], 'gosu redis');

/** Debian nginx laid out like the official image: port 80, /var/cache/nginx owned by root, pid file in /var/run, logs to stdout and stderr. */
export const nginx = (): Promise<TestImage> => debianImage(NGINX);

/** redis-server behind an entrypoint that, as root, chowns /data and drops to user `redis` with setpriv. */
export const redis = (): Promise<TestImage> => debianImage(REDIS);

/** The same with gosu. */
export const redisGosu = (): Promise<TestImage> => debianImage(REDIS_GOSU);

/** Any Debian packages under any image config: `plain('httpd', ['lighttpd'], { Cmd: [...] })`. */
export const plain = (
  name: string,
  packages: readonly string[],
  config: RecipeConfig,
  more: { readonly script?: string; readonly entries?: readonly RecipeEntry[] } = {},
): Promise<TestImage> => debianImage({ name, packages, config, ...more });
