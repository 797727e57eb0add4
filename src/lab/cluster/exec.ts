/** `kubectl exec [-it] POD [-c CONTAINER] -- COMMAND…`: found here, run by whoever asked, whose terminal it is. */
import type { Cluster } from './contract.ts';
import type { Flags } from './flags.ts';
import { refused } from './objects.ts';
import { podsNamed } from './pods-named.ts';
import type { Reply } from './reply.ts';

const OLD =
  'kubectl exec [POD] [COMMAND] is DEPRECATED and will be removed in a future version. Use kubectl exec [POD] -- [COMMAND] instead.\n';

export function exec(flags: Flags, cluster: Cluster, reply: Reply): number {
  const [word] = flags.words.slice(1);
  if (word === undefined) throw refused('error: pod, type/name or --filename must be specified');
  if (flags.command.length === 0) throw refused('error: you must specify at least one command for the container');
  if (flags.old) reply.error(OLD);
  const [pod] = podsNamed(word, flags.namespace, cluster);
  const { containers } = pod!.state();
  const own = containers.filter(({ role }) => role === 'container');
  const { name } = pod!.object.metadata;
  const meant = flags.container ?? own[0]?.name;
  const found = containers.find((one) => one.name === meant);
  if (flags.container !== undefined && found === undefined)
    throw refused(`error: container ${flags.container} is not valid for pod ${name}`);
  if (flags.container === undefined && own.length > 1)
    reply.error(`Defaulted container ${JSON.stringify(meant)} out of: ${containers.map((one) => one.name).join(', ')}\n`);
  if (found?.state === 'terminated' && (pod!.state().phase === 'Succeeded' || pod!.state().phase === 'Failed'))
    throw refused(`error: cannot exec into a container in a completed pod; current phase is ${pod!.state().phase}`);
  if (found?.pid === undefined)
    throw refused(`error: unable to upgrade connection: container not found (${JSON.stringify(meant ?? '')})`);
  reply.enter({ pid: found.pid, command: flags.command, stdin: flags.stdin, tty: flags.tty });
  return 0;
}
