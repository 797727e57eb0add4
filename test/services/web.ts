/** Web servers, proxies, and what runs behind them. */
import { NGINX } from '../support/images.ts';
import { http, inside, sh } from './client.ts';
import { folder, make, type Service, service } from './service.ts';

const PHP = '<?php echo "hello from ", PHP_SAPI;';

export const WEB: readonly Service[] = [
  { ...NGINX, client: { ask: [http(80)], says: /200 OK[\s\S]*It works/ } },
  service('lighttpd', {
    packages: ['lighttpd'],
    run: ['lighttpd', '-D', '-f', '/etc/lighttpd/lighttpd.conf'],
    ask: [http(80, '/index.lighttpd.html')],
    says: /200 OK[\s\S]*lighttpd/,
  }),
  service('apache2', {
    packages: ['apache2'],
    run: ['apachectl', '-D', 'FOREGROUND'],
    config: { ExposedPorts: { '80/tcp': {} } },
    ask: [http(80)],
    says: /200 OK[\s\S]*Apache2/,
  }),
  service('haproxy', {
    packages: ['haproxy'],
    entries: [folder('/run/haproxy'), folder('/etc/haproxy/conf.d')],
    files: {
      '/etc/haproxy/conf.d/x.cfg':
        'frontend f\n  mode http\n  bind :80\n  http-request return status 200 content-type text/plain string "hi"\n',
    },
    run: ['haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg', '-f', '/etc/haproxy/conf.d'],
    ask: [http(80)],
    says: /200 OK[\s\S]*hi/,
  }),
  service('varnish', {
    packages: ['varnish'],
    files: { '/etc/varnish/default.vcl': 'vcl 4.1;\nbackend default none;\nsub vcl_recv { return (synth(200, "hello")); }\n' },
    run: ['varnishd', '-F', '-a', ':80', '-f', '/etc/varnish/default.vcl', '-s', 'malloc,32m'],
    ask: [http(80)],
    says: /200 hello/,
  }),
  service('squid', {
    packages: ['squid'],
    run: ['squid', '-NYC', '-f', '/etc/squid/squid.conf'],
    ask: [http(3128, '/squid-internal-mgr/info')],
    says: /200 OK[\s\S]*Squid Object Cache/,
  }),
  service('tinyproxy', {
    packages: ['tinyproxy'],
    run: ['tinyproxy', '-d'],
    ask: [http(8888, 'http://tinyproxy.stats/')],
    says: / 200 [\s\S]*Total requests/,
  }),
  service('privoxy', {
    packages: ['privoxy'],
    run: ['privoxy', '--no-daemon', '--user', 'privoxy', '/etc/privoxy/config'],
    ask: [http(8118, 'http://config.privoxy.org/show-status')],
    says: /Privoxy/,
  }),
  service('tomcat10', {
    packages: ['tomcat10', 'default-jre-headless'],
    run: ['/usr/libexec/tomcat10/tomcat-start.sh'],
    config: {
      Env: [
        'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
        'CATALINA_HOME=/usr/share/tomcat10',
        'CATALINA_BASE=/var/lib/tomcat10',
        'JAVA_HOME=/usr/lib/jvm/default-java',
      ],
    },
    ask: [http(8080)],
    says: /200[\s\S]*It works/,
  }),
  service('php-fpm', {
    packages: ['php8.2-fpm', 'libfcgi-bin'],
    entries: [folder('/run/php')],
    files: { '/var/www/html/index.php': PHP },
    script: 'sed -i "s,^listen = .*,listen = 9000," "$1/etc/php/8.2/fpm/pool.d/www.conf"',
    run: ['php-fpm8.2', '-F'],
    ask: [sh('SCRIPT_FILENAME=/var/www/html/index.php REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000')],
    says: /hello from fpm-fcgi/,
  }),
  service('php-nginx-supervisord', {
    packages: ['supervisor', 'nginx-light', 'php8.2-fpm'],
    entries: [folder('/run/php')],
    files: {
      '/var/www/html/index.php': PHP,
      '/etc/nginx/sites-enabled/default':
        'server { listen 80; root /var/www/html; index index.php;\n' +
        '  location ~ \\.php$ { include fastcgi.conf; fastcgi_pass unix:/run/php/php8.2-fpm.sock; } }\n',
      '/etc/supervisor/conf.d/web.conf':
        '[supervisord]\nnodaemon=true\nuser=root\n[program:nginx]\ncommand=nginx -g "daemon off;"\n' +
        'stdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n[program:php]\ncommand=php-fpm8.2 -F\n' +
        'stderr_logfile=/dev/stderr\nstderr_logfile_maxbytes=0\n',
    },
    run: ['supervisord', '-c', '/etc/supervisor/supervisord.conf'],
    ask: [http(80)],
    says: /200 OK[\s\S]*hello from fpm-fcgi/,
  }),
  service('uwsgi', {
    packages: ['uwsgi-core', 'uwsgi-plugin-python3'],
    files: { '/app/app.py': "def application(env, start):\n    start('200 OK', [])\n    return [b'hello']\n" },
    run: [
      'uwsgi',
      '--plugin',
      'python3',
      '--shared-socket',
      ':80',
      '--http-socket',
      '=0',
      '--uid',
      'www-data',
      '--gid',
      'www-data',
      '--master',
    ].concat(['--pidfile', '/run/uwsgi.pid', '--wsgi-file', '/app/app.py']),
    ask: [http(80)],
    says: /200 OK[\s\S]*hello/,
  }),
  service('gunicorn', {
    packages: ['gunicorn'],
    files: { '/app/app.py': "def app(env, start):\n    start('200 OK', [])\n    return [b'hello']\n" },
    run: ['gunicorn', '-b', ':80', '-u', 'www-data', '-g', 'www-data', '--pid', '/run/gunicorn.pid', 'app:app'],
    config: { WorkingDir: '/app' },
    ask: [http(80)],
    says: /200 OK[\s\S]*hello/,
  }),
  service('node', {
    packages: ['nodejs'],
    files: {
      '/app/server.js':
        "const fs = require('fs'), os = require('os'), path = require('path');\n" +
        "const cache = path.join(os.homedir(), '.cache/app');\nfs.mkdirSync(cache, { recursive: true });\n" +
        "fs.writeFileSync(path.join(cache, 'state.json'), '{}');\nfs.mkdirSync('/app/uploads', { recursive: true });\n" +
        "require('http').createServer((_, answer) => { fs.appendFileSync('/app/uploads/hits.log', 'hit\\n'); answer.end('hello'); })\n" +
        '  .listen(process.env.PORT || 80);\n',
    },
    run: ['node', '/app/server.js'],
    config: { WorkingDir: '/app', ExposedPorts: { '80/tcp': {} } },
    ask: [http(80), inside('cat /app/uploads/hits.log')],
    says: /200 OK[\s\S]*hello[\s\S]*hit/,
  }),
  service('python', {
    packages: ['python3-minimal', 'libpython3-stdlib'],
    files: {
      '/app/app.py':
        "import getpass, http.server, os, sqlite3\nos.makedirs(os.path.expanduser('~/.config/app'), exist_ok=True)\n" +
        "db = sqlite3.connect('/app/data.db', check_same_thread=False)\ndb.execute('create table if not exists t (x)')\n" +
        'print(getpass.getuser(), flush=True)\nclass Handler(http.server.BaseHTTPRequestHandler):\n    def do_GET(self):\n' +
        "        db.execute('insert into t values (1)'); db.commit()\n" +
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'stored')\n" +
        "http.server.HTTPServer(('', 80), Handler).serve_forever()\n",
    },
    run: ['python3', 'app.py'],
    config: { WorkingDir: '/app' },
    ask: [http(80)],
    says: /200 OK[\s\S]*stored/,
  }),
  service('radicale', {
    packages: ['radicale', 'curl'],
    run: ['radicale', '--server-hosts', '0.0.0.0:5232', '--auth-type', 'none'],
    ask: [
      sh(
        'curl -s -u me:x -X PROPFIND http://127.0.0.1:5232/me/; curl -s -u me:x -X MKCALENDAR http://127.0.0.1:5232/me/notes/; printf "BEGIN:VCALENDAR\\r\\nVERSION:2.0\\r\\nPRODID:x\\r\\nBEGIN:VEVENT\\r\\nUID:a\\r\\nDTSTAMP:20260101T000000Z\\r\\nDTSTART:20260101T000000Z\\r\\nSUMMARY:Ada\\r\\nEND:VEVENT\\r\\nEND:VCALENDAR\\r\\n" | ' +
          'curl -s -u me:x -X PUT --data-binary @- http://127.0.0.1:5232/me/notes/a.ics; curl -s -u me:x http://127.0.0.1:5232/me/notes/a.ics',
      ),
    ],
    says: /SUMMARY:Ada/,
  }),
  service('icecast2', {
    packages: ['icecast2', 'curl'],
    script:
      'sed -i "s,<security>,<security><changeowner><user>icecast2</user><group>icecast</group></changeowner>," "$1/etc/icecast2/icecast.xml"',
    run: ['icecast2', '-c', '/etc/icecast2/icecast.xml'],
    ask: [
      sh(
        '(head -c 60000 /dev/zero; sleep 4) | curl -s -m 6 -u source:hackme -H "Content-Type: audio/mpeg" -T - http://127.0.0.1:8000/live.mp3 & sleep 2; ' +
          'curl -s -m 2 http://127.0.0.1:8000/status-json.xsl',
      ),
    ],
    says: /live\.mp3/,
  }),
  service('transmission', {
    packages: ['transmission-daemon', 'curl'],
    run: ['transmission-daemon', '--foreground', '--config-dir', '/var/lib/transmission-daemon/info', '--no-auth'],
    ask: [
      sh(
        'at=http://127.0.0.1:9091/transmission/rpc; id=$(curl -si $at | grep -i "^x-transmission-session-id" | tr -d "\\r"); ' +
          `curl -s -H "$id" -d '{"method":"session-get"}' $at`,
      ),
    ],
    says: /"result":"success"/,
  }),
  service('mpd', {
    packages: ['mpd'],
    script: make('mpd:audio', '/run/mpd'),
    run: ['mpd', '--no-daemon', '--stderr', '/etc/mpd.conf'],
    ask: [sh('exec 3<>/dev/tcp/127.0.0.1/6600; printf "save kept\\nlistplaylists\\n" >&3; timeout 2 cat <&3; true')],
    says: /OK MPD[\s\S]*playlist: kept/,
  }),
  service('cups', {
    packages: ['cups-daemon', 'cups-client'],
    files: {
      '/etc/cups/printers.conf':
        '<Printer q>\nUUID urn:uuid:1b4e28ba-2fa1-31d2-883f-0016d3cca427\nInfo q\nDeviceURI file:/dev/null\nState Idle\nAccepting Yes\nShared Yes\nJobSheets none none\nQuotaPeriod 0\nPageLimit 0\nKLimit 0\nOpPolicy default\nErrorPolicy retry-job\n</Printer>\n',
    },
    script:
      'echo "FileDevice Yes" >>"$1/etc/cups/cups-files.conf"; sed -i "s/^Listen localhost:631/Listen 631/" "$1/etc/cups/cupsd.conf"',
    run: ['cupsd', '-f'],
    probe: 'lp -h 127.0.0.1 -d q -o raw /etc/hostname',
    ask: [sh('lp -h 127.0.0.1 -d q -o raw /etc/hostname 2>&1; sleep 2; lpstat -h 127.0.0.1 -W completed -o 2>&1')],
    says: /request id is q-\d+[\s\S]*\nq-\d+ /,
  }),
  service('webfs', {
    packages: ['webfs'],
    script: `${make('www-data:www-data', '/run/webfs')}; ${make('www-data:www-data', '/var/log/webfs')}`,
    files: { '/srv/www/index.html': 'webfs says hello\n' },
    run: [
      'webfsd',
      '-F',
      '-p',
      '80',
      '-r',
      '/srv/www',
      '-u',
      'www-data',
      '-g',
      'www-data',
      '-f',
      'index.html',
      '-l',
      '/var/log/webfs/access.log',
      '-k',
      '/run/webfs/pid',
    ],
    ask: [http(80)],
    says: /webfs says hello/,
  }),
];
