/** The proof of a whole project: run as its files say and as they would be changed, on the same engine, asked the same questions, service by service. */
import type { Engine } from '../engine/engine.ts';
import type { PublishedAnswer } from '../engine/published.ts';
import { asMoved } from '../prove/ports.ts';
import type { Reason } from '../prove/reason.ts';
import { type Expectation, judge, type Verdict, type VerdictName } from '../prove/verdict.ts';
import type { ProjectRun, ProjectService, ServiceRun } from './project.ts';
import { runProject } from './run-project.ts';

export interface ProjectProofInput {
  readonly engine: Engine;
  readonly before: readonly ProjectService[];
  readonly after: readonly ProjectService[];
  /** What the watched runs showed, by service. */
  readonly expectations: ReadonlyMap<string, Omit<Expectation, 'hostUid'>>;
  /** What a service that stays root says of itself; absent = it does not matter here. */
  readonly staysRoot?: (name: string) => Reason;
  /** The project as it is, watched: what to wait for, and how to ask. */
  readonly like?: ProjectRun;
  /** The run before of an earlier proof of the same project, which needs no second one. */
  readonly ran?: ProjectRun;
  readonly signal?: AbortSignal;
  readonly onProgress: (message: string) => void;
}

export interface ServiceProof extends Verdict {
  readonly name: string;
  readonly before: ServiceRun;
  readonly after: ServiceRun;
  /** `uid:gid` of both runs. */
  readonly users: readonly [string, string];
}

export interface ProjectProof {
  readonly verdict: VerdictName;
  readonly services: readonly ServiceProof[];
  /** About none of its services: what only the changed project has. */
  readonly reasons: readonly Reason[];
  /** The run before. */
  readonly ran: ProjectRun;
}

const ORDER: readonly VerdictName[] = ['failed', 'inconclusive', 'proved'];

export async function proveProject(asked: ProjectProofInput): Promise<ProjectProof> {
  const input = { ...asked, expectations: ofChanged(asked) };
  const { engine, signal, onProgress } = input;
  const running = { engine, ...(signal === undefined ? {} : { signal }) };
  const said = (words: string) => (message: string) => onProgress(`${words}: ${message}`);
  const likes = new Map([...(input.like ?? [])].map(([name, { observation }]) => [name, observation]));
  const before =
    input.ran ?? (await runProject({ ...running, services: input.before, like: likes, onProgress: said('proof, before') }));
  const expected = new Map(
    [...before].map(([name, { observation }]) => [name, asMoved(observation, input.expectations.get(name)?.moved ?? NOWHERE)]),
  );
  const after = await runProject({ ...running, services: input.after, like: expected, onProgress: said('proof, after') });
  const services = input.before.map((service) =>
    judged(service, input.after.find(({ name }) => name === service.name) ?? service, before, after, input),
  );
  const reasons = input.after.flatMap(({ name }) => (before.has(name) ? [] : ofStep(name, after.get(name)!)));
  const all: VerdictName[] = services.map(({ verdict }) => verdict);
  if (reasons.some(({ kind }) => kind === 'bad')) all.push('failed');
  return { verdict: ORDER.find((one) => all.includes(one)) ?? 'inconclusive', services, reasons, ran: before };
}

/** What the search for a fix showed says nothing about a service that stays as it is. */
const ofChanged = ({ expectations, before, after }: ProjectProofInput): ProjectProofInput['expectations'] =>
  new Map(
    [...expectations].filter(([name]) => {
      const was = before.find((one) => one.name === name);
      const is = after.find((one) => one.name === name);
      return was?.image !== is?.image || was === undefined || is === undefined || userOf(was) !== userOf(is);
    }),
  );

const NOWHERE: ReadonlyMap<number, number> = new Map();

