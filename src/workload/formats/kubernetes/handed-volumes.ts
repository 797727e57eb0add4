/** Whom an init container gives a volume to, `chown -R 1000:1000 /data`: who works with what is in it has to be that user. */
import { isWithin } from '../../../linux/file-path.ts';
import type { ContainerSettings } from '../../container.ts';
import type { WorkloadContainer } from '../../workload.ts';

/** Numbers only: what a name is hangs on the image. */
const CHOWN = /(?:^|[\s;&|({])chown((?:\s+--?[\w-]+)*)\s+(\d+)(?:[:.](\d*))?((?:\s+\/[^\s;&|)]*)+)/g;

export interface HandedTo {
  readonly uid: number;
  readonly gid: number;
  /** The init container that does it. */
  readonly by: string;
  /** There. */
  readonly path: string;
}

/** The owner that init containers give to all volumes which the container writes to and they hand over; undefined when there is none, or several. */
export function handedTo(containers: readonly WorkloadContainer[], { settings }: WorkloadContainer): HandedTo | undefined {
  const written = new Set((settings.volumes ?? []).flatMap(({ name, readOnly }) => (readOnly === true ? [] : (name ?? []))));
  const found = containers
    .filter(({ role }) => role === 'init')
    .flatMap((init) => gifts(init).filter(({ volume }) => written.has(volume)));
  const [first] = found;
  return first !== undefined && found.every(({ uid, gid }) => uid === first.uid && gid === first.gid) ? first : undefined;
}

function gifts({ name, settings }: WorkloadContainer): readonly (HandedTo & { readonly volume: string })[] {
  if (!isRoot(settings)) return [];
  const text = [...(settings.entrypoint ?? []), ...(settings.command ?? [])].join(' ');
  return [...text.matchAll(CHOWN)].flatMap(([, , user, group, paths = '']) => {
    const uid = Number(user);
    if (uid === 0) return [];
    const gid = group === undefined || group === '' ? uid : Number(group);
    return paths
      .trim()
      .split(/\s+/)
      .flatMap((path) => {
        const over = (settings.volumes ?? []).filter(({ target }) => isWithin(path.replace(/(.)\/$/, '$1'), target));
        const [volume] = over.sort((a, b) => b.target.length - a.target.length);
        return volume?.name === undefined ? [] : [{ uid, gid, by: name, path, volume: volume.name }];
      });
  });
}

/** As far as the manifest says it: an image that is somebody else could give nothing away. */
const isRoot = ({ runAsUser, runAsNonRoot }: ContainerSettings): boolean => runAsNonRoot !== true && (runAsUser ?? 0) === 0;
