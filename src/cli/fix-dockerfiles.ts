/** `unroot fix` on a Dockerfile: plans the changes of its lines, and keeps only what the prediction of the changed file bears out. */
import { readAccounts } from '../build/build-accounts.ts';
import { workerOf } from '../build/run-worker.ts';
import type { StageState, Worker } from '../build/stage-state.ts';
import type { Diagnostic, Finding } from '../finding/finding.ts';
import { chownOnCopy } from '../fixes/dockerfile/chown-on-copy.ts';
import { rootSteps } from '../fixes/dockerfile/root-steps.ts';
import type { StageChange } from '../fixes/dockerfile/stage-change.ts';
import { stageText } from '../fixes/dockerfile/stage-text.ts';
import { writeStage } from '../fixes/dockerfile/write-stage.ts';
import { findingKey } from '../fixes/need.ts';
import { SCHEMA_VERSION, type TextFix, type TextFixReport } from '../report/report.ts';
import { reported } from '../report/reported-finding.ts';
import type { TextEdit } from '../text/edit.ts';
import { applyEdits } from '../text/edits.ts';
import { positionAt, sourceFile } from '../text/source-file.ts';
import { unifiedDiff } from '../text/unified-diff.ts';
import { checkBuild } from './check-dockerfiles.ts';
import type { ContainerImages } from './container-images.ts';
import { type DecideStageOptions, decideStage } from './decide-stage.ts';
import { type DockerfileFlags, type ReadBuild, readBuild } from './dockerfiles.ts';

export interface FixedDockerfile {
  readonly report: TextFixReport;
  readonly texts: readonly { readonly path: string; readonly before: string; readonly after: string }[];
}

/** Each is tried by working out the whole build. */
const MOST_CHOWNS = 10;
const MOST_ROUNDS = 8;

export async function fixDockerfile(
  path: string,
  flags: DockerfileFlags,
  images: ContainerImages,
  options: DecideStageOptions & { readonly signal: AbortSignal },
): Promise<FixedDockerfile> {
  const first = await readBuild(path, flags, images);
  const before = first.file.text;
  const broken = first.wanted === undefined || first.diagnostics.some(({ severity }) => severity === 'error');
  const again = (text: string): Promise<ReadBuild> => readBuild(path, flags, images, text);
  const checkOptions = { profile: options.profile, signal: options.signal };
  const found = await checkBuild(await again(before), checkOptions);
  let text = before;
  const steps: { readonly text: string; readonly changes: readonly StageChange[] }[] = [];
  const problems: Diagnostic[] = [];
  const take = (changes: readonly StageChange[]): void => {
    if (changes.length === 0) return;
    steps.push({ text, changes });
    text = applyEdits(
      text,
      changes.flatMap(({ edits }) => edits),
    ).text;
  };
  let unknown: readonly string[] = found.unknown;
  let verdict: TextFixReport['containers'][number]['verdict'];
  let why: string | undefined;
  let undecided: string | undefined;
  let reasons: ReadonlyMap<string, string> = new Map();
  if (!broken) {
    // What a line could not do the next ones may have needed: until nothing more turns up.
    for (let left = MOST_ROUNDS, more = true; more && left > 0; left -= 1) {
      const { build, file } = await again(text);
      const changes = [...build.built.values()].flatMap(({ stage, state }) =>
        rootSteps(stageText(file, stage, build.stages.dockerfile.escape), state),
      );
      take(changes);
      more = changes.length > 0;
    }
    // One at a time: each moves the places of the others.
    for (let more = true, left = MOST_CHOWNS; more && left > 0; left -= 1) {
      more = false;
      for (const candidate of chownOnCopy(...pairOf(await again(text)))) {
        const fitting = await firstEqual(text, candidate.attempts, again);
        if (fitting === undefined) continue;
        take([fitting]);
        more = true;
        break;
      }
    }
    const read = await again(text);
    const { state } = read.wanted!;
    const worker = workerOf(state.config.user, await readAccounts(state.tree), state);
    undecided = options.user === undefined && options.built === undefined ? nobodyKnows(worker, state) : undefined;
    if (undecided === undefined) {
      const decided = await decideStage(read, options);
      const written = await writeStage(textOf(read), state, decided.wanted, worker.uid === 0 || (state.config.user ?? '') === '');
      take([...decided.first, ...written.changes]);
      problems.push(...written.problems);
      // What the check could not know was looked at in a run by now.
      const ran = options.built !== undefined && options.static !== true;
      unknown = [...found.unknown.filter((one) => !(ran && one.startsWith('nothing was run:'))), ...decided.unknown];
      ({ verdict, why } = decided);
      reasons = new Map(decided.unresolved.map(({ finding, reason }) => [findingKey(finding), reason]));
    }
  }
  // A change that was seen to break it is none.
  if (verdict === 'failed') {
    text = before;
    steps.length = 0;
  }
  const last = await again(text);
  const after = broken ? found : await checkBuild(await again(text), checkOptions);
  const changed = text !== before;
  const user = last.wanted?.state.config.user;
  const report: TextFixReport = {
    schemaVersion: SCHEMA_VERSION,
    kind: 'fix',
    target: path,
    platform: options.profile.name,
    user: options.user ?? 'as decided',
    containers: [
      {
        object: `Dockerfile/${first.name}`,
        container: first.name,
        outcome: broken
          ? 'unknown'
          : verdict === 'failed'
            ? 'left'
            : changed
              ? 'changed'
              : undecided === undefined
                ? 'as wanted'
                : 'unknown',
        ...(user === undefined || user === '' ? {} : { user }),
        ...(broken ? { message: 'the file has to be right before it can be changed' } : {}),
        ...(why === undefined || why === '' ? {} : { message: why }),
        ...(undecided === undefined ? {} : { message: undecided }),
        ...(verdict === undefined ? {} : { verdict }),
      },
    ],
    fixes: fixesOf(path, before, text, steps, found.findings, after.findings),
    files: changed ? [{ path, diff: unifiedDiff(path, before, text) }] : [],
    wrote: false,
    unresolved: reported(after.findings, []).map((finding) => ({
      ...finding,
      reason: reasons.get(findingKey(finding)) ?? 'no line of the file answers it',
    })),
    diagnostics: [...first.diagnostics, ...problems],
    unknown: [...new Set(unknown)],
  };
  return { report, texts: changed ? [{ path, before, after: text }] : [] };
}

