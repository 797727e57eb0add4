/** `run`: a command in the node, in a copy of the learner's folder, by what it ends with and says. Only where nothing else can tell. */
import { quote } from '../../engine/reaper.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

const RUN_MS = 30_000;

export async function checkRun(check: CheckOf<'run'>, { node }: CheckWorld): Promise<Look> {
  const { code, stdout, stderr, timedOut } = await node.run(
    `copy=$(mktemp -d) && trap 'rm -rf "$copy"' EXIT && cp -a /root/lab/. "$copy" && cd "$copy" && /bin/bash -c ${quote(check.command)}`,
    { timeoutMs: RUN_MS },
  );
  if (timedOut) return red(`it took longer than ${RUN_MS / 1000} s`);
  const last = (stderr.trim() || stdout.trim()).split('\n').at(-1)?.slice(0, 120) ?? '';
  if (code !== (check.exit ?? 0)) return red(`exit code ${code}, not ${check.exit ?? 0}${last === '' ? '' : `: ${last}`}`);
  if (check.stdout !== undefined && !new RegExp(check.stdout, 'm').test(stdout))
    return red(`it does not say what it should: ${last}`);
  if (check.stderr !== undefined && !new RegExp(check.stderr, 'm').test(stderr))
    return red(`its errors do not say what they should: ${last}`);
  return green(`exit code ${code}`);
}
