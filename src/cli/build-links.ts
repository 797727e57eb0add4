/** Images that manifests name and Dockerfiles of the same tree build: by `--image NAME=Dockerfile`, by a compose file that says both, by their names. */
import { basename, dirname, resolve } from 'node:path';
import { predictedImage } from '../build/predicted-image.ts';
import { familiarToFull } from '../image/reference.ts';
import { isDockerfileName, isFolder } from '../input/dockerfiles.ts';
import { loadManifests } from '../input/manifests.ts';
import type { ComposeWorkload } from '../workload/formats/compose/read.ts';
import type { ContainerImages, Found, ImageFlags } from './container-images.ts';
import { type DockerfileFlags, type ReadBuild, readBuild } from './dockerfiles.ts';

export interface BuildLink {
  readonly dockerfile: string;
  /** Default: the folder that it lies in. */
  readonly context?: string;
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
}

export interface BuildLinks {
  /** What builds the image of that name. */
  of(image: string): BuildLink | undefined;
  /** Names of `--image NAME=Dockerfile` that nothing asked for. */
  unused(): readonly string[];
}

const isBuild = (text: string): boolean => {
  const target = text.slice(text.indexOf('=') + 1);
  return text.indexOf('=') > 0 && isDockerfileName(target) && !isFolder(target);
};

/** The flags without what is said of Dockerfiles. */
export const imagesOnly = <T extends ImageFlags>(flags: T): T =>
  flags.image === undefined ? flags : { ...flags, image: flags.image.filter((text) => !isBuild(text)) };

export function buildLinks(
  { image = [] }: ImageFlags,
  dockerfiles: readonly string[],
  services: readonly ComposeWorkload[],
): BuildLinks {
  const given = new Map<string, { readonly name: string; readonly link: BuildLink }>();
  for (const { containers, service, name: own, namespace = '' } of services) {
    const { dockerfile, context, target, args } = service.build ?? {};
    // Compose calls what it builds after project and service when nobody says otherwise.
    const name = containers[0]?.image || `${namespace}-${own}`;
    if (dockerfile !== undefined)
      given.set(familiarToFull(name), {
        name: '',
        link: {
          dockerfile,
          ...(context === undefined ? {} : { context }),
          ...(target === undefined ? {} : { target }),
          ...(args === undefined ? {} : { args }),
        },
      });
  }
  for (const text of image.filter(isBuild)) {
    const at = text.indexOf('=');
    given.set(familiarToFull(text.slice(0, at)), { name: text.slice(0, at), link: { dockerfile: text.slice(at + 1) } });
  }
  const used = new Set<string>();
  return {
    of: (name) => {
      const full = familiarToFull(name);
      used.add(full);
      const said = given.get(full)?.link;
      if (said !== undefined) return said;
      const [found, ...more] = namedLike(full, dockerfiles);
      return found === undefined || more.length > 0 ? undefined : { dockerfile: found };
    },
    unused: () => [...given].flatMap(([full, { name }]) => (name === '' || used.has(full) ? [] : [name])),
  };
}

/** Folders that say nothing about what is built in them. */
const NAMELESS = new Set(['docker', '.docker', 'build', 'deploy', 'images', 'image', 'container', 'containers', 'src']);

/** `registry/shop/web:1`: `shop/web/Dockerfile` before `web/Dockerfile`, `Dockerfile.web` and `web.Dockerfile`. */
function namedLike(full: string, dockerfiles: readonly string[]): readonly string[] {
  const path = full
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
    .split('/')
    .slice(1);
  const name = path.at(-1);
  if (name === undefined || name === '') return [];
  const fits = dockerfiles.filter((file) => namesOf(file).includes(name));
  if (fits.length < 2 || path.length < 2) return fits;
  const closer = fits.filter((file) => basename(dirname(folderOf(file))) === path.at(-2));
  return closer.length === 1 ? closer : fits;
}

