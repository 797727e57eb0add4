/**
 * For a program that nothing makes work as the user because its work is being several users: root with as little as it takes. Capabilities come
 * from what the run as root made use of, and are taken away one by one as long as it goes on doing the same work. Never a proof of non-root.
 */
import { UnrootError } from '../error.ts';
import { describeOperation } from '../finding/denied.ts';
import type { Run } from '../finding/fix.ts';
import type { Capability } from '../linux/capability.ts';
import { CHANGES_IDENTITY } from '../linux/operation.ts';
import { compareEffects } from '../trace/compare.ts';
import { newDenials } from '../trace/denials.ts';
import type { TraceEvent } from '../trace/event.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { capabilitiesUsed } from './capabilities-used.ts';
import type { Observation } from './observation.ts';
import { observe } from './observe.ts';
import { portsOf } from './ports.ts';
import { recipesFor } from './recipe-trials.ts';
import type { RoundsResult } from './rounds.ts';
import type { RoundsInput } from './rounds-input.ts';
import { demandsRoot } from './stopped-by.ts';
import { launchOf } from './subject.ts';
import { lostBy, mayLoseWork, worksByItself, worksLess } from './verdict.ts';

/** A call of the program that was denied to the user. */
export interface RootEvidence {
  readonly program: string;
  readonly syscall: string;
  readonly what: string;
  readonly errno: string;
}

export interface SmallerRoot {
  /** Why the program cannot do without, as its recipe knows it. */
  readonly why: readonly string[];
  readonly instead: readonly string[];
  readonly evidence: readonly RootEvidence[];
  /** The image as it is, started with less. */
  readonly run: Run;
  /** Whether a run with exactly that did the same work as before. */
  readonly works: boolean;
  /** What of root is left, each with what needed it. */
  readonly capabilities: readonly { readonly name: string; readonly because: string }[];
  readonly trials: number;
  /** The same in a user namespace, where this root is nobody outside; absent = no engine here has one. */
  readonly userNamespace?: UserNamespaceTrial;
  readonly notes: readonly string[];
}

export interface UserNamespaceTrial {
  readonly works: boolean;
  /** How it was started. */
  readonly how: string;
  /** What it did less, when it does not work. */
  readonly reason?: string;
}

/** Calls that only root's own powers allow; what merely touches somebody else's files is for grants. */
const OF_ROOT: ReadonlySet<string> = new Set([
  'setuid',
  'setgid',
  'setgroups',
  'chroot',
  'mount',
  'chown',
  'unshare',
  'setns',
  'ptrace',
  'mknod',
  'socket',
  'settime',
  'sethostname',
  'kill',
]);
/** Denied, these leave a program as able as before. */
const GOES_WITHOUT: ReadonlySet<string> = new Set(['priority', 'rlimit', 'setsockopt', 'capset', 'bounding-drop']);
const MOST_TRIALS = 12;
const MOST_EVIDENCE = 20;

/** Undefined when nothing shows that it is root that is missing, or when there is no run as root to compare with. */
export async function smallerRoot(rounds: RoundsResult, input: RoundsInput): Promise<SmallerRoot | undefined> {
  const { subject } = input;
  const { asIs, before, after, left, stoppedBy = [] } = rounds;
  if (asIs.uid !== 0 || !worksByItself(before) || before.trace?.tracer !== 'strace') return undefined;
  const known = recipesFor(before, { rootFs: subject.rootFs, asIs }).flatMap(({ needsRoot }) => needsRoot ?? []);
  const evidence = evidenceOf(rounds);
  const decisive = left.some(({ finding }) => OF_ROOT.has(finding.operation?.kind ?? '') && mayLoseWork(finding, before));
  // A program that ends at a change of user, or says that it wants to be root, whatever was tried.
  const broken = worksLess(before, after);
  const demand = broken ? demandsRoot(before, after) : undefined;
  if (known.length === 0 && !decisive && demand === undefined && (!broken || stoppedBy.length === 0)) return undefined;

  const used = new Map<Capability, string>(capabilitiesUsed(before.trace, asIs, subject.rootFs));
  const kept = new Map<Capability, string>();
  for (const { why, capabilities = [] } of known) for (const name of capabilities) kept.set(name as Capability, why);
  // Whom it becomes depends on its work, of which a run shows but a part.
  const changes = evidence.some(({ syscall }) => /set(?:e|re|res|fs)?[ug]id|setgroups/.test(syscall));
  if (changes || before.trace.events.some(({ operation, uid }) => uid === 0 && CHANGES_IDENTITY.has(operation.kind)))
    for (const name of ['CAP_SETUID', 'CAP_SETGID'] as const)
      if (!kept.has(name)) kept.set(name, 'it changes identity, and to whom depends on its work');
  return search(rounds, input, evidence, known, used, kept);
}

