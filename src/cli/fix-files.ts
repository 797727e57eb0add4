/** `unroot fix` with manifests as targets: the flags, the images that runs make, and where the result goes. */
import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import { writeOciLayout } from '../image/sinks/index.ts';
import { loadManifests } from '../input/manifests.ts';
import { requireOutFolder, writeFiles } from '../input/write-folder.ts';
import { type ChangedText, requireCommitted, writeTexts } from '../input/write-texts.ts';
import { dnsLabel } from '../report/artifacts/artifact.ts';
import type { TextFixReport } from '../report/report.ts';
import { type FixResult, fixImage } from '../unroot.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { ComposeProject } from '../workload/formats/compose/read.ts';
import { PATCH_KINDS, patchesOf } from '../workload/formats/kubernetes/patch-files.ts';
import { type BuiltAnew, buildLinks, imagesOnly, withBuilds } from './build-links.ts';
import type { CommandContext } from './command.ts';
import type { Together } from './compose-together.ts';
import { type ContainerImages, containerImages } from './container-images.ts';
import { codeForFindings, codeForVerdicts, EXIT } from './exit-code.ts';
import type { FileFlags } from './file-flags.ts';
import { fixCompose } from './fix-compose.ts';
import type { ProvedImage } from './fix-container.ts';
import { fixedDockerfiles } from './fix-dockerfile-files.ts';
import type { FixedDockerfile } from './fix-dockerfiles.ts';
import { fixManifests } from './fix-manifests.ts';
import { imageAccess } from './image-access.ts';
import { fixOptions } from './image-run.ts';
import type { Log } from './log.ts';
import { groupOptions } from './manifest-charts.ts';
import { splitLayer } from './manifest-configs.ts';
import type { AnyContainer } from './manifest-containers.ts';
import { refuseSettings } from './manifest-settings.ts';
import { emit, type Output, print } from './output.ts';
import { manifestProfiles } from './profile.ts';
import { addProjects } from './project-flags.ts';
import { settingsFrom } from './settings.ts';
import { tellProblems } from './told-problems.ts';
import { usageError } from './usage-error.ts';

export async function fixFiles(
  targets: readonly string[],
  flags: FileFlags,
  context: CommandContext,
  log: Log,
  outputs: readonly Output[],
  dockerfiles: readonly string[] = [],
): Promise<void> {
  const { signal } = context;
  refuseSettings(settingsFrom(flags, undefined, context.behind), targets);
  check(flags, targets);
  const proves = flags.prove === true || (flags.out !== undefined && flags.patch === undefined);
  if (flags.out !== undefined) requireOutFolder(flags.out);
  const loaded = loadManifests(targets, groupOptions(flags));
  const plain = containerImages(
    imagesOnly(flags),
    imageAccess(flags, signal, (message) => log.progress(message)),
  );
  // First what is built, then what runs it: patches and images are about the manifests alone.
  const leaves = flags.patch !== undefined || flags.out !== undefined || flags.user === 'arbitrary';
  if (dockerfiles.length > 0 && leaves) log.note(`${dockerfiles.join(', ')}: left as they are by --patch and --out`);
  const beside =
    dockerfiles.length === 0 || leaves ? undefined : await fixedDockerfiles(dockerfiles, besideFlags(flags), context, log);
  const links = buildLinks(flags, dockerfiles, loaded.services);
  const images = withBuilds(
    plain,
    links,
    new Map(beside?.texts.flatMap(({ path, before, after }) => (before === after ? [] : [[path, after] as const]))),
  );
  try {
    const profiles = manifestProfiles(flags.platformProfile, loaded.formats);
    const options = {
      ...(flags.user === undefined ? {} : { user: flags.user }),
      images,
      signal,
      ...(flags.portStrategy === undefined ? {} : { portStrategy: flags.portStrategy }),
      ...(flags.write === true ? { writes: true } : {}),
      ...(proves ? { prove: prover(flags, context, log) } : {}),
    };
    const pods = await fixManifests(targets.map(nameOf).join(', '), loaded, { ...options, profile: profiles('kubernetes') });
    const wholes = proves ? { openTogether: togetherFor(flags, context, log, plain) } : {};
    const manifests =
      loaded.services.length === 0
        ? pods
        : await fixCompose(pods, loaded, { ...options, ...wholes, profile: profiles('compose') });
    const fixed = beside === undefined ? manifests : together(manifests, beside, images.changed());
    const changed = fixed.texts.filter(({ before, after }) => before !== after);
    const files = changed.map(({ path }) => path).filter((path) => path !== '-');
    const resources = targets
      .filter((target) => target !== '-')
      .map((target) => relative(flags.out ?? '.', resolve(target)) || '.');
    const patches =
      flags.patch === undefined ? undefined : patchesOf(flags.patch, fixed.objects, resources, flags.out !== undefined);
    if (flags.write === true && flags.force !== true) await requireCommitted(files);
    if (flags.write === true) writeTexts(changed.filter(({ path }) => path !== '-'));
    if (patches !== undefined && flags.out !== undefined) writeFiles(flags.out, patches);
    const report: TextFixReport = {
      ...fixed.report,
      wrote: flags.write === true,
      ...(patches === undefined ? {} : { patches }),
    };
    log.clear();
    // One thing only goes to standard output where another program reads it.
    const raw =
      flags.write === true && targets.includes('-')
        ? (fixed.texts.find(({ path }) => path === '-')?.after ?? '')
        : patches !== undefined && flags.out === undefined
          ? patches.map(({ text }) => text).join('')
          : flags.diff === true
            ? report.files.map(({ diff }) => diff).join('')
            : undefined;
    const shown = flags.output === undefined || flags.output.length === 0;
    if (raw === undefined || !shown) await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
    else {
      await print(raw);
      tellProblems(report.diagnostics, log);
      for (const { object, container, outcome, message } of report.containers)
        if (outcome === 'left' || outcome === 'unknown')
          log.note(`${object}, container ${container}: ${outcome}${message === undefined ? '' : `: ${message}`}`);
    }
    const unread = report.diagnostics.some(({ severity }) => severity === 'error');
    const proofs = codeForVerdicts([...report.containers, ...(report.proofs ?? [])]);
    context.done(unread ? EXIT.failed : proofs || codeForFindings(report.unresolved, flags.failOn));
  } finally {
    await images.close();
  }
}

