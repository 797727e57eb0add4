/** Real server software as Debian packages it, each as an image that starts as root; and how a client finds out that it works. */
import type { ImageRecipe } from '../support/debian-image.ts';

export interface Service extends ImageRecipe {
  /** Run inside the fixed container, as its user, by somebody who knows nothing of unroot; `says` must be in what it prints. */
  readonly client: { readonly argv: readonly string[]; readonly says: RegExp };
  /** Flags of `unroot fix`. */
  readonly flags?: readonly string[];
}

const sh = (line: string): readonly string[] => ['/bin/sh', '-c', line];
/** One HTTP request with nothing but bash. */
const http = (port: number, path = '/'): readonly string[] => [
  '/bin/bash',
  '-c',
  `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET ${path} HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' >&3; cat <&3`,
];
/** A line sent to a port, and what comes back within two seconds. */
const line = (port: number, text: string): readonly string[] => [
  '/bin/bash',
  '-c',
  `exec 3<>/dev/tcp/127.0.0.1/${port}; printf '${text}\\r\\n' >&3; timeout 2 cat <&3; true`,
];

export const SERVICES: readonly Service[] = [
  {
    name: 'lighttpd',
    packages: ['lighttpd'],
    config: { Cmd: ['lighttpd', '-D', '-f', '/etc/lighttpd/lighttpd.conf'] },
    client: { argv: http(80, '/index.lighttpd.html'), says: /200 OK[\s\S]*lighttpd/ },
  },
  {
    name: 'apache2',
    packages: ['apache2'],
    config: { Cmd: ['apachectl', '-D', 'FOREGROUND'], ExposedPorts: { '80/tcp': {} } },
    client: { argv: http(80), says: /200 OK[\s\S]*Apache2/ },
  },
  {
    name: 'haproxy',
    packages: ['haproxy'],
    entries: [
      { path: '/run/haproxy' },
      { path: '/etc/haproxy/conf.d' },
      {
        path: '/etc/haproxy/conf.d/x.cfg',
        content: 'frontend f\n  mode http\n  bind :80\n  http-request return status 200 content-type text/plain string "hi"\n',
      },
    ],
    config: { Cmd: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg', '-f', '/etc/haproxy/conf.d'] },
    client: { argv: http(80), says: /200 OK[\s\S]*hi/ },
  },
  {
    name: 'postgresql',
    packages: ['postgresql', 'gosu'],
    entries: [{ path: '/run/postgresql', mode: 0o2775, uid: 100, gid: 102 }],
    config: {
      Cmd: [
        'gosu',
        'postgres',
        '/usr/lib/postgresql/15/bin/postgres',
        '-D',
        '/var/lib/postgresql/15/main',
        '-c',
        'config_file=/etc/postgresql/15/main/postgresql.conf',
      ],
    },
    client: { argv: ['/usr/lib/postgresql/15/bin/pg_isready', '-h', '127.0.0.1'], says: /accepting connections/ },
  },
  {
    name: 'mariadb',
    packages: ['mariadb-server'],
    entries: [{ path: '/run/mysqld', uid: 100, gid: 101 }],
    config: { Cmd: ['mariadbd', '--user=mysql'], Volumes: { '/var/lib/mysql': {} } },
    client: {
      argv: sh('mariadb-admin --protocol=tcp --host=127.0.0.1 --user=nobody ping 2>&1; true'),
      says: /alive|Access denied for user/,
    },
  },
  {
    name: 'mosquitto',
    packages: ['mosquitto', 'mosquitto-clients'],
    entries: [{ path: '/run/mosquitto', uid: 100, gid: 101 }],
    config: { Cmd: ['mosquitto', '-c', '/etc/mosquitto/mosquitto.conf'] },
    client: {
      argv: sh('mosquitto_pub -h 127.0.0.1 -t t -m hello -r && mosquitto_sub -h 127.0.0.1 -t t -C 1 -W 5'),
      says: /hello/,
    },
  },
  {
    name: 'memcached',
    packages: ['memcached'],
    config: { Cmd: ['memcached', '-u', 'memcache'] },
    client: { argv: line(11211, 'version'), says: /VERSION/ },
  },
  {
    name: 'node',
    packages: ['nodejs'],
    entries: [
      {
        path: '/app/server.js',
        content:
          "const fs = require('fs'), os = require('os'), path = require('path');\n" +
          "const cache = path.join(os.homedir(), '.cache/app');\nfs.mkdirSync(cache, { recursive: true });\n" +
          "fs.writeFileSync(path.join(cache, 'state.json'), '{}');\nfs.mkdirSync('/app/uploads', { recursive: true });\n" +
          "require('http').createServer((_, answer) => { fs.appendFileSync('/app/uploads/hits.log', 'hit\\n'); answer.end('hello'); })\n" +
          '  .listen(process.env.PORT || 80);\n',
      },
    ],
    config: { Cmd: ['node', '/app/server.js'], WorkingDir: '/app', ExposedPorts: { '80/tcp': {} } },
    client: { argv: http(80), says: /200 OK[\s\S]*hello/ },
  },
  {
    name: 'python',
    packages: ['python3-minimal', 'libpython3-stdlib'],
    entries: [
      {
        path: '/app/app.py',
        content:
          "import getpass, http.server, os, sqlite3\nos.makedirs(os.path.expanduser('~/.config/app'), exist_ok=True)\n" +
          "db = sqlite3.connect('/app/data.db', check_same_thread=False)\ndb.execute('create table if not exists t (x)')\n" +
          'print(getpass.getuser(), flush=True)\nclass Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n' +
          "        db.execute('insert into t values (1)'); db.commit()\n" +
          "        self.send_response(200); self.end_headers(); self.wfile.write(b'stored')\n" +
          "http.server.HTTPServer(('', 80), Handler).serve_forever()\n",
      },
    ],
    config: { Cmd: ['python3', 'app.py'], WorkingDir: '/app' },
    client: { argv: http(80), says: /200 OK[\s\S]*stored/ },
  },
  {
    name: 'php-nginx-supervisord',
    packages: ['supervisor', 'nginx-light', 'php8.2-fpm'],
    entries: [
      { path: '/run/php' },
      { path: '/var/www/html/index.php', content: '<?php echo "hello from ", PHP_SAPI;' },
      {
        path: '/etc/nginx/sites-enabled/default',
        content:
          'server { listen 80; root /var/www/html; index index.php;\n' +
          '  location ~ \\.php$ { include fastcgi.conf; fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }\n',
      },
      {
        path: '/etc/supervisor/conf.d/web.conf',
        content:
          '[supervisord]\nnodaemon=true\nuser=root\n[program:nginx]\ncommand=nginx -g "daemon off;"\n' +
          'stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n[program:php]\ncommand=php-fpm8.2 -F\n' +
          'stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0\n',
      },
    ],
    config: { Cmd: ['supervisord', '-c', '/etc/supervisor/supervisord.conf'] },
    client: { argv: http(80), says: /200 OK[\s\S]*hello from fpm-fcgi/ },
  },
  {
    name: 'icecast2',
    packages: ['icecast2'],
    config: { Cmd: ['icecast2', '-c', '/etc/icecast2/icecast.xml'] },
    client: { argv: http(8000, '/status-json.xsl'), says: /icestats/ },
  },
  {
    name: 'proftpd',
    packages: ['proftpd-core'],
    config: { Cmd: ['proftpd', '-n'] },
    client: { argv: line(21, 'QUIT'), says: /220 .*ProFTPD/ },
  },
  {
    name: 'privoxy',
    packages: ['privoxy'],
    config: { Cmd: ['privoxy', '--no-daemon', '--user', 'privoxy', '/etc/privoxy/config'] },
    client: { argv: http(8118, 'http://config.privoxy.org/show-status'), says: /Privoxy/ },
  },
];