async function search(
  rounds: RoundsResult,
  input: RoundsInput,
  evidence: readonly RootEvidence[],
  known: readonly { readonly why: string; readonly instead: string }[],
  used: ReadonlyMap<Capability, string>,
  kept: ReadonlyMap<Capability, string>,
): Promise<SmallerRoot> {
  const { before, asIs } = rounds;
  const held = new Set<Capability>(asIs.capabilities.effective);
  const because = new Map([...kept, ...used]);
  let chosen = [...because.keys()].filter((name) => held.has(name)).sort();
  let noNewPrivileges = true;
  let trials = 0;
  const image = await input.prepare(input.subject.image);
  const works = async (capabilities: readonly Capability[], barred: boolean): Promise<boolean> => {
    trials++;
    input.onProgress(`smaller root: with ${capabilities.map(short).join(', ') || 'no capability'}`);
    const launch = launchOf(input.subject, asRoot(input.settings, capabilities, barred), input.profile);
    if (launch.kind === 'refusal') return false;
    return same(before, await observe(image, launch, { ...input.observe, tracer: input.tracer, like: before }));
  };
  let ok = await works(chosen, noNewPrivileges);
  if (!ok) {
    noNewPrivileges = false;
    ok = await works(chosen, noNewPrivileges);
  }
  if (!ok) {
    // What nobody saw it use was needed: everything it had, without new privileges if that can be.
    chosen = [...held].sort();
    for (const name of chosen) if (!because.has(name)) because.set(name, 'without it the run was another');
    noNewPrivileges = await works(chosen, true);
    ok = noNewPrivileges || (await works(chosen, false));
  }
  for (const name of ok ? [...chosen] : []) {
    if (kept.has(name) || trials >= MOST_TRIALS) continue;
    const fewer = chosen.filter((one) => one !== name);
    if (await works(fewer, noNewPrivileges)) chosen = fewer;
  }
  const mapped = ok ? await inUserNamespace(rounds, input, chosen, noNewPrivileges) : undefined;
  return {
    why: [...known.map(({ why }) => why), ...(known.length === 0 ? saidToNeed(rounds) : [])],
    instead: known.map(({ instead }) => instead),
    evidence,
    run: {
      user: `${asIs.uid}:${asIs.gid}`,
      env: {},
      ports: portsOf(before),
      tmpfs: [],
      volumes: [],
      capAdd: chosen.map(short),
      capDrop: ['ALL'],
      sysctls: {},
      noNewPrivileges,
      readOnly: false,
    },
    works: ok,
    capabilities: chosen.map((name) => ({ name, because: because.get(name) ?? '' })),
    trials,
    ...(mapped === undefined ? {} : { userNamespace: mapped }),
    notes: [
      ...saidAsUser(rounds),
      'it is still root inside: this is no proof that it runs as a user',
      'found from what the run did: work that it did not do (a login, a delivery, a job) may need more; --probe CMD makes it part of the run',
      `a user namespace makes this root a nobody outside: hostUsers: false in Kubernetes (on by default from 1.33; needs containerd 2.0 or CRI-O 1.25, runc 1.2 or crun 1.9, Linux 6.3), podman run --userns=auto, userns-remap of the Docker daemon; ${mappedText(mapped)}`,
    ],
  };
}

