/** The running node as a picture: every process seen twice, and who listens. */
import { capabilityState } from '../../checks/processes.ts';
import type { NodeWorld, WorldProcess } from '../../world.ts';
import type { SeenProcess, WorldPicture } from './picture.ts';

/** More than that nobody looks at. */
const MAX_PROCESSES = 60;
const MAX_SOCKETS = 30;

export function worldPicture({ processes, listening, namespaces }: NodeWorld): WorldPicture {
  const byPid = new Map(processes.map((one) => [one.pid, one]));
  /** What `unroot run` started beside the container, to look after it: no learner asked for these. */
  const isKeeper = (one: WorldProcess): boolean => {
    for (let parent = byPid.get(one.ppid); parent !== undefined; parent = byPid.get(parent.ppid))
      if (isUnroot(parent)) return true;
    return false;
  };
  const shown = processes.filter((one) => one.argv.length > 0 && !isPreparing(one) && (one.container || !isKeeper(one)));
  // The one with the lowest number inside is the one the container was started for.
  const firsts = new Map<string, WorldProcess>();
  for (const one of shown.filter(({ container }) => container)) {
    const first = firsts.get(one.namespaces.pid);
    if (first === undefined || one.pidInside < first.pidInside) firsts.set(one.namespaces.pid, one);
  }
  // Containers first, the oldest one on top, and in each the process it was started for.
  const age = (one: WorldProcess): number =>
    one.container ? (firsts.get(one.namespaces.pid)?.pid ?? one.pid) : Number.MAX_SAFE_INTEGER;
  const sorted = [...shown].sort((a, b) => age(a) - age(b) || a.pidInside - b.pidInside);
  return {
    processes: sorted
      .slice(0, MAX_PROCESSES)
      .map((one) => seen(one, firsts.get(one.namespaces.pid) === one, one.namespaces.user !== namespaces.user)),
    sockets: listening.slice(0, MAX_SOCKETS).map(({ protocol, port, uid, inode }) => {
      const owner = processes.find(({ sockets }) => sockets.includes(inode));
      return { protocol, port, uid, ...(owner === undefined ? {} : { pid: owner.pid }) };
    }),
    more: Math.max(0, shown.length - MAX_PROCESSES),
  };
}

/** As the node's `unroot` starts it; shown the way it was typed. */
const isUnroot = ({ argv }: WorldProcess): boolean => /(^|\/)node$/.test(argv[0] ?? '') && /\/unroot\.js$/.test(argv[1] ?? '');
const shownCommand = (one: WorldProcess): string =>
  (isUnroot(one) ? ['unroot', ...one.argv.slice(2)] : one.argv).join(' ').slice(0, 160);

/** A runtime on its way into the container. */
const isPreparing = ({ argv }: WorldProcess): boolean => /(^|\/)(runc|crun)$/.test(argv[0] ?? '');

function seen(one: WorldProcess, first: boolean, ownUserNamespace: boolean): SeenProcess {
  const uid = one.uids[1] ?? 0;
  const gid = one.gids[1] ?? 0;
  const mapping = one.uidMap?.find(([, outside, length]) => uid >= outside && uid < outside + length);
  const uidInside = one.uidMap === undefined ? uid : mapping === undefined ? 65534 : uid - mapping[1] + mapping[0];
  return {
    pid: one.pid,
    pidInside: one.pidInside,
    command: shownCommand(one),
    container: one.container,
    namespace: one.namespaces.pid,
    first,
    uid,
    gid,
    groups: one.groups,
    uidInside,
    capabilities: capabilityState(one.capabilities),
    noNewPrivileges: one.noNewPrivileges,
    seccomp: one.seccomp,
    ownUserNamespace,
  };
}
