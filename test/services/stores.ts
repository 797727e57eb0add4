/** Databases, caches, queues, directories. */
import { REDIS_GOSU } from '../support/images.ts';
import { dialog, http, inside, sh } from './client.ts';
import { make, type Service, service } from './service.ts';

/** As the official image: the data folder is made and given away at the first start, then somebody else goes on. */
const POSTGRES_ENTRYPOINT = `#!/bin/bash
set -e
: "\${PGDATA:=/var/lib/postgresql/data}"
export PGDATA
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    chmod 3777 /run/postgresql
    find "$PGDATA" ! -user postgres -exec chown postgres '{}' +
    find /run/postgresql ! -user postgres -exec chown postgres '{}' +
    exec gosu postgres "$0" "$@"
fi
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --auth=trust
    pg_ctl -D "$PGDATA" -o '-c listen_addresses=' -w start
    psql -v ON_ERROR_STOP=1 --username postgres -c 'create database app'
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
`;

const MARIADB_ENTRYPOINT = `#!/bin/bash
set -eo pipefail
if [ "$1" = mariadbd ] && [ "$(id -u)" = 0 ]; then
    find /var/lib/mysql ! -user mysql -exec chown mysql '{}' +
    find /run/mysqld ! -user mysql -exec chown mysql '{}' +
    exec gosu mysql "$0" "$@"
fi
if [ ! -d /var/lib/mysql/mysql ]; then
    mariadb-install-db --datadir=/var/lib/mysql --auth-root-authentication-method=normal --skip-test-db >&2
    printf "create database app;\\ncreate user app@'%%' identified by 'secret';\\ngrant all on app.* to app@'%%';\\n" >/tmp/first.sql
    set -- "$@" --init-file=/tmp/first.sql
fi
exec "$@"
`;

