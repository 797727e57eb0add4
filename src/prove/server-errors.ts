/** What a page proves that fails in both runs: that a gateway speaks, or nothing. */
import { logDenials } from '../trace/log-denials.ts';
import type { Observation, ProbeResult } from './observation.ts';
import type { Reason } from './reason.ts';

/** An error of the server's side (RFC 9110 section 15.6). */
export const isServerError = ({ outcome, status = 0 }: ProbeResult): boolean => outcome === 'http' && status >= 500;

/** The server does its part, and says what it lacks: what stands behind it (502, 503, 504), or a way to answer such a request (501, 505). */
const SAYS_WHAT_IT_LACKS: ReadonlySet<number | undefined> = new Set([501, 502, 503, 504, 505]);
const BEHIND: ReadonlySet<number | undefined> = new Set([502, 503, 504]);

/** The words of an error page are about rights. */
export const complains = ({ text = '' }: ProbeResult): boolean => logDenials(text).length > 0;

/** Both runs answered with the same error. `asked`: a path that somebody named, about which more is said elsewhere. */
export function compareServerErrors(
  before: Observation,
  after: Observation,
  moved: ReadonlyMap<number, number>,
  asked?: string,
): Reason[] {
  const shown = [before.command, after.command].every((one) => one?.code === 0);
  const healthy = [before.healthcheck, after.healthcheck].every((one) => one?.code === 0);
  return before.probes.flatMap((was): Reason[] => {
    const to = moved.get(was.port) ?? was.port;
    const is = after.probes.find((probe) => probe.port === to);
    if (is === undefined || !isServerError(was) || is.status !== was.status) return [];
    const answer = `port ${to} answers HTTP ${was.status} in both runs`;
    const kind = shown || healthy || asked !== undefined ? 'note' : 'unsure';
    if (is.varies !== true && was.varies !== true && was.text !== is.text)
      return [
        {
          kind: shown ? 'note' : 'unsure',
          text: `${answer}, and not with the same words: ${quoted(is)}; before: ${quoted(was)}`,
        },
      ];
    if (complains(is))
      return [{ kind: shown ? 'note' : 'unsure', text: `${answer}: ${quoted(is)}. Something is denied to both${GIVE}` }];
    if (!SAYS_WHAT_IT_LACKS.has(was.status))
      return [{ kind, text: `${answer}${was.text ? `: ${quoted(was)}` : ''}. It failed before it came to its work${GIVE}` }];
    const lacks = BEHIND.has(was.status)
      ? 'what stands behind it was not there, and was not asked'
      : 'it does not take such a request, and was asked nothing else';
    return [{ kind: 'note', text: `${answer}: ${lacks}; --probe-http PATH asks for another page` }];
  });
}

const GIVE = '; give --probe-http PATH with a page that works, or --probe CMD';

const quoted = ({ text }: ProbeResult): string => (text === undefined ? 'nothing' : `"${text}"`);
