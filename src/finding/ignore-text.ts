/** What is written after `unroot-ignore`: ids, perhaps a last day, a reason. The same in comments and annotations. */
import type { Diagnostic, FindingWhere } from './finding.ts';

export interface IgnoreText {
  readonly ids: readonly string[];
  readonly until?: string;
  readonly reason: string;
}

/** `runs-as-root, low-port until=2027-01-31: the vendor's image is replaced in January`; a text that says less is told and holds nothing. */
export function parseIgnore(text: string, where: FindingWhere): IgnoreText | Diagnostic {
  const colon = text.indexOf(':');
  const head = (colon < 0 ? text : text.slice(0, colon)).trim();
  return parseParts(head, colon < 0 ? '' : text.slice(colon + 1), where);
}

/** `until=2027-01-31: reason`, or a reason alone, where the key says which check is meant. */
export function parseReason(ids: readonly string[], text: string, where: FindingWhere): IgnoreText | Diagnostic {
  const match = /^\s*(until=[^\s:]*)\s*(?::([\s\S]*))?$/.exec(text);
  return match === null
    ? parseParts(ids.join(','), text, where)
    : parseParts(`${ids.join(',')} ${match[1]}`, match[2] ?? '', where);
}

function parseParts(head: string, said: string, where: FindingWhere): IgnoreText | Diagnostic {
  const wrong = (message: string): Diagnostic => ({
    severity: 'warning',
    message: `This ignore does not hold: ${message}`,
    where,
  });
  const [untilWord, ...moreUntil] = head.match(/(?:^|\s)until=\S*/g) ?? [];
  const ids = head
    .replace(/(?:^|\s)until=\S*/g, ' ')
    .split(/[\s,]+/)
    .filter((one) => one !== '');
  const reason = said.trim();
  const until = untilWord?.trim().slice('until='.length);
  if (ids.length === 0) return wrong('it names no check (unroot-ignore ID[,ID] [until=YYYY-MM-DD]: REASON)');
  const odd = ids.find((id) => !/^[a-z0-9*-]+$/.test(id));
  if (odd !== undefined) return wrong(`${JSON.stringify(odd)} is no id of a check`);
  if (moreUntil.length > 0) return wrong('it has two last days');
  if (until !== undefined && !isDay(until)) return wrong(`${JSON.stringify(until)} is no day (until=YYYY-MM-DD)`);
  if (reason === '') return wrong(`it gives no reason (unroot-ignore ${head}: REASON)`);
  return { ids, reason, ...(until === undefined ? {} : { until }) };
}

/** A day that is in the calendar. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
