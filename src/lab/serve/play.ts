/** Where the server's labs come from, and how they are started. */
import { UnrootError } from '../../error.ts';
import { openDesk, playerSocket } from '../desk.ts';
import { lintHint, readLabs } from '../find-labs.ts';
import type { Lab, LabProgress } from '../lab.ts';
import { missingFor } from '../needs.ts';
import { labStateFolder, readProgress } from '../progress.ts';
import { type LabSession, type StartOptions, startLab } from '../session.ts';
import type { BrokenCard, Missing } from './protocol.ts';

export interface PlayOptions extends Required<Pick<StartOptions, 'onProgress' | 'signal'>> {
  /** Somebody in the node typed `stop`. */
  readonly onStop: () => void;
}

export interface LabPlayer {
  readonly labs: readonly Lab[];
  /** Those of its set that cannot be read. */
  readonly broken: readonly BrokenCard[];
  /** What is known of a lab nobody plays at the moment. */
  progressOf(lab: Lab): LabProgress | undefined;
  missingFor(lab: Lab): Promise<readonly Missing[]>;
  /** Goes on where the learner was. */
  start(lab: Lab, options: PlayOptions): Promise<LabSession>;
}

/** The labs of a folder, played for real. */
export function labPlayer(
  folder: string,
  options: Pick<StartOptions, 'stateFolder' | 'cacheFolder' | 'program'> = {},
): LabPlayer {
  const { labs: found, broken } = readLabs(folder);
  const state = options.stateFolder ?? labStateFolder();
  return {
    labs: found.map(({ lab }) => lab),
    broken: broken.map(({ id, name, error }) => ({ id, name, says: error.message, get: lintHint(folder) })),
    progressOf: (lab) => readProgress(state, lab),
    missingFor: async (lab) => (await missingFor(lab)).map(({ need, why, get }) => ({ need, says: why, get })),
    async start(lab, { onProgress, signal, onStop }) {
      if (playerSocket(state, lab) !== undefined)
        throw new UnrootError(`Lab ${lab.id} runs already, outside of this page`, {
          code: 'lab.running',
          hint: `unroot lab stop ${lab.id}`,
        });
      // What `check`, `hint` and the like ask that are typed in the node's shells.
      const desk = openDesk(lab, state, onStop);
      try {
        const one = found.find((each) => each.lab === lab)!;
        const session = await startLab(one, { ...options, onProgress, signal, onNode: (node) => desk.listen(node) });
        desk.serve(session);
        const { done } = session.progress();
        if (done.length > 0 && done.length < lab.steps.length) {
          onProgress('Bringing the lab to where you were');
          await session.resume();
        }
        return {
          ...session,
          async stop() {
            desk.close();
            await session.stop();
          },
        };
      } catch (error) {
        desk.close();
        throw error;
      }
    },
  };
}