/** The folder that says what is built: not `docker/` below it. */
function folderOf(file: string): string {
  let folder = dirname(resolve(file));
  while (NAMELESS.has(basename(folder)) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function namesOf(file: string): readonly string[] {
  const name = basename(file);
  const own = /^(?:Dockerfile|Containerfile)[.-](.+)$/.exec(name)?.[1] ?? /^(.+)\.(?:dockerfile|containerfile)$/i.exec(name)?.[1];
  return own === undefined ? [basename(folderOf(file))] : [own];
}

/** `texts`: of Dockerfiles that are to be changed. */
export function readLink(
  { dockerfile, context, target, args = {} }: BuildLink,
  images: ContainerImages,
  texts: ReadonlyMap<string, string> = new Map(),
): Promise<ReadBuild> {
  const flags: DockerfileFlags = {
    ...(context === undefined ? {} : { context }),
    buildArg: Object.entries(args).map(([name, value]) => `${name}=${value}`),
    ...(target === undefined ? {} : { target }),
  };
  return readBuild(dockerfile, flags, images, texts.get(dockerfile));
}

/** Images of a local store first, then what a Dockerfile of the tree would build, then registries. */
export function withBuilds(
  images: ContainerImages,
  links: BuildLinks,
  texts: ReadonlyMap<string, string> = new Map(),
): ContainerImages & { readonly changed: () => readonly BuiltAnew[] } {
  const anew: BuiltAnew[] = [];
  const made = new Map<string, Promise<Found<unknown>>>();
  const build = async <T>(link: BuildLink, name: string, work: Parameters<typeof images.find<T>>[1]): Promise<Found<T>> => {
    const read = await readLink(link, images, texts);
    const state = read.wanted?.state;
    if (read.wanted === undefined || state === undefined)
      return { missing: `image ${name} is built from ${link.dockerfile}, which says nothing that could be built` };
    if (state.baseMissing !== undefined)
      return { missing: `image ${name} is built from ${link.dockerfile}: ${state.baseMissing}` };
    if (texts.has(link.dockerfile)) anew.push({ name, dockerfile: link.dockerfile });
    return { value: await work(predictedImage(read.wanted, name).image) };
  };
  return {
    find: async (name, work, options) => {
      const link = links.of(name);
      if (link === undefined) return images.find(name, work, options);
      const here = await images.find(name, work, { ...options, local: true });
      if ('value' in here) return here;
      const known = (made.get(name) ?? build(link, name, work)) as ReturnType<typeof images.find>;
      made.set(name, known);
      return known as Promise<Found<Awaited<ReturnType<typeof work>>>>;
    },
    targetOf: (name) => images.targetOf?.(name) ?? name,
    unused: () => [...images.unused(), ...links.unused()],
    close: () => images.close(),
    changed: () => anew,
  };
}

/** An image that was looked at as what its changed Dockerfile builds. */
export interface BuiltAnew {
  readonly name: string;
  readonly dockerfile: string;
}

/** With the Dockerfiles among the targets and what compose files there say of them; the images as they are when there is nothing to link. */
export function imagesBuiltBeside(
  images: ContainerImages,
  flags: ImageFlags,
  dockerfiles: readonly string[],
  targets: readonly string[],
): ContainerImages {
  if (dockerfiles.length === 0 && !(flags.image ?? []).some(isBuild)) {
    // Only a service that says how it is built asks local stores alone: then the files are read for it, and not before.
    let built: ContainerImages | undefined;
    const withServices = (): ContainerImages => {
      built ??= withBuilds(images, buildLinks(flags, [], servicesOf(targets)));
      return built;
    };
    return {
      ...images,
      find: (name, work, options) => (options?.local === true ? withServices() : images).find(name, work, options),
    };
  }
  return withBuilds(images, buildLinks(flags, dockerfiles, servicesOf(targets)));
}

/** Standard input can be read once. */
function servicesOf(targets: readonly string[]): readonly ComposeWorkload[] {
  const files = targets.filter((target) => target !== '-');
  return files.length === 0 ? [] : loadManifests(files).services;
}

/** No registry is asked for what is built here: who answers from the Dockerfile then. */
export const nearBuilds = (images: ContainerImages, links: BuildLinks | undefined): ContainerImages =>
  links === undefined
    ? images
    : {
        ...images,
        find: (name, work, options) =>
          images.find(name, work, links.of(name) === undefined ? options : { ...options, local: true }),
      };
