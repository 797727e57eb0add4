/** What a check of a Dockerfile is: it reads what the build would do, and answers with findings at their lines. It never fails. */
import type { BuildFact, StageState } from '../../build/stage-state.ts';
import type { Finding, Severity } from '../../finding/finding.ts';
import type { Span } from '../../text/span.ts';

export interface DockerfileCheck {
  readonly id: string;
  /** One sentence, present tense, what a finding of this id means. */
  readonly summary: string;
  readonly severity: Severity;
  readonly authority: string;
  /** `container` is the stage. */
  run(state: StageState, container: string): Finding[];
}

export const whereOf = ({ file, line, column }: Span): { file: string; line: number; column: number } => ({ file, line, column });

/** Facts of one kind. */
export const factsOf = <K extends BuildFact['kind']>(state: StageState, kind: K): Extract<BuildFact, { readonly kind: K }>[] =>
  state.facts.filter((fact): fact is Extract<BuildFact, { readonly kind: K }> => fact.kind === kind);

/** `1.2 MB`, as people read it. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
