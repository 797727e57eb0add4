/** Words that start a line of configuration which makes a program do what only root may. Data; a wrong guess is caught by the proof. */

export type DirectiveKind = 'chroot' | 'identity';

/**
 * First words, in lower case, `_` and `-` alike. From the manuals of haproxy, unbound, dovecot, stunnel, nsd, bind, chrony, ntpd, rsync, proftpd, squid, varnish,
 * privoxy, tinyproxy, memcached, redis, dnsmasq, mosquitto, prosody, opensmtpd, exim.
 */
const WORDS: Readonly<Record<DirectiveKind, readonly string[]>> = {
  chroot: ['chroot', 'chroot-dir', 'chrootdir', 'chroot-directory', 'rootdir', 'jail'],
  identity: [
    'user',
    'group',
    'username',
    'groupname',
    'uid',
    'gid',
    'setuid',
    'setgid',
    'run-as',
    'run-as-user',
    'runas',
    'runas-user',
    'cache-effective-user',
    'cache-effective-group',
    'default-user',
  ],
};

/** `user nginx;`, `User=app`, `chroot: "/var/lib"`, `  setgid = x`. */
const LINE = /^\s*([A-Za-z][A-Za-z0-9_-]*)\s*(?:[:=]\s*)?(\S.*)?$/;

/** What a line of a configuration file is about, if it is about one of these. */
export function directiveOf(line: string): DirectiveKind | undefined {
  const match = LINE.exec(line);
  if (!match?.[1] || !match[2]) return undefined;
  const word = match[1].toLowerCase().replaceAll('_', '-');
  return (Object.keys(WORDS) as DirectiveKind[]).find((kind) => WORDS[kind].includes(word));
}
