/**
 * Folders of state that the service's account owns: what a request may one day write there, no run shows beforehand. Only below what the program
 * used or was told of, and only under the folders that hold state by the Filesystem Hierarchy Standard (5.5, 5.8, 5.10, 5.14, 3.17).
 */
import type { Fix, LayerChange } from '../finding/fix.ts';
import { isWithin } from '../linux/file-path.ts';
import type { Trace } from '../trace/event.ts';
import type { FixContext } from './context.ts';
import { dataVolume } from './read-only-root.ts';

const STATE = /\/(?:var\/(?:lib|spool|cache|log)|srv)\/[\w.@-]+/g;
/** Of a path, where a name may hold anything but a slash. */
const topOf = (path: string): string | undefined => /^\/(?:var\/(?:lib|spool|cache|log)|srv)\/[^/]+/.exec(path)?.[0];
/** Of the base system. */
const NOT_ITS =
  /^\/var\/(?:lib|spool|cache|log)\/(?:apt|dpkg|debconf|ldconfig|fontconfig|man|journal|private|systemd|mail|cron)$/;
/** What is there may be lost, and is made anew where the folder allows it (5.5, 5.10): folders only, and none where nobody can write but on mounts. */
const PASSING = /^\/var\/(?:cache|log)\//;
/** Uids that packages give to the accounts they make (Debian policy 9.2.2; login.defs SYS_UID_MIN of others). */
const isPackaged = (uid: number): boolean => uid >= 100 && uid < 1000;
/** Files are copied into the layer: so much, and so many, and no more. What is left out is said, and nothing is proved then. */
const BYTES = 128 * 1024 * 1024;
const ENTRIES = 10_000;

/** `formerUids`: of all processes of the first run. Of a program that was root all along, root's folders are its own as well. */
export function stateFolders(trace: Trace, formerUids: ReadonlySet<number>, context: FixContext): readonly Fix[] {
  const { recipient, rootFs, asIs } = context;
  const known = new Set<string>();
  const add = (text: string): void => {
    for (const [folder] of text.matchAll(STATE)) known.add(folder);
  };
  for (const { operation } of trace.events) if ('path' in operation) known.add(topOf(operation.path) ?? '');
  for (const text of [...context.configs.values(), asIs.argv.join('\n'), asIs.env.join('\n')]) add(text);
  const allRoot = [...formerUids].every((uid) => uid === 0);
  const theirs = (uid: number, type: string): boolean =>
    uid !== recipient.uid && (uid === 0 ? allRoot && type === 'directory' : isPackaged(uid) || formerUids.has(uid));
  const mounted = (path: string): boolean => asIs.mounts.some(({ target }) => target !== '/' && isWithin(path, target));
  const layers = new Map<string, LayerChange[]>();
  const leftOut = new Map<string, { count: number; bytes: number }>();
  let count = 0;
  let bytes = 0;
  for (const { path, type, uid, mode, size } of rootFs.entries()) {
    if ((type !== 'directory' && type !== 'file') || !theirs(uid, type)) continue;
    const top = topOf(path);
    if (top === undefined || !known.has(top) || NOT_ITS.test(top) || mounted(path)) continue;
    if (PASSING.test(top) && (type !== 'directory' || context.target.readOnlyRoot)) continue;
    const adds = type === 'file' ? size : 0;
    if (count >= ENTRIES || bytes + adds > BYTES) {
      const left = leftOut.get(top) ?? { count: 0, bytes: 0 };
      leftOut.set(top, { count: left.count + 1, bytes: left.bytes + adds });
      continue;
    }
    count++;
    bytes += adds;
    const change: LayerChange = recipient.arbitrary
      ? { kind: 'own', path, uid, gid: 0, mode: mode | ((mode & 0o700) >> 3) }
      : { kind: 'own', path, uid: recipient.uid, gid: recipient.gid, mode };
    const layer = layers.get(top) ?? [];
    layers.set(top, layer);
    layer.push(change);
  }
  return [...new Set([...layers.keys(), ...leftOut.keys()])].map((top): Fix => {
    const layer = layers.get(top) ?? [];
    const left = leftOut.get(top);
    return {
      id: 'state-folder',
      subject: top,
      title: `${top}: what belongs to the service there belongs to ${recipient.arbitrary ? 'group 0' : `${recipient.uid}:${recipient.gid}`}`,
      disposition: 'safe',
      answers: [],
      layer,
      // On a read-only root only a mount lets a request write; Kubernetes' volumes would start without what is there.
      run: context.target.readOnlyRoot && !context.target.platform.kubelet ? { volumes: [dataVolume(top, context)] } : {},
      note: 'not all of it was written while it was watched; a request may',
      ...(left === undefined ? {} : { loses: tooMuch(top, left) }),
    };
  });
}

const tooMuch = (top: string, { count, bytes }: { readonly count: number; readonly bytes: number }): string =>
  `work with ${count} more files and folders below ${top} (${Math.ceil(bytes / 1024 / 1024)} MiB), which stay their former owner's: too much to copy into a layer; put ${top} on a volume that belongs to the user`;
