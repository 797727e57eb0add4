/** Moves ports inside the container: wherever the number is said, it becomes another one. Outside nothing changes: `from` leads to `to`. */
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { movedArguments, movedLines, movedQuestion, movedVariables, type PortMove } from './moved-words.ts';

export type { PortMove };

/** 80 → 8080, 443 → 8443, 53 → 8053; the next free one where somebody listens there already. */
export function portMoves(low: readonly number[], taken: ReadonlySet<number>): PortMove[] {
  const used = new Set(taken);
  return [...new Set(low)]
    .sort((a, b) => a - b)
    .map((from) => {
      let to = from + 8000;
      while (used.has(to)) to++;
      used.add(to);
      return { from, to };
    });
}

/** What one way of moving changes. */
export interface Moved {
  readonly layer: readonly LayerChange[];
  readonly run: Partial<Run>;
  readonly did: readonly string[];
}

/** Texts that are the program itself: only when its configuration says nothing. */
const PROGRAM_TEXT = /\.(?:c?js|mjs|ts|py|rb|pl|pm|php|lua|go|java|jsp|tcl|r)$/i;
const isScript = (text: string): boolean => text.startsWith('#!');

/**
 * The general way: the command line, else variables, else configuration that the program read. undefined when one of the ports is said nowhere.
 * `programText`: its own text counts as configuration.
 */
export function movedWhereSaid(moves: readonly PortMove[], context: FixContext, programText: boolean): Moved | undefined {
  let argv = context.target.argv;
  const env: Record<string, string> = {};
  const files = new Map<string, string>();
  const did: string[] = [];
  for (const move of moves) {
    const words = movedArguments(argv, move);
    const variables = movedVariables(context.target.env, move);
    if (words !== undefined) argv = words;
    else if (Object.keys(variables).length > 0) Object.assign(env, variables);
    else {
      let found = false;
      for (const [path, original] of context.configs) {
        if (!programText && PROGRAM_TEXT.test(path)) continue;
        const moved = movedLines(files.get(path) ?? original, move, isScript(original));
        if (moved === undefined || context.rootFs.resolve(path).entry?.type !== 'file') continue;
        files.set(path, moved);
        found = true;
      }
      if (!found) return undefined;
    }
  }
  if (argv !== context.target.argv) did.push(`start ${argv.join(' ')}`);
  did.push(...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...[...files.keys()].map((path) => `edit ${path}`));
  return {
    layer: [...files].flatMap(([path, content]): LayerChange[] => {
      const entry = context.rootFs.resolve(path).entry;
      if (entry === undefined) return [];
      return [{ kind: 'file', path: entry.path, uid: entry.uid, gid: entry.gid, mode: entry.mode, content }];
    }),
    run: {
      ...(argv === context.target.argv ? {} : { entrypoint: argv.slice(0, 1), command: argv.slice(1) }),
      ...(Object.keys(env).length === 0 ? {} : { env }),
    },
    did,
  };
}

/** A habit of programs made for containers: they ask for PORT, whether or not somebody has said it before. */
export const movedByHabit = (moves: readonly PortMove[]): Moved | undefined =>
  moves.length === 1 ? { layer: [], run: { env: { PORT: String(moves[0]!.to) } }, did: [`PORT=${moves[0]!.to}`] } : undefined;

/** `healthcheck`: the words of the image's own, which ask the old port. */
export function movePort(moves: readonly PortMove[], moved: Moved, healthcheck: readonly string[] | undefined): Fix {
  const asked = healthcheck && movedQuestion(healthcheck, moves);
  const follows = asked !== undefined && asked.join('\0') !== healthcheck?.join('\0');
  const said = moves.map(({ from, to }) => `${from} -> ${to}`).join(', ');
  return {
    id: 'move-port',
    subject: moves.map(({ from }) => `:${from}`).join(','),
    title: `inside the container it listens on another port: ${said}; outside nothing changes`,
    disposition: 'needs-review',
    answers: ['low-port'],
    layer: moved.layer,
    run: { ...moved.run, ports: moves, ...(follows ? { healthcheck: asked } : {}) },
    note: [
      moved.did.join('; '),
      ...(healthcheck === undefined
        ? []
        : [follows ? 'the health check asks the new port' : 'the health check names no port that moved']),
    ].join('. '),
  };
}
