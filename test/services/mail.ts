/** Mail, chat, files and logins: what knows people. */
import { dialog, inside, mail, sh } from './client.ts';
import { make, type Service, service } from './service.ts';

const ADD_ADA =
  'chroot "$1" useradd --create-home --shell /bin/bash ada; echo ada:secret | chroot "$1" chpasswd; echo kept >"$1/home/ada/note"; chroot "$1" chown ada:ada /home/ada/note';

export const MAIL: readonly Service[] = [
  service('exim4', {
    packages: ['exim4-daemon-light'],
    script: ADD_ADA,
    run: ['exim', '-bdf', '-q30m'],
    ask: [mail('ada@localhost'), sh('sleep 2'), inside('cat /var/mail/ada')],
    says: /250 OK id=[\s\S]*the letter/,
    honest: { verdict: 'inconclusive', says: /exim/ },
  }),
  service('dovecot', {
    packages: ['dovecot-imapd'],
    // As the official image: mail of virtual users under one account.
    script: `chroot "$1" groupadd -g 1000 vmail; chroot "$1" useradd -u 1000 -g vmail -d /srv/vmail vmail; ${make('vmail:vmail', '/srv/vmail')}`,
    files: {
      '/etc/dovecot/dovecot.conf':
        'protocols = imap\nmail_home = /srv/vmail/%Lu\nmail_location = sdbox:~/Mail\nmail_uid = 1000\nmail_gid = 1000\nfirst_valid_uid = 1000\n' +
        'ssl = no\ndisable_plaintext_auth = no\nlog_path = /dev/stdout\ninfo_log_path = /dev/stdout\ndebug_log_path = /dev/stdout\n' +
        'passdb {\n  driver = static\n  args = password=secret\n}\n' +
        'userdb {\n  driver = static\n  args = uid=vmail gid=vmail home=/srv/vmail/%u\n}\n',
    },
    run: ['dovecot', '-F'],
    probe: `bash -c 'exec 3<>/dev/tcp/127.0.0.1/143; printf "a login ada secret\\r\\nb select INBOX\\r\\nc logout\\r\\n" >&3; timeout 5 cat <&3 | grep "b OK"'`,
    ask: [
      dialog(143, [
        'a login ada secret',
        'b append INBOX {12}',
        'Subject: hi\r',
        'c select INBOX',
        'd fetch 1 BODY[HEADER]',
        'e logout',
      ]),
    ],
    says: /a OK[\s\S]*1 EXISTS[\s\S]*Subject: hi/,
  }),
  service('dovecot-system-users', {
    packages: ['dovecot-imapd'],
    script: `${ADD_ADA}; sed -i 's/^ssl = yes/ssl = no/' "$1/etc/dovecot/conf.d/10-ssl.conf"; echo "disable_plaintext_auth = no" >>"$1/etc/dovecot/dovecot.conf"; echo "mail_location = mbox:~/mail" >>"$1/etc/dovecot/dovecot.conf"`,
    run: ['dovecot', '-F'],
    ask: [dialog(143, ['a login ada secret', 'b select INBOX', 'c logout'])],
    says: /a OK[\s\S]*b OK/,
    honest: { verdict: 'inconclusive', says: /logins of the system's users/ },
  }),
  service('opensmtpd', {
    packages: ['opensmtpd'],
    script: ADD_ADA,
    run: ['smtpd', '-d'],
    ask: [mail('ada@localhost'), sh('sleep 2'), inside('cat /home/ada/Maildir/new/* /var/mail/ada')],
    says: /250 [\s\S]*the letter/,
    honest: { verdict: 'failed', says: /opensmtpd needs root/ },
  }),
  service('prosody', {
    packages: ['prosody'],
    script: make('prosody:prosody', '/run/prosody'),
    run: ['prosody', '-F'],
    ask: [
      sh(
        `exec 3<>/dev/tcp/127.0.0.1/5222; printf "<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>" >&3; timeout 3 cat <&3; true`,
      ),
    ],
    says: /<stream:features>/,
  }),
  service('ngircd', {
    packages: ['ngircd'],
    run: ['ngircd', '-n'],
    ask: [
      sh(
        'exec 3<>/dev/tcp/127.0.0.1/6667; printf "NICK ada\\r\\nUSER a 0 * :Ada\\r\\nJOIN #x\\r\\n" >&3; timeout 4 cat <&3; true',
      ),
    ],
    says: / 001 ada[\s\S]*JOIN :?#x/,
  }),
  service('openssh-server', {
    packages: ['openssh-server', 'openssh-client'],
    script: `${ADD_ADA}; install -d "$1/run/sshd"; chroot "$1" install -d -o ada -g ada -m 700 /home/ada/.ssh; ssh-keygen -q -t ed25519 -N "" -f "$1/root/key"; chroot "$1" install -o ada -g ada -m 600 /root/key.pub /home/ada/.ssh/authorized_keys`,
    run: ['/usr/sbin/sshd', '-D', '-e'],
    ask: [sh('ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i /root/key ada@127.0.0.1 cat note')],
    says: /kept/,
    honest: { verdict: 'inconclusive', says: /sshd needs root/ },
  }),
  service('proftpd', {
    packages: ['proftpd-core', 'curl'],
    script: ADD_ADA,
    run: ['proftpd', '-n'],
    ask: [sh('curl -sS ftp://ada:secret@127.0.0.1/note')],
    says: /kept/,
    honest: { verdict: 'inconclusive', says: /logins of the system's users/ },
  }),
  service('vsftpd', {
    packages: ['vsftpd', 'curl'],
    script: `${ADD_ADA}; chroot "$1" install -d /run/vsftpd/empty`,
    run: ['vsftpd', '/etc/vsftpd.conf', '-obackground=NO'],
    ask: [sh('curl -sS ftp://ada:secret@127.0.0.1/note')],
    says: /kept/,
    honest: { verdict: 'inconclusive', says: /logins of the system's users/ },
  }),
  service('vsftpd-anonymous', {
    packages: ['vsftpd', 'curl'],
    script:
      'chroot "$1" install -d /run/vsftpd/empty; chroot "$1" install -d /srv/ftp; echo kept >"$1/srv/ftp/note"; sed -i "s/^anonymous_enable=.*/anonymous_enable=YES/; s/^local_enable=.*/local_enable=NO/" "$1/etc/vsftpd.conf"',
    run: ['vsftpd', '/etc/vsftpd.conf', '-obackground=NO'],
    ask: [sh('curl -sS ftp://127.0.0.1/note')],
    says: /kept/,
    honest: { verdict: 'inconclusive', says: /anonymous sessions/ },
  }),
  service('samba', {
    packages: ['samba', 'smbclient'],
    script: `chroot "$1" install -d -m 1777 /srv/share; printf '[global]\\n  map to guest = bad user\\n  server role = standalone server\\n  log file = /dev/stdout\\n  disable netbios = yes\\n[share]\\n  path = /srv/share\\n  guest ok = yes\\n  read only = no\\n' >"$1/etc/samba/smb.conf"`,
    run: ['smbd', '--foreground', '--no-process-group'],
    probe:
      'echo kept >/tmp/probe; smbclient -N //127.0.0.1/share -c "put /tmp/probe probe; get probe /tmp/back" && grep kept /tmp/back',
    ask: [sh('echo kept >/tmp/note; smbclient -N //127.0.0.1/share -c "put /tmp/note note; get note /tmp/back"; cat /tmp/back')],
    says: /kept/,
    // A guest's session works; it asks to be root again for each, and goes on without.
    honest: { verdict: 'inconclusive', says: /smbd calls set/ },
  }),
  service('cron', {
    packages: ['cron'],
    script: `${ADD_ADA}; echo '* * * * * ada id -un >>/tmp/ran' >"$1/etc/cron.d/job"`,
    run: ['cron', '-f'],
    // A job a minute is the most that it does.
    patienceMs: 75_000,
    ask: [inside('cat /tmp/ran')],
    says: /ada/,
    honest: { verdict: 'failed', says: /cron needs root/ },
  }),
  service('postgrey', {
    packages: ['postgrey'],
    run: ['postgrey', '--inet=0.0.0.0:10023', '--pidfile=/run/postgrey.pid'],
    ask: [
      sh(
        `exec 3<>/dev/tcp/127.0.0.1/10023; printf 'request=smtpd_access_policy\\nprotocol_state=RCPT\\nclient_address=192.0.2.9\\nclient_name=a.example\\nsender=a@example.com\\nrecipient=b@example.org\\n\\n' >&3; read -r -t 5 said <&3; echo "$said"`,
      ),
    ],
    says: /action=DEFER_IF_PERMIT Greylisted/,
  }),
];
