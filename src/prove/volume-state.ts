/** Where state goes: what the first run left in a volume, the second has to leave there too, or it is lost with the container. */
import { baseName, isWithin } from '../linux/file-path.ts';
import { steadyName } from '../trace/volatile-name.ts';
import type { Observation } from './observation.ts';
import type { Reason } from './reason.ts';

const files = ({ changes }: Observation): readonly string[] =>
  changes.filter(({ change, type }) => change !== 'deleted' && type === 'file').map(({ path }) => path);

/** `volumes`: where they are mounted in the first run. Nothing is said about runs that did not come as far. */
export function compareVolumeState(before: Observation, after: Observation, volumes: readonly string[]): readonly Reason[] {
  if (before.outcome !== after.outcome) return [];
  const inVolume = (path: string): string | undefined => volumes.find((volume) => isWithin(path, volume));
  const [was, is] = [files(before), files(after)];
  const known = new Set(was.map(steadyName));
  const outside = is.filter((path) => inVolume(path) === undefined && !known.has(steadyName(path)));
  return volumes.flatMap((volume): Reason[] => {
    const there = was.filter((path) => isWithin(path, volume));
    const still = new Set(is.filter((path) => isWithin(path, volume)).map(steadyName));
    const gone = there.filter((path) => !still.has(steadyName(path)));
    const [example] = gone;
    if (example === undefined) return [];
    const elsewhere = outside.find((path) => gone.some((one) => baseName(one) === baseName(path)));
    if (elsewhere !== undefined)
      return [
        unsure(
          `its state leaves the volume ${volume}: it writes ${elsewhere}, which is lost with the container; before, ${example}`,
        ),
      ];
    if (still.size > 0) return [];
    const where = outside[0] === undefined ? '' : `; it writes ${outside[0]}, which is lost with the container`;
    return [unsure(`it leaves nothing in the volume ${volume}; before, it left ${example}${where}`)];
  });
}

const unsure = (text: string): Reason => ({ kind: 'unsure', text });
