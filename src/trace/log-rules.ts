/** Complaints that mean something else than "this file": by what they say, whichever program says it. First match wins. */
import type { LogRule, Subject } from './log-category.ts';
import { DENIED, sysctlName } from './log-path.ts';
import { always, group, lowPort, objection, path, setuidProgram } from './log-subject.ts';

const PSS = /violates? PodSecurity|pod security policy|security context constraint|pods? ".*" is forbidden/i;
const CAPABILITY = `(?:CAP_)?(CHOWN|DAC_OVERRIDE|FOWNER|IPC_LOCK|NET_ADMIN|NET_RAW|NET_BIND_SERVICE|SYS_ADMIN|SYS_PTRACE|SYS_NICE|SYS_RESOURCE|SYS_TIME|SYS_CHROOT|SYS_MODULE|SYS_RAWIO|SYS_BOOT|SYSLOG|BPF|PERFMON|MKNOD|SETFCAP|SETPCAP|SETUID|SETGID|KILL|AUDIT_WRITE|LEASE)`;
const capability: Subject = (match) => match[1]?.toUpperCase();
const DROP = `(?:can'?t|cannot|could ?n[o']t|unable to|failed to|failed|failure|error|not permitted|denied)`;

export const LOG_RULES: readonly LogRule[] = [
  // --- Who refuses before anything runs
  {
    category: 'image_runs_as_root',
    when: /runAsNonRoot and image will run as root|runAsUser breaks non-root policy/,
    subject: always('-'),
  },
  { category: 'nonnumeric_user', when: /image has non-numeric user \(([^)]*)\)/, subject: group(1) },
  { category: 'pss_admission_denied', when: PSS, and: /violat|forbidden|unable to validate/i, subject: objection },
  { category: 'selinux', when: /\bavc:\s+denied\b/, subject: (_m, line) => /\b(?:path|name)="([^"]+)"/.exec(line)?.[1] },
  { category: 'selinux', when: /apparmor="DENIED"/, subject: (_m, line) => /\bname="([^"]+)"/.exec(line)?.[1] },
  {
    category: 'arbitrary_uid_openshift',
    when: /chdir to (?:cwd )?\(?\\?["'`]([^"'`\\]+)\\?["'`]\)?[^:]*: permission denied/i,
    subject: group(1),
  },
  {
    category: 'arbitrary_uid_openshift',
    when: /Py_Initialize: Unable to get the locale encoding/,
    subject: always('python stdlib'),
  },

  // --- Kernel settings
  { category: 'sysctl', when: /sysctl[^\n]*?\b(?:on |setting |unknown )?key ["'`]?([\w.]+)/i, subject: group(1) },
  { category: 'sysctl', when: /sysctl:?\s+["'`]?((?:net|vm|kernel|fs|user)\.[\w.]+)["'`]?/i, subject: group(1) },
  { category: 'sysctl', when: /\/proc\/sys\/((?:net|vm|kernel|fs|user)\/[\w/.-]+)/, subject: (m) => sysctlName(m[1]!) },
  { category: 'sysctl', when: /\b(vm\.max_map_count|net\.core\.somaxconn|fs\.file-max)\b.*too low/, subject: group(1) },

  // --- Programs that gain rights by their file
  {
    category: 'no_new_privs',
    when: /"?no new privileges"? flag is set|must be (?:owned by uid 0|setuid root)|must be suid to work|\bsudo: .*operation not permitted/i,
    subject: (_m, line) => setuidProgram(line),
  },
  { category: 'no_new_privs', when: /effective uid is not 0, is (\S+) on a file system/, subject: group(1) },

  // --- Mounts (their options say `bind`, which is no port)
  {
    category: 'capability_missing',
    when: /(?:share mount point|failed to mount|mount(?:ing)?(?: point)?)[: ]+['"]?(\/[^\s'":]*)/i,
    and: DENIED,
    subject: group(1),
  },

  // --- Network
  {
    category: 'ping_icmp',
    when: /(?:^|[|\s])ping6?: /,
    and: /denied|not permitted|cap_net_raw|are you root/i,
    subject: always('ICMP'),
  },
  {
    category: 'capability_missing',
    when: /(?:^|[\s:])([\w.@-]+): You don't have permission to (?:perform this )?capture/,
    subject: group(1),
  },
  { category: 'capability_missing', when: /\bpcap\b.*device '([\w.@-]+)'.*denied/i, subject: group(1) },
  {
    category: 'capability_missing',
    when: /packet socket|AF_PACKET|PF_PACKET|tcpdump.*socket:/i,
    and: DENIED,
    subject: always('AF_PACKET'),
  },
  { category: 'capability_missing', when: /raw socket|SOCK_RAW/i, and: DENIED, subject: always('NET_RAW') },
  {
    category: 'capability_missing',
    when: /\bip6?tables\b|\bnft(?:ables)?\b|RTNETLINK|\bip: can't|netlink socket|\bip (?:link|addr|route)\b|TUNSETIFF|ioctl\(SIOC/i,
    and: DENIED,
    subject: always('NET_ADMIN'),
  },
  {
    category: 'unwritable_path',
    when: /\b(?:bind|listen)\w*\b.{0,80}?(?:unix(?: socket)?:?|sock(?:et)?)[^/\n]{0,60}(\/[^\s\])"',:]+)/i,
    and: /permission denied|EACCES|not permitted/i,
    subject: group(1),
  },
  {
    category: 'low_port',
    when: /\b(?:bind|bound|binding|listen|listening|listener|make_sock|commBind)\b|SocketException|BindException|could not get socket|server socket|UvException/i,
    and: DENIED,
    subject: lowPort,
  },
  { category: 'low_port', when: /cannot bind socket \[[^\]]*:(\d{1,3})\]/i, subject: group(1) },
  { category: 'low_port', when: /^(?:\S+ \| )?(?:nc|ncat|netcat|socat)(?:\[\d+\])?: .*permission denied/i, subject: lowPort },

  // --- Becoming someone else
  { category: 'entrypoint_needs_root', when: /suexec: .*unable to gain root privileges/i, subject: always('/run') },
  {
    category: 'entrypoint_needs_root',
    when: /unable to (?:change mode of|chown) (\/(?:var\/)?run\/\S+?):/i,
    and: DENIED,
    subject: group(1),
  },
  { category: 'entrypoint_needs_root', when: /unable to set (CAP_\w+) effective capability/i, subject: group(1) },
  {
    category: 'setuid_setgid_denied',
    when: /\b(?:set(?:re?s?)?groups|initgroups|supplementary groups?|set(?:ting)? groups|group list|drop(?:ping)? groups)\b/i,
    and: new RegExp(DROP, 'i'),
    subject: always('setgroups'),
  },
  {
    category: 'setuid_setgid_denied',
    when: /\bset(?:res?|e|fs)?gid\b|set (?:the )?(?:group ?id|gid)\b|change (?:to )?group\b/i,
    and: new RegExp(DROP, 'i'),
    subject: always('setgid'),
  },
  {
    category: 'setuid_setgid_denied',
    when: /\bset(?:res?|e|fs)?uid\b|set (?:the )?(?:user ?id|uid)\b|switch(?:ing)? (?:to )?(?:user|uid|")|chang(?:e|ing) (?:to )?(?:user|uid)\b|drop(?:ping)? (?:root )?privileges?\b|(?:gosu|su-exec|runuser|setpriv|chpst): .*switch/i,
    and: new RegExp(DROP, 'i'),
    subject: always('setuid'),
  },

  // --- Accounts
  {
    category: 'passwd_entry_missing',
    when: /getpwuid|uid not found|no such user\b|unknown (?:uid|userid|user ?id|user)\b|cannot find name for (?:user|group) ID|no user exists for uid|have no name!|no matching entries in passwd|look(?:ing)? ?up (?:the )?(?:current |effective )?user|unknown userid|no passwd entry|uid \d+ (?:does not exist|not found)|who are you/i,
    and: /^(?!.*\b(?:password|login|invalid user)\b)/i,
    subject: always('/etc/passwd'),
  },
  {
    category: 'home_missing',
    when: /\$?\bHOME\b (?:environment variable )?(?:is )?(?:not set|not defined|undefined|unset|empty)/,
    subject: always('HOME'),
  },

  // --- Package managers
  { category: 'package_install', when: /unable to lock database|apk.*unable to (?:open|lock)/i, subject: always('/lib/apk/db') },
  {
    category: 'package_install',
    when: /unable to lock (?:the administration )?directory|Could not open lock file|\bapt\b.*not permitted|SetupAPTPartialDirectory|List directory .* is missing|rpm.*lock on|could not install packages/i,
    subject: path,
  },
  {
    category: 'package_install',
    when: /requires superuser privilege|has to be run with superuser|need to be root to perform this command/i,
  },

  // --- Capabilities
  {
    category: 'file_caps_bounding',
    when: /requires? the (?:CAP_)?IPC_LOCK capability/i,
    subject: (_m, line) => /(\w+) requires/i.exec(line)?.[1]?.toLowerCase(),
  },
  {
    category: 'capability_missing',
    when: new RegExp(
      String.raw`(?:--cap-add[ =]|cap_add:?\s*|\bwith |requires? |need(?:s|ed)? |missing |lacks? |without )(?:the )?${CAPABILITY}\b`,
      'i',
    ),
    subject: capability,
  },
  { category: 'capability_missing', when: /failed to set capabilities on file [`'"]?([^`'"\s]+)/i, subject: group(1) },
  {
    category: 'capability_missing',
    when: /\bmounting [^/]{0,60}(\/[\w./-]*)/i,
    and: /operation not permitted/i,
    subject: group(1),
  },
  { category: 'capability_missing', when: /^(?:u?mount|losetup|swapon)\b/i, and: DENIED, subject: always('SYS_ADMIN') },
  {
    category: 'capability_missing',
    when: /\b(?:unshare|setns|nsenter|clone|pivot_root)\b.*(?:not permitted|denied)/i,
    subject: always('SYS_ADMIN'),
  },
  { category: 'capability_missing', when: /\b[\w-]+: socket: operation not permitted/i, subject: always('NET_RAW') },
  { category: 'capability_missing', when: /\bchroot\b.*(?:not permitted|denied)/i, subject: always('SYS_CHROOT') },
  { category: 'capability_missing', when: /\bperf_event_open\b.*(?:not permitted|denied)/i, subject: always('PERFMON') },
  {
    category: 'capability_missing',
    when: /\bmodprobe\b.*(?:not permitted|denied)|insert module.*not permitted/i,
    subject: always('SYS_MODULE'),
  },
  {
    category: 'capability_missing',
    when: /\b(?:ptrace\b|address space randomization).*(?:not permitted|denied)/i,
    subject: always('SYS_PTRACE'),
  },
  {
    category: 'capability_missing',
    when: /(?:ulimit|rlimit|cannot modify limit).*(?:not permitted|denied)/i,
    subject: always('SYS_RESOURCE'),
  },
  {
    category: 'capability_missing',
    when: /(?:set (?:niceness|priority|scheduler)|setpriority|sched_setscheduler).*(?:not permitted|denied)/i,
    subject: always('SYS_NICE'),
  },
  { category: 'capability_missing', when: /\bmlock(?:all)?\b.*(?:not permitted|denied)/i, subject: always('IPC_LOCK') },
  {
    category: 'capability_missing',
    when: /(?:set (?:date|time|clock)|settimeofday|clock_settime|adjtimex).*(?:not permitted|denied)/i,
    subject: always('SYS_TIME'),
  },

  // --- Devices that are not named
  { category: 'device_access', when: /\bKVM\b.*(?:not permitted|denied)/i, subject: always('/dev/kvm') },
  { category: 'device_access', when: /\bNVML\b.*(?:permissions?|denied)/i, subject: always('/dev/nvidiactl') },
  {
    category: 'device_access',
    when: /(\/dev\/(?:dri|nvidia|snd|video|bus|net|fuse|mem|tty[A-Z]|kvm|vfio|mapper|loop|input|i2c|spi|gpio)(?:[\w/-]|\.(?=\w))*)/,
    and: /denied|not permitted|no va display|cannot|failed|unable|could not/i,
    subject: group(1),
  },
  {
    category: 'device_access',
    when: /permission denied while trying to connect to the Docker daemon socket at unix:\/\/(\/\S+?):?(?:\s|$)/i,
    subject: group(1),
  },

  // --- Executing
  {
    category: 'file_caps_bounding',
    when: /\bexec(?: container process| user process caused)?:? (?:line \d+: )?[`"']?(\/?[\w./+-]*)[`"']?: operation not permitted/i,
    subject: (m) => (m[1] === '' ? undefined : m[1]),
  },
  { category: 'file_caps_bounding', when: /exec user process caused:? "?operation not permitted/i },
  {
    category: 'file_caps_bounding',
    when: /^(?:\S+ \| )?(?:[\w/.-]*sh: (?:line )?(?:\d+: )?)?((?:\.{1,2})?\/[\w./+-]+|\.\/\S+): operation not permitted\s*$/i,
    subject: group(1),
  },
  { category: 'other', when: /\bexec:? \\?["'`]?(\/[\w./+-]+)\\?["'`]?: (?:stat \S+ )?permission denied/i, subject: group(1) },
  { category: 'other', when: /exec user process caused:? "?permission denied/i },
  {
    category: 'other',
    when: /(?:su-exec|gosu|tini|dumb-init|env|setpriv|exec)(?:\[\w+\])?: (?:exec )?[`'"]?(\/?[\w./+-]+)[`'"]?(?: failed)?: permission denied/i,
    subject: group(1),
  },

  // --- Owners and modes
  {
    category: 'chown_denied',
    when: /\b(?:[fl]?chown|[f]?chmod|chgrp|changing (?:ownership|permissions|group) of|change (?:the )?(?:permissions|ownership|owner|mode)|preserv(?:e|ing) (?:ownership|permissions)|set (?:the )?(?:permissions|ownership|owner) (?:of|on))\b/i,
    and: DENIED,
    subject: path,
  },
];
