/** What the image of a stage has to become for the user: worked out from the prediction, or from the built image when there is one. */
import { readAccounts } from '../build/build-accounts.ts';
import { predictedImage } from '../build/predicted-image.ts';
import { workerOf } from '../build/run-worker.ts';
import type { StageState } from '../build/stage-state.ts';
import type { Finding } from '../finding/finding.ts';
import type { Recipient } from '../fixes/context.ts';
import type { StageChange, WantedStage } from '../fixes/dockerfile/stage-change.ts';
import { addFlag, stageText } from '../fixes/dockerfile/stage-text.ts';
import { mergeLayer, mergeRun } from '../fixes/merge.ts';
import { movedWhereSaid, movePort, portMoves } from '../fixes/move-port.ts';
import { planFixes, type Unresolved } from '../fixes/plan.ts';
import type { Image, RootFs } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { findingsOf, fixContext } from '../prove/findings.ts';
import { foreseenOf } from '../prove/foreseen.ts';
import type { Proof } from '../prove/prove.ts';
import { recipientOf } from '../prove/recipient.ts';
import { settingsAs } from '../prove/settings.ts';
import { launchOf, readSubject } from '../prove/subject.ts';
import type { VerdictName } from '../prove/verdict.ts';
import { DEFAULT_USER, fixImage, fixImageStatically, type ImageOptions } from '../unroot.ts';
import type { ReadBuild } from './dockerfiles.ts';

export interface DecidedStage {
  readonly wanted: WantedStage;
  /** Changes that have to come first for the program to start at all. */
  readonly first: readonly StageChange[];
  readonly findings: readonly Finding[];
  readonly unresolved: readonly Unresolved[];
  readonly unknown: readonly string[];
  readonly verdict?: VerdictName;
  /** What keeps it from being proved. */
  readonly why?: string;
}

export interface DecideStageOptions extends ImageOptions {
  readonly profile: PlatformProfile;
  /** The image that was built of this file. */
  readonly built?: Image;
  readonly prove?: boolean;
  readonly static?: boolean;
}

/** A platform that gives out users takes no heed of the number; it has to be none of root's. */
const userOf = ({ uid, gid, arbitrary }: Recipient): Pick<WantedStage, 'uid' | 'gid' | 'arbitrary'> => ({
  uid: arbitrary ? Number(DEFAULT_USER) : uid,
  gid,
  arbitrary,
});

const NO_RUN = { ports: [], env: {} } as const;

export async function decideStage(read: ReadBuild, options: DecideStageOptions): Promise<DecidedStage> {
  const { state } = read.wanted!;
  const worker = workerOf(state.config.user, await readAccounts(state.tree), state);
  const keeps = options.user === undefined && worker.uid !== undefined && worker.uid !== 0;
  const kept = keeps ? `${worker.uid}:${worker.gid ?? worker.uid}` : undefined;
  const user = options.user ?? kept ?? DEFAULT_USER;
  const groupAsked = (keeps ? state.config.user : user)?.includes(':') ?? true;
  const { users } = await readAccounts(state.tree);
  const accountGroup = ({ uid, gid, arbitrary }: Recipient): boolean =>
    !groupAsked && !arbitrary && users.find((one) => one.uid === uid)?.gid === gid;
  // An image cannot set a sysctl, nor ask for a capability.
  const portStrategy = options.portStrategy === undefined || options.portStrategy === 'auto' ? 'move' : options.portStrategy;
  if (options.built !== undefined) return fromBuilt(options.built, { ...options, user, portStrategy }, accountGroup);
  if (state.baseMissing !== undefined) return withoutBase(user, state);
  const { image } = predictedImage(read.wanted!, read.file.path);
  const [word] = [...(state.config.entrypoint ?? []), ...(state.config.cmd ?? [])];
  const first = [...makeExecutable(read, state, word)];
  const subject = await readSubject(image);
  const recipient = recipientOf(user, subject);
  // Whoever cannot start is looked at as root: what the program does is the same.
  const settings = worker.uid === undefined ? { ...options.settings, user: '0' } : options.settings;
  const asIs = launchOf(subject, settings, options.profile);
  const as = settingsAs(recipient, options.settings, options.profile);
  const alone = accountGroup(recipient);
  // By its number alone an account has its other groups as well.
  const target = launchOf(subject, alone && as.user !== undefined ? { ...as, user: String(recipient.uid) } : as, options.profile);
  const foreseen = await foreseenOf(subject, asIs);
  for (const { operation } of foreseen) if (operation.kind === 'exec') first.push(...makeExecutable(read, state, operation.path));
  const findings = findingsOf(subject, asIs, target, undefined, foreseen);
  const configs = await textsOf(subject, new Set(foreseen.map(({ file }) => file)));
  const plan = planned(asIs, target);
  function planned(before: Launch | Refusal, after: Launch | Refusal): ReturnType<typeof planFixes> {
    if (before.kind === 'refusal' || after.kind === 'refusal') {
      const left = findings.filter(({ id }) => id !== 'runs-as-root');
      return { fixes: [], unresolved: left.map((finding) => ({ finding, reason: 'the program does not start' })) };
    }
    const context = fixContext(subject, before, after, recipient, { portStrategy, configs });
    const found = planFixes(findings, context);
    const { fixes, unresolved } = found;
    if (portStrategy !== 'move') return found;
    const low = unresolved.flatMap(({ finding: { operation } }) => (operation?.kind === 'bind' ? [operation.port] : []));
    // A port that is only declared is said nowhere: it stays.
    const moves = portMoves(low, new Set()).filter((move) => movedWhereSaid([move], context, false) !== undefined);
    const moved = moves.length === 0 ? undefined : movedWhereSaid(moves, context, false);
    if (moved === undefined) return found;
    return {
      ...found,
      fixes: [...fixes, movePort(moves, moved, image.config.healthcheck?.test)],
      unresolved: unresolved.filter(
        ({ finding: { operation } }) => operation?.kind !== 'bind' || !moves.some(({ from }) => from === operation.port),
      ),
    };
  }
  return {
    wanted: {
      ...userOf(recipient),
      accountGroup: alone,
      layer: mergeLayer(plan.fixes),
      run: mergeRun(plan.fixes, recipient, portsOf(plan.fixes)),
    },
    first,
    findings,
    unresolved: plan.unresolved,
    unknown: [
      ...(plan.unknown ?? []),
      'nothing was built or run: what the program does beyond what scripts and configuration say is not known (--image built=IMAGE runs the built image)',
    ],
  };
}

