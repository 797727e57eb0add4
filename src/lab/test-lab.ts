/**
 * `lab test`: a lab played by its own solutions. Each step must be red before, stay red after everything that only looks like a solution, and
 * turn green after the solution; a reset takes less than 2 s; and at the end nothing of the node is left on the machine.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { processAlive, processStartTime } from '../engine/proc.ts';
import type { FoundLab } from './find-labs.ts';
import type { CheckState, LabStep } from './lab.ts';
import { missingFor } from './needs.ts';
import type { LabNode } from './node.ts';
import { isSlow } from './render.ts';
import { type LabSession, type StartOptions, startLab } from './session.ts';

export interface LabTestResult {
  readonly id: string;
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What went wrong, or what is missing. */
  readonly reasons: readonly string[];
  readonly ms: number;
  /** From the command to a node that can be entered, with everything cached. */
  readonly startMs?: number;
  readonly resetMs?: number;
  /** The slowest look at one step, without commands that are run. */
  readonly checkMs?: number;
}

const RESET_MS = 2000;
/** In a guest every program is emulated, and making a node is a hundred of them. */
const GUEST_RESET_MS = 60_000;

/** Plays one. Never throws for what the lab does. */
export async function testLab(found: FoundLab, options: StartOptions): Promise<LabTestResult> {
  const { lab } = found;
  const began = Date.now();
  const about = { id: lab.id, name: lab.name };
  const missing = await missingFor(lab);
  if (missing.length > 0)
    return { ...about, outcome: 'skipped', reasons: missing.map(({ why, get }) => `${why} (${get})`), ms: Date.now() - began };
  const reasons: string[] = [];
  const facts: { startMs?: number; resetMs?: number; checkMs?: number } = {};
  let session: LabSession | undefined;
  const nodes: SeenNode[] = [];
  try {
    session = await startLab(found, { ...options, onNode: (node) => void nodes.push(seen(node)) });
    facts.startMs = Date.now() - began;
    await play(session, reasons, facts);
  } catch (error) {
    reasons.push((error as Error).message);
  } finally {
    await session?.stop();
  }
  for (const node of nodes) reasons.push(...leftovers(node));
  return { ...about, outcome: reasons.length === 0 ? 'passed' : 'failed', reasons, ms: Date.now() - began, ...facts };
}

async function play(session: LabSession, reasons: string[], facts: { resetMs?: number; checkMs?: number }): Promise<void> {
  const look = async (step: LabStep): Promise<readonly CheckState[]> => {
    const began = performance.now();
    const states = await session.check(step.id);
    if (!isSlow(step)) facts.checkMs = Math.max(facts.checkMs ?? 0, Math.round(performance.now() - began));
    return states;
  };
  const isGreen = (states: readonly CheckState[]): boolean => states.length > 0 && states.every(({ green }) => green);
  const again = async (before: readonly LabStep[]): Promise<void> => {
    const began = Date.now();
    await session.reset();
    // The fastest: what a busy machine adds is not the node's.
    facts.resetMs = Math.min(facts.resetMs ?? Number.POSITIVE_INFINITY, Date.now() - began);
    for (const step of before) await session.solve(step.id);
  };
  const solved = async (step: LabStep): Promise<readonly CheckState[]> => {
    const failure = await session.solve(step.id).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const states = await look(step);
    return failure === undefined ? states : [...states, { says: 'the solution ends well', green: false, detail: failure }];
  };
  for (const [index, step] of session.lab.steps.entries()) {
    // A step without checks only asks or tells.
    if (step.checks.length === 0) continue;
    const where = `step ${step.id}`;
    if (isGreen(await look(step))) reasons.push(`${where}: green before anything was done`);
    const running = await processes(session);
    for (const [number, wrong] of step.wrong.entries()) {
      await session.run(wrong);
      if (isGreen(await look(step))) reasons.push(`${where}: green after wrong attempt ${number + 1}`);
    }
    // What a wrong attempt left running would be in the way of what comes.
    const disturbed = (await processes(session)) !== running;
    if (disturbed) await again(session.lab.steps.slice(0, index));
    let states = await solved(step);
    if (step.wrong.length > 0 && !isGreen(states) && !disturbed) {
      // Or what it left in files.
      await again(session.lab.steps.slice(0, index));
      states = await solved(step);
    }
    for (const { says, green, detail } of states)
      if (!green) reasons.push(`${where}: red after the solution: ${says} (${detail})`);
    if (reasons.length > 0) return;
  }
  if (facts.resetMs === undefined) await again([]);
  const limit = session.node().guest === undefined ? RESET_MS : GUEST_RESET_MS;
  if (facts.resetMs !== undefined && facts.resetMs > limit) reasons.push(`a reset took ${facts.resetMs} ms`);
}

/** All that run in the node, as one text to compare. */
const processes = async (session: LabSession): Promise<string> =>
  (await session.world()).processes.map(({ pid, argv }) => `${pid} ${argv.join(' ')}`).join('\n');

/** What is remembered of a node, to look for what it left. */
export interface SeenNode {
  readonly id: string;
  readonly namespace: string;
  readonly home: string;
  /** Clock ticks after boot when its end began. */
  ended(): number | undefined;
}

/** Remembers it, while it runs. */
export const seen = (node: LabNode): SeenNode => ({
  id: node.id,
  namespace: readlinkSync(`/proc/${node.pid}/ns/pid`),
  home: dirname(node.shared),
  ended: () => node.ended(),
});

/** What a node left behind: processes, mounts, folders, control groups, loop devices. */
export function leftovers({ id, namespace, ended, home }: SeenNode): readonly string[] {
  const out: string[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !processAlive(Number(name))) continue;
    try {
      // The number of a namespace is given again: what began after the node's end is somebody else's.
      if (readlinkSync(`/proc/${name}/ns/pid`) === namespace && (processStartTime(Number(name)) ?? Infinity) <= (ended() ?? 0))
        out.push(`process ${name} of node ${id} is still there`);
    } catch {
      // Gone in this moment.
    }
  }
  if (existsSync(home)) out.push(`folder ${home} is still there`);
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(home)) out.push(`something is still mounted below ${home}`);
  const groups = '/sys/fs/cgroup';
  if (existsSync(groups))
    for (const folder of [groups, ...readdirSync(groups).map((name) => join(groups, name))])
      if (existsSync(join(folder, `unroot-lab-${id}`)))
        out.push(`control group ${join(folder, `unroot-lab-${id}`)} is still there`);
  for (const name of readdirSync('/sys/block')) {
    const file = `/sys/block/${name}/loop/backing_file`;
    if (existsSync(file) && readFileSync(file, 'utf8').includes(home)) out.push(`loop device ${name} is still bound`);
  }
  return out;
}
