/** `kubectl logs [-f] POD [-c CONTAINER] [--tail N]`. */
import type { Cluster } from './contract.ts';
import type { Flags } from './flags.ts';
import { refused } from './objects.ts';
import { type ClusterPod, logMark } from './pod.ts';
import { podsNamed } from './pods-named.ts';
import type { Reply } from './reply.ts';

const FOLLOW_MS = 200;

export async function logs(word: string | undefined, flags: Flags, cluster: Cluster, reply: Reply): Promise<number> {
  const pods = podsNamed(word, flags.namespace, cluster);
  const tail = flags.tail === undefined || flags.tail === '-1' ? undefined : Number(flags.tail);
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0)) throw refused('error: --tail must be a number of lines');
  const [first] = pods;
  if (!flags.follow) {
    for (const pod of pods) reply.out(last(textOf(pod, flags.container), tail));
    return 0;
  }
  let seen = first!.said();
  reply.out(last(textOf(first!, flags.container), tail));
  while (!reply.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
    const over = first!.over();
    const fresh = first!.said() - seen;
    seen += fresh;
    if (fresh > 0) reply.out(of(first!, flags.container, first!.logs().slice(-fresh)));
    if (over) break;
  }
  return 0;
}

/** Throws where nothing was started: there is no log then, and the words are in the pod's events. */
function textOf(pod: ClusterPod, container: string | undefined): string {
  const { metadata } = pod.object;
  const states = pod.state().containers;
  const named = container === undefined ? states : states.filter(({ name }) => name === container);
  if (container !== undefined && named.length === 0)
    throw refused(`error: container ${container} is not valid for pod ${metadata.name}`);
  const waiting = named.find(({ state, restarts }) => state === 'waiting' && restarts === 0);
  if (waiting !== undefined && named.every(({ state, restarts }) => state === 'waiting' && restarts === 0))
    throw refused(
      `Error from server (BadRequest): container ${JSON.stringify(waiting.name)} in pod ${JSON.stringify(metadata.name)} is waiting to start: ${waiting.reason ?? 'ContainerCreating'}`,
    );
  return of(pod, container, pod.logs());
}

/** Lines of one container without its name before them; all of them with it. */
function of(pod: ClusterPod, container: string | undefined, text: string): string {
  const names = pod.state().containers.map(({ name }) => name);
  const mark = container === undefined ? '' : logMark(names, container);
  if (mark === '') return text;
  return text
    .split(/(?<=\n)/)
    .flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []))
    .join('');
}

function last(text: string, tail: number | undefined): string {
  if (tail === undefined) return text;
  const lines = text.split(/(?<=\n)/);
  return tail === 0 ? '' : lines.slice(-tail).join('');
}
