/** Flags of the workshop's commands. */
import type { ColorChoice } from './output.ts';

/** What every command of the workshop has. */
export interface LabFlags {
  readonly labs?: string;
  readonly color: ColorChoice;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}
