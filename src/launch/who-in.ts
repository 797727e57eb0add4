/** A Launch worked out from as little of an image as the answer needs. */
import type { Image, RootFs } from '../image/image.ts';
import { PROGRAM_HEAD, programOf } from '../linux/program.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { commandOf } from './command.ts';
import { isStopped } from './input.ts';
import type { Derivation, Launch, Refusal } from './launch.ts';
import { launchImage } from './launch-image.ts';
import { pathOf, placesOf, special } from './scripts.ts';
import { launchSubject } from './subject.ts';

const NOT_LOOKED_AT: Derivation = {
  field: 'capabilities.effective',
  value: 'as far as is known',
  source:
    'the program itself was not looked at, its layer was not fetched: a set-user-ID or capability-carrying file, or one that this user may not execute, would change this (unroot check fetches it)',
};

/**
 * Reads the configuration, the two files that name users and groups, and what lies at the place of the program; the whole tree only when that
 * does not settle it: when the image does not start as root, so that a set-user-ID entrypoint, file capabilities or a program that this user may
 * not execute change the answer, or when the program is one that changes it for root too (file capabilities outside the bounding set are
 * refused), is not found, or is behind a symlink. Layers that are still in a registry stay there: identity does not need them, and the answer
 * says what was not looked at.
 */
export async function whoIn(
  image: Image,
  settings: ContainerSettings,
  profile: PlatformProfile,
  name: string,
): Promise<Launch | Refusal> {
  const input = { settings, profile, name };
  const places = programPlaces(image, settings, profile);
  const near = await image.locate?.([...ACCOUNTS, ...places]);
  const reader: Image =
    near === undefined ? image : { ...image, readFiles: async (paths, options) => near.readFiles(paths, options) };
  const launch = launchImage({ ...input, image: await launchSubject(reader) });
  if (launch.kind === 'refusal') return launch;
  const far = image.far?.() === true;
  if (launch.uid === 0 && near !== undefined && (await isPlainProgram(near, places, far ? undefined : image))) return launch;
  if (far) return { ...launch, because: [...launch.because, NOT_LOOKED_AT] };
  return launchImage({
    ...input,
    image: await launchSubject(image, { rootFs: true, argv0: [settings.entrypoint?.[0], settings.command?.[0]] }),
  });
}

const ACCOUNTS = ['/etc/passwd', '/etc/group'];

/** Absolute paths at which the program may lie, in the order of the search; folders that are symlinks nearly everywhere only when nothing else is left. */
function programPlaces(image: Image, settings: ContainerSettings, profile: PlatformProfile): readonly string[] {
  const command = commandOf(image.config, settings, profile);
  const word = isStopped(command) ? undefined : command.argv[0];
  if (word === undefined || word === '') return [];
  const cwd = settings.workdir ?? (image.config.workingDir || '/');
  const places = placesOf(word, pathOf(image.config.env)).map((place) => (place.startsWith('/') ? place : `${cwd}/${place}`));
  const usual = places.filter((place) => !/^\/s?bin\//.test(place));
  return usual.length === 0 ? places : usual;
}

/**
 * The first of them that is a file, and one whose execution by root changes nothing. Of an image at hand also one that needs no other file, which
 * could be missing: no script, no dynamic loader.
 */
async function isPlainProgram(near: RootFs, places: readonly string[], image: Image | undefined): Promise<boolean> {
  for (const place of places) {
    const { entry } = near.resolve(place);
    if (entry === undefined) continue;
    if (entry.type !== 'file' || (entry.mode & 0o111) === 0 || special(entry)) return false;
    if (image === undefined) return true;
    const head = (await near.readFiles([entry.path], { limit: PROGRAM_HEAD, head: true })).get(entry.path);
    if (head === undefined) return false;
    const program = programOf(head, image.platform.architecture);
    return program.kind === 'elf' && program.loader === undefined;
  }
  return false;
}
