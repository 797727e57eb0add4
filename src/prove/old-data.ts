/**
 * The result over data that is there already: what the run as the image says left in its volumes, given to the user the way a cluster or an
 * administrator would do it. Each remedy is tried on a copy; the one that works is the one that is named.
 */
import { type KeptOwners, keptOwners } from '../engine/kept-owners.ts';
import type { VolumeOwner } from '../engine/volume-remedy.ts';
import type { Fix, RunVolume } from '../finding/fix.ts';
import { mergeRun } from '../fixes/merge.ts';
import { chosenRemedy, remedyNote, type Tried, takeOverCommands } from '../fixes/volume-remedy.ts';
import type { Launch } from '../launch/launch.ts';
import { socketsInBoth } from '../trace/compare.ts';
import { newDenials } from '../trace/denials.ts';
import { askedAfter } from './asked-after.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import { asMoved, movedPorts } from './ports.ts';
import type { Reason } from './reason.ts';
import type { RoundsResult } from './rounds.ts';
import type { RoundsInput } from './rounds-input.ts';
import { fsGroupOf } from './settings.ts';
import { judge, type Verdict, worksByItself, worksLess } from './verdict.ts';
import { withAccount } from './with-account.ts';

/** The rounds with what was learnt about old data, and what it means for the verdict. */
export interface OverOldData {
  readonly rounds: RoundsResult;
  readonly reasons: readonly Reason[];
}

/** Proved, but for what it does over old data. */
export const worksWhenNew = ({ reasons }: Verdict, oldData: readonly Reason[]): boolean =>
  reasons.every((reason) => reason.kind === 'ok' || reason.kind === 'note' || oldData.includes(reason));

/** Remedies that were tried on all volumes at once, since fsGroup is the whole pod's. */
type Way = 'fsGroup' | 'migrate';

interface Old {
  readonly target: string;
  readonly folder: string;
  /** A folder of the host: fsGroup does not reach it. */
  readonly bind: boolean;
  /** A new one did not do with fsGroup. */
  readonly prepared: boolean;
  readonly owners: KeptOwners;
}

const NOT_ON_NEW = 'with it the program did not start on a new claim';

/** Leaves everything as it was when there is no such data, or when the result does not work without it either. */
export async function overOldData(rounds: RoundsResult, input: RoundsInput): Promise<OverOldData> {
  const { before, after, launch } = rounds;
  const noted = { rounds: { ...rounds, notes: [...rounds.notes, ...input.keep.notes] }, reasons: [] };
  if (launch.kind === 'refusal' || !worksByItself(before) || worksLess(before, after, movedPorts(rounds.run.ports))) return noted;
  const old = oldVolumes(rounds, launch, input);
  if (old.length === 0) return noted;
  const places = old.map(({ target }) => target).join(', ');
  const { kubelet } = input.profile;
  const control = once(() => asBefore(rounds, old, input));
  const attempt = (way: Way): Promise<true | string> => tryWay(way, rounds, launch, old, input, control);
  input.onProgress(`trying it on what the first run left in ${places}`);
  const group = old.some(({ bind }) => !bind);
  const refused = old.some(({ prepared }) => prepared);
  const first = !group ? undefined : refused ? NOT_ON_NEW : attempt('fsGroup');
  // Engines have no fsGroup: there the change of owner is needed whatever fsGroup would do.
  const second = kubelet && (await first) === true ? undefined : attempt('migrate');
  const [byGroup, byOwner] = await Promise.all([first, second]);
  const control1 = control.result();
  if (control1 !== undefined && !worksByItself(await control1)) {
    const text = `over what its own first run left in ${places} the image does not start again even as it is, so nothing can be said about old data`;
    return { rounds: { ...rounds, notes: [...noted.rounds.notes, text] }, reasons: [] };
  }
  const tried: Tried = {
    fsGroup: fsGroupOf(input.recipient, input.profile),
    namespaceGroup: input.profile.arbitraryUid !== undefined,
    ...(byGroup === undefined ? {} : { byGroup }),
    ...(byOwner === undefined ? {} : { byOwner }),
  };
  const fixes = withRemedies(rounds.fixes, old, tried, input);
  const run = { ...rounds.run, volumes: mergeRun(fixes, input.recipient, []).volumes };
  return { rounds: { ...noted.rounds, fixes, run }, reasons: reasonsOf(old, tried, places) };
}

