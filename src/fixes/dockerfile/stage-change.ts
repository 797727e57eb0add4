/** What a stage has to become, and one thing that is changed for it. */
import type { LayerChange, Run } from '../../finding/fix.ts';
import type { TextEdit } from '../../text/edit.ts';

export interface WantedStage {
  readonly uid: number;
  readonly gid: number;
  readonly arbitrary: boolean;
  readonly layer: readonly LayerChange[];
  readonly run: Pick<Run, 'ports' | 'env'> & Partial<Pick<Run, 'entrypoint' | 'command' | 'workdir' | 'healthcheck'>>;
  /** Nobody asked for a group, and the account has this one: said without it, the user keeps its other groups too. */
  readonly accountGroup?: boolean;
}

/** One thing that is changed, and how. */
export interface StageChange {
  readonly id: string;
  readonly subject: string;
  readonly title: string;
  readonly edits: readonly TextEdit[];
  readonly note?: string;
}