/** Configuration that was read; what cannot be read is left out. */
async function textsOf(
  { rootFs }: { readonly rootFs: RootFs },
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const files = await rootFs.readFiles(paths, { limit: CONFIG_BYTES, head: true });
  const whole = [...files].filter(([, bytes]) => bytes.length < CONFIG_BYTES && !bytes.includes(0));
  return new Map(whole.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

const CONFIG_BYTES = 256 * 1024;

const portsOf = (
  fixes: readonly { readonly run: { readonly ports?: WantedStage['run']['ports'] } }[],
): WantedStage['run']['ports'] => fixes.flatMap(({ run }) => run.ports ?? []);

async function fromBuilt(
  image: Image,
  options: DecideStageOptions & { readonly user: string },
  accountGroup: (recipient: Recipient) => boolean,
): Promise<DecidedStage> {
  const result = options.static === true ? await fixImageStatically(image, options) : await fixImage(image, options);
  const { recipient, layer, fixedRun, findings, unresolved, unknown, proof } = result;
  return {
    wanted: { ...userOf(recipient), accountGroup: accountGroup(recipient), layer, run: fixedRun },
    first: [],
    findings,
    unresolved,
    unknown,
    ...(proof === undefined ? {} : { verdict: proof.verdict, why: whyNot(proof) }),
  };
}

const whyNot = ({ reasons }: Proof): string =>
  reasons
    .filter(({ kind }) => kind === 'bad' || kind === 'unsure')
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ');

/** Only who it runs as can be said. */
function withoutBase(user: string, state: StageState): DecidedStage {
  const [uid = '', gid] = user.split(':');
  const number = /^\d+$/.test(uid) ? Number(uid) : 10001;
  return {
    wanted: {
      uid: number,
      gid: gid !== undefined && /^\d+$/.test(gid) ? Number(gid) : user === 'arbitrary' ? 0 : number,
      arbitrary: user === 'arbitrary',
      layer: [],
      run: NO_RUN,
    },
    first: [],
    findings: [],
    unresolved: [],
    unknown: [`${state.baseMissing}: what the user needs in the image is not known`],
  };
}

/** An entrypoint that a COPY brings without the right to execute it: said there, and taken as done. */
function makeExecutable(read: ReadBuild, state: StageState, word: string | undefined): readonly StageChange[] {
  const { config, tree } = state;
  if (word === undefined || !word.includes('/')) return [];
  const { node } = tree.find(word.startsWith('/') ? word : `${config.workingDir || '/'}/${word}`);
  if (node?.info.type !== 'file' || node.assumed || (node.info.mode & 0o001) !== 0) return [];
  const copy = state.layers.get(node.info.layer);
  const { stage } = read.wanted!;
  const mode = 0o755;
  if (copy === undefined || (copy.name !== 'COPY' && copy.name !== 'ADD') || !stage.instructions.includes(copy)) return [];
  if (
    copy.flags.some(({ name }) => name === 'chmod') ||
    [...tree.entries()].filter(({ layer }) => layer === node.info.layer).length > 1
  )
    return [];
  node.info.mode = mode;
  return [
    {
      id: 'copy-chmod',
      subject: word,
      title: `${copy.name} --chmod=0755: ${word} can be executed`,
      edits: [addFlag(stageText(read.file, stage, read.build.stages.dockerfile.escape), copy, '--chmod=0755')],
    },
  ];
}