/** What the first run left where the result would write, and somebody else owns. */
function oldVolumes(rounds: RoundsResult, launch: Launch, { keep, recipient, profile }: RoundsInput): readonly Old[] {
  // OpenShift gave it a uid and a group already: what that left is no old data of root's, and it keeps the uid.
  if (profile.arbitraryUid !== undefined && rounds.asIs.uid >= profile.arbitraryUid.first) return [];
  return [...keep.folders].flatMap(([target, folder]): Old[] => {
    const mount = launch.mounts.find((one) => one.target === target);
    if (mount === undefined || mount.readOnly || (mount.type !== 'volume' && mount.type !== 'bind')) return [];
    const touched = rounds.before.changes.some(({ path }) => path === target || path.startsWith(`${target}/`));
    const asked = rounds.run.volumes.find(({ path }) => path === target);
    // A host folder whose content was handed over in the rounds was tried there, as it is.
    if ((!touched && asked === undefined) || (asked?.remedy === 'migrate' && mount.type === 'bind')) return [];
    const owners = keptOwners(folder, target);
    if (owners.uids.every((uid) => uid === recipient.uid)) return [];
    return [{ target, folder, bind: mount.type === 'bind', prepared: asked?.remedy === 'migrate', owners }];
  });
}

/** True when the result does the same over the old data; else what it did not. */
async function tryWay(
  way: Way,
  rounds: RoundsResult,
  launch: Launch,
  old: readonly Old[],
  input: RoundsInput,
  control: Once<Observation>,
): Promise<true | string> {
  const { recipient, profile } = input;
  const moved = movedPorts(rounds.run.ports);
  const fsGroup = fsGroupOf(recipient, profile);
  const groups = way === 'fsGroup' && !launch.groups.includes(fsGroup) ? [...launch.groups, fsGroup] : launch.groups;
  const observation = await observe(
    await input.prepare(await withAccount(rounds.image, launch, recipient)),
    { ...over(launch, old), groups },
    {
      ...input.observe,
      ...askedAfter(input.observe, rounds.image, moved),
      tracer: input.tracer,
      like: asMoved(rounds.before, moved),
      volumeOwners: old.map(({ target, bind, owners }): VolumeOwner => {
        const remedy = bind ? 'migrate' : way;
        const owner = remedy === 'fsGroup' ? `0:${fsGroup}` : recipient.arbitrary ? '0:0' : `${recipient.uid}:${recipient.gid}`;
        return { path: target, owner, mode: owners.mode, remedy };
      }),
    },
  );
  const first = against(saidAnew(rounds.before, rounds.after), observation, rounds, launch, old);
  const rewritten = changedOld(observation, old);
  const looks = opensOld(observation, old);
  if (first.length === 0 && rewritten.length === 0 && looks) return true;
  // Somebody's second start may differ from the first by its nature.
  const again = await control();
  if (!worksByItself(again)) return 'nothing to compare with';
  const lost = first.length === 0 ? [] : against(saidAnew(again, rounds.after), observation, rounds, launch, old);
  if (lost.length > 0) return lost[0] as string;
  // It may work all the same: with a new, empty database in another place.
  if (!looks && opensOld(again, old)) return 'it opens none of it, which a second start as the image says does';
  const usual = new Set(changedOld(again, old));
  const replaced = rewritten.filter((path) => !usual.has(path));
  return replaced.length === 0
    ? true
    : `it writes ${replaced.slice(0, 3).join(', ')} anew, which a second start as the image says leaves alone`;
}

/** What the result complains of on a new volume too has nothing to do with old data; the verdict on it is given elsewhere. */
const saidAnew = (before: Observation, { stdout, stderr }: Observation): Observation => ({
  ...before,
  stdout: `${before.stdout}\n${stdout}`,
  stderr: `${before.stderr}\n${stderr}`,
});

/** What speaks against it, in words. */
function against(
  before: Observation,
  after: Observation,
  rounds: RoundsResult,
  launch: Launch,
  old: readonly Old[],
): readonly string[] {
  const inside = (path: string): boolean => old.some(({ target }) => path === target || path.startsWith(`${target}/`));
  const denied =
    after.trace === undefined || rounds.after.trace === undefined
      ? []
      : newDenials(after.trace, rounds.after.trace).filter(
          // Who gives files to a service user of its own was denied that on a new volume too, of other files.
          ({ operation }) => 'path' in operation && operation.kind !== 'chown' && inside(operation.path),
        );
  const verdict = judge(before, after, {
    hostUid: launch.hostUid,
    moved: movedPorts(rounds.run.ports),
    lostEffects: [],
    sockets: rounds.before.trace && after.trace ? socketsInBoth(rounds.before.trace, after.trace) : [],
    leftDenials: [],
  });
  return [
    ...verdict.reasons.filter(({ kind }) => kind === 'bad' || kind === 'unsure').map(({ text }) => text),
    ...denied.map(({ operation }) => `it may not ${operation.kind} ${'path' in operation ? operation.path : ''}`),
  ];
}

