/** What two rounds of probes of the same ports say to each other. */
import type { ProbeResult } from './observation.ts';
import type { Reason } from './reason.ts';
import { complains, isServerError } from './server-errors.ts';

const probeText = (probe: ProbeResult): string =>
  probe.outcome === 'http'
    ? `HTTP ${probe.status}${probe.contentType ? ` ${probe.contentType}` : ''}, ${probe.bodyLength} bytes${probe.text ? `: "${probe.text}"` : ''}`
    : probe.text
      ? `${probe.outcome} "${probe.text}"`
      : probe.outcome;

/** A greeting that comes late looks like an answer to what was asked meanwhile: the words count. */
const said = ({ outcome }: ProbeResult): string => (outcome === 'reply' ? 'banner' : outcome);

/** IMAP and POP3 begin with their status, and what follows is for people (RFC 3501 section 7.1, RFC 1939 section 3): servers that are still starting say so there.
 * The attributes of an XML element have no order (XML 1.0 section 3.1). */
const status = (text = ''): string | undefined => /^(?:(?:\* [A-Z]+|\+OK|-ERR)(?= |$)|<\?xml[^>]*>\s*<[\w:-]+)/.exec(text)?.[0];
const sameWords = (a: string | undefined, b: string | undefined): boolean =>
  a === b || (status(a) !== undefined && status(a) === status(b));

/** `moved`: where a port went inside the container. */
export function compareProbes(
  before: readonly ProbeResult[],
  after: readonly ProbeResult[],
  moved: ReadonlyMap<number, number>,
): Reason[] {
  return before.flatMap((was): Reason[] => {
    const to = moved.get(was.port) ?? was.port;
    const is = after.find((probe) => probe.port === to);
    if (!is) return [];
    if (was.outcome === 'refused' || was.outcome === 'silent') {
      return [
        { kind: is.outcome === was.outcome ? 'note' : 'note', text: `port ${to}: ${probeText(is)} (before: ${probeText(was)})` },
      ];
    }
    if (isServerError(was) && is.outcome === 'http' && !isServerError(is)) {
      const text = `port ${to} answers ${probeText(is)}; before, it failed with ${probeText(was)}: nothing to compare with`;
      return [{ kind: 'unsure', text }];
    }
    const same =
      said(was) === said(is) &&
      was.status === is.status &&
      (was.outcome === 'http' ? complains(was) || !complains(is) : was.varies === true || sameWords(was.text, is.text));
    if (!same) return [{ kind: 'bad', text: `port ${to} answers ${probeText(is)}; before: ${probeText(was)}` }];
    const failing = isServerError(was) && isServerError(is);
    const reasons: Reason[] = failing ? [] : [{ kind: 'ok', text: `port ${to} answers ${probeText(is)}, as before` }];
    // Of errors the words count, and they are compared elsewhere.
    if (was.outcome === 'http' && !failing && was.contentType !== is.contentType)
      reasons.push({ kind: 'unsure', text: `port ${to}: content type ${is.contentType}; before: ${was.contentType}` });
    return reasons;
  });
}

/** Not there, or broken on the server's side (RFC 9110 sections 15.5.5, 15.6): nothing that somebody asks for by its path. */
const isFailure = (status: number): boolean => status === 404 || status >= 500;

/** A path that was asked for and fails as it is: that it fails in the same way afterwards proves nothing about it. */
export function askedInVain(before: readonly ProbeResult[], path: string | undefined): Reason[] {
  const pages = before.filter(({ outcome }) => outcome === 'http');
  // One port of several may be another server's.
  if (path === undefined || pages.length === 0 || pages.some(({ status = 0 }) => !isFailure(status))) return [];
  const answers = pages.map(({ port, status }) => `HTTP ${status} (port ${port})`).join(', ');
  return [
    { kind: 'unsure', text: `as it is, it answers ${path} with ${answers} already: nothing shows that what was asked for works` },
  ];
}
