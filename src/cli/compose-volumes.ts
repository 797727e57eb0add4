/** Volumes of a service that is root no longer: what is in them belongs to root, so they are handed over, or it is said who has to. */
import type { Image } from '../image/image.ts';
import { readSubject } from '../prove/subject.ts';
import type { ComposeWorkload } from '../workload/formats/compose/read.ts';
import type { ContainerImages } from './container-images.ts';
import type { Decided } from './fix-container.ts';
import { imageOf } from './manifest-containers.ts';
import { canHandOver } from './volume-owners.ts';

type DecidedService = Decided<ComposeWorkload>;

/** With the volumes that no service of another user mounts. Folders of this machine are their owner's: nothing is done to those. */
export async function withVolumes(
  decided: DecidedService,
  all: readonly DecidedService[],
  images: ContainerImages,
): Promise<DecidedService> {
  const { one, change, outcome } = decided;
  if (change?.user === undefined || outcome !== 'changed') return decided;
  const owner = `${change.user.uid}:${change.user.gid}`;
  const mounts = (one.container.settings.volumes ?? []).filter(({ readOnly }) => readOnly !== true);
  const asked = new Map((change.volumes ?? []).map((volume) => [volume.path, volume]));
  const unknown: string[] = [];
  const tell = (what: string): void => {
    unknown.push(`${one.container.name}: ${what}`);
  };
  const able = await hasTools(decided, images);
  for (const { kind, type, source = '', target } of mounts) {
    if (kind === 'bind') {
      if (!isSocket(source))
        tell(`${source}, mounted at ${target}, keeps its owner: ${owner} has to be able to write what the service writes there`);
      continue;
    }
    // An image's content belongs to nobody here.
    if ((kind !== 'named' && kind !== 'external') || type === 'image' || asked.has(target)) continue;
    const others = all.filter((each) => each !== decided && mountsIt(each, source) && !sameUser(each, owner));
    const hint = `what volume ${source} at ${target} holds belongs to whoever wrote it`;
    if (others.length > 0)
      tell(`${hint}, and ${others.map((each) => each.one.container.name).join(', ')} use it as somebody else: it was left alone`);
    else if (!able) tell(`${hint}, and its image has no shell and chown to give it to ${owner}`);
    else asked.set(target, { path: target, owner, mode: '0755' });
  }
  return {
    ...decided,
    change: asked.size === 0 ? change : { ...change, volumes: [...asked.values()] },
    unknown: [...decided.unknown, ...unknown],
  };
}

const mountsIt = ({ one }: DecidedService, source: string): boolean =>
  (one.container.settings.volumes ?? []).some((volume) => volume.source === source && volume.readOnly !== true);

const sameUser = ({ change, one }: DecidedService, owner: string): boolean =>
  (change?.user === undefined ? one.container.settings.user : `${change.user.uid}:${change.user.gid}`) === owner;

const isSocket = (path: string): boolean => /\.sock$/.test(path);

/** Both programs, where a shell would find them. */
async function hasTools({ one }: DecidedService, images: ContainerImages): Promise<boolean> {
  const found = await imageOf(one, images, async (image): Promise<Image> => image);
  if ('missing' in found) return false;
  return canHandOver((await readSubject(found.value)).rootFs);
}
