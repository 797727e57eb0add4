/** Ten of them: web servers, programs, databases, caches, queues, in the shapes that are published again and again. */
import { SERVICES } from '../../services/services.ts';
import type { ImageRecipe } from '../../support/debian-image.ts';
import { pagePy, REDIS_PY, type Stack } from './stack.ts';

function recipe(name: string): ImageRecipe {
  const found = SERVICES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no service ${name}`);
  // As it is: its image is the one that the tests of services build.
  return found;
}

const PHP_MYSQL: ImageRecipe = {
  name: 'php-mysql',
  packages: ['php8.2-fpm', 'php8.2-mysql', 'libfcgi-bin'],
  entries: [{ path: '/run/php' }],
  script: 'sed -i "s,^listen = .*,listen = 9000," "$1/etc/php/8.2/fpm/pool.d/www.conf"',
  config: { Cmd: ['php-fpm8.2', '-F'], ExposedPorts: { '9000/tcp': {} } },
};

const APACHE_PHP: ImageRecipe = {
  name: 'apache-php',
  packages: ['apache2', 'libapache2-mod-php8.2', 'php8.2-mysql'],
  config: { Cmd: ['apachectl', '-D', 'FOREGROUND'], ExposedPorts: { '80/tcp': {} } },
};

const NODE_EXPORTER: ImageRecipe = {
  name: 'node-exporter',
  packages: ['prometheus-node-exporter'],
  config: { Cmd: ['prometheus-node-exporter'], ExposedPorts: { '9100/tcp': {} } },
};

const PHP_PAGE = `<?php
$db = new mysqli('db', 'app', 'secret', 'app');
$db->query('create table if not exists hits (at timestamp default now())');
$db->query('insert into hits values ()');
header('Content-Type: text/plain');
echo 'stored ', $db->affected_rows;
`;

/** The start-up message and one query, as libpq sends them. */
const NODE_PAGE = `const net = require('net');
const ask = (port, host, bytes, done) => new Promise((resolve, reject) => {
  const link = net.connect(port, host, () => link.write(bytes));
  let said = Buffer.alloc(0);
  link.on('data', (part) => { said = Buffer.concat([said, part]); if (done(said)) { link.end(); resolve(said.toString('latin1')); } });
  link.on('error', reject);
});
const text = (words) => Buffer.concat([Buffer.from(words), Buffer.from([0])]);
const packet = (kind, body) => { const head = Buffer.alloc(4); head.writeInt32BE(body.length + 4); return Buffer.concat([Buffer.from(kind), head, body]); };
const start = packet('', Buffer.concat([Buffer.from([0, 3, 0, 0]), text('user'), text('postgres'), text('database'), text('app'), Buffer.from([0])]));
const query = packet('Q', text("create table if not exists hits (n int); insert into hits values (1); select 'stored'"));
const sql = () => ask(5432, process.env.DB_HOST, Buffer.concat([start, query]), (said) => said.includes('SELECT 1') || said.includes('ERROR') || said.includes('FATAL'));
const count = () => ask(6379, 'cache', 'INCR hits\\r\\n', (said) => said.length > 1);
require('http').createServer(async (_, answer) => {
  try {
    const [stored, hits] = await Promise.all([sql(), count()]);
    answer.end(stored.includes('stored') && hits.startsWith(':') ? 'stored and counted' : 'no: ' + stored + hits);
  } catch (error) { answer.statusCode = 500; answer.end(String(error)); }
}).listen(3000);
`;

export const STACKS: readonly Stack[] = [
  {
    name: 'web-app-cache',
    images: { 'web:1': recipe('nginx'), 'app:1': recipe('python'), 'redis:7': recipe('redis') },
    files: {
      'compose.yaml': `# A page that counts its visitors
services:
  web:
    image: web:1
    ports: ["8080:80"]
    depends_on: [app]
    volumes:
      - ./site.conf:/etc/nginx/conf.d/default.conf:ro
  app:
    image: app:1
    command: ["python3", "/srv/app.py"]
    volumes: ["./app:/srv:ro"]
    depends_on:
      cache: {condition: service_healthy}
    restart: unless-stopped
  cache:
    image: redis:7
    command: ["redis-server", "--protected-mode", "no"]
    volumes: [data:/data]
    healthcheck:
      test: ["CMD", "redis-cli", "ping"]
      interval: 2s
volumes:
  data:
`,
      'site.conf': 'server { listen 80; location / { proxy_pass http://app:5000; } }\n',
      'app/app.py': `${REDIS_PY}${pagePy("said = b'counted' if redis(b'INCR', b'hits').startswith(b':') else b'no'", 5000)}`,
    },
  },
  {
    name: 'queue-worker',
    images: { 'web:py': recipe('python'), 'worker:py': recipe('python'), 'redis:7': recipe('redis') },
    files: {
      'docker-compose.yml': `services:
  cache:
    image: redis:7
    command: redis-server --protected-mode no
  web:
    image: web:py
    command: python3 /srv/web.py
    ports:
      - "5000"
    volumes: ["./:/srv:ro"]
    links: [cache]
  worker:
    image: worker:py
    command: python3 -u /srv/worker.py
    working_dir: /var/spool/work
    volumes: ["./:/srv:ro"]
    depends_on: [cache]
    restart: always
`,
      'web.py': `${REDIS_PY}${pagePy("said = b'queued' if redis(b'LPUSH', b'jobs', b'x').startswith(b':') else b'no'", 5000)}`,
      'worker.py': `${REDIS_PY}import time
while True:
    job = redis(b'RPOP', b'jobs')
    if job.startswith(b'$1'):
        open('done.log', 'a').write('job\\n')
        print('done', flush=True)
    time.sleep(0.2)
`,
    },
  },
  {
    name: 'nginx-php-mariadb',
    // Its workers are started when somebody asks.
    probe:
      'php=SCRIPT_FILENAME=/var/www/html/index.php REQUEST_METHOD=GET cgi-fcgi -bind -connect 127.0.0.1:9000 | grep -q stored',
    images: { 'web:1': recipe('nginx'), 'php:8': PHP_MYSQL, 'mariadb:10': recipe('mariadb') },
    files: {
      'compose.yaml': `services:
  web:
    image: web:1
    depends_on: [php]
    ports: ["\${WEB_PORT:-8080}:80"]
    volumes:
      - ./site.conf:/etc/nginx/conf.d/default.conf:ro
      - ./html:/var/www/html:ro
  php:
    image: php:8
    volumes:
      - ./html:/var/www/html:ro
    depends_on:
      db: {condition: service_healthy}
  db:
    image: mariadb:10
    command: ["mariadbd", "--skip-name-resolve", "--bind-address=0.0.0.0"]
    volumes: [db:/var/lib/mysql]
    healthcheck:
      test: mariadb -h 127.0.0.1 -u app -psecret app -e "select 1"
      interval: 1s
      retries: 60
volumes: {db: }
`,
      '.env': 'WEB_PORT=8088\n',
      'site.conf':
        'server { listen 80; root /var/www/html; index index.php;\n  location / { include fastcgi_params; fastcgi_param SCRIPT_FILENAME /var/www/html/index.php; fastcgi_pass php:9000; } }\n',
      'html/index.php': PHP_PAGE,
    },
  },
  {
    name: 'node-postgres-redis',
    images: { 'app:node': recipe('node'), 'postgres:15': recipe('postgres'), 'redis:7': recipe('redis') },
    files: {
      'compose.yaml': `x-logging: &logging
  logging: {driver: json-file, options: {max-size: 10m}}
services:
  app:
    <<: *logging
    image: app:node
    command: ["node", "/srv/server.js"]
    env_file: [app.env]
    ports: ["3000:3000"]
    volumes: ["./server.js:/srv/server.js:ro"]
    depends_on:
      db: {condition: service_healthy}
      cache: {condition: service_started}
  db:
    <<: *logging
    image: postgres:15
    command: ["postgres", "-c", "listen_addresses=*", "-c", "hba_file=/conf/pg_hba.conf"]
    volumes:
      - pg:/var/lib/postgresql/data
      - ./pg_hba.conf:/conf/pg_hba.conf:ro
    healthcheck:
      test: ["CMD-SHELL", "psql -h 127.0.0.1 -U postgres -d app -c 'select 1'"]
      interval: 1s
      retries: 60
    shm_size: 64m
  cache:
    <<: *logging
    image: redis:7
    command: ["redis-server", "--protected-mode", "no", "--save", ""]
    tmpfs: [/data]
volumes:
  pg:
`,
      'app.env': 'DB_HOST=db\nNODE_ENV=production\n',
      'pg_hba.conf': 'local all all trust\nhost all all all trust\n',
      'server.js': NODE_PAGE,
    },
  },
  {
    name: 'haproxy-two-backends',
    // It was root all along, and could have done more than this as others.
    probe: `lb=bash -c 'exec 3<>/dev/tcp/127.0.0.1/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; grep -q hello <&3'`,
    images: { 'lb:2': recipe('haproxy'), 'one:1': recipe('python'), 'two:1': recipe('node') },
    files: {
      'compose.yaml': `services:
  lb:
    image: lb:2
    command: ["haproxy", "-W", "-db", "-f", "/conf/haproxy.cfg"]
    ports: ["80:80", "8404:8404"]
    volumes: ["./haproxy.cfg:/conf/haproxy.cfg:ro"]
    depends_on: [one, two]
  one:
    image: one:1
    command: ["python3", "/srv/one.py"]
    volumes: ["./one.py:/srv/one.py:ro"]
  two:
    image: two:1
    command: ["node", "-e", "require('http').createServer((_, a) => a.end('hello')).listen(80)"]
`,
      'haproxy.cfg':
        'global\n  stats socket /run/haproxy/admin.sock mode 660\ndefaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n  timeout server 5s\n' +
        'frontend web\n  bind :80\n  default_backend both\nfrontend stats\n  bind :8404\n  stats enable\n  stats uri /\nbackend both\n  server one one:80 check\n  server two two:80 check\n',
      'one.py': pagePy("said = b'hello'", 80),
    },
  },
  {
    name: 'mosquitto-client',
    images: { 'broker:2': recipe('mosquitto'), 'client:2': recipe('mosquitto') },
    files: {
      'docker-compose.yaml': `services:
  broker:
    image: broker:2
    container_name: mqtt
    command: mosquitto -c /conf/mosquitto.conf
    ports: ["1883:1883"]
    volumes:
      - ./conf:/conf:ro
      - kept:/var/lib/mosquitto
  recorder:
    image: client:2
    entrypoint: ["/bin/sh", "-c"]
    command: ["exec mosquitto_sub -h mqtt -t 'home/#' -v >> /var/log/recorder.log"]
    depends_on: [broker]
    restart: on-failure
  sensor:
    image: client:2
    entrypoint: ["/bin/sh", "-c"]
    command: ["while mosquitto_pub -h mqtt -t home/temp -m 21; do sleep 1; done"]
    depends_on: [broker]
    restart: on-failure
volumes: {kept: }
`,
      'conf/mosquitto.conf':
        'listener 1883\nallow_anonymous true\npersistence true\npersistence_location /var/lib/mosquitto/\nuser mosquitto\n',
    },
  },
  {
    name: 'apache-mysql',
    images: { 'site:1': APACHE_PHP, 'mysql:8': recipe('mariadb') },
    files: {
      'compose.yaml': `services:
  site:
    image: site:1
    ports: ["8081:80"]
    volumes:
      - ./html:/var/www/html:ro
      - uploads:/var/www/uploads
    depends_on:
      db: {condition: service_healthy, restart: true}
  db:
    image: mysql:8
    command: ["mariadbd", "--skip-name-resolve", "--bind-address=0.0.0.0"]
    environment:
      TZ: UTC
    volumes:
      - type: volume
        source: db
        target: /var/lib/mysql
    healthcheck:
      test: ["CMD", "mariadb-admin", "-h", "127.0.0.1", "-u", "app", "-psecret", "ping"]
      interval: 1s
      retries: 60
volumes:
  db: {}
  uploads: {}
`,
      'html/index.php': PHP_PAGE,
      // Apache's own page would come first.
      'html/index.html': '<meta http-equiv="refresh" content="0; url=/index.php">\n',
    },
  },
  {
    name: 'static-edge',
    probe: 'edge=/bin/wget -qO- http://127.0.0.1/ | /bin/grep -q behind',
    images: { 'edge:1': 'static', 'app:1': recipe('python') },
    files: {
      'compose.yaml': `services:
  edge:
    image: edge:1
    command: ["-f", "-p", "80", "-h", "/site"]
    ports:
      - target: 80
        published: "8000"
    configs:
      - source: page
        target: /site/index.html
    read_only: true
    networks:
      default:
        aliases: [front]
  app:
    image: app:1
    command: ["python3", "/srv/app.py"]
    volumes: ["./app.py:/srv/app.py:ro"]
    cap_drop: [ALL]
    depends_on: [edge]
configs:
  page:
    content: |
      from behind
`,
      'app.py': `import urllib.request
${pagePy("said = urllib.request.urlopen('http://front/').read()", 8000)}`,
    },
  },
  {
    name: 'prometheus-exporter',
    images: { 'prom:2': recipe('prometheus'), 'exporter:1': NODE_EXPORTER },
    files: {
      'compose.yaml': `services:
  prometheus:
    image: prom:2
    command: ["prometheus", "--config.file=/conf/prometheus.yml", "--storage.tsdb.path=/prometheus"]
    ports: ["9090:9090"]
    volumes:
      - ./prometheus.yml:/conf/prometheus.yml:ro
      - tsdb:/prometheus
    depends_on: [exporter]
  exporter:
    image: exporter:1
    expose: ["9100"]
volumes: {tsdb: }
`,
      'prometheus.yml':
        'global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: node\n    static_configs: [{targets: ["exporter:9100"]}]\n',
    },
  },
  {
    name: 'migrate-app-memcached',
    images: { 'app:py': recipe('python'), 'migrate:py': recipe('python'), 'memcached:1': recipe('memcached') },
    files: {
      'compose.yaml': `services:
  migrate:
    image: migrate:py
    command: ["python3", "/srv/migrate.py"]
    volumes:
      - ./:/srv:ro
      - state:/var/lib/app
    secrets: [token]
  app:
    image: app:py
    command: ["python3", "/srv/site_app.py"]
    volumes:
      - ./:/srv:ro
      - state:/var/lib/app
    secrets: [token]
    ports: ["127.0.0.1:8000:8000"]
    depends_on:
      migrate: {condition: service_completed_successfully}
      cache: {condition: service_started}
  cache:
    image: memcached:1
    command: ["memcached", "-u", "memcache", "-m", "32"]
  debug:
    image: app:py
    profiles: [debug]
    command: ["sleep", "1000"]
volumes: {state: }
secrets:
  token: {file: ./token.txt}
`,
      'token.txt': 'abc\n',
      'migrate.py':
        "import sqlite3\ndb = sqlite3.connect('/var/lib/app/app.db')\ndb.execute('create table hits (at text)')\ndb.commit()\nassert open('/run/secrets/token').read()\n",
      'site_app.py': `import socket, sqlite3
token = open('/run/secrets/token').read().strip()
def page():
    db = sqlite3.connect('/var/lib/app/app.db')
    db.execute("insert into hits values ('now')")
    db.commit()
    link = socket.create_connection(('cache', 11211), 5)
    link.sendall(b'set k 0 0 1\\r\\nx\\r\\n')
    kept = link.recv(100)
    link.close()
    return kept
${pagePy('said = page()', 8000)}`,
    },
  },
];
