/** Finds the file that a complaint in a log is about, and says what kind of place it is. */

/** How "no" is said: by libc, the kernel's errno names, Go, Rust, Java, .NET, PHP, Erlang, Windows-minded programs. */
export const DENIED: RegExp =
  /permission[ _-]?denied|operation not permitted|\bE(?:ACCES|PERM|ROFS)\b|\beacces\b|read[- ]only file ?system|access (?:is |was )?denied|is denied\b|AccessDenied(?:Exception|Error)|UnauthorizedAccess|errno[ =:]*(?:1|13|30)\b|os error (?:1|13|30)\b|insufficient permissions?|not permitted\b|lacks? permissions?\b/i;

/** The same said of a place, without an error's name. */
export const NOT_WRITABLE: RegExp =
  /(?:not|n't|cannot be) (?:a )?writ(?:e?able|ten)|un-?writ(?:e?able)|cannot write|could ?n[o']t write|no write (?:permission|access)|unable to write|\bwritable\b.*\bFAILED\b|(?:unable to|failed to|can(?:no|')t|could not|couldn't) (?:create|make) (?:the )?(?:director(?:y|ies)|folder)|mkdirs failed|write (?:permissions?|access)\b|permission to write|not accessible for user|read-?only database|to (?:a )?writ(?:e?able) (?:directory|paths?|location)/i;

const WORD = String.raw`[^\s'"\`‘’“”<>|;,:()[\]{}\\]`;
/** Shapes in the order of how plainly they name the file. The first group is the path. */
const SHAPES: readonly RegExp[] = [
  // Ruby: Permission denied @ rb_sysopen - /var/log/x
  /denied @ \w+ - \(?(\/[^\s)"']+)/i,
  // Go: open /var/lib/x: permission denied; also quoted
  /\b(?:open|openat|mkdir|mkdirall|stat|lstat|rename|unlinkat|unlink|remove|create|creat|access|link|symlink|chmod|chown|lchown|write|read|chdir|fork\/exec|exec|connect|unix|touch|truncate|utimes|opendir|scandir|copyfile|rmdir)(?:\(\))?:? \\?["'‘“`]?((?:\.{0,2}\/)[^'"’”`\\\s]+?)\\?["'’”`]?:? (?:failed )?(?:\(?(?:\d+: )?|connect: )(?:permission denied|operation not permitted|read-only file system|eacces)/i,
  // Node: EACCES: permission denied, open '/x'
  /E(?:ACCES|PERM|ROFS): [\w -]+, \w+ '([^']+)'/,
  // Java: /x/y (Permission denied)
  /((?:\.{0,2}\/)[^\s:'"()]+) \((?:permission denied|operation not permitted|read-only file system|access is denied)\)/i,
  // PHP: fopen(/x): Failed to open stream
  /\b\w+\((\/[^)\s]+)\): failed to/i,
  // redis: the file stands in a folder
  /\(in server root dir ([^)\s]+)\)/i,
  // minio: Drive /data, path (.minio.sys/x)
  /\bdrive (\/[^\s,]+)/i,
  // .NET, Java: Access to the path '/x' is denied; AccessDeniedException: /x
  /access to the path ['"]([^'"]+)['"]/i,
  /AccessDenied(?:Exception|Error)?(?:: |\[)(\/[^\s:\]]+)/i,
  // Confluent: Command [… path /x writable] FAILED
  /\bpath (\/\S+) (?:writable|readable|exist)/i,
  // assignments: GF_PATHS_DATA='/x', file=/x, path="/x"
  /\b\w+=\\?["'](\/[^'"\\]+)\\?["']/,
  /\b(?:file|path|dir|directory|filename)=(\/[^\s"']+)/i,
  // quoted: nginx, glibc tools, Python, MySQL, busybox
  /[‘“`'"[(](\.{0,2}\/[^'"’”`\])\n]*?)\\?["'’”`\])]/,
  // Java folders: [/x]
  /\[(\/[^\]\s]+)\]/,
  // Permission denied: x/y  or  Permission denied - /x
  new RegExp(
    String.raw`(?:permission denied|not permitted|read-only file system)(?:: | - | @ )['"]?((?:\.{0,2}/)?${WORD}*/${WORD}+|/${WORD}+)`,
    'i',
  ),
  // x: Permission denied — the word right before the colon
  new RegExp(
    String.raw`(?:^|[\s:=])((?:\.{0,2}/)${WORD}+) ?: (?:permission denied|operation not permitted|read-only file system|eacces|not permitted)`,
    'i',
  ),
  // the same with an errno in between
  new RegExp(
    String.raw`(?:^|[\s:=(])((?:\.{0,2}/)${WORD}+)[^/]*?(?:permission denied|operation not permitted|read-only file system|is denied|not writ)`,
    'i',
  ),
  /cannot (?:create|open|write|touch|remove|access|stat|make)[\w ]*? '([^'/]+)'/i,
  // quoted bare names
  /[‘“'"]([.\w][\w.-]*\.[\w-]+|\.[\w-]+)['"’”]: (?:permission denied|operation not permitted|read-only)/i,
  // anywhere
  new RegExp(String.raw`(?:^|[\s:=(])((?:/)${WORD}{2,})`),
];