/** Manifests are run as they say; a Dockerfile beside them is worked out, and run only when that was asked for. */
const besideFlags = (flags: FileFlags): FileFlags => (flags.prove === true ? flags : { ...flags, static: true, prove: false });

function together<T extends { readonly report: TextFixReport; readonly texts: readonly ChangedText[] }>(
  manifests: T,
  { report, texts }: FixedDockerfile,
  anew: readonly BuiltAnew[],
): T {
  const own = manifests.report;
  return {
    ...manifests,
    texts: [...texts, ...manifests.texts],
    report: {
      ...own,
      containers: [...report.containers, ...own.containers],
      fixes: [...report.fixes, ...own.fixes],
      files: [...report.files, ...own.files],
      unresolved: [...report.unresolved, ...own.unresolved],
      diagnostics: [
        ...report.diagnostics,
        ...own.diagnostics,
        ...anew.map(({ name, dockerfile }) => ({
          severity: 'info' as const,
          message: `${name} must be built anew from ${dockerfile} before the manifests that name it are applied`,
          where: { file: dockerfile },
        })),
      ],
      unknown: [...new Set([...report.unknown, ...own.unknown])],
    },
  };
}

const nameOf = (target: string): string => (target === '-' ? 'standard input' : target);

function check(flags: FileFlags, targets: readonly string[]): void {
  if (flags.patch !== undefined && flags.write === true)
    throw usageError('--patch leaves the files as they are, --write changes them', 'one of the two');
  if (flags.write === true && flags.diff === true)
    throw usageError('--diff only shows, --write changes the files', 'one of the two');
  if (flags.write === true && targets.includes('-') && targets.length > 1)
    throw usageError('standard input and files cannot be written together', '- alone: its text goes to standard output');
  if (flags.user === 'arbitrary') throw usageError('--user arbitrary: a manifest names one user', 'UID or UID:GID');
  if (flags.static === true && flags.prove === true)
    throw usageError('--static runs nothing, --prove runs the images', 'one of the two');
}

const LARGEST_NAME = 128;

/** The flags that are about files. */
export function addFiles(command: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Manifests:');
  return addProjects(command)
    .addOption(option('--diff', 'nothing but the unified difference (default: with what was found)'))
    .addOption(option('--write', 'change the files; of - the whole text goes to standard output'))
    .addOption(option('--force', 'change files that have uncommitted changes too'))
    .addOption(option('--patch <kind>', 'patches instead, into --out or to standard output').choices(PATCH_KINDS));
}

