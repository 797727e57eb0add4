/** For those who need a process: the launch, or the refusal thrown. */
import { UnrootError } from '../error.ts';
import type { Launch, Refusal } from './launch.ts';

/** A launch, or the refusal as an error: there is nothing to run, and the words say why. */
export function started(launch: Launch | Refusal): Launch {
  if (launch.kind === 'launch') return launch;
  throw new UnrootError(
    `${launch.by === 'kubelet' ? 'the kubelet' : launch.platform.name} refuses to start ${launch.image} (${launch.reason}): ${launch.message}`,
    {
      code: 'launch.refused',
      where: { image: launch.image },
      hint: `unroot who ${launch.image} shows how this was worked out`,
    },
  );
}
