/** A wrapper that drops root fails when there is no root to drop: start its program directly, or put a stand-in in its place. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

/** Only for denials that the recipient really met: most entrypoints ask who they are and skip the wrapper. */
export function privilegeDrop(observed: readonly Finding[], context: FixContext): Fix[] {
  const fixes = new Map<string, Fix>();
  for (const finding of observed) {
    if (finding.id !== 'identity-change') continue;
    const program = finding.evidence.find((evidence) => evidence.program !== undefined)?.program ?? '';
    const fix = startDirectly(program, finding, context) ?? standIn(program, finding, context);
    if (fix && !fixes.has(fix.subject)) fixes.set(fix.subject, fix);
  }
  return [...fixes.values()];
}

/** The container's own argv begins with the wrapper. */
function startDirectly(program: string, finding: Finding, context: FixContext): Fix | undefined {
  const { argv } = context.target;
  if (program !== context.target.executable) return undefined;
  const rest = context.knowledge.unwrap(argv);
  if (!rest) return undefined;
  return {
    id: 'privilege-drop',
    subject: argv[0] as string,
    title: `start ${rest[0]} directly: the container already runs as its user`,
    disposition: 'safe',
    answers: [findingKey(finding)],
    layer: [],
    run: { entrypoint: [rest[0] as string], command: rest.slice(1) },
    note: `${argv[0]} changes the user, which only root may do`,
  };
}

function standIn(program: string, finding: Finding, context: FixContext): Fix | undefined {
  const script = context.knowledge.standIn(program);
  const path = context.rootFs.resolve(program).path;
  if (script === undefined || context.rootFs.resolve('/bin/sh').entry === undefined) return undefined;
  return {
    id: 'privilege-drop',
    subject: path,
    title: `${path}: a script that only starts the program it is given`,
    disposition: 'needs-review',
    answers: [findingKey(finding)],
    layer: [{ kind: 'file', path, uid: 0, gid: 0, mode: 0o755, content: script }],
    run: {},
    note: 'an entrypoint script calls it without asking who it is; changing that script would do as well',
  };
}
