/** What a fix asks of the image a stage makes, written into its lines. */
import type { StageState } from '../../build/stage-state.ts';
import type { LayerChange } from '../../finding/fix.ts';
import { words } from '../../text/dockerfile/expand.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import type { TextEdit } from '../../text/edit.ts';
import { positionAt } from '../../text/source-file.ts';
import type { TextProblem } from '../../text/span.ts';
import { commandLines } from './command-lines.ts';
import { onHeredocs } from './heredoc-edits.ts';
import { layerCommands } from './layer-commands.ts';
import type { StageChange, WantedStage } from './stage-change.ts';
import { addFlag, appendToRun, insertLines, keyword, replaceArgs, runText, type StageText } from './stage-text.ts';

export interface WrittenStage {
  readonly changes: readonly StageChange[];
  readonly problems: readonly TextProblem[];
}

/** `root`: whether RUN lines at the end of the stage, as it is, are root's. */
export async function writeStage(text: StageText, state: StageState, wanted: WantedStage, root: boolean): Promise<WrittenStage> {
  const changes: StageChange[] = [];
  const problems: TextProblem[] = [];
  const user = wanted.accountGroup === true ? String(wanted.uid) : `${wanted.uid}:${wanted.gid}`;
  const written = await onHeredocs(text, state, wanted.layer);
  const { copies, rest } = onCopies(text, state, written.rest);
  changes.push(...written.changes, ...copies);
  const { commands, left } = await layerCommands(rest, state.tree, wanted.arbitrary);
  for (const { path, why } of left)
    problems.push({ severity: 'warning', message: `${path}: ${why}`, where: placeOf(text, text.stage.from) });
  const shell = state.tree.find('/bin/sh').node !== undefined || state.opaque.length > 0;
  if (commands.length > 0 && !shell)
    problems.push({
      severity: 'warning',
      message: `the stage has no shell to run ${commands.join(' && ')} with: do it in an earlier stage and COPY --from it with --chown`,
      where: placeOf(text, text.stage.from),
    });
  const runs = shell ? commands : [];
  const said = state.config.user ?? '';
  const userRight =
    said === user || (/^\d+(?::\d+)?$/.test(said) && !/^0+(?::|$)/.test(said) && Number(said.split(':')[0]) === wanted.uid);
  changes.push(...userAndRuns(text, runs, user, userRight, root));
  changes.push(...ports(text, state, wanted));
  changes.push(...commandLines(text, state, wanted));
  return { changes: changes.filter(({ edits }) => edits.length > 0), problems };
}

const placeOf = ({ file }: StageText, { span }: Instruction): TextProblem['where'] => ({
  file: file.path,
  ...positionAt(file, span.start),
});

/** Files that a COPY of this stage brings are given to the user there: a RUN line would store them twice. */
function onCopies(
  text: StageText,
  state: StageState,
  layer: readonly LayerChange[],
): { readonly copies: readonly StageChange[]; readonly rest: readonly LayerChange[] } {
  const byCopy = new Map<Instruction, LayerChange[]>();
  const rest: LayerChange[] = [];
  for (const change of layer) {
    const entry = state.tree.get(change.path);
    const copy = entry === undefined ? undefined : state.layers.get(entry.layer);
    const fits =
      change.kind === 'own' &&
      change.capabilities === undefined &&
      entry?.type === 'file' &&
      copy !== undefined &&
      (copy.name === 'COPY' || copy.name === 'ADD') &&
      text.stage.instructions.includes(copy) &&
      !copy.flags.some(({ name }) => name === 'chown');
    if (fits) byCopy.set(copy, [...(byCopy.get(copy) ?? []), change]);
    else rest.push(change);
  }
  const copies = [...byCopy].map(([copy, list]): StageChange => {
    const [first] = list;
    const modes = list.filter((change) => change.kind === 'own' && change.mode !== state.tree.get(change.path)?.mode);
    // Another mode than the source has is a RUN line's, or --chmod's where it is for all of it.
    rest.push(...modes);
    const { uid, gid } = first as { uid: number; gid: number };
    return {
      id: 'copy-chown',
      subject: first!.path,
      title: `${copy.name} gives ${list.length === 1 ? first!.path : `${list.length} files`} to ${uid}:${gid} at once`,
      edits: [addFlag(text, copy, `--chown=${uid}:${gid}`)],
    };
  });
  return { copies, rest };
}

