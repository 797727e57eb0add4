/** Tells a container that is root on purpose by what its manifest says of it. */
import type { ContainerSettings } from '../workload/container.ts';

/** Programs that work for root only; a command that names one was written for root. */
const ROOT_WORK =
  /(?:^|[\s/;&|(])(chown|chgrp|mount|umount|mkfs\S*|sysctl|modprobe|iptables\S*|nft|useradd|adduser|apt-get|apk|yum|dnf|setcap|setpriv|su-exec|gosu)(?=\s)/;

const beyondPorts = (capAdd: readonly string[]): readonly string[] =>
  capAdd.filter((name) => !/^(?:CAP_)?NET_BIND_SERVICE$/i.test(name));

/** Of somebody else than root: added capabilities stay in the bounding set, from which a file that carries them takes them (capabilities(7)). */
export function withoutEffect({ capAdd = [] }: ContainerSettings, uid: number): readonly string[] {
  const more = beyondPorts(capAdd);
  return more.length === 0
    ? []
    : [`it asks for ${more.join(', ')}, which uid ${uid} has only in programs whose files carry them`];
}

/** Why it is root on purpose, in words. */
export function wantsRoot({ privileged, capAdd = [], entrypoint = [], command = [] }: ContainerSettings): string | undefined {
  if (privileged === true) return 'it is privileged, which only root has any use of';
  const more = beyondPorts(capAdd);
  if (more.length > 0) return `it asks for ${more.join(', ')}, which only root gets`;
  const work = ROOT_WORK.exec(` ${[...entrypoint, ...command].join(' ')} `)?.[1];
  return work === undefined ? undefined : `its command runs ${work}, which is work for root`;
}
