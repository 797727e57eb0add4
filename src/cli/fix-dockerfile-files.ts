/** `unroot fix` with Dockerfiles as targets: the flags, the built image, and where the result goes. */
import type { PortStrategy } from '../fixes/port-strategy.ts';
import type { Image } from '../image/image.ts';
import { requireCommitted, writeTexts } from '../input/write-texts.ts';
import type { TextFixReport } from '../report/report.ts';
import { imagesOnly } from './build-links.ts';
import type { CommandContext } from './command.ts';
import { containerImages } from './container-images.ts';
import type { DockerfileFlags } from './dockerfiles.ts';
import { codeForFindings, codeForVerdicts, EXIT } from './exit-code.ts';
import type { FileFlags } from './file-flags.ts';
import { type FixedDockerfile, fixDockerfile } from './fix-dockerfiles.ts';
import { imageAccess } from './image-access.ts';
import { fixOptions } from './image-run.ts';
import type { Log } from './log.ts';
import { emit, type Output, print } from './output.ts';
import { profileFor } from './profile.ts';
import { tellProblems } from './told-problems.ts';
import { usageError } from './usage-error.ts';

/** What `--image` calls the image that the Dockerfile has built. */
const BUILT = 'built';

export async function fixDockerfileFiles(
  paths: readonly string[],
  flags: FileFlags & DockerfileFlags & { readonly portStrategy?: PortStrategy },
  context: CommandContext,
  log: Log,
  outputs: readonly Output[],
): Promise<void> {
  if (flags.patch !== undefined) throw usageError('--patch is about manifests', '--diff or --write for a Dockerfile');
  if (flags.write === true && flags.diff === true)
    throw usageError('--diff only shows, --write changes the file', 'one of the two');
  if (flags.out !== undefined) throw usageError('--out is for images and patches', '--write changes the Dockerfile');
  const { report: made, texts } = await fixedDockerfiles(paths, flags, context, log);
  if (flags.write === true && texts.length > 0) {
    if (flags.force !== true) await requireCommitted(texts.map(({ path }) => path));
    writeTexts(texts);
  }
  const report = { ...made, wrote: flags.write === true };
  log.clear();
  const plain = flags.output === undefined || flags.output.length === 0;
  if (flags.diff === true && plain) {
    await print(report.files.map(({ diff }) => diff).join(''));
    tellProblems(report.diagnostics, log);
  } else await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
  const unread = report.diagnostics.some(({ severity }) => severity === 'error');
  context.done(unread ? EXIT.failed : codeForVerdicts(report.containers) || codeForFindings(report.unresolved, flags.failOn));
}

/** What becomes of them, before anything is written. */
export async function fixedDockerfiles(
  paths: readonly string[],
  flags: FileFlags & DockerfileFlags & { readonly portStrategy?: PortStrategy },
  context: CommandContext,
  log: Log,
): Promise<FixedDockerfile> {
  const access = imageAccess(flags, context.signal, (message) => log.progress(message));
  const images = containerImages(imagesOnly(flags), access);
  try {
    const built = await builtImage(flags, images);
    const { signal, ...options } = { ...fixOptions(flags, context, log), signal: context.signal };
    if (built !== undefined && paths.length > 1)
      throw usageError('--image built=IMAGE is the image of one Dockerfile', 'one command for each');
    const all: FixedDockerfile[] = [];
    for (const path of paths) {
      signal.throwIfAborted();
      all.push(
        await fixDockerfile(path, flags, images, {
          ...options,
          signal,
          profile: await profileFor(path, flags.platformProfile),
          ...(flags.portStrategy === undefined ? {} : { portStrategy: flags.portStrategy }),
          ...(built === undefined ? {} : { built }),
          ...(flags.static === undefined ? {} : { static: flags.static }),
          prove: flags.prove !== false,
        }),
      );
    }
    return { report: merged(all.map((one) => one.report)), texts: all.flatMap((one) => one.texts) };
  } finally {
    await images.close();
  }
}

function merged(reports: readonly TextFixReport[]): TextFixReport {
  const [first, ...more] = reports as readonly [TextFixReport, ...TextFixReport[]];
  if (more.length === 0) return first;
  return {
    ...first,
    target: reports.map(({ target }) => target).join(', '),
    containers: reports.flatMap((one) => one.containers.map((container) => ({ ...container, object: one.target }))),
    fixes: reports.flatMap(({ fixes }) => fixes),
    files: reports.flatMap(({ files }) => files),
    unresolved: reports.flatMap(({ unresolved }) => unresolved),
    diagnostics: reports.flatMap(({ diagnostics }) => diagnostics),
    unknown: [...new Set(reports.flatMap(({ unknown }) => unknown))],
  };
}

async function builtImage(flags: FileFlags, images: ReturnType<typeof containerImages>): Promise<Image | undefined> {
  if (!(flags.image ?? []).some((text) => text.startsWith(`${BUILT}=`))) return undefined;
  const found = await images.find(BUILT, async (image): Promise<Image> => image);
  return 'missing' in found ? undefined : found.value;
}
