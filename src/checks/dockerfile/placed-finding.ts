/** Findings about a predicted image, brought to the lines of the Dockerfile that make it so. */
import type { StageState } from '../../build/stage-state.ts';
import type { Finding } from '../../finding/finding.ts';
import type { Derivation } from '../../launch/launch.ts';
import type { Instruction } from '../../text/dockerfile/instruction.ts';
import { whereOf } from './dockerfile-check.ts';

/** The instructions that a kind of finding hangs on, the strongest first. */
const DECIDED_BY: Readonly<Record<string, readonly string[]>> = {
  'runs-as-root': ['USER'],
  'named-user': ['USER'],
  'start-refused': ['USER', 'ENTRYPOINT', 'CMD'],
  'entrypoint-not-executable': ['ENTRYPOINT', 'CMD'],
  'workdir-not-usable': ['WORKDIR'],
  'home-not-writable': ['USER'],
  'identity-change': ['ENTRYPOINT', 'CMD'],
  'capability-needed': ['ENTRYPOINT', 'CMD'],
};

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  user: ['USER'],
  uid: ['USER'],
  gid: ['USER'],
  groups: ['USER'],
  userName: ['USER'],
  argv: ['ENTRYPOINT', 'CMD'],
  executable: ['ENTRYPOINT', 'CMD'],
  cwd: ['WORKDIR'],
};

const set = (state: StageState, names: readonly string[]): Instruction | undefined =>
  names.map((name) => state.set.get(name)).find((one) => one?.span !== undefined);

/** `from`: where what the file does not say is inherited. */
export function placedFinding(finding: Finding, state: StageState, from: Instruction): Finding {
  if (finding.where.file !== undefined) return finding;
  const instruction = instructionOf(finding, state) ?? from;
  return { ...finding, where: { ...whereOf(instruction.span), ...finding.where } };
}

function instructionOf(finding: Finding, state: StageState): Instruction | undefined {
  const { id, where, operation, message } = finding;
  if (operation?.kind === 'bind') {
    const port = [...state.named].find(([name]) => name === `EXPOSE ${operation.port}/${operation.protocol}`);
    return port?.[1] ?? set(state, ['ENTRYPOINT', 'CMD']);
  }
  if (id === 'start-refused') {
    const about =
      /exec|executable|no such file|command|permission/i.test(message) && !/user|passwd/i.test(message)
        ? ['ENTRYPOINT', 'CMD']
        : ['USER'];
    return set(state, about) ?? set(state, DECIDED_BY[id] ?? []);
  }
  const volume = where.path === undefined ? undefined : state.named.get(`VOLUME ${where.path}`);
  if (volume !== undefined) return volume;
  const names = DECIDED_BY[id];
  if (names !== undefined && id !== 'entrypoint-not-executable') return set(state, names);
  // The line that put the thing there, or the folder that denies it.
  for (
    let path = finding.decision?.deniedAt?.path ?? where.path;
    path !== undefined && path !== '';
    path = path.slice(0, path.lastIndexOf('/'))
  ) {
    const entry = state.tree.get(path);
    const made = entry === undefined ? undefined : state.layers.get(entry.layer);
    if (made !== undefined) return made;
    if (entry !== undefined) break;
  }
  return set(state, names ?? ['ENTRYPOINT', 'CMD']);
}

/** What a launch rests on, with the lines it comes from. */
export function placedBecause(because: readonly Derivation[], state: StageState, from: Instruction): readonly Derivation[] {
  return because.map((step) => {
    const names = FIELDS[step.field];
    if (names === undefined || step.where?.file !== undefined) return step;
    const instruction = set(state, names) ?? from;
    return { ...step, where: { ...step.where, ...whereOf(instruction.span) } };
  });
}