/** Where a stack trace or the logger itself speaks of source files: not the file complained about. */
const NOT_SUBJECT =
  /\bFile "[^"]*", line \d+|\(\/[^)\s]+:\d+:\d+\)|\bat \/\S+:\d+| in \/\S+\.\w+(?: on line |:)\d+|https?:\/\/\S+(?=\s|$)/g;

/** The path a line complains about; undefined when it names none. Relative paths are given as they stand. */
export function pathInComplaint(line: string): string | undefined {
  const text = line.replace(NOT_SUBJECT, ' ');
  for (const shape of SHAPES) {
    const found = shape.exec(text)?.[1]?.trim();
    if (found === undefined || found === '' || found === '/' || /^\/\/(?!\.)/.test(found)) continue;
    return found.replace(/^\/\//, '/').replace(/[.,;:]+$/, (end) => (/^\.+$/.test(found) ? end : ''));
  }
  return undefined;
}

/** What kind of place a path is; decides which remedy makes sense. */
export type Place = 'standard-stream' | 'device' | 'sysctl' | 'package' | 'hostpath' | 'nfs' | 'volume' | 'home' | 'other';

const PLACES: readonly (readonly [Place, RegExp])[] = [
  [
    'standard-stream',
    /^\/dev\/(?:std(?:in|out|err)|fd\/\d+|pts\/\d+|tty)$|^\/proc\/(?:self|1|\d+)\/fd\/\d+$|[/.](?:docker\.)?std(?:out|err)$/,
  ],
  ['sysctl', /^\/proc\/sys\//],
  ['device', /^\/dev\/(?!shm|mqueue)|docker\.sock$|containerd\.sock$|podman\.sock$|crio\.sock$/],
  [
    'package',
    /^\/var\/(?:lib|cache)\/(?:apt|dpkg|rpm|dnf|yum|apk)(?:\/|$)|^\/(?:lib|etc)\/apk(?:\/|$)|\/(?:site|dist)-packages(?:\/|$)|^\/usr\/(?:local\/)?lib\/node_modules/,
  ],
  [
    'hostpath',
    /^\/var\/log\/(?:containers|pods|journal|kube|fluent)|^\/var\/lib\/(?:docker|kubelet|containerd|rancher)(?:\/|$)|^\/(?:host|rootfs|hostfs)(?:\/|$)|\.log\.pos$/,
  ],
  ['nfs', /^\/(?:[\w-]+\/)*nfs[\w-]*(?:\/|$)/],
  // Places where images declare a VOLUME or charts mount one.
  ['volume', /^\/var\/lib\/(?!nginx|haproxy|php|logrotate|misc|pam|systemd)[\w.-]+/],
  [
    'volume',
    /^\/(?:bitnami|data|exports?|config|mnt|media|vol(?:ume)?s?|storage|store|workspace|private|backups?|uploads?|db|database|prometheus|loki|tempo|shared?|pvc?|srv|persist[\w-]*|[\w-]+[-_](?:data|home|volume|storage)|var\/(?:[\w-]+_home|opt\/[\w-]+|spool\/[\w-]+|backups?))(?:\/|$)/,
  ],
  ['volume', /^\/(?:usr\/share|usr\/local|opt)\/[\w.-]+\/(?:data|logs|dags|plugins|storage|uploads|backups?)(?:\/|$)/],
  [
    'home',
    /^\/root(?:\/|$)|^\/\.[\w]|^\/nonexistent|^\/home\/[^/]+\/?$|^\/home\/[^/]+\/\.|^\.(?:npm|cache|config|local|yarn|gnupg|ssh|kube|m2|gradle|pki)\b|^~|^\/\/?\.(?:npm|cache)/,
  ],
];

export function placeOf(path: string): Place {
  for (const [place, pattern] of PLACES) if (pattern.test(path)) return place;
  return 'other';
}

/** `/proc/sys/net/ipv4/x` → `net.ipv4.x`. */
export const sysctlName = (path: string): string => path.replace(/^\/proc\/sys\//, '').replaceAll('/', '.');
