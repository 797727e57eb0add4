/** `process`: who runs in the node, by /proc. */
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';
import { matching } from './matching.ts';
import { describe, factsMissed, nodeProcesses } from './processes.ts';

export function checkProcess(check: CheckOf<'process'>, { node }: CheckWorld): Look {
  const found = matching(node.proc, check.match);
  const init = nodeProcesses(node.proc).find(({ pid }) => pid === 1);
  const judged = found.map((one) => ({ one, missed: factsMissed(one, check.is ?? {}, init) }));
  const fitting = judged.filter(({ missed }) => missed.length === 0);
  if (check.count !== undefined && fitting.length !== check.count)
    return red(`${fitting.length} such processes, not ${check.count}`);
  if (check.count === 0) return green('there is none');
  const bad = judged.find(({ missed }) => missed.length > 0);
  if (found.length === 0) return red('no such process runs');
  if (check.every === true && bad !== undefined) return red(`${describe(bad.one)}: ${bad.missed.join('; ')}`);
  if (fitting[0] === undefined) return red(`${describe(bad!.one)}: ${bad!.missed.join('; ')}`);
  return green(describe(fitting[0].one));
}