/** Before and after: the same image with the same capabilities, once as the host's root, once as nobody there. */
async function inUserNamespace(
  { before }: RoundsResult,
  input: RoundsInput,
  capabilities: readonly Capability[],
  noNewPrivileges: boolean,
): Promise<UserNamespaceTrial | undefined> {
  const image = await input.prepareMapped?.(input.subject.image);
  if (image === undefined) return undefined;
  input.onProgress('smaller root: in a user namespace');
  const settings = { ...asRoot(input.settings, capabilities, noNewPrivileges), hostUsers: false };
  const launch = launchOf(input.subject, settings, input.profile);
  if (launch.kind === 'refusal') return undefined;
  const [map] = launch.uidMappings;
  const how = `podman run --uidmap ${map?.container}:${map?.host}:${map?.size} --gidmap ${map?.container}:${map?.host}:${map?.size}`;
  // An offer beside the result: what the engine cannot do here does not take the result away.
  const after = await observe(image, launch, { ...input.observe, like: before }).catch((error: unknown) => {
    if (!(error instanceof UnrootError) || input.observe.signal?.aborted === true) throw error;
    return error;
  });
  if (after instanceof UnrootError) return { works: false, how, reason: after.message.split('\n')[0] ?? '' };
  const lost = lostBy(before, after);
  const outside = after.processes.filter(({ uids }) => uids.includes(0)).map(({ command }) => `${command} is root on the host`);
  const [reason] = [...lost, ...outside];
  return { works: reason === undefined, how, ...(reason === undefined ? {} : { reason }) };
}

const mappedText = (trial: UserNamespaceTrial | undefined): string =>
  trial === undefined
    ? 'not tried here'
    : trial.works
      ? `tried with ${trial.how}: it does the same work, and none of its processes is root on the host`
      : `tried with ${trial.how}: it does not do the same work (${trial.reason})`;

const short = (name: string): string => name.replace(/^CAP_/, '');

/** The image as it says, with no capability but these. */
const asRoot = (settings: ContainerSettings, capabilities: readonly string[], noNewPrivileges: boolean): ContainerSettings => ({
  ...settings,
  capDrop: ['ALL'],
  capAdd: capabilities.map(short),
  noNewPrivileges,
});

/** Does what it did before, and was refused nothing that matters. */
function same(before: Observation, after: Observation): boolean {
  if (after.outcome === 'refused' || worksLess(before, after)) return false;
  if (before.trace === undefined || after.trace === undefined) return true;
  const denied = newDenials(after.trace, before.trace).filter(({ operation }) => !GOES_WITHOUT.has(operation.kind));
  return denied.length === 0 && compareEffects(before.trace, after.trace).length === 0;
}

/** Of a program that no recipe knows: its own words. */
function saidToNeed({ before, after }: RoundsResult): readonly string[] {
  const demand = demandsRoot(before, after);
  return demand === undefined ? [] : [`it looks whether it is root, and ends when it is not; it says: ${demand}`];
}

/** A program that looks who it is, and says so, is denied no call. */
function saidAsUser({ after }: RoundsResult): readonly string[] {
  const line = after.outcome === 'exited' ? `${after.stdout}\n${after.stderr}`.trim().split('\n').at(-1)?.trim() : '';
  return line ? [`as the user it ended with exit ${after.exit?.code ?? '?'} and said: ${line.slice(0, 200)}`] : [];
}

/** What the last run as the user was denied of root's powers, or stopped at, and the run as root was not. */
function evidenceOf({ before, after, stoppedBy = [] }: RoundsResult): readonly RootEvidence[] {
  if (before.trace === undefined || after.trace === undefined) return [];
  const denied = newDenials(after.trace, before.trace).filter(({ operation }) => OF_ROOT.has(operation.kind));
  const texts = [...denied, ...stoppedBy].map(
    ({ program, syscall, operation, errno = 'EPERM' }: TraceEvent): RootEvidence => ({
      program,
      syscall,
      what: describeOperation(operation),
      errno,
    }),
  );
  return [...new Map(texts.map((one) => [JSON.stringify(one), one])).values()].slice(0, MOST_EVIDENCE);
}
