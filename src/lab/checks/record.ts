/** `record`: what `unroot run` in the node wrote down: a start, a refusal, an end. For what is over, or never began. */
import { readInside } from './inside.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

/** One line of /run/lab/records. */
export interface RunRecord {
  readonly event: 'refused' | 'started' | 'ended' | 'status';
  /** The same for all lines of one start. */
  readonly run?: string;
  readonly target: string;
  /** Of a pod. */
  readonly container?: string;
  readonly status?: string;
  readonly argv?: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
  readonly refused?: string;
  readonly exit?: number;
  /** The last of both streams. */
  readonly output?: string;
}

export function checkRecord(check: CheckOf<'record'>, { node }: CheckWorld): Look {
  const records = readRecords(node.root);
  if (records.length === 0) return red('nothing was started with unroot run yet');
  const ran = new Set(records.flatMap(({ event, run }) => (event === 'started' || event === 'ended' ? [run] : [])));
  const fits = (one: RunRecord): boolean =>
    (check.target === undefined || new RegExp(check.target, 'm').test(one.target)) &&
    (check.argv === undefined || new RegExp(check.argv, 'm').test((one.argv ?? []).join(' '))) &&
    (check.status === undefined || one.status === check.status) &&
    (check.started === undefined || ran.has(one.run) === check.started) &&
    (check.refused === undefined || (one.refused !== undefined && new RegExp(check.refused, 'm').test(one.refused))) &&
    (check.exit === undefined || one.exit === check.exit) &&
    (check.output === undefined || (one.output !== undefined && new RegExp(check.output, 'm').test(one.output))) &&
    (check.uid === undefined || one.uid === check.uid);
  const found = records.find(fits);
  if (found !== undefined)
    return green(
      (found.status === undefined
        ? undefined
        : `${found.container}: ${found.status}${found.refused === undefined ? '' : `, ${found.refused}`}`) ??
        found.refused ??
        `${found.target} as uid ${found.uid}${found.exit === undefined ? '' : ` ended with ${found.exit}`}`,
    );
  const last = records.at(-1)!;
  if (last.event === 'status')
    return red(
      `the last pod (${last.target}) ended with ${last.container}: ${last.status}${last.refused === undefined ? '' : `, ${last.refused.slice(0, 120)}`}`,
    );
  return red(
    last.event === 'refused'
      ? `the last start was refused: ${last.refused?.slice(0, 120)}`
      : `the last start (uid ${last.uid}${last.exit === undefined ? '' : `, exit code ${last.exit}`}) is not it`,
  );
}

function readRecords(root: string): readonly RunRecord[] {
  return (readInside(root, '/run/lab/records') ?? '').split('\n').flatMap((line) => {
    try {
      const value: unknown = line === '' ? undefined : JSON.parse(line);
      return typeof value === 'object' && value !== null ? [value as RunRecord] : [];
    } catch {
      return [];
    }
  });
}