function userAndRuns(
  text: StageText,
  commands: readonly string[],
  user: string,
  userRight: boolean,
  root: boolean,
): readonly StageChange[] {
  const { user: line, worksAfterUser, before, lastBuilder } = text;
  const changes: StageChange[] = [];
  const userLine = `${keyword('USER', text)} ${user}`;
  const done = (edits: readonly TextEdit[]): void => {
    if (commands.length > 0)
      changes.push({ id: 'build-commands', subject: commands[0]!, title: `RUN ${commands.join(' && ')}`, edits });
  };
  const named = (edits: readonly TextEdit[]): void => {
    changes.push({ id: 'numeric-user', subject: user, title: `USER ${user}`, edits });
  };
  // The last USER is behind everything that changes files: its line stays, with another user.
  if (line !== undefined && !worksAfterUser) {
    const edits = runEdits(text, commands, line, lastBuilder);
    if (edits !== undefined) done(edits);
    if (!userRight) named([replaceArgs(text, line, user)]);
    return changes;
  }
  if (root) {
    const edits = runEdits(text, commands, before, lastBuilder);
    if (userRight) {
      if (edits !== undefined) done(edits);
      return changes;
    }
    // One insertion for both, so that they stay in order.
    const append = commands.length === 0 ? [] : (edits ?? []);
    if (append.length === 1 && append[0]!.start !== insertLines(text, before, []).start) {
      done(append);
      named([insertLines(text, before, [userLine])]);
    } else if (commands.length > 0) {
      changes.push({
        id: 'build-commands',
        subject: commands[0]!,
        title: `RUN ${commands.join(' && ')}; USER ${user}`,
        edits: [insertLines(text, before, [runText(text, commands), userLine])],
      });
    } else named([insertLines(text, before, [userLine])]);
    return changes;
  }
  // Lines behind USER are that user's: what only root may do is done in front of it, or as root for a moment.
  if (line !== undefined && !userRight) named([replaceArgs(text, line, user)]);
  if (commands.length > 0) done([insertLines(text, before, [`${keyword('USER', text)} 0`, runText(text, commands), userLine])]);
  else if (line === undefined && !userRight) named([insertLines(text, before, [userLine])]);
  return changes;
}

/** Appended to the RUN line that stands right there, else a line of their own. */
function runEdits(
  text: StageText,
  commands: readonly string[],
  before: Instruction | undefined,
  last: Instruction | undefined,
): readonly TextEdit[] | undefined {
  if (commands.length === 0) return undefined;
  const appended = last === undefined ? undefined : appendToRun(text, last, commands);
  return [appended ?? insertLines(text, before, [runText(text, commands)])];
}

function ports(text: StageText, state: StageState, { run }: WantedStage): readonly StageChange[] {
  return run.ports.flatMap(({ from, to, protocol = 'tcp' }): readonly StageChange[] => {
    if (from === to) return [];
    const spec = `${from}/${protocol}`;
    if (!state.config.exposedPorts.includes(spec) || state.config.exposedPorts.includes(`${to}/${protocol}`)) return [];
    const line = state.named.get(`EXPOSE ${spec}`);
    const title = `EXPOSE ${to} instead of ${from}`;
    if (line === undefined || !text.stage.instructions.includes(line))
      return [
        {
          id: 'expose',
          subject: `:${from}`,
          title,
          edits: [
            insertLines(text, text.before, [`${keyword('EXPOSE', text)} ${to}${protocol === 'tcp' ? '' : `/${protocol}`}`]),
          ],
        },
      ];
    const word = words(line.args.text, text.mark).find(({ text: one }) => one === String(from) || one.toLowerCase() === spec);
    // A variable says it: the port follows where that is set.
    if (word === undefined) return [];
    const start = line.args.offset(word.start);
    return [
      {
        id: 'expose',
        subject: `:${from}`,
        title,
        edits: [{ file: text.file.path, start, end: start + String(from).length, text: String(to) }],
      },
    ];
  });
}
