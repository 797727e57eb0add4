/** Programs that only hint at what they were refused, and the general "run me as root". Asked after the rules of log-rules.ts. */
import type { LogRule } from './log-category.ts';
import { pathInComplaint } from './log-path.ts';
import { always, group } from './log-subject.ts';

/** First match wins. */
export const HINT_RULES: readonly LogRule[] = [
  {
    category: 'unwritable_path',
    when: /^(?:user|group)(?:mod|add|del): permission denied/i,
    subject: (_m, line) => (line.startsWith('group') ? '/etc/group' : '/etc/passwd'),
  },
  { category: 'other', when: /(\/\S+): (?:\/\S+: )?bad interpreter: permission denied/i, subject: group(1) },
  {
    category: 'other',
    when: /(?:^|[\s:])((?:\.{0,2}\/)\S*?(?:\/s?bin\/[\w.+-]+|\.sh)): permission denied\s*$/i,
    and: /^(?!.*\b(?:create|open|write|remove|touch|tee|rm|cp|mv|chmod|chown)\b)/i,
    subject: group(1),
  },
  { category: 'unwritable_path', when: /cannot lock (\/etc\/\w+); try again later/, subject: group(1) },
  { category: 'volume_ownership', when: /"?(\/[^\s"]+)"? has (?:wrong ownership|invalid permissions)/, subject: group(1) },
  { category: 'other', when: /Permissions \d+ for '([^']+)' are too open/, subject: group(1) },
  { category: 'other', when: /Missing privilege separation directory: (\S+)/, subject: group(1) },
  { category: 'volume_ownership', when: /\b(?:disk|drive)\b[^/]*error at https?:\/\/[^/\s]+(\/[^\s,]+)/i, subject: group(1) },
  { category: 'volume_ownership', when: /(\/\S+) must be accessible by owner only/, subject: group(1) },
  {
    category: 'volume_ownership',
    when: /Unable to create mmap-ed active query log/,
    subject: always('/prometheus/queries.active'),
  },
  {
    category: 'volume_ownership',
    when: /(?:data directory|datadir)[^/]*?(?:exists and )?is not writable/i,
    subject: (_m, line) => pathInComplaint(line) ?? (/\[MY-|mysqld|mariadbd/i.test(line) ? '/var/lib/mysql/' : undefined),
  },
  { category: 'volume_ownership', when: /designated data directory (\S+) is unusable/, subject: group(1) },
  { category: 'volume_ownership', when: /append-only file: permission denied/i, subject: always('/data') },
  { category: 'volume_ownership', when: /lock file on a read-only directory: ([^\s,]+)/, subject: group(1) },
  {
    category: 'unwritable_path',
    when: /run as root, or set --config-dir, --work-dir, and --logs-dir/,
    subject: always('/var/log/letsencrypt'),
  },
  {
    category: 'entrypoint_needs_root',
    when: /\b(?:must|needs?|has|have|requires?|should)(?: to)?(?: be)?(?: run(?:ning)?| started| executed)?(?: as| with| by)? (?:the )?(?:root|superuser)(?: user| privileges?| rights)?\b|are you root\?|reserved for the superuser|please run (?:\w+ )?as root|not running as root|only root can/i,
    subject: (_m, line) => /^(?:\S+ \| )?([\w.+-]+)(?:\[\d+\])?: /.exec(line)?.[1],
  },
];