/** Why its user stays as written: somebody whom a line or the base brings is not to become somebody else, and of a base that is not here nothing is known to work. */
function nobodyKnows(worker: Worker, { baseMissing, config }: StageState): string | undefined {
  const hint = '--image built=IMAGE has the image that was built looked at, --user says whom it shall run as';
  if (baseMissing !== undefined && (worker.uid ?? 0) === 0)
    return `${baseMissing}: whom it could run as is unknown (--image NAME=TARGET says where it is; ${hint})`;
  if (worker.uid !== undefined || worker.missing !== undefined || config.user === undefined) return undefined;
  return `USER ${config.user} stays: which number that is shows in the built image (${hint})`;
}

const textOf = ({ file, wanted, build }: ReadBuild): ReturnType<typeof stageText> =>
  stageText(file, wanted!.stage, build.stages.dockerfile.escape);

const pairOf = (read: ReadBuild): [ReturnType<typeof stageText>, StageState] => [textOf(read), read.wanted!.state];

/** The first attempt after which every file has the same owner and mode as before. */
async function firstEqual(
  text: string,
  attempts: readonly StageChange[],
  again: (text: string) => Promise<ReadBuild>,
): Promise<StageChange | undefined> {
  const wanted = shapeOf((await again(text)).wanted!.state);
  for (const one of attempts) {
    const read = await again(applyEdits(text, one.edits).text);
    if (
      read.wanted !== undefined &&
      read.wanted.state.opaque.length <= wanted.opaque &&
      shapeOf(read.wanted.state).text === wanted.text
    )
      return one;
  }
  return undefined;
}

function shapeOf({ tree, opaque }: StageState): { readonly text: string; readonly opaque: number } {
  const lines = [...tree.entries()].map(
    ({ path, type, uid, gid, mode, fileCapabilities }) =>
      `${path} ${type} ${uid}:${gid} ${mode} ${JSON.stringify(fileCapabilities)}`,
  );
  return { text: lines.join('\n'), opaque: opaque.length };
}

/** Edits are those of the file as it was read: where several steps followed each other, the whole difference is one. */
function fixesOf(
  path: string,
  before: string,
  after: string,
  steps: readonly { readonly text: string; readonly changes: readonly StageChange[] }[],
  found: readonly Finding[],
  left: readonly Finding[],
): readonly TextFix[] {
  const still = new Set(left.map(findingKey));
  const answers = [...new Set(found.map(findingKey).filter((key) => !still.has(key)))];
  const file = sourceFile(path, before);
  const placed = (edit: TextEdit): TextFix['edits'][number] => ({ ...edit, ...positionAt(file, edit.start) });
  const single = steps.length === 1;
  const list = steps.flatMap(({ changes }) => changes);
  return list.map(({ id, subject, title, edits, note }, index) => ({
    id,
    subject,
    object: 'Dockerfile',
    title,
    disposition: 'needs-review' as const,
    answers: index === list.length - 1 ? answers : [],
    layer: [],
    run: {},
    edits: single ? edits.map(placed) : index === list.length - 1 ? [placed(difference(path, before, after))] : [],
    ...(note === undefined ? {} : { note }),
  }));
}

/** One edit from the first character that differs to the last. */
function difference(file: string, before: string, after: string): TextEdit {
  let start = 0;
  while (start < before.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return { file, start, end: before.length - end, text: after.slice(start, after.length - end) };
}
