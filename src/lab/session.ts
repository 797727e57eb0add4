/** One learner in one lab: the node, its checks, progress, hints, solutions. What the terminal, the page and the tests drive. */
import { UnrootError } from '../error.ts';
import { matching } from './checks/matching.ts';
import { type PrepareOptions, prepareLab } from './environment.ts';
import type { FoundLab } from './find-labs.ts';
import type { CheckState, Lab, LabProgress, LabStep, ProcessMatch } from './lab.ts';
import type { Entry, LabNode } from './node.ts';
import { openPlayground } from './playground.ts';
import { labStateFolder, newProgress, readProgress, writeProgress } from './progress.ts';
import type { NodeWorld } from './world.ts';

export interface LabSession {
  readonly lab: Lab;
  /** What is not as it should be on this machine. */
  readonly notes: readonly string[];
  progress(): LabProgress;
  /** Each step's checks looked at now (all of one step); updates progress when a step became done. */
  check(stepId: string): Promise<readonly CheckState[]>;
  /** The next hint; undefined when there are no more. */
  hint(stepId: string): string | undefined;
  answer(stepId: string, choice: number): { readonly right: boolean; readonly because: string };
  /** A shell in the node, or inside a container of it: what to start below a pty on the machine, with exactly this environment. */
  shell(where: 'host' | { readonly inside: ProcessMatch }): {
    file: string;
    args: readonly string[];
    env: Record<string, string>;
  };
  /** The same for one container by its process as the node counts. */
  enter(pid: number): { file: string; args: readonly string[]; env: Record<string, string> };
  solve(stepId: string): Promise<void>;
  /** Bash in the node, as the learner would type it. */
  run(script: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** `resume`: with what the steps that are done left behind, as a lab that is gone on with begins. */
  reset(options?: { readonly resume?: boolean }): Promise<void>;
  /** Brings a new node to where the learner was: the solutions of the steps that are done. */
  resume(): Promise<void>;
  stop(): Promise<void>;
  /** Live facts for pictures. */
  world(): Promise<NodeWorld>;
  /** The node of the moment: a reset brings another one. */
  node(): LabNode;
  /** The same, once no reset is under way. */
  ready(): Promise<LabNode>;
  /** OCI layout of one of its images, on the machine. */
  imageFolder(name: string): string;
  /** Called after each change of progress and after a reset. */
  onChange(listener: () => void): void;
  /** Resolves when the node is gone without anybody having asked for it. */
  readonly lost: Promise<void>;
}

export interface StartOptions extends PrepareOptions {
  /** Default: `$XDG_STATE_HOME/unroot/lab`. */
  readonly stateFolder?: string;
  /** After this long the node is ended. Default eight hours. */
  readonly lifetimeMs?: number;
  /** What the player bound to the socket of each new node does; the folder is /run/lab there. */
  readonly onNode?: (node: LabNode) => Promise<void> | void;
}

const LIFETIME_MS = 8 * 3600_000;
const SOLVE_MS = 120_000;

/** Builds what is missing, starts the node, goes on where the learner was. */
export async function startLab(found: FoundLab, options: StartOptions = {}): Promise<LabSession> {
  const { lab } = found;
  const stateFolder = options.stateFolder ?? labStateFolder();
  const prepared = await prepareLab(found, options);
  const playground = await openPlayground(found, prepared, options);
  let node: LabNode;
  let stopping = false;
  let resetting: Promise<void> = Promise.resolve();
  let lose!: () => void;
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const begin = async (): Promise<LabNode> => {
    const started = await playground.begin();
    void started.exited.then(() => {
      if (!stopping && node === started) lose();
    });
    await options.onNode?.(started);
    return started;
  };
  try {
    node = await begin();
  } catch (error) {
    await playground.close();
    throw error;
  }
  let progress = readProgress(stateFolder, lab) ?? newProgress(lab);
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const keep = (next: Partial<LabProgress>): void => {
    progress = { ...progress, ...next };
    writeProgress(stateFolder, lab, progress);
    changed();
  };
  keep({});
  const step = (id: string): LabStep => {
    const one = lab.steps.find((each) => each.id === id);
    if (one === undefined)
      throw new UnrootError(`lab ${lab.id} has no step ${id}`, {
        code: 'lab.unknown',
        expected: lab.steps.map((each) => each.id).join(', '),
      });
    return one;
  };
  const timer = setTimeout(() => void stop(), options.lifetimeMs ?? LIFETIME_MS);
  timer.unref();
  const stop = async (): Promise<void> => {
    stopping = true;
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    await resetting.catch(() => {});
    await node.end();
    await playground.close();
  };
  const onAbort = (): void => void stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const shellOf = (argv: readonly string[]): Entry => node.enter(['/usr/bin/env', '-C', '/root/lab', ...argv], { LAB_NEWS: '' });
  const finish = (done: readonly string[]): Partial<LabProgress> => {
    const answered = lab.steps.every(({ id, quiz }) => quiz === undefined || progress.answers[id] !== undefined);
    const all = lab.steps.every(({ id }) => done.includes(id));
    return all && answered && progress.finished === undefined ? { finished: new Date().toISOString() } : {};
  };

  const session: LabSession = {
    lab,
    notes: node.notes,
    lost,
    progress: () => progress,
    async check(id) {
      const one = step(id);
      const states = await Promise.all(one.checks.map((check) => playground.evaluate(check, node)));
      if (!progress.done.includes(id) && states.every(({ green }) => green)) {
        const done = [...progress.done, id];
        keep({ done, ...finish(done) });
      }
      return states;
    },
    hint(id) {
      const { hints } = step(id);
      const given = progress.hints[id] ?? 0;
      const hint = hints[given];
      if (hint !== undefined) keep({ hints: { ...progress.hints, [id]: given + 1 } });
      return hint;
    },
    answer(id, choice) {
      const chosen = step(id).quiz?.choices[choice];
      if (chosen === undefined) throw new UnrootError(`there is no choice ${choice + 1} in step ${id}`, { code: 'lab.unknown' });
      progress = { ...progress, answers: { ...progress.answers, [id]: choice } };
      keep(finish(progress.done));
      return { right: chosen.right, because: chosen.because };
    },
    shell(where) {
      if (where === 'host') return shellOf(['/bin/bash', '-i']);
      const [one] = matching(node.proc, where.inside);
      if (one === undefined) throw new UnrootError('there is no such container', { code: 'lab.no-container' });
      return session.enter(one.pid);
    },
    enter: (pid) => shellOf(['/opt/lab/bin/enter', String(pid)]),
    async solve(id) {
      const { solution } = step(id);
      if (solution.trim() === '') return;
      const { code, stderr, timedOut } = await node.run(solution, { timeoutMs: SOLVE_MS });
      if (timedOut || code !== 0)
        throw new UnrootError(
          `the solution of step ${id} ${timedOut ? 'took too long' : `ended with ${code}`}: ${stderr.trim().slice(-500)}`,
          {
            code: 'lab.solution-failed',
            hint: 'what was done before may be in its way: `reset` makes the node anew and brings it to where you were; then solve it again',
          },
        );
    },
    run: (script) => node.run(script, { timeoutMs: SOLVE_MS }),
    async resume() {
      const { done } = progress;
      if (done.length >= lab.steps.length) return;
      for (const { id } of lab.steps) if (done.includes(id)) await session.solve(id);
    },
    reset({ resume = false } = {}) {
      // One after the other: two of them would leave a node nobody knows.
      resetting = resetting.then(async () => {
        const old = node;
        stopping = true;
        await old.end();
        node = await begin();
        stopping = false;
        if (resume) await session.resume();
        changed();
      });
      return resetting;
    },
    async ready() {
      await resetting;
      return node;
    },
    stop,
    world: () => playground.world(node),
    node: () => node,
    imageFolder: (name) => {
      const folder = prepared.images.get(name);
      if (folder === undefined) throw new UnrootError(`lab ${lab.id} has no image ${name}`, { code: 'lab.unknown' });
      return folder;
    },
    onChange: (listener) => void listeners.push(listener),
  };
  return session;
}
