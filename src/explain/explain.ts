/** One question about one process, answered with everything the answer rests on. The decision is `decide`'s; the rest is its story. */
import { changedTree } from '../fixes/changed-tree.ts';
import type { FixContext } from '../fixes/context.ts';
import type { Layer, RootFs } from '../image/image.ts';
import { fileTree } from '../launch/file-tree.ts';
import type { LaunchSubject } from '../launch/input.ts';
import { credentialsOf, type Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { programsFrom } from '../launch/scripts.ts';
import { decide } from '../linux/access.ts';
import type { Capability, CapabilitySet } from '../linux/capability.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { Decision, FileTree } from '../linux/decision.ts';
import { transitionOnExecve } from '../linux/execve.ts';
import type { Operation } from '../linux/operation.ts';
import type { Program } from '../linux/program.ts';
import { type Asked, askedOperations } from './asked-operations.ts';
import { CALLS } from './calls.ts';
import type { Answer, Becomes, Component, Explanation } from './explanation.ts';
import { factsFor } from './facts.ts';
import { type Names, namesOf } from './names.ts';
import { notesFor } from './notes.ts';
import { absolute, type Scene } from './path-actions.ts';
import type { Question } from './question.ts';
import { remediesFor } from './remedies.ts';
import { fromImage, seenTree } from './seen-tree.ts';
import { endOf, walkOf } from './walk.ts';

export interface ExplainInput {
  readonly question: Question;
  readonly launch: Launch;
  readonly subject: LaunchSubject & { readonly rootFs: RootFs };
  readonly layers: readonly Pick<Layer, 'digest' | 'createdBy'>[];
  /** What is known of folders of the host, by mount target. */
  readonly binds?: ReadonlyMap<string, FileTree>;
  /** The asker stands for any uid with gid 0. */
  readonly arbitrary?: boolean;
}

type Ask = (operation: Operation, who: Credentials) => Decision;

export async function explain(input: ExplainInput): Promise<Explanation> {
  const { launch, subject, question } = input;
  const who = credentialsOf(launch);
  const names = namesOf(subject.passwd, subject.group);
  const plain = fileTree(launch, subject.rootFs, input.binds === undefined ? {} : { binds: input.binds });
  const bare = seenTree(plain, launch, subject.rootFs);
  const { asked, operations } = askedOperations(question, sceneOf(launch, bare, names), bare, launch);
  const programs = await programsOf(operations, launch, subject);
  const tree = seenTree(plain, launch, subject.rootFs, programs);
  const ask: Ask = (operation, as) => decide(operation, as, tree, launch.facts);

  const answers = operations.map((one) => answerOf(one, who, ask));
  const at = mainAnswer(answers, operations, tree);
  const [answer, { operation }] = [answers[at]!, operations[at]!];
  const decision = ask(operation, who);
  const { deniedAt, capability, steps } = decision;
  const walk = walkOf(operation, { launch, rootFs: subject.rootFs, layers: input.layers, who, tree, names, decision });
  const main = {
    ...answer,
    operation,
    ...(deniedAt === undefined ? {} : { deniedAt }),
    ...(capability === undefined || decision.allowed ? {} : { capability }),
  };
  const becomes = operation.kind === 'exec' && decision.allowed ? becomesOf(walk, tree, who) : undefined;
  const asRoot = rootAnswer(operation, launch, ask);
  const call = question.kind === 'call' ? CALLS[question.name]?.note : undefined;
  const remedies = remediesFor(operation, decision, {
    launch,
    fixes: fixContextOf(input),
    walk,
    changed: (layer) => decide(operation, who, changedTree(tree, layer), launch.facts),
    withCapability: (name) => withCapability(name, operation, input, tree),
  });
  const [userName, groupName] = [names.user(who.uid), names.group(who.gid)];
  return {
    asked,
    asker: {
      uid: who.uid,
      gid: who.gid,
      groups: who.groups,
      ...(userName === undefined ? {} : { userName }),
      ...(groupName === undefined ? {} : { groupName }),
      noNewPrivileges: who.noNewPrivileges,
      capabilities: who.capabilities,
    },
    answers,
    decision: main,
    steps,
    walk,
    ...(becomes === undefined ? {} : { becomes }),
    facts: factsFor(launch, main, steps, walk),
    remedies: remedies.remedies,
    ...(asRoot === undefined ? {} : { asRoot }),
    notes: [...remedies.notes, ...(call === undefined ? [] : [call]), ...notesFor(operation, decision, walk)],
  };
}

const sceneOf = (launch: Launch, tree: FileTree, names: Names): Scene => ({
  cwd: launch.cwd,
  uid: launch.effectiveUid ?? launch.uid,
  names,
  at: (path, follow) => endOf(path, follow, tree),
});

/** What is executed, interpreters as absolute paths. */
async function programsOf(
  operations: readonly Asked[],
  launch: Launch,
  { rootFs, architecture }: ExplainInput['subject'],
): Promise<ReadonlyMap<string, Program>> {
  const found = new Map<string, Program>();
  const ofImage = (path: string): boolean => fromImage(path, launch.mounts);
  for (const { operation } of operations)
    if (operation.kind === 'exec') await programsFrom(operation.path, rootFs, launch.cwd, architecture, found, ofImage);
  const placed = (program: Program): Program =>
    program.kind === 'script' ? { ...program, interpreter: absolute(program.interpreter, launch.cwd) } : program;
  return new Map([...found].map(([path, program]) => [path, placed(program)]));
}

function answerOf({ to, what, operation }: Asked, who: Credentials, ask: Ask): Answer {
  const { allowed, errno, known, steps } = ask(operation, who);
  const through = allowed ? capabilitiesUsed(operation, who, ask) : [];
  const reason = allowed ? undefined : [...steps].reverse().find((step) => !step.ok)?.text;
  return {
    to,
    what,
    allowed,
    ...(errno === undefined ? {} : { errno }),
    known,
    through,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Takes every capability away and gives back, one by one, those without which it would be denied. */
function capabilitiesUsed(operation: Operation, who: Credentials, ask: Ask): CapabilitySet {
  const owned = who.capabilities.effective;
  const held: Capability[] = [];
  const askWith = (set: CapabilitySet): Decision =>
    ask(operation, { ...who, capabilities: { ...who.capabilities, permitted: set, effective: set } });
  while (held.length < owned.length) {
    const decision = askWith(held);
    if (decision.allowed) return held;
    const free = owned.filter((one) => !held.includes(one));
    // The capability it names may be the weaker one of two, and this process may have only the other.
    const next =
      free.find((one) => one === decision.capability) ??
      free.find((one) => askWith([...held, one]).allowed) ??
      free.find((one) => one === 'CAP_DAC_OVERRIDE');
    if (next === undefined) return held;
    held.push(next);
  }
  return held;
}

/** The first that is denied, then the first that nobody knows; when all is allowed, the one that asks for most. */
function mainAnswer(answers: readonly Answer[], operations: readonly Asked[], tree: FileTree): number {
  const noProgram = (index: number): boolean => {
    const { operation } = operations[index]!;
    const node = operation.kind === 'exec' ? endOf(operation.path, true, tree) : undefined;
    return answers.length > 1 && typeof node === 'object' && (node.inode.mode & 0o111) === 0;
  };
  const denied = answers.findIndex(({ allowed, known }, index) => !allowed && known && !noProgram(index));
  if (denied >= 0) return denied;
  const unknown = answers.findIndex(({ known }) => !known);
  if (unknown >= 0) return unknown;
  return Math.max(
    0,
    answers.findIndex(({ to }) => to === 'write' || to === 'create'),
  );
}

function becomesOf(walk: readonly Component[], tree: FileTree, who: Credentials): Becomes | undefined {
  const node = tree.lookup(walk.at(-1)?.path ?? '/');
  if (typeof node !== 'object') return undefined;
  const after = transitionOnExecve(who, { ...node.inode, ...(node.noSuid === undefined ? {} : { noSuid: node.noSuid }) });
  if (after.kind === 'refused') return undefined;
  return { uid: after.uid, gid: after.gid, capabilities: after.capabilities, steps: after.steps };
}

/** Root as the platform starts it when nobody asks for anything. */
function rootOf({ platform }: Launch): Credentials {
  const list = platform.defaultCapabilities;
  const capabilities = { bounding: list, permitted: list, effective: list, inheritable: [], ambient: [] };
  return { uid: 0, gid: 0, groups: [0], capabilities, noNewPrivileges: platform.noNewPrivileges };
}

function rootAnswer(operation: Operation, launch: Launch, ask: Ask): Explanation['asRoot'] {
  const root = rootOf(launch);
  const { uid, capabilities } = credentialsOf(launch);
  if (uid === 0 && capabilities.effective.join() === root.capabilities.effective.join()) return undefined;
  const { allowed, errno, known } = ask(operation, root);
  const through = allowed ? capabilitiesUsed(operation, root, ask) : [];
  return { allowed, ...(errno === undefined ? {} : { errno }), known, through };
}

function withCapability(
  name: string,
  operation: Operation,
  { launch, subject }: ExplainInput,
  tree: FileTree,
): { readonly launch: ReturnType<typeof launchImage>; readonly allowed: boolean } {
  const settings = { ...launch.settings, capAdd: [...(launch.settings.capAdd ?? []), name] };
  const given = launchImage({ image: subject, settings, profile: launch.platform, name: launch.name });
  const allowed = given.kind === 'launch' && decide(operation, credentialsOf(given), tree, given.facts).allowed;
  return { launch: given, allowed };
}

const NOBODY_KNOWS: FixContext['knowledge'] = { unwrap: () => undefined, directive: () => undefined, standIn: () => undefined };

function fixContextOf({ launch, subject, arbitrary }: ExplainInput): FixContext {
  const { uid, gid } = credentialsOf(launch);
  return {
    rootFs: subject.rootFs,
    asIs: launch,
    target: launch,
    recipient: { uid, gid, arbitrary: arbitrary === true },
    knowledge: NOBODY_KNOWS,
    configs: new Map(),
    accounts: { passwd: subject.passwd, group: subject.group },
  };
}
