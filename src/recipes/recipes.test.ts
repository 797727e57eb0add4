import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { schemaErrors } from '../../test/support/cli.ts';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import { type Applied, applyChange } from './apply-change.ts';
import type { Purpose, Recipe } from './recipe.ts';
import { isNamed, matchingRecipes, RECIPES } from './recipes.ts';

const folder = fileURLToPath(new URL('../../recipes', import.meta.url));

describe('recipes/*.yaml', () => {
  it('are what is in the program: node scripts/recipes.mjs brings them into step', () => {
    const script = fileURLToPath(new URL('../../scripts/recipes.mjs', import.meta.url));
    expect(execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' })).toBe('');
    expect(RECIPES.length).toBe(readdirSync(folder).filter((file) => file.endsWith('.yaml')).length);
  });

  it.each(RECIPES.map((recipe) => [recipe.name, recipe] as const))(
    '%s fits the schema, and its expressions compile',
    (name, recipe) => {
      expect(existsSync(`${folder}/${name}.yaml`)).toBe(true);
      expect(schemaErrors('recipe', recipe)).toEqual([]);
      for (const change of recipe.changes ?? [])
        for (const step of change.steps) {
          if ('files' in step) expect(() => new RegExp(step.files)).not.toThrow();
          if (step.kind === 'edit') expect(() => new RegExp(step.line)).not.toThrow();
          if (step.kind === 'arguments') for (const word of step.remove ?? []) expect(() => new RegExp(word)).not.toThrow();
        }
    },
  );

  it('are refused by the schema when something is misspelt', () => {
    const nginx = RECIPES.find(({ name }) => name === 'nginx')!;
    expect(schemaErrors('recipe', { ...nginx, chnages: [] })).not.toEqual([]);
    expect(schemaErrors('recipe', { ...nginx, match: undefined })).not.toEqual([]);
    expect(schemaErrors('recipe', { ...nginx, changes: [{ for: 'fun', title: 'hello', steps: [] }] })).not.toEqual([]);
  });

  it('say of every program in one file what it is', () => {
    const programs = RECIPES.flatMap(({ match }) => match?.programs ?? []);
    expect(new Set(programs).size).toBe(programs.length);
  });
});

describe('matchingRecipes', () => {
  const names = (programs: readonly string[], files: readonly string[] = []): readonly string[] =>
    matchingRecipes({ programs, has: (path) => files.includes(path) }).map(({ name }) => name);

  it('goes by programs and files', () => {
    expect(names(['/usr/sbin/nginx', 'php-fpm8.2'])).toEqual(['nginx', 'php-fpm']);
    expect(names(['/usr/local/bin/python3.12'])).toEqual(['python']);
    expect(names([], ['/package/admin/s6-overlay'])).toEqual(['s6-overlay']);
    expect(names(['/srv/nginx-exporter', 'sh'])).toEqual([]);
  });

  it('wants to see more of a program whose name another has too', () => {
    expect(names(['/usr/lib/postfix/sbin/smtpd'])).toEqual([]);
    expect(names(['/usr/sbin/smtpd'], ['/usr/sbin/smtpctl'])).toEqual(['opensmtpd']);
  });

  it('takes versions for a star, and nothing else', () => {
    expect(isNamed('php-fpm', 'php-fpm*')).toBe(true);
    expect(isNamed('php-fpm8.2', 'php-fpm*')).toBe(true);
    expect(isNamed('python3-config', 'python*')).toBe(false);
    expect(isNamed('nginx2', 'nginx')).toBe(false);
  });
});

interface Case {
  readonly recipe: string;
  readonly purpose: Purpose;
  /** Which of several for the same purpose. */
  readonly index?: number;
  readonly argv?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
  readonly port?: { readonly from: number; readonly to: number };
  /** Contents afterwards. */
  readonly text?: Readonly<Record<string, string>>;
  readonly start?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly owned?: readonly string[];
}

/** Every change of every recipe on the lines that its program really has. */
const CASES: readonly Case[] = [
  {
    recipe: 'avahi',
    purpose: 'root-check',
    argv: ['/usr/sbin/avahi-daemon', '-s'],
    start: ['/usr/sbin/avahi-daemon', '--no-drop-root', '--no-chroot', '--no-rlimits', '-s'],
  },
  {
    recipe: 'acme-httpd',
    purpose: 'chroot',
    argv: ['mini_httpd', '-D', '-r', '-u', 'www-data', '-d', '/srv/-r'],
    start: ['mini_httpd', '-D', '-d', '/srv/-r'],
  },
  {
    recipe: 'nginx',
    purpose: 'identity',
    files: { '/etc/nginx/nginx.conf': 'user  www-data;\nworker_processes auto;\n' },
    text: { '/etc/nginx/nginx.conf': '#user  www-data;\nworker_processes auto;\n' },
  },
  {
    recipe: 'nginx',
    purpose: 'pid',
    files: { '/etc/nginx/nginx.conf': 'pid /run/nginx.pid;\n' },
    text: { '/etc/nginx/nginx.conf': 'pid /tmp/nginx.pid;\n' },
  },
  {
    recipe: 'nginx',
    purpose: 'logs',
    files: {
      '/etc/nginx/nginx.conf': 'error_log /var/log/nginx/error.log notice;\n  access_log /x/a.log main;\n  access_log off;\n',
    },
    text: { '/etc/nginx/nginx.conf': 'error_log /dev/stderr notice;\n  access_log /dev/stdout main;\n  access_log off;\n' },
  },
  {
    recipe: 'nginx',
    purpose: 'cache',
    files: { '/etc/nginx/nginx.conf': 'http {\n  proxy_temp_path /var/x;\n}\n' },
    text: {
      '/etc/nginx/nginx.conf':
        'http {\n    client_body_temp_path /tmp/client_temp;\n    proxy_temp_path /tmp/proxy_temp;\n' +
        '    fastcgi_temp_path /tmp/fastcgi_temp;\n    uwsgi_temp_path /tmp/uwsgi_temp;\n    scgi_temp_path /tmp/scgi_temp;\n#  proxy_temp_path /var/x;\n}\n',
    },
  },
  {
    recipe: 'nginx',
    purpose: 'port',
    port: { from: 80, to: 8080 },
    files: {
      '/etc/nginx/sites-enabled/default':
        'listen 80 default_server;\nlisten [::]:80;\nlisten 8080;\nlisten 127.0.0.1:80;\nlisten 800;\n',
    },
    text: {
      '/etc/nginx/sites-enabled/default':
        'listen 8080 default_server;\nlisten [::]:8080;\nlisten 8080;\nlisten 127.0.0.1:8080;\nlisten 800;\n',
    },
  },
  {
    recipe: 'httpd',
    purpose: 'identity',
    files: { '/etc/apache2/apache2.conf': 'User www-data\nGroup www\nUserDir x\n' },
    text: { '/etc/apache2/apache2.conf': '#User www-data\n#Group www\nUserDir x\n' },
  },
  {
    recipe: 'httpd',
    purpose: 'chroot',
    files: { '/usr/local/apache2/conf/httpd.conf': 'ChrootDir /srv\n' },
    text: { '/usr/local/apache2/conf/httpd.conf': '#ChrootDir /srv\n' },
  },
  {
    recipe: 'httpd',
    purpose: 'pid',
    files: { '/etc/apache2/apache2.conf': 'PidFile /run/httpd.pid\n' },
    text: { '/etc/apache2/apache2.conf': 'PidFile /tmp/httpd.pid\n' },
  },
  {
    recipe: 'httpd',
    purpose: 'logs',
    files: { '/etc/apache2/sites-enabled/000.conf': '\tErrorLog /a/e.log\n\tCustomLog "/a/b c.log" combined\n' },
    text: { '/etc/apache2/sites-enabled/000.conf': '\tErrorLog /dev/stderr\n\tCustomLog /dev/stdout combined\n' },
  },
  {
    recipe: 'httpd',
    purpose: 'port',
    port: { from: 80, to: 8080 },
    files: { '/etc/apache2/ports.conf': 'Listen 80\n\tListen 443\nListen 10.0.0.1:80 http\n<VirtualHost *:80>\n' },
    text: { '/etc/apache2/ports.conf': 'Listen 8080\n\tListen 443\nListen 10.0.0.1:8080 http\n<VirtualHost *:8080>\n' },
  },
  {
    recipe: 'redis',
    purpose: 'pid',
    files: { '/etc/redis/redis.conf': 'pidfile /run/redis/redis-server.pid\n' },
    text: { '/etc/redis/redis.conf': 'pidfile /tmp/server.pid\n' },
  },
  {
    recipe: 'redis',
    purpose: 'logs',
    files: { '/etc/redis/redis.conf': 'logfile /var/log/redis/redis-server.log\n' },
    text: { '/etc/redis/redis.conf': 'logfile ""\n' },
  },
  {
    recipe: 'redis',
    purpose: 'port',
    port: { from: 79, to: 8079 },
    files: { '/etc/redis/redis.conf': 'port 79\ntls-port 790\n' },
    text: { '/etc/redis/redis.conf': 'port 8079\ntls-port 790\n' },
  },
  {
    recipe: 'postgres',
    purpose: 'pid',
    files: {
      '/etc/postgresql/15/main/postgresql.conf':
        "external_pid_file = '/x'\nunix_socket_directories = '/var/run/postgresql' # c\n",
    },
    text: { '/etc/postgresql/15/main/postgresql.conf': "#external_pid_file = '/x'\nunix_socket_directories = '/tmp'\n" },
  },
  {
    recipe: 'postgres',
    purpose: 'logs',
    files: { '/d/postgresql.conf': 'logging_collector = on\n' },
    text: { '/d/postgresql.conf': 'logging_collector = off\n' },
  },
  {
    recipe: 'postgres',
    purpose: 'port',
    port: { from: 432, to: 8432 },
    files: { '/d/postgresql.conf': 'port = 432\t# (change requires restart)\n' },
    text: { '/d/postgresql.conf': 'port = 8432\n' },
  },
  { recipe: 'postgres-data', purpose: 'identity', env: { PGDATA: '/var/lib/postgresql/data/pgdata' } },
  {
    recipe: 'mariadb',
    purpose: 'identity',
    argv: ['mariadbd', '--user', 'mysql', '--skip-networking'],
    files: { '/etc/mysql/50-server.cnf': 'user                    = mysql\n' },
    start: ['mariadbd', '--skip-networking'],
    text: { '/etc/mysql/50-server.cnf': '#user                    = mysql\n' },
  },
  {
    recipe: 'mariadb',
    purpose: 'pid',
    files: { '/etc/mysql/50-server.cnf': 'pid-file = /run/mysqld/mysqld.pid\nsocket = /run/mysqld/mysqld.sock\n' },
    text: { '/etc/mysql/50-server.cnf': 'pid-file = /tmp/mysqld.pid\nsocket = /tmp/mysqld.sock\n' },
  },
  {
    recipe: 'mariadb',
    purpose: 'logs',
    files: { '/etc/mysql/50-server.cnf': 'log_error = /var/log/mysql/error.log\n' },
    text: { '/etc/mysql/50-server.cnf': '#log_error = /var/log/mysql/error.log\n' },
  },
  {
    recipe: 'mariadb',
    purpose: 'port',
    port: { from: 306, to: 8306 },
    files: { '/etc/mysql/50-server.cnf': 'port = 306\nreport_port = 306x\n' },
    text: { '/etc/mysql/50-server.cnf': 'port = 8306\nreport_port = 306x\n' },
  },
  {
    recipe: 'haproxy',
    purpose: 'chroot',
    files: {
      '/etc/haproxy/haproxy.cfg': 'global\n\tchroot /var/lib/haproxy\n\tuser haproxy\nuserlist a\n\tuser bob password x\n',
    },
    text: {
      '/etc/haproxy/haproxy.cfg': 'global\n#\tchroot /var/lib/haproxy\n#\tuser haproxy\nuserlist a\n\tuser bob password x\n',
    },
  },
  {
    recipe: 'haproxy',
    purpose: 'pid',
    files: { '/etc/haproxy/haproxy.cfg': '\tstats socket /run/haproxy/admin.sock user root mode 660 level admin\n' },
    text: { '/etc/haproxy/haproxy.cfg': '\tstats socket /tmp/admin.sock mode 660 level admin\n' },
  },
  {
    recipe: 'haproxy',
    purpose: 'logs',
    files: { '/etc/haproxy/haproxy.cfg': '\tlog /dev/log\tlocal0\n' },
    text: { '/etc/haproxy/haproxy.cfg': '\tlog stdout format raw\tlocal0\n' },
  },
  {
    recipe: 'haproxy',
    purpose: 'port',
    port: { from: 80, to: 8080 },
    files: { '/etc/haproxy/haproxy.cfg': '  bind *:80\n  bind :443 ssl\n  bind 10.0.0.1:80 name x\n' },
    text: { '/etc/haproxy/haproxy.cfg': '  bind *:8080\n  bind :443 ssl\n  bind 10.0.0.1:8080 name x\n' },
  },
  {
    recipe: 'mosquitto',
    purpose: 'identity',
    files: { '/etc/mosquitto/mosquitto.conf': 'user mosquitto\n' },
    text: { '/etc/mosquitto/mosquitto.conf': '#user mosquitto\n' },
  },
  {
    recipe: 'mosquitto',
    purpose: 'pid',
    files: { '/etc/mosquitto/mosquitto.conf': 'pid_file /run/mosquitto/mosquitto.pid\n' },
    text: { '/etc/mosquitto/mosquitto.conf': 'pid_file /tmp/mosquitto.pid\n' },
  },
  {
    recipe: 'mosquitto',
    purpose: 'logs',
    files: { '/etc/mosquitto/mosquitto.conf': 'log_dest file /var/log/mosquitto/mosquitto.log\n' },
    text: { '/etc/mosquitto/mosquitto.conf': 'log_dest stderr\n' },
  },
  {
    recipe: 'mosquitto',
    purpose: 'port',
    port: { from: 883, to: 8883 },
    files: { '/etc/mosquitto/mosquitto.conf': 'listener 883 0.0.0.0\n' },
    text: { '/etc/mosquitto/mosquitto.conf': 'listener 8883 0.0.0.0\n' },
  },
  {
    recipe: 'memcached',
    purpose: 'identity',
    argv: ['/usr/bin/memcached', '-u', 'memcache', '-m', '64'],
    start: ['/usr/bin/memcached', '-m', '64'],
  },
  {
    recipe: 'memcached',
    purpose: 'port',
    port: { from: 211, to: 8211 },
    argv: ['memcached', '-p', '211'],
    start: ['memcached', '--port=8211'],
  },
  {
    recipe: 'php-fpm',
    purpose: 'identity',
    files: { '/etc/php/8.2/fpm/pool.d/www.conf': 'user = www-data\nlisten.owner = www-data\nlisten = /run/php.sock\n' },
    text: { '/etc/php/8.2/fpm/pool.d/www.conf': ';user = www-data\n;listen.owner = www-data\nlisten = /run/php.sock\n' },
  },
  {
    recipe: 'php-fpm',
    purpose: 'chroot',
    files: { '/etc/php/8.2/fpm/pool.d/www.conf': 'chroot = /srv\n' },
    text: { '/etc/php/8.2/fpm/pool.d/www.conf': ';chroot = /srv\n' },
  },
  {
    recipe: 'php-fpm',
    purpose: 'pid',
    files: { '/etc/php/8.2/fpm/php-fpm.conf': 'pid = /run/php/php8.2-fpm.pid\n' },
    text: { '/etc/php/8.2/fpm/php-fpm.conf': 'pid = /tmp/php-fpm.pid\n' },
  },
  {
    recipe: 'php-fpm',
    purpose: 'logs',
    files: { '/etc/php/8.2/fpm/php-fpm.conf': 'error_log = /var/log/php8.2-fpm.log\n' },
    text: { '/etc/php/8.2/fpm/php-fpm.conf': 'error_log = /proc/self/fd/2\n' },
  },
  {
    recipe: 'php-fpm',
    purpose: 'port',
    port: { from: 900, to: 8900 },
    files: { '/etc/php/8.2/fpm/pool.d/www.conf': 'listen = 127.0.0.1:900\n' },
    text: { '/etc/php/8.2/fpm/pool.d/www.conf': 'listen = 127.0.0.1:8900\n' },
  },
  {
    recipe: 'node',
    purpose: 'cache',
    env: { NPM_CONFIG_CACHE: '/tmp/.npm', YARN_CACHE_FOLDER: '/tmp/.yarn', XDG_CACHE_HOME: '/tmp/.cache' },
  },
  { recipe: 'node', purpose: 'port', port: { from: 80, to: 8080 }, env: { PORT: '8080' } },
  {
    recipe: 'python',
    purpose: 'identity',
    argv: ['gunicorn', '--user=app', '--group', 'app', 'x:y'],
    start: ['gunicorn', 'x:y'],
  },
  {
    recipe: 'python',
    purpose: 'cache',
    env: { PYTHONDONTWRITEBYTECODE: '1', XDG_CACHE_HOME: '/tmp/.cache', MPLCONFIGDIR: '/tmp/.matplotlib' },
  },
  { recipe: 'python', purpose: 'port', port: { from: 80, to: 8080 }, env: { PORT: '8080' } },
  {
    recipe: 'java',
    purpose: 'identity',
    argv: ['/usr/bin/jsvc', '-user', 'tomcat', '-user=tomcat', 'x'],
    start: ['/usr/bin/jsvc', 'x'],
  },
  {
    recipe: 'java',
    purpose: 'cache',
    env: { JAVA_TOOL_OPTIONS: '-Djava.io.tmpdir=/tmp -Duser.home=/tmp', CATALINA_TMPDIR: '/tmp' },
  },
  {
    recipe: 'java',
    purpose: 'port',
    port: { from: 80, to: 8080 },
    files: { '/usr/local/tomcat/conf/server.xml': '    <Connector port="80" protocol="HTTP/1.1"\n' },
    text: { '/usr/local/tomcat/conf/server.xml': '    <Connector port="8080" protocol="HTTP/1.1"\n' },
    env: { SERVER_PORT: '8080' },
  },
  { recipe: 'dotnet', purpose: 'cache', env: { DOTNET_CLI_HOME: '/tmp', DOTNET_EnableDiagnostics: '0' } },
  {
    recipe: 'dotnet',
    purpose: 'port',
    port: { from: 80, to: 8080 },
    env: { ASPNETCORE_HTTP_PORTS: '8080', ASPNETCORE_URLS: 'http://+:8080' },
  },
  { recipe: 's6-overlay', purpose: 'root-check', owned: ['/run 10001 755'] },
  { recipe: 's6-overlay', purpose: 'root-check', index: 1, env: { S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES: '1' } },
  {
    recipe: 'supervisord',
    purpose: 'identity',
    files: { '/etc/supervisor/conf.d/web.conf': '[program:x]\nuser=www\ncommand=x\n' },
    text: { '/etc/supervisor/conf.d/web.conf': '[program:x]\n;user=www\ncommand=x\n' },
  },
  {
    recipe: 'supervisord',
    purpose: 'pid',
    files: {
      '/etc/supervisor/supervisord.conf':
        'file=/var/run/supervisor.sock ; x\npidfile=/var/run/supervisord.pid\nserverurl=unix:///var/run/supervisor.sock\n',
    },
    text: {
      '/etc/supervisor/supervisord.conf':
        'file=/tmp/supervisor.sock\npidfile=/tmp/supervisord.pid\nserverurl=unix:///tmp/supervisor.sock\n',
    },
  },
  {
    recipe: 'supervisord',
    purpose: 'logs',
    files: {
      '/etc/supervisor/supervisord.conf': 'logfile=/var/log/supervisor/supervisord.log ; x\nchildlogdir=/var/log/supervisor\n',
    },
    text: { '/etc/supervisor/supervisord.conf': 'logfile=/dev/null\nchildlogdir=/tmp\n' },
  },
  {
    recipe: 'chrony',
    purpose: 'root-check',
    argv: ['start', '/usr/sbin/chronyd', '-d', '-u', '_chrony', '-x'],
    start: ['start', '/usr/sbin/chronyd', '-U', '-d', '-x'],
  },
  {
    recipe: 'chrony',
    purpose: 'pid',
    argv: ['chronyd', '-d'],
    start: ['chronyd', '-U', '-d'],
    files: { '/etc/chrony/chrony.conf': 'makestep 1 3\n\n' },
    text: { '/etc/chrony/chrony.conf': 'makestep 1 3\npidfile /tmp/chronyd.pid\nbindcmdaddress /\n' },
  },
  {
    recipe: 'dovecot',
    purpose: 'identity',
    files: { '/etc/dovecot/dovecot.conf': 'x = y\n', '/usr/lib/dovecot/anvil': 'elf' },
    text: {
      '/etc/dovecot/dovecot.conf':
        'x = y\ndefault_internal_user = me\ndefault_internal_group = us\ndefault_login_user = me\nmail_uid = 10001\nmail_gid = 10002\nfirst_valid_uid = 10001\nservice anvil {\n  chroot =\n}\n',
    },
  },
  {
    recipe: 'rsync',
    purpose: 'identity',
    files: { '/etc/rsyncd.conf': 'uid = a\n[data]\n  use chroot = yes\n  path = /srv\n' },
    text: { '/etc/rsyncd.conf': '#uid = a\nuse chroot = no\n[data]\n#  use chroot = yes\n  path = /srv\n' },
  },
  {
    recipe: 'vsftpd',
    purpose: 'root-check',
    files: { '/etc/vsftpd.conf': 'listen=YES\n' },
    text: { '/etc/vsftpd.conf': 'listen=YES\nrun_as_launching_user=YES\nconnect_from_port_20=NO\n' },
    owned: ['/etc/vsftpd.conf 10001 600'],
  },
  {
    recipe: 'unbound',
    purpose: 'identity',
    files: { '/etc/unbound/unbound.conf': 'include: "x"\n', '/etc/unbound/unbound.conf.d/unbound.conf': '' },
    text: { '/etc/unbound/unbound.conf': 'include: "x"\nserver:\n    username: ""\n    chroot: ""\n' },
  },
  {
    recipe: 'unbound',
    purpose: 'pid',
    files: { '/etc/unbound/unbound.conf': '' },
    text: { '/etc/unbound/unbound.conf': '\nserver:\n    pidfile: "/tmp/unbound.pid"\n' },
  },
  {
    recipe: 'unbound',
    purpose: 'port',
    port: { from: 53, to: 8053 },
    files: { '/etc/unbound/unbound.conf': '' },
    text: { '/etc/unbound/unbound.conf': '\nserver:\n    port: 8053\n' },
  },
  {
    recipe: 'nsd',
    purpose: 'identity',
    files: { '/etc/nsd/nsd.conf': 'server:\n  username: nsd\n' },
    text: { '/etc/nsd/nsd.conf': 'server:\n#  username: nsd\nserver:\n    username: ""\n    chroot: ""\n' },
  },
  {
    recipe: 'nsd',
    purpose: 'port',
    port: { from: 53, to: 8053 },
    files: { '/etc/nsd/nsd.conf': '#\n' },
    text: { '/etc/nsd/nsd.conf': '#\nserver:\n    port: 8053\n' },
  },
  {
    recipe: 'knot',
    purpose: 'identity',
    files: { '/etc/knot/knot.conf': 'server:\n    user: knot:knot\n' },
    text: { '/etc/knot/knot.conf': 'server:\n#    user: knot:knot\n' },
  },
  {
    recipe: 'knot',
    purpose: 'port',
    port: { from: 53, to: 8053 },
    files: { '/etc/knot/knot.conf': '    listen: [ 127.0.0.1@53 ]\n' },
    text: { '/etc/knot/knot.conf': '    listen: [ 127.0.0.1@8053 ]\n' },
  },
  { recipe: 'bind', purpose: 'identity', argv: ['named', '-g', '-u', 'bind', '-t/srv'], start: ['named', '-g'] },
  {
    recipe: 'bind',
    purpose: 'pid',
    files: { '/etc/bind/named.conf.options': '  pid-file "/run/named/named.pid";\n' },
    text: { '/etc/bind/named.conf.options': '  pid-file "/tmp/named.pid";\n' },
  },
  { recipe: 'bind', purpose: 'port', port: { from: 53, to: 8053 }, argv: ['named', '-g'], start: ['named', '-p', '8053', '-g'] },
  {
    recipe: 'tor',
    purpose: 'identity',
    files: { '/etc/tor/torrc': 'User debian-tor\nSocksPort 9050\n', '/var/lib/tor/x': '' },
    text: { '/etc/tor/torrc': '#User debian-tor\nSocksPort 9050\n' },
    owned: ['/var/lib/tor 10001 700'],
  },
  {
    recipe: 'bind',
    purpose: 'port',
    index: 1,
    port: { from: 953, to: 8953 },
    files: { '/etc/bind/named.conf': 'include "x";\n' },
    text: { '/etc/bind/named.conf': 'include "x";\ncontrols { inet 127.0.0.1 port 8953 allow { 127.0.0.1; }; };\n' },
  },
  {
    recipe: 'dnsmasq',
    purpose: 'identity',
    argv: ['dnsmasq', '-k', '--user=dnsmasq', '-g', 'nogroup'],
    start: ['dnsmasq', '-k'],
    files: { '/etc/dnsmasq.conf': 'user=dnsmasq\naddress=/group/10.0.0.1\n' },
    text: { '/etc/dnsmasq.conf': '#user=dnsmasq\naddress=/group/10.0.0.1\n' },
  },
  {
    recipe: 'dnsmasq',
    purpose: 'port',
    port: { from: 53, to: 8053 },
    argv: ['dnsmasq', '-k', '-p', '53'],
    start: ['dnsmasq', '--port=8053', '-k'],
  },
  {
    recipe: 'snmpd',
    purpose: 'identity',
    argv: ['snmpd', '-f', '-u', 'Debian-snmp', '-gDebian-snmp'],
    start: ['snmpd', '-f'],
  },
  {
    recipe: 'snmpd',
    purpose: 'port',
    port: { from: 161, to: 8161 },
    files: { '/etc/snmp/snmpd.conf': 'agentaddress  127.0.0.1,[::1]\n' },
    text: { '/etc/snmp/snmpd.conf': 'agentaddress udp:8161,udp6:8161\n' },
  },
  {
    recipe: 'snmpd',
    purpose: 'port',
    index: 1,
    port: { from: 199, to: 8199 },
    files: { '/etc/snmp/snmpd.conf': 'sysLocation x\n' },
    text: { '/etc/snmp/snmpd.conf': 'sysLocation x\nsmuxsocket 127.0.0.1:8199\n' },
  },
];

const byName = (name: string): Recipe => RECIPES.find((recipe) => recipe.name === name)!;

function applied({ recipe: name, purpose, index = 0, argv = [], files = {}, port }: Case): Applied | undefined {
  const recipe = byName(name);
  const change = recipe.changes!.filter((one) => one.for === purpose)[index]!;
  const tree = { '/run': {}, ...files };
  return applyChange(recipe, change, {
    rootFs: memoryRootFs(tree),
    configs: new Map(Object.entries(files).filter(([path]) => path.startsWith('/etc/') || !path.includes('/lib/'))),
    argv,
    user: { uid: 10001, gid: 10002, name: 'me', group: 'us' },
    ...(port ? { port } : {}),
  });
}

describe('applyChange', () => {
  it.each(CASES.map((one) => [`${one.recipe}: ${one.purpose} ${one.index ?? ''}`, one] as const))('%s', (_, one) => {
    const result = applied(one)!;
    const written = Object.fromEntries(
      result.layer.flatMap((change) => (change.kind === 'file' ? [[change.path, change.content]] : [])),
    );
    expect(written).toEqual(one.text ?? {});
    const start = result.run.entrypoint && [...result.run.entrypoint, ...(result.run.command ?? [])];
    expect(start).toEqual(one.start);
    expect(result.run.env).toEqual(one.env);
    const owned = result.layer.flatMap((change) =>
      change.kind !== 'symlink' && change.uid === 10001 ? [`${change.path} ${change.uid} ${change.mode.toString(8)}`] : [],
    );
    expect(owned).toEqual(one.owned ?? []);
    expect(result.did.length).toBeGreaterThan(0);
  });

  it('has a case for every change of every recipe', () => {
    const wanted = RECIPES.flatMap(({ name, changes = [] }) =>
      changes.map((change) => `${name}: ${change.for} ${changes.filter((one) => one.for === change.for).indexOf(change)}`),
    );
    const had = CASES.map(({ recipe, purpose, index = 0 }) => `${recipe}: ${purpose} ${index}`);
    expect([...had].sort()).toEqual([...wanted].sort());
  });

  it('changes nothing where there is nothing to change', () => {
    expect(
      applied({ recipe: 'nginx', purpose: 'identity', files: { '/etc/nginx/nginx.conf': 'worker_processes 1;\n' } }),
    ).toBeUndefined();
    expect(applied({ recipe: 'chrony', purpose: 'root-check', argv: ['/start.sh'] })).toBeUndefined();
    expect(applied({ recipe: 'dovecot', purpose: 'identity' })).toBeUndefined();
    expect(applied({ recipe: 'nginx', purpose: 'port', files: { '/etc/nginx/nginx.conf': 'listen 80;' } })).toBeUndefined();
  });

  it('leaves lines alone that are too long to be configuration', () => {
    const line = `user ${'a'.repeat(5000)};`;
    expect(applied({ recipe: 'nginx', purpose: 'identity', files: { '/etc/nginx/nginx.conf': line } })).toBeUndefined();
  });
});
