/** An image with what a launch is worked out from at hand. */
import type { Image, RootFs } from '../image/image.ts';
import type { LaunchInput, LaunchSubject } from '../launch/input.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { programsFrom } from '../launch/scripts.ts';
import { launchSubject } from '../launch/subject.ts';
import type { Program } from '../linux/program.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Trace } from '../trace/event.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { knownLaunch } from './known-launches.ts';

export interface Subject extends LaunchSubject {
  readonly image: Image;
  readonly rootFs: RootFs;
}

export function readSubject(image: Image): Promise<Subject> {
  const before = subjects.get(image);
  if (before !== undefined) return before;
  const made = read(image);
  subjects.set(image, made);
  return made;
}

/** Many containers have the same image. */
const subjects = new WeakMap<Image, Promise<Subject>>();

async function read(image: Image): Promise<Subject> {
  const subject = await launchSubject(image, { rootFs: true });
  return { ...subject, image, rootFs: await image.rootFs() };
}

/** `host`: of the machine where it is really started. */
export function launchOf(
  subject: Subject,
  settings: ContainerSettings,
  profile: PlatformProfile,
  host?: LaunchInput['host'],
): Launch | Refusal {
  const name = settings.name ?? subject.image.name;
  const input = { image: subject, settings, profile, ...(name === undefined ? {} : { name }) };
  return host === undefined ? knownLaunch(subject, settings, profile, () => launchImage(input)) : launchImage({ ...input, host });
}

/** Configuration is small, text, and not under the folders of programs and libraries. */
const CONFIG_BYTES = 256 * 1024;
const CONFIG_FILES = 200;
const NOT_CONFIG =
  /^\/(?:proc|sys|dev|lib|lib64|usr\/(?:lib|share|bin|sbin))(?:\/|$)|\.(?:so|pem|key|crt)(?:\.|$)|^\/etc\/(?:passwd|group|shadow|gshadow|hosts|resolv\.conf|nsswitch\.conf|ld\.so\.\w+)$/;

/** The text files of the image that a run opened for reading, by their real path. */
export async function configsRead(trace: Trace, subject: Subject): Promise<ReadonlyMap<string, string>> {
  const paths = new Set<string>();
  for (const { operation, errno } of trace.events) {
    if (errno !== undefined || operation.kind !== 'open' || operation.access !== 'read' || NOT_CONFIG.test(operation.path))
      continue;
    const entry = subject.rootFs.resolve(operation.path).entry;
    if (entry?.type === 'file' && entry.size > 0 && entry.size <= CONFIG_BYTES) paths.add(entry.path);
    if (paths.size === CONFIG_FILES) break;
  }
  const contents = await subject.rootFs.readFiles(paths, { limit: CONFIG_BYTES });
  const texts = [...contents].filter(([, bytes]) => !bytes.includes(0));
  return new Map(texts.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

const PROGRAMS = 200;

/** What the programs of a run are: compiled, or scripts with their interpreters. */
export async function programsRun(trace: Trace, { rootFs, programs, image }: Subject): Promise<ReadonlyMap<string, Program>> {
  const found = new Map(programs);
  const paths = new Set(trace.events.map(({ program }) => program).filter((program) => program.startsWith('/')));
  for (const path of [...paths].slice(0, PROGRAMS)) await programsFrom(path, rootFs, '/', image.platform.architecture, found);
  return found;
}
