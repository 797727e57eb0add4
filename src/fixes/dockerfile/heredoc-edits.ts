/** Files that a COPY brings as a heredoc: they are changed where they are written, not by a command behind it. */
import type { StageState } from '../../build/stage-state.ts';
import type { LayerChange } from '../../finding/fix.ts';
import type { Heredoc, Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import { differing } from './changed-words.ts';
import type { StageChange } from './stage-change.ts';
import type { StageText } from './stage-text.ts';

export interface OnHeredocs {
  readonly changes: readonly StageChange[];
  /** What is left for commands: owner and mode of the same files, and everything else. */
  readonly rest: readonly LayerChange[];
}

export async function onHeredocs(text: StageText, state: StageState, layer: readonly LayerChange[]): Promise<OnHeredocs> {
  const written = text.stage.instructions
    .filter(({ name }) => name === 'COPY' || name === 'ADD')
    .flatMap((instruction) => instruction.heredocs.map((heredoc) => ({ instruction, heredoc })));
  if (written.length === 0) return { changes: [], rest: layer };
  const changes: StageChange[] = [];
  const rest: LayerChange[] = [];
  for (const change of layer) {
    const done = change.kind === 'file' ? await edited(text, state, change, written) : undefined;
    if (done === undefined || change.kind !== 'file') {
      rest.push(change);
      continue;
    }
    changes.push(done);
    const { path, uid, gid, mode } = change;
    const entry = state.tree.get(path);
    if (entry === undefined || entry.uid !== uid || entry.gid !== gid || entry.mode !== mode)
      rest.push({ kind: 'own', path, uid, gid, mode });
  }
  return { changes, rest };
}

async function edited(
  text: StageText,
  state: StageState,
  { path, content }: Extract<LayerChange, { kind: 'file' }>,
  written: readonly { readonly instruction: Instruction; readonly heredoc: Heredoc }[],
): Promise<StageChange | undefined> {
  const bytes = await state.tree.readFile(path);
  if (bytes === undefined) return undefined;
  const before = new TextDecoder().decode(bytes).split('\n');
  const after = content.split('\n');
  if (before.length !== after.length) return undefined;
  const fitting = written.filter(({ heredoc }) => couldBe(heredoc, before));
  const [one] = fitting;
  if (one === undefined || fitting.length > 1) return undefined;
  const edits = lineEdits(text, one.heredoc, before, after);
  if (edits === undefined) return undefined;
  const lines = edits.map(({ text: line }) => line.trim()).join('; ');
  return {
    id: 'heredoc',
    subject: path,
    title: `${path} in line ${one.instruction.span.line}: ${lines}`,
    edits: edits.map(({ edit }) => edit),
  };
}

/** Line by line the same, but where a variable is put in. */
function couldBe({ content, expand }: Heredoc, lines: readonly string[]): boolean {
  const own = content.split('\n');
  return own.length === lines.length && own.every((line, index) => line === lines[index] || (expand && line.includes('$')));
}

function lineEdits(
  { file }: StageText,
  { start, end }: Heredoc,
  before: readonly string[],
  after: readonly string[],
): { readonly text: string; readonly edit: TextEdit }[] | undefined {
  const raw = file.text.slice(start, end).split('\n');
  if (raw.length !== before.length) return undefined;
  const out: { text: string; edit: TextEdit }[] = [];
  let at = start;
  for (const [index, line] of raw.entries()) {
    const [was = '', is = ''] = [before[index], after[index]];
    if (was !== is) {
      const lead = line.length - was.length;
      // `<<-` takes leading tabs off.
      if (lead < 0 || !line.endsWith(was) || !/^\t*$/.test(line.slice(0, lead))) return undefined;
      const part = differing(was, is);
      const from = at + lead;
      out.push({ text: is, edit: { file: file.path, start: from + part.start, end: from + part.end, text: part.text } });
    }
    at += line.length + 1;
  }
  return out;
}
