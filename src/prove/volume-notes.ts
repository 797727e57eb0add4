/** What the proof says nothing about: volumes that start out otherwise than the one it was made on. */
import type { RoundsResult } from './rounds.ts';
import type { Subject } from './subject.ts';

/** Names listed of what is hidden. */
const LISTED = 3;

/** One sentence for each volume where the image has content that the program may need. */
export const volumeNotes = ({ launch, run }: RoundsResult, { rootFs }: Subject): readonly string[] =>
  launch.kind === 'refusal'
    ? []
    : launch.mounts.flatMap(({ type, target, origin, copiesImageContent }): string[] => {
        const names = type === 'volume' && origin !== 'platform' ? rootFs.list(target) : [];
        if (names.length === 0) return [];
        const what = `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ` and ${names.length - LISTED} more` : ''}`;
        const fill = `copy it there once with a job or an init container of this image that mounts the claim elsewhere (cp -a ${target}/. /claim/)`;
        if (copiesImageContent !== true)
          return [
            `a new claim at ${target} is empty and hides what the image has there (${what}): where the program needs that, ${fill}`,
          ];
        // Kubernetes' own volume for a VOLUME takes the content over too, as long as nobody mounts a claim there.
        return run.volumes.some(({ path }) => path === target)
          ? [
              `it was tried on a volume at ${target} that takes over what the image has there (${what}); a Kubernetes claim does not, it is empty: ${fill}`,
            ]
          : [];
      });