/** Files of the old data that are gone or have other content. */
const changedOld = ({ changes }: Observation, old: readonly Old[]): readonly string[] =>
  changes
    .filter(({ change, type }) => change !== 'added' && type !== 'directory')
    .map(({ path }) => path)
    .filter((path) => old.some(({ owners }) => owners.paths.has(path)));

/** Some file that was there; unknown counts as yes. */
const opensOld = ({ trace }: Observation, old: readonly Old[]): boolean =>
  trace?.tracer !== 'strace' ||
  trace.events.some(
    ({ operation, errno }) =>
      operation.kind === 'open' &&
      errno === undefined &&
      operation.directory !== true &&
      old.some(({ owners, target }) => operation.path !== target && owners.paths.has(operation.path)),
  );

/** The image as it is, started a second time over what it left. */
const asBefore = async ({ asIs, before }: RoundsResult, old: readonly Old[], input: RoundsInput): Promise<Observation> => {
  input.onProgress('starting it once more as the image says, over the same data, to compare');
  return observe(await input.prepare(input.subject.image), over(asIs, old), {
    ...input.observe,
    tracer: input.tracer,
    like: before,
  });
};

/** The same launch with the kept folders where its volumes were. */
function over(launch: Launch, old: readonly Old[]): Launch {
  const mounts = launch.mounts.map((mount) => {
    const kept = old.find(({ target }) => target === mount.target);
    if (kept === undefined) return mount;
    return { type: 'bind', target: mount.target, source: kept.folder, readOnly: false, options: [], origin: 'settings' } as const;
  });
  return { ...launch, mounts };
}

/** The fix of each volume says what to do with old data; a volume that needed nothing when it was new gets one for that. */
function withRemedies(fixes: readonly Fix[], old: readonly Old[], tried: Tried, { recipient }: RoundsInput): readonly Fix[] {
  const remedy = chosenRemedy(tried);
  const remedied = (volume: RunVolume, one: Old): RunVolume => {
    const mine = one.bind && remedy !== undefined ? 'migrate' : remedy;
    const commands = tried.byOwner === true ? takeOverCommands(one.target, recipient) : undefined;
    return { ...volume, ...(mine === undefined ? {} : { remedy: mine }), ...(commands === undefined ? {} : { commands }) };
  };
  const note = ({ target }: Old): string => remedyNote(target, tried, takeOverCommands(target, recipient));
  const answered = new Set<string>();
  const changed = fixes.map((fix): Fix => {
    const one = old.find(({ target }) => fix.id === 'volume-owner' && fix.subject === target);
    if (one === undefined) return fix;
    answered.add(one.target);
    const volumes = (fix.run.volumes ?? []).map((volume) => (volume.path === one.target ? remedied(volume, one) : volume));
    return {
      ...fix,
      disposition: remedy === 'fsGroup' ? fix.disposition : 'needs-review',
      run: { ...fix.run, volumes },
      note: `a new volume copies owner and mode from the image; ${note(one)}`,
    };
  });
  const owner = recipient.arbitrary ? '0:0' : `${recipient.uid}:${recipient.gid}`;
  const more = old
    .filter(({ target }) => !answered.has(target))
    .map((one): Fix => {
      const volume = remedied({ path: one.target, owner, mode: one.owners.mode }, one);
      return {
        id: 'volume-owner',
        subject: one.target,
        title: `volume ${one.target}: old data to owner ${owner}`,
        disposition: remedy === 'fsGroup' ? 'safe' : 'needs-review',
        answers: [],
        layer: [],
        run: { volumes: [volume] },
        note: `a new volume needs nothing; ${note(one)}`,
      };
    });
  return [...changed, ...more];
}

function reasonsOf(old: readonly Old[], { byGroup, byOwner }: Tried, places: string): readonly Reason[] {
  const files = old.reduce((sum, { owners }) => sum + owners.files, 0);
  const uids = [...new Set(old.flatMap(({ owners }) => owners.uids))].sort((a, b) => a - b).join(', ');
  const what = `what the first run left in ${places} (${files} ${files === 1 ? 'file' : 'files'}, of uid ${uids})`;
  const ways = [...(byGroup === true ? ['fsGroup'] : []), ...(byOwner === true ? ['a change of owner'] : [])];
  if (ways.length > 0) return [{ kind: 'ok', text: `works over ${what} as well, after ${ways.join(' or ')}, and keeps it` }];
  const why = typeof byOwner === 'string' ? byOwner : byGroup;
  return [{ kind: 'unsure', text: `over ${what} it does not work, whatever owner it gets: ${why}` }];
}

interface Once<T> {
  (): Promise<T>;
  result(): Promise<T> | undefined;
}

function once<T>(work: () => Promise<T>): Once<T> {
  let done: Promise<T> | undefined;
  return Object.assign(
    () => {
      done ??= work();
      return done;
    },
    { result: () => done },
  );
}
