/** Where the server's labs come from, and how they are started. */
import { findLabs } from '../find-labs.ts';
import type { Lab, LabProgress } from '../lab.ts';
import { missingFor } from '../needs.ts';
import { labStateFolder, readProgress } from '../progress.ts';
import { type LabSession, type StartOptions, startLab } from '../session.ts';
import type { Missing } from './protocol.ts';

export interface LabPlayer {
  readonly labs: readonly Lab[];
  /** What is known of a lab nobody plays at the moment. */
  progressOf(lab: Lab): LabProgress | undefined;
  missingFor(lab: Lab): Promise<readonly Missing[]>;
  start(lab: Lab, options: Required<Pick<StartOptions, 'onProgress' | 'signal'>>): Promise<LabSession>;
}

/** The labs of a folder, played for real. */
export function labPlayer(
  folder: string,
  options: Pick<StartOptions, 'stateFolder' | 'cacheFolder' | 'program'> = {},
): LabPlayer {
  const found = findLabs(folder);
  const state = options.stateFolder ?? labStateFolder();
  return {
    labs: found.map(({ lab }) => lab),
    progressOf: (lab) => readProgress(state, lab),
    missingFor: async (lab) => (await missingFor(lab)).map(({ need, why, get }) => ({ need, says: why, get })),
    start: (lab, more) => startLab(found.find((one) => one.lab === lab)!, { ...options, ...more }),
  };
}
