/** `unroot explain FILE[#CONTAINER]`: the one container of a manifest that is asked about, with its image. */
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import { loadManifests } from '../input/manifests.ts';
import { targetKind } from '../input/target-kind.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import { ARBITRARY_UID } from '../prove/recipient.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { ContainerImages } from './container-images.ts';
import { type AnyContainer, containersIn, imageOf } from './manifest-containers.ts';
import { usageError } from './usage-error.ts';

/** A file of manifests, and which container of it; undefined = an image. A `#` is part of an image's path when such a file is there. */
export function manifestTarget(target: string): { readonly file: string; readonly container?: string } | undefined {
  if (targetKind(target) === 'manifests') return { file: target };
  const at = target.lastIndexOf('#');
  if (at <= 0 || targetKind(target.slice(0, at)) !== 'manifests') return undefined;
  return { file: target.slice(0, at), container: target.slice(at + 1) };
}

/** A service and its container have one name. */
const labelOf = ({ workload, container }: AnyContainer): string =>
  workload.format === 'compose' ? workload.name : `${workload.name}/${container.name}`;

/** The container of that name, `WORKLOAD/CONTAINER` where several have it; without a name the only one. Throws with the names there are. */
export function chosenContainer({
  file,
  container: wanted,
}: {
  readonly file: string;
  readonly container?: string;
}): AnyContainer {
  const loaded = loadManifests([file]);
  const all = [...containersIn(loaded)];
  const [problem] = loaded.problems.filter(({ severity }) => severity === 'error');
  if (all.length === 0 && problem !== undefined)
    throw new UnrootError(problem.message, { code: 'input.manifest', where: problem.where });
  const fits = all.filter((one) => wanted === undefined || one.container.name === wanted || labelOf(one) === wanted);
  if (fits.length === 1) return fits[0]!;
  const names = all.map(labelOf).slice(0, 20).join(', ');
  throw usageError(
    fits.length === 0
      ? `${file} has no container ${wanted ?? ''}`.trimEnd()
      : `${file} has ${fits.length} containers that may be meant`,
    `${file}#CONTAINER or ${file}#WORKLOAD/CONTAINER, one of ${names}`,
  );
}

/** The settings as the manifest has them, or as somebody else: `runAsUser` in place of `--user`. */
export function settingsAsked({ container, workload }: AnyContainer, user: string | undefined): ContainerSettings {
  const settings = { ...container.settings, name: container.name };
  if (user === undefined) return settings;
  if (workload.format === 'compose') return { ...settings, user: user === 'arbitrary' ? `${ARBITRARY_UID}:0` : user };
  const numbers = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(user === 'arbitrary' ? `${ARBITRARY_UID}:0` : user);
  if (numbers === null) throw usageError(`--user ${user}: a pod's user is a number`, 'UID, UID:GID or arbitrary');
  const [, uid, gid] = numbers;
  return { ...settings, runAsUser: Number(uid), ...(gid === undefined ? {} : { runAsGroup: Number(gid) }) };
}

/** The image it names, or an error that says how to bring it; and nothing when the API server would not take the object. */
export async function imageFor<T>(
  one: AnyContainer,
  profile: PlatformProfile,
  images: ContainerImages,
  work: (image: Image) => Promise<T>,
): Promise<T> {
  const { refusal, container, in: where } = one;
  if (container.unknown !== undefined)
    throw new UnrootError(`${container.name}: ${container.unknown}`, {
      code: 'input.unset-variable',
      where,
      hint: 'Set it in the environment, or in .env beside the file',
    });
  if (refusal !== undefined && profile.kubelet)
    throw new UnrootError(`nothing starts: ${refusal.message}`, {
      code: 'launch.refused',
      where,
      hint: `unroot who ${where.file} says who refuses, and why`,
    });
  const found = await imageOf(one, images, work);
  if ('value' in found) return found.value;
  throw new UnrootError(`${found.missing}: without it nobody knows its files`, {
    code: 'image.not-found',
    where: { file: where.file, line: where.line, column: where.column },
    expected: 'the image in a local store, or where --image says',
    hint: `--image ${container.image ?? 'NAME'}=docker-archive:FILE`,
  });
}