function judged(
  was: ProjectService,
  is: ProjectService,
  runsBefore: ProjectRun,
  runsAfter: ProjectRun,
  input: ProjectProofInput,
): ServiceProof {
  const before = runsBefore.get(was.name)!;
  const after = runsAfter.get(was.name)!;
  const uid = is.launch.kind === 'launch' ? is.launch.uid : undefined;
  const known = input.expectations.get(was.name) ?? { moved: NOWHERE, lostEffects: [], sockets: [], leftDenials: [] };
  const root = uid === 0;
  const { verdict, reasons } = judge(before.observation, after.observation, {
    ...known,
    ...(root || is.launch.kind === 'refusal' ? {} : { hostUid: is.launch.hostUid }),
    talks: {
      kept: before.talksTo.filter((to) => after.talksTo.includes(asItIs(to, input))),
      lost: before.talksTo.filter((to) => !after.talksTo.includes(asItIs(to, input))),
    },
  });
  const more: Reason[] = [
    ...compareHealth(was, is),
    ...comparePublished(before.published, after.published, known.moved),
    ...compareRestarts(before, after),
    ...(root ? [input.staysRoot?.(was.name) ?? { kind: 'note' as const, text: 'it stays root' }] : []),
  ];
  const worst: VerdictName =
    verdict === 'failed' || more.some(({ kind }) => kind === 'bad')
      ? verdict === 'inconclusive' && reasons.length === 1
        ? 'inconclusive'
        : 'failed'
      : verdict === 'inconclusive' || more.some(({ kind }) => kind === 'unsure')
        ? 'inconclusive'
        : 'proved';
  return {
    name: was.name,
    verdict: worst,
    reasons: [...reasons, ...more].map((reason) => ({ ...reason, text: asked(reason.text, was.name) })),
    before,
    after,
    users: [userOf(was), userOf(is)],
  };
}

/** The flag as it is for projects. */
const asked = (text: string, name: string): string => text.replace(/--probe CMD\b/, `--probe '${name}=LINE'`);

const userOf = ({ launch }: ProjectService): string => (launch.kind === 'launch' ? `${launch.uid}:${launch.gid}` : 'nobody');

/** `app:80`, as it is called where the port moved. */
function asItIs(to: string, { expectations }: ProjectProofInput): string {
  const cut = to.lastIndexOf(':');
  const name = to.slice(0, cut);
  const port = Number(to.slice(cut + 1));
  return `${name}:${expectations.get(name)?.moved.get(port) ?? port}`;
}

/** A health check that others wait for decides whether they start; whether it succeeded stands among the probes. */
const compareHealth = (was: ProjectService, is: ProjectService): readonly Reason[] =>
  was.health !== undefined && is.health === undefined ? [{ kind: 'unsure', text: 'its health check is gone' }] : [];

function comparePublished(
  before: readonly PublishedAnswer[],
  after: readonly PublishedAnswer[],
  moved: ReadonlyMap<number, number>,
): readonly Reason[] {
  const words = ({ outcome, status }: PublishedAnswer): string => (outcome === 'http' ? `HTTP ${status}` : outcome);
  return before.flatMap((was): Reason[] => {
    if (was.outcome === 'refused') return [];
    const is = after.find(({ port }) => port === (moved.get(was.port) ?? was.port));
    const text = `published port ${was.port}, from outside`;
    if (is === undefined || is.outcome === 'refused')
      return [{ kind: 'bad', text: `${text}: nobody answers; before, ${words(was)}` }];
    const same = is.outcome === was.outcome && is.status === was.status;
    return [
      same
        ? { kind: 'ok', text: `${text}: ${words(is)} in both runs` }
        : { kind: 'bad', text: `${text}: ${words(is)}; before, ${words(was)}` },
    ];
  });
}

const compareRestarts = (before: ServiceRun, after: ServiceRun): readonly Reason[] =>
  after.restarts > before.restarts
    ? [
        {
          kind: after.restarts > before.restarts + 2 ? 'unsure' : 'note',
          text: `was started again ${after.restarts} times; before, ${before.restarts}`,
        },
      ]
    : [];

/** A step that the change brought along, such as one that gives volumes to their user. */
function ofStep(name: string, { observation }: ServiceRun): readonly Reason[] {
  const { outcome, exit, refusal } = observation;
  if (outcome === 'exited' && exit?.code === 0)
    return [{ kind: 'ok', text: `${name}, which the change brings, ended with exit 0` }];
  const how =
    outcome === 'refused'
      ? `did not start: ${refusal}`
      : outcome === 'running'
        ? 'does not end'
        : `ended with exit ${exit?.code}`;
  return [{ kind: 'bad', text: `${name}, which the change brings, ${how}` }];
}