export const STORES: readonly Service[] = [
  {
    ...REDIS_GOSU,
    name: 'redis',
    client: { ask: [sh('redis-cli set k stored; redis-cli get k; redis-cli save')], says: /OK\s+stored\s+OK/ },
  },
  service('postgres', {
    packages: ['postgresql-15', 'gosu'],
    script:
      'rm -rf "$1"/var/lib/postgresql/15 "$1"/etc/postgresql/15; chroot "$1" install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data',
    files: { '/usr/local/bin/docker-entrypoint.sh': POSTGRES_ENTRYPOINT },
    run: ['postgres', '-c', 'listen_addresses=*'],
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Env: [
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin',
        'PGDATA=/var/lib/postgresql/data',
      ],
      Volumes: { '/var/lib/postgresql/data': {} },
      ExposedPorts: { '5432/tcp': {} },
      StopSignal: 'SIGINT',
    },
    ask: [
      sh(
        'psql -h 127.0.0.1 -U postgres -d app -c "create table if not exists t (x text)" -c "insert into t values (\'stored\')" -c "select x from t"',
      ),
    ],
    says: /INSERT 0 1[\s\S]*stored/,
  }),
  service('postgresql', {
    packages: ['postgresql', 'gosu'],
    script: `${make('postgres:postgres', '/run/postgresql', '2775')}; sed -i 's/scram-sha-256/trust/' "$1"/etc/postgresql/15/main/pg_hba.conf`,
    run: ['gosu', 'postgres', '/usr/lib/postgresql/15/bin/postgres', '-D', '/var/lib/postgresql/15/main'].concat([
      '-c',
      'config_file=/etc/postgresql/15/main/postgresql.conf',
    ]),
    ask: [
      sh(
        'psql -h 127.0.0.1 -U postgres -c "create table if not exists t (x text)" -c "insert into t values (\'stored\')" -c "select x from t"',
      ),
    ],
    says: /INSERT 0 1[\s\S]*stored/,
  }),
  service('mariadb', {
    packages: ['mariadb-server', 'gosu'],
    script: `rm -rf "$1"/var/lib/mysql/*; ${make('mysql:mysql', '/run/mysqld')}`,
    files: { '/usr/local/bin/docker-entrypoint.sh': MARIADB_ENTRYPOINT },
    run: ['mariadbd', '--skip-name-resolve'],
    config: { Entrypoint: ['docker-entrypoint.sh'], Volumes: { '/var/lib/mysql': {} }, ExposedPorts: { '3306/tcp': {} } },
    ask: [
      sh(
        'mariadb --protocol=tcp -h 127.0.0.1 -u app -psecret app -e "create table if not exists t (x text); insert into t values (\'stored\'); select x from t"',
      ),
    ],
    says: /stored/,
  }),
  service('memcached', {
    packages: ['memcached'],
    run: ['memcached', '-u', 'memcache'],
    ask: [dialog(11211, ['set k 0 0 6\r\nstored', 'get k'], false)],
    says: /STORED[\s\S]*stored/,
  }),
  service('beanstalkd', {
    packages: ['beanstalkd'],
    script: make('beanstalkd:beanstalkd', '/var/lib/beanstalkd'),
    run: ['beanstalkd', '-u', 'beanstalkd', '-b', '/var/lib/beanstalkd'],
    ask: [dialog(11300, ['put 0 0 60 6\r\nstored', 'reserve'], false)],
    says: /INSERTED[\s\S]*RESERVED[\s\S]*stored/,
  }),
  service('rabbitmq', {
    packages: ['rabbitmq-server', 'python3-pika'],
    run: ['rabbitmq-server'],
    ask: [
      {
        where: 'beside',
        argv: [
          'python3',
          '-c',
          "import pika\nc = pika.BlockingConnection(pika.ConnectionParameters('127.0.0.1', socket_timeout=5)).channel()\n" +
            "c.queue_declare('q', durable=True)\nc.basic_publish('', 'q', b'stored')\nimport time; time.sleep(1)\nprint(c.basic_get('q')[2])\n",
        ],
      },
    ],
    says: /b'stored'/,
  }),
  service('mosquitto', {
    packages: ['mosquitto', 'mosquitto-clients'],
    script: make('mosquitto:mosquitto', '/run/mosquitto'),
    run: ['mosquitto', '-c', '/etc/mosquitto/mosquitto.conf'],
    ask: [sh('mosquitto_pub -h 127.0.0.1 -t t -m hello -r && mosquitto_sub -h 127.0.0.1 -t t -C 1 -W 5')],
    says: /hello/,
  }),
  service('slapd', {
    packages: ['slapd', 'ldap-utils'],
    files: {
      '/etc/ldap/slapd.conf':
        'include /etc/ldap/schema/core.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile /run/slapd/slapd.pid\nargsfile /run/slapd/slapd.args\n' +
        'database mdb\nsuffix "dc=example"\nrootdn "cn=admin,dc=example"\nrootpw secret\ndirectory /var/lib/ldap/example\n',
    },
    script: `${make('openldap:openldap', '/run/slapd')}; ${make('openldap:openldap', '/var/lib/ldap/example', '700')}`,
    run: ['slapd', '-d', '0', '-h', 'ldap:/// ldapi:///', '-u', 'openldap', '-g', 'openldap', '-f', '/etc/ldap/slapd.conf'],
    ask: [
      sh(
        'printf "dn: dc=example\\nobjectClass: dcObject\\nobjectClass: organization\\no: stored here\\ndc: example\\n" | ldapadd -x -H ldap://127.0.0.1 -D cn=admin,dc=example -w secret; ' +
          'ldapsearch -x -H ldap://127.0.0.1 -b dc=example o',
      ),
    ],
    says: /o: stored here/,
  }),
  service('etcd', {
    packages: ['etcd-server', 'etcd-client'],
    run: ['etcd', '--data-dir', '/var/lib/etcd/default'],
    ask: [sh('export ETCDCTL_API=3; etcdctl put k stored; etcdctl get k')],
    says: /OK\s+k\s+stored/,
  }),
  service('influxdb', {
    packages: ['influxdb', 'curl'],
    run: ['influxd', '-config', '/etc/influxdb/influxdb.conf'],
    ask: [
      sh(
        'at=http://127.0.0.1:8086; curl -s $at/query --data-urlencode "q=create database d"; curl -s "$at/write?db=d" --data "t v=42"; ' +
          'curl -s -G $at/query --data-urlencode "db=d" --data-urlencode "q=select v from t"',
      ),
    ],
    says: /,42\]/,
  }),
  service('prometheus', {
    packages: ['prometheus'],
    run: ['prometheus', '--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/var/lib/prometheus/metrics2'],
    ask: [http(9090, '/api/v1/query?query=vector(42)')],
    says: /"success"[\s\S]*"42"/,
  }),
  service('collectd', {
    packages: ['collectd-core', 'collectd-utils'],
    files: {
      '/etc/collectd/collectd.conf':
        'Interval 1\nLoadPlugin load\nLoadPlugin csv\nLoadPlugin unixsock\nPIDFile "/run/collectd.pid"\nBaseDir "/var/lib/collectd"\n' +
        '<Plugin csv>\n  DataDir "/var/lib/collectd/csv"\n</Plugin>\n<Plugin unixsock>\n  SocketFile "/run/collectd.sock"\n</Plugin>\n',
    },
    run: ['collectd', '-f'],
    ask: [inside('collectdctl -s /run/collectd.sock listval; ls /var/lib/collectd/csv/*/*')],
    says: /load\/load[\s\S]*load-\d{4}/,
  }),
  service('rsyslog', {
    packages: ['rsyslog', 'bsdutils'],
    files: {
      '/etc/rsyslog.conf':
        'module(load="imtcp")\ninput(type="imtcp" port="514")\nmodule(load="imuxsock")\n$FileOwner root\n$FileGroup adm\n$FileCreateMode 0640\n*.* /var/log/syslog\n',
    },
    run: ['rsyslogd', '-n'],
    ask: [sh('logger -n 127.0.0.1 -T -P 514 a letter; sleep 1'), inside('cat /var/log/syslog')],
    says: /a letter/,
    // Letters over the network are kept; the socket of local programs is in a folder that is the runtime's.
    honest: { verdict: 'inconclusive', says: /\/dev\/log/ },
  }),
  service('pgbouncer', {
    packages: ['pgbouncer'],
    script: `cat >"$1/etc/pgbouncer/pgbouncer.ini" <<'END'
[databases]
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 6432
auth_type = trust
auth_file = /etc/pgbouncer/userlist.txt
admin_users = admin
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
unix_socket_dir = /var/run/postgresql
END
echo '"admin" ""' >"$1/etc/pgbouncer/userlist.txt"`,
    run: ['pgbouncer', '/etc/pgbouncer/pgbouncer.ini'],
    // It refuses to be root.
    alone: false,
    ask: [
      sh(
        `exec 3<>/dev/tcp/127.0.0.1/6432; printf '\\0\\0\\0\\x27\\0\\3\\0\\0user\\0admin\\0database\\0pgbouncer\\0\\0Q\\0\\0\\0\\x12SHOW VERSION;\\0' >&3; timeout 3 cat <&3 | tr -d '\\0'`,
      ),
    ],
    says: /PgBouncer 1\.\d+/,
  }),
  service('gearman', {
    packages: ['gearman-job-server', 'gearman-tools'],
    run: ['gearmand', '-u', 'gearman', '--log-file', '/var/log/gearman-job-server/gearmand.log', '--listen', '0.0.0.0'],
    ask: [
      sh(
        'timeout 8 gearman -w -h 127.0.0.1 -f up -- tr a-z A-Z & sleep 1; echo hello | timeout 5 gearman -h 127.0.0.1 -f up; kill %1',
      ),
    ],
    says: /HELLO/,
  }),
];