/** An image has no files to change. */
export function refuseFileFlags(flags: Pick<FileFlags, 'diff' | 'write' | 'force' | 'patch'>): void {
  const given = (['diff', 'write', 'force', 'patch'] as const).find((name) => flags[name] !== undefined);
  if (given !== undefined) throw usageError(`--${given} is about manifests, and an image is none`, 'manifests, or no such flag');
}

/** Services that may need each other are run together; what keeps that from being done is said, and each is run by itself. */
function togetherFor(
  flags: FileFlags,
  context: CommandContext,
  log: Log,
  images: ContainerImages,
): (project: ComposeProject) => Promise<Together | string | undefined> {
  const keep = keeper(flags);
  return async (project) => {
    if (project.workloads.length < 2) return undefined;
    const { openTogether } = await import('./compose-together.ts');
    const { togetherOptions } = await import('./prove-compose.ts');
    const ports = flags.portStrategy === undefined ? {} : { portStrategy: flags.portStrategy };
    const options = togetherOptions(flags, context, log);
    try {
      return await openTogether(project, { ...options, search: { ...options.search, ...ports }, images, keep });
    } catch (error) {
      if (!(error instanceof UnrootError) || !/^(?:compose|engine)\./.test(error.code) || error.exitCode === 130) throw error;
      return `its services were run one by one, not together: ${error.message}`;
    }
  };
}

/** Runs an image as the container has it, and keeps what it had to become. */
function prover(flags: FileFlags, context: CommandContext, log: Log): (image: Image, one: AnyContainer) => Promise<ProvedImage> {
  const keep = keeper(flags);
  return async (image, one) => {
    const { workload, container } = one;
    const { settings: _, ...options } = fixOptions(flags, context, log);
    const ports = flags.portStrategy === undefined ? {} : { portStrategy: flags.portStrategy };
    log.progress(`${workload.kind}/${workload.name}, container ${container.name}`);
    const result = await fixImage(image, { ...options, ...ports, settings: runnable(container.settings), prove: true });
    return splitLayer(container.settings, result.layer).rest.length === 0 ? { result } : { result, ...(await keep(result, one)) };
  };
}

/** Writes the image that a container has to have, and says what it is called. */
function keeper(flags: FileFlags): (result: FixResult, one: AnyContainer) => Promise<Omit<ProvedImage, 'result'>> {
  const taken = new Map<string, string>();
  return async (result, { workload, container }) => {
    const written = container.image ?? 'image';
    const label = dnsLabel(`${workload.name}-${container.name}`);
    let layout: string | undefined;
    if (flags.out !== undefined) {
      layout = join(flags.out, 'images', label);
      mkdirSync(join(flags.out, 'images'), { recursive: true });
      await writeOciLayout(result.image, layout, { tag: 'latest' });
    }
    const name = flags.tag === undefined ? undefined : nameFrom(flags.tag, written);
    if (name !== undefined) {
      const digest = JSON.stringify(result.layer);
      if ((taken.get(name) ?? digest) !== digest)
        throw new UnrootError(`--tag ${flags.tag} gives two different images the name ${name}`, {
          code: 'usage.tag',
          expected: 'a rule with {name}, such as registry.example/{name}:{tag}-nonroot',
        });
      taken.set(name, digest);
    }
    return { ...(layout === undefined ? {} : { layout }), ...(name === undefined ? {} : { name }) };
  };
}

/** `{name}`: the last part of the image's path; `{tag}`: its tag, `latest` without one. */
function nameFrom(rule: string, image: string): string {
  const [, name = 'image', tag = 'latest'] = /([^/:@]+)(?::([^/@]+))?(?:@.*)?$/.exec(image) ?? [];
  return rule.replaceAll('{name}', name).replaceAll('{tag}', tag.slice(0, LARGEST_NAME));
}

/** What a run here can give the container: claims are new volumes, and what the kubelet writes is left out. */
function runnable({ name, entrypoint, command, env, workdir, volumes = [] }: ContainerSettings): ContainerSettings {
  const own = volumes.flatMap((volume) =>
    volume.kind === 'empty-dir' || volume.kind === 'external' || volume.kind === 'named' || volume.kind === 'anonymous'
      ? [{ kind: 'anonymous' as const, target: volume.target }]
      : [],
  );
  return {
    ...(name === undefined ? {} : { name }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    ...(env === undefined ? {} : { env }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(own.length === 0 ? {} : { volumes: own }),
  };
}
