/** From the log of any program: which lines say that it was not allowed to do something, and what. Pure text in, values out. */
import type { OperationKind } from '../linux/operation.ts';
import type { LogCategory } from './log-category.ts';
import { HARMLESS } from './log-harmless.ts';
import { HINT_RULES } from './log-hint-rules.ts';
import { DENIED, NOT_WRITABLE, pathInComplaint, placeOf, sysctlName } from './log-path.ts';
import { LOG_RULES } from './log-rules.ts';

/** One complaint. */
export interface LogDenial {
  readonly category: LogCategory;
  /** Path, port, sysctl, capability …; undefined when the line does not say. */
  readonly subject: string | undefined;
  readonly path?: string;
  readonly port?: number;
  /** What was tried, when the words show it. */
  readonly operation?: OperationKind;
  /** Line number in the log, from 1, and the line. */
  readonly line: number;
  readonly text: string;
  /** Further lines with the same category and subject. */
  readonly repeated: number;
}

const MAX_LINE = 4096;
const MAX_LINES = 200_000;

const OPERATIONS: readonly (readonly [RegExp, OperationKind])[] = [
  [/\b(?:bind|listen|make_sock)/i, 'bind'],
  [/\bmkdir|creat\w* (?:the )?director/i, 'mkdir'],
  [/\b[fl]?chown|ownership/i, 'chown'],
  [/\b[f]?chmod|changing permissions|change mode/i, 'chmod'],
  [/set(?:res?|e)?groups|initgroups|group list|set groups/i, 'setgroups'],
  [/\bset(?:res?|e)?gid\b/i, 'setgid'],
  [/\bset(?:res?|e)?uid\b|switching to|drop privilege/i, 'setuid'],
  [/\bexec/i, 'exec'],
  [/\b(?:rename|mv)\b/i, 'rename'],
  [/\b(?:unlink|rm|remove)\b/i, 'unlink'],
  [/\bln\b|symlink/i, 'symlink'],
  [/\bchdir\b/i, 'chdir'],
  [/\b(?:open|fopen|create|write|touch|lock file|open stream|append mode|log file)/i, 'open'],
];

/** The category of a refused path. */
function categoryOfPath(path: string, line: string): LogCategory {
  const place = placeOf(path);
  if (place === 'sysctl') return 'sysctl';
  if (/read[- ]only file ?system|\bEROFS\b|\[?errno[ =:]*30\b|os error 30\b/i.test(line)) return 'readonly_rootfs';
  switch (place) {
    case 'standard-stream':
      return 'dev_stdout';
    case 'device':
      return 'device_access';
    case 'package':
      return 'package_install';
    case 'hostpath':
      return 'hostpath';
    case 'nfs':
      return 'fsgroup_not_applied';
    case 'volume':
      return 'volume_ownership';
    case 'home':
      return 'home_missing';
    default:
      return 'unwritable_path';
  }
}

/** Folders of the program itself: whoever changes their owner is a start script that expects to be root. */
const OF_THE_PROGRAM = /^\/(?:app|builder|run|var\/run|var\/log|srv\/app|code|usr\/src)(?:\/|$)/;

const RULES = [...LOG_RULES, ...HINT_RULES];
/** Why something could not be written that has nothing to do with rights. */
const OTHER_CAUSE = /no such file|file exists|no space left|quota|not a directory|too many|timed? ?out/i;

/** What one line complains about; undefined when it is no complaint about rights. */
export function classifyLogLine(
  raw: string,
): { readonly category: LogCategory; readonly subject: string | undefined } | undefined {
  const line = raw.length > MAX_LINE ? raw.slice(0, MAX_LINE) : raw;
  if (HARMLESS.some((pattern) => pattern.test(line))) return undefined;
  for (const rule of RULES) {
    const match = rule.when.exec(line);
    if (match === null || (rule.and !== undefined && !rule.and.test(line))) continue;
    const subject = rule.subject?.(match, line);
    // A service that "fails to bind" may mean its data; then a file is named.
    if (rule.category === 'low_port' && subject === undefined && /AccessDenied\w*\W+\//.test(line)) continue;
    if (rule.category === 'low_port' && subject !== undefined && Number(subject) >= 1024) continue;
    if (rule.category === 'chown_denied') {
      if (/read[- ]only file ?system|\bEROFS\b/i.test(line)) return { category: 'readonly_rootfs', subject };
      if (subject !== undefined && placeOf(subject) === 'package') return { category: 'package_install', subject };
      if (subject !== undefined && OF_THE_PROGRAM.test(subject)) return { category: 'entrypoint_needs_root', subject };
    }
    return { category: rule.category, subject };
  }
  if (!DENIED.test(line) && (!NOT_WRITABLE.test(line) || OTHER_CAUSE.test(line))) return undefined;
  // The shell names its script, not the folder for temporary files that it means.
  const path = /temp(?:orary)? file for here-document/.test(line) ? '/tmp' : pathInComplaint(line);
  if (path === undefined) {
    if (/read[- ]only file ?system|\bEROFS\b/i.test(line)) return { category: 'readonly_rootfs', subject: undefined };
    // Bare words: somebody was refused something. Without file, port or call it says nothing about which remedy.
    return /permission ?denied|EACCES|access denied|read-?only database/i.test(line)
      ? { category: 'unwritable_path', subject: undefined }
      : undefined;
  }
  const category = categoryOfPath(path, line);
  return { category, subject: category === 'sysctl' ? sysctlName(path) : path };
}

function detail(subject: string | undefined, category: LogCategory): { path?: string; port?: number } {
  if (subject === undefined) return {};
  if (category === 'low_port') return /^\d+$/.test(subject) ? { port: Number(subject) } : {};
  return /^\.{0,2}\/|^\.\w/.test(subject) ? { path: subject } : {};
}

/** All complaints of a log, each cause and subject once, in order of appearance. */
export function logDenials(log: string): readonly LogDenial[] {
  const found = new Map<string, { -readonly [K in keyof LogDenial]: LogDenial[K] }>();
  let number = 0;
  for (const text of log.split(/\r?\n/, MAX_LINES)) {
    number++;
    if (text.trim() === '') continue;
    const result = classifyLogLine(text);
    if (result === undefined) continue;
    const key = `${result.category} ${result.subject ?? ''}`;
    const known = found.get(key);
    if (known !== undefined) {
      known.repeated++;
      continue;
    }
    const operation = OPERATIONS.find(([pattern]) => pattern.test(text))?.[1];
    found.set(key, {
      ...result,
      ...detail(result.subject, result.category),
      ...(operation === undefined ? {} : { operation }),
      line: number,
      text: text.length > MAX_LINE ? text.slice(0, MAX_LINE) : text,
      repeated: 0,
    });
  }
  const denials = [...found.values()];
  // A script that changes owners and then fails to become somebody else was written to start as root.
  if (denials.some((d) => d.category === 'setuid_setgid_denied')) {
    for (const denial of denials) if (denial.category === 'chown_denied') denial.category = 'entrypoint_needs_root';
  }
  return denials;
}
