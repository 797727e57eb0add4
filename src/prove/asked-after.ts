/** How the second run is asked where ports moved: the health check as the changed image says it, and the user's own words on the new ports. */
import { movedQuestion } from '../fixes/moved-words.ts';
import type { Image } from '../image/image.ts';
import type { ObserveOptions } from './observe.ts';
import type { MovedPorts } from './ports.ts';

export function askedAfter(
  { probeCommand }: ObserveOptions,
  { config }: Image,
  moved: MovedPorts,
): Pick<ObserveOptions, 'healthcheck' | 'probeCommand'> {
  const moves = [...moved].filter(([from, to]) => from !== to).map(([from, to]) => ({ from, to }));
  return {
    ...(config.healthcheck === undefined ? {} : { healthcheck: config.healthcheck }),
    ...(probeCommand === undefined ? {} : { probeCommand: movedQuestion(probeCommand, moves) }),
  };
}
