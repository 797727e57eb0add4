/** Ways to let somebody else have the data in a volume, and what each of them costs. */
import type { RunVolume } from '../finding/fix.ts';
import type { Recipient } from './context.ts';

const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** As root, where the volume is at `path`. Links are not followed. For any uid only the group can be used. */
export const takeOverCommands = (path: string, { uid, gid, arbitrary }: Recipient): readonly string[] =>
  arbitrary ? [`chgrp -Rh 0 ${quote(path)}`, `chmod -R g=u ${quote(path)}`] : [`chown -Rh ${uid}:${gid} ${quote(path)}`];

/** What became of trying the remedies on old data. */
export interface Tried {
  readonly fsGroup: number;
  /** Absent = not tried; text = why it does not do. */
  readonly byGroup?: true | string;
  readonly byOwner?: true | string;
  /** OpenShift's default constraint sets fsGroup by itself. */
  readonly namespaceGroup: boolean;
}

/** fsGroup where it does: it needs nobody's hands and passes Pod Security restricted; else one change of owner before the roll-out. */
export const chosenRemedy = ({ byGroup, byOwner }: Tried): RunVolume['remedy'] =>
  byGroup === true ? 'fsGroup' : byOwner === true ? 'migrate' : undefined;

/** For the fix of one volume: what to do with data that is there, and what that costs. */
export function remedyNote(path: string, tried: Tried, commands: readonly string[]): string {
  const { fsGroup, byGroup, byOwner, namespaceGroup } = tried;
  const once = `docker run --rm --user 0:0 --cap-drop ALL --cap-add CHOWN --cap-add DAC_OVERRIDE${commands.length > 1 ? ' --cap-add FOWNER' : ''} --network none -v NAME:${quote(path)} busybox sh -c ${quote(commands.join(' && '))}`;
  const migrate = `once, while nothing uses it: ${once}. It costs a stop, and a former image that drops to a service user of its own needs the old owner back`;
  if (byGroup === true) {
    const who = namespaceGroup
      ? 'OpenShift sets the fsGroup of the namespace by itself (restricted-v2)'
      : `Kubernetes: fsGroup ${fsGroup} with fsGroupChangePolicy OnRootMismatch, which Pod Security restricted allows`;
    const cost =
      'it adds rw for the group to every file and setgid to folders, walks over all files at the first mount only, and reaches no hostPath and not every NFS or CSI volume';
    return `tried on data that an earlier run as root left: ${who}; ${cost}${byOwner === true ? `. Docker and Podman have no such thing: ${migrate}` : ''}`;
  }
  if (byOwner === true) {
    const why = typeof byGroup === 'string' ? `. fsGroup does not do: ${byGroup}` : '';
    return `tried on data that an earlier run as root left: one change of owner, ${migrate}. In Kubernetes a job (migrate.yaml) or an init container as root with the same capabilities: Pod Security baseline allows both, restricted neither${why}`;
  }
  return `data that an earlier run as root left stays out of reach: ${typeof byOwner === 'string' ? byOwner : typeof byGroup === 'string' ? byGroup : 'nothing was tried'}`;
}
