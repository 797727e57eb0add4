/** What the commands of a RUN line share: the tree they change, who they are, and how it is said that something was not understood. */
import type { Operation } from '../linux/operation.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import type { Span } from '../text/span.ts';
import { contextPattern } from './build-context.ts';
import { type BuildNode, directoryInfo, type NodeInfo, pathOf } from './build-tree.ts';
import { absolute, type ShellCommand } from './run-shell.ts';
import { mayDo } from './run-worker.ts';
import type { OpaqueStep, StageState, Worker } from './stage-state.ts';

export interface RunContext {
  readonly state: StageState;
  readonly instruction: Instruction;
  readonly worker: Worker;
  readonly command: ShellCommand;
  readonly span: Span;
  /** Folders that only this line has: `--mount`. */
  readonly mounts: readonly string[];
}

/** Options and operands; everything behind `--` is an operand. `valued` names options that take the next word. */
export function split(
  words: readonly string[],
  valued: RegExp = /^$/,
): {
  readonly options: readonly string[];
  readonly letters: string;
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  readonly places: readonly number[];
} {
  const operands: string[] = [];
  const places: number[] = [];
  const options: string[] = [];
  const values = new Map<string, string>();
  let letters = '';
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '--') {
      for (let rest = at + 1; rest < words.length; rest += 1) {
        operands.push(words[rest]!);
        places.push(rest);
      }
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      places.push(at);
      continue;
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = equals < 0 ? word : word.slice(0, equals);
    options.push(name);
    if (!word.startsWith('--')) letters += word.slice(1);
    if (equals >= 0) values.set(name, word.slice(equals + 1));
    else if (valued.test(word)) {
      values.set(name, words[at + 1] ?? '');
      at += 1;
    } else if (/^-[A-Za-z]/.test(word) && word.length > 2 && valued.test(word.slice(0, 2))) {
      // `-m755`: the value hangs on.
      values.set(word.slice(0, 2), word.slice(2));
      letters = letters.slice(0, -(word.length - 2));
    }
  }
  return { options, letters, values, operands, places };
}

/** Paths that words name, patterns put to the tree. */
export function pathsOf(
  context: RunContext,
  words: readonly string[],
  places: readonly number[],
  offset: number,
): readonly string[] {
  const { command } = context;
  return words.flatMap((word, index) => {
    const path = absolute(command.cwd, word);
    if (!command.globs.has(places[index]! + offset)) return [path];
    return globbed(context, path).map((node) => pathOf(node));
  });
}

function globbed({ state }: RunContext, pattern: string): readonly BuildNode[] {
  let nodes: BuildNode[] = [state.tree.root];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    const next: BuildNode[] = [];
    for (const node of nodes) {
      const folder = node.info.type === 'symlink' ? state.tree.find(pathOf(node)).node : node;
      if (/[*?[]/.test(part)) {
        const regex = contextPattern(part);
        for (const child of folder?.children?.values() ?? [])
          if (regex.test(child.name) && !child.name.startsWith('.')) next.push(child);
      } else {
        const child = folder?.children?.get(part);
        if (child !== undefined) next.push(child);
      }
    }
    nodes = next;
  }
  return nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Kernel file systems and `--mount`: nothing there stays in the image. */
export const isKept = ({ mounts }: RunContext, path: string): boolean =>
  !/^\/(?:dev|proc|sys)(?:\/|$)/.test(path) && !mounts.some((mount) => path === mount || path.startsWith(`${mount}/`));

/** What a command that was not understood may have changed. */
export function opaque(context: RunContext, kind: OpaqueStep['kind'], path?: string): void {
  const { state, instruction, span, worker, command } = context;
  state.opaque.push({
    span,
    instruction,
    text: textOf(command.argv),
    kind,
    ...(path === undefined ? {} : { path }),
    asRoot: worker.uid === 0 || (worker.uid === undefined && worker.missing === undefined),
    layer: state.layer,
  });
}

export const textOf = (argv: readonly string[]): string => {
  const text = argv.join(' ').replace(/\s+/g, ' ');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** False: the user of the line may not do it, and the build breaks there. */
export function attempt(context: RunContext, operation: Operation): boolean {
  const { state, worker } = context;
  if (worker.uid === undefined || worker.uid === 0) return true;
  const sure = state.baseMissing === undefined && !state.opaque.some(({ kind }) => kind !== 'content');
  const answer = mayDo(operation, worker, state.tree, sure);
  if (answer === undefined || answer.allowed || !answer.known) return true;
  if (answer.errno === 'EEXIST' || answer.errno === 'ENOENT') return true;
  const why = `${answer.errno ?? 'denied'}: ${operation.kind} ${'path' in operation ? operation.path : ''}`.trim();
  needsRoot(context, why, true);
  return false;
}

/** Noted once for a command. */
export function needsRoot(context: RunContext, why: string, sure: boolean): void {
  const { state, instruction, span, worker, command } = context;
  if (worker.uid === 0 || state.config.user === undefined || /^(?:root|\+?0+)?(?::|$)/.test(state.config.user)) return;
  if (state.facts.some((fact) => fact.kind === 'needs-root' && fact.span.start === span.start)) return;
  state.facts.push({
    kind: 'needs-root',
    span,
    instruction,
    command: textOf(command.argv),
    user: worker.text,
    spec: state.config.user,
    why,
    sure: sure && (worker.uid !== undefined || worker.missing !== undefined),
  });
}

/** What a new entry gets: the maker's, the group of a set-group-ID folder. */
export function newInfo(context: RunContext, parent: BuildNode, type: 'file' | 'directory' | 'symlink', mode: number): NodeInfo {
  const { state, worker } = context;
  const setgid = (parent.info.mode & 0o2000) !== 0;
  const gid = setgid ? parent.info.gid : (worker.gid ?? 0);
  return {
    ...directoryInfo(state.layer, worker.uid ?? 0, gid, mode | (setgid && type === 'directory' ? 0o2000 : 0)),
    type,
  };
}
