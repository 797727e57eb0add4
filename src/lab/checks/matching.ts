/** Which processes of a node a check means. */
import type { ProcessMatch } from '../lab.ts';
import { broughtIn, isWhatItSays, programOf } from './credible.ts';
import { type NodeProcess, nodeProcesses, read } from './processes.ts';

/**
 * Those that fit. What only prepares a container (the runtime's own init, the waiting shell) is not meant, nor what was brought into one from
 * outside, and what calls itself another program.
 */
export function matching(proc: string, match: ProcessMatch): readonly NodeProcess[] {
  const command = match.command === undefined ? undefined : new RegExp(match.command);
  const program = match.program === undefined ? undefined : new RegExp(match.program);
  const all = nodeProcesses(proc);
  return all.filter(
    (one) =>
      (match.container === undefined || match.container === one.container) &&
      (match.container !== true || !broughtIn(one, all)) &&
      (command === undefined || command.test(one.argv.join(' '))) &&
      (match.env === undefined || (read(`${proc}/${one.pid}/environ`) ?? '').split('\0').includes(match.env)) &&
      !isRuntime(one) &&
      (program === undefined ? command === undefined || isWhatItSays(proc, one) : program.test(programOf(proc, one.pid) ?? '')),
  );
}

/** runc's first stage is in the container's namespaces before the program is. */
const isRuntime = ({ argv }: NodeProcess): boolean => /(^|\/)(runc|crun)$/.test(argv[0] ?? '') || argv[1] === 'init';
