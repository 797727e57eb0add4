/** A Dockerfile as its lines say it: instructions with their places. What they mean is somebody else's. */
import type { SourceFile } from '../source-file.ts';
import type { Span, TextProblem } from '../span.ts';
import type { LogicalText } from './logical-text.ts';

export interface Heredoc {
  /** The word that ends it. */
  readonly name: string;
  /** False when the word was quoted: `<<'EOF'`. */
  readonly expand: boolean;
  /** Its lines, without leading tabs when it was `<<-`. */
  readonly content: string;
  /** Offsets of the lines between `<<EOF` and `EOF`, and behind the line that ends it. */
  readonly start: number;
  readonly end: number;
  readonly after: number;
}

export interface Flag {
  readonly name: string;
  /** Absent: a flag alone, `--link`. */
  readonly value?: string;
  readonly span: Span;
}

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** As written. */
  readonly written: string;
  readonly nameSpan: Span;
  /** From the name to the end of the last line, heredocs left out, without its line ending. */
  readonly span: Span;
  readonly flags: readonly Flag[];
  /** Behind the flags, comments between the lines left out. */
  readonly args: LogicalText;
  /** The exec form: what the JSON array says. */
  readonly json?: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** Offset of the beginning of its first line, and behind its last one with heredocs and line ending. */
  readonly lineStart: number;
  readonly after: number;
  /** ONBUILD: what it puts off. */
  readonly onbuild?: Instruction;
}

export interface Dockerfile {
  readonly file: SourceFile;
  /** `\` unless `# escape=` says otherwise. */
  readonly escape: string;
  readonly directives: Readonly<Record<string, string>>;
  readonly instructions: readonly Instruction[];
  readonly problems: readonly TextProblem[];
}

/** Every instruction there is (Dockerfile reference; BuildKit frontend/dockerfile/command). */
export const INSTRUCTIONS: ReadonlySet<string> = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
]);
