/** A wrapper that drops root fails when there is no root to drop: start its program directly, or put a stand-in in its place. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

/**
 * Only for denials that the recipient really met: most entrypoints ask who they are and skip the wrapper. `gates`: wrappers that were started and
 * end by themselves when they are not root.
 */
export function privilegeDrop(observed: readonly Finding[], context: FixContext, gates: readonly string[] = []): Fix[] {
  const fixes = new Map<string, Fix>();
  const add = (program: string, answers: readonly string[]): void => {
    const fix = startDirectly(program, answers, context) ?? standIn(program, answers, context);
    if (fix && !fixes.has(fix.subject)) fixes.set(fix.subject, fix);
  };
  for (const finding of observed) {
    if (finding.id !== 'identity-change') continue;
    add(finding.evidence.find((evidence) => evidence.program !== undefined)?.program ?? '', [findingKey(finding)]);
  }
  for (const gate of gates) add(gate, []);
  return [...fixes.values()];
}

/** The container's own argv begins with the wrapper. */
function startDirectly(program: string, answers: readonly string[], context: FixContext): Fix | undefined {
  const { argv } = context.target;
  if (program !== context.target.executable) return undefined;
  const rest = context.knowledge.unwrap(argv);
  if (!rest) return undefined;
  return {
    id: 'privilege-drop',
    subject: argv[0] as string,
    title: `start ${rest[0]} directly: the container already runs as its user`,
    disposition: 'safe',
    answers,
    layer: [],
    run: { entrypoint: [rest[0] as string], command: rest.slice(1) },
    note: `${argv[0]} changes the user, which only root may do`,
  };
}

function standIn(program: string, answers: readonly string[], context: FixContext): Fix | undefined {
  const script = context.knowledge.standIn(program);
  const path = ownPath(program, context);
  if (script === undefined || context.rootFs.resolve('/bin/sh').entry === undefined) return undefined;
  return {
    id: 'privilege-drop',
    subject: path,
    title: `${path}: a script that only starts the program it is given`,
    disposition: 'needs-review',
    answers,
    layer: [{ kind: 'file', path, uid: 0, gid: 0, mode: 0o755, content: script }],
    run: {},
    note: 'an entrypoint script calls it without asking who it is; changing that script would do as well',
  };
}

/** Where its name leads. Of a program with many names (`/bin/su` of busybox) only this one is replaced. */
function ownPath(program: string, { rootFs, knowledge }: FixContext): string {
  const { path } = rootFs.resolve(program);
  if (knowledge.standIn(path) !== undefined) return path;
  const slash = program.lastIndexOf('/');
  const folder = rootFs.resolve(program.slice(0, slash) || '/').path;
  return `${folder === '/' ? '' : folder}/${program.slice(slash + 1)}`;
}
