/** What a check is: it reads a Launch (and a Trace, if there was a run) and answers with findings. It never fails. */
import type { Finding, Severity } from '../finding/finding.ts';
import type { Image, RootFs } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { FileTree } from '../linux/decision.ts';
import type { Trace } from '../trace/event.ts';
import type { DeniedEvent } from './replay.ts';

export interface CheckContext {
  readonly image: Pick<Image, 'reference' | 'config' | 'layers'>;
  readonly rootFs: RootFs;
  /** The launch as the image says it. */
  readonly asIs: Launch | Refusal;
  /** The launch as the user it shall run as; a refusal is itself a finding. */
  readonly target: Launch | Refusal;
  /** The files the target process sees. */
  readonly tree: FileTree;
  /** What a run as the image says really did. */
  readonly trace?: Trace;
  /** Operations of that run that the target would be denied; computed once for all checks. */
  readonly denied: readonly DeniedEvent[];
}

export interface Check {
  readonly id: string;
  /** One sentence, present tense, what a finding of this id means. */
  readonly summary: string;
  readonly severity: Severity;
  /** Man page, kernel file or specification that the rule rests on. */
  readonly authority: string;
  run(context: CheckContext): Finding[];
}
