/** Finds the images that containers name: where `--image NAME=TARGET` says, else in the local stores, else in registries. Each is opened once. */
import { type Command, Option } from 'commander';
import { UnrootError } from '../error.ts';
import type { Image } from '../image/image.ts';
import { familiarToFull } from '../image/reference.ts';
import { openByName } from '../image/sources/by-name.ts';
import { type OpenImageOptions, openImage } from '../image/sources/index.ts';
import { usageError } from './usage-error.ts';

export interface ImageFlags {
  readonly image?: readonly string[];
}

/** `--image`. */
export const addImages = (command: Command): Command =>
  command.addOption(
    new Option(
      '--image <name=target>',
      'where the bytes of an image are that manifests name, nginx:1.27=docker-archive:nginx.tar (repeatable)',
    )
      .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
      .env('UNROOT_IMAGE'),
  );

/** An image, or why there is none. */
export type Found<T> = { readonly value: T } | { readonly missing: string };

export interface FindOptions {
  /** No registry is asked. */
  readonly local?: boolean;
}

export interface ContainerImages {
  /** What `work` makes of the image of that name; done once, and kept. */
  find<T>(name: string, work: (image: Image) => Promise<T>, options?: FindOptions): Promise<Found<T>>;
  /** What `--image` says in place of a name; the name itself otherwise. */
  targetOf?(name: string): string;
  /** Names of `--image` that nothing asked for. */
  unused(): readonly string[];
  close(): Promise<void>;
}

/** The longest name that is looked for; nothing longer is one (distribution reference.go). */
const LONGEST = 512;

export function containerImages(flags: ImageFlags, access: OpenImageOptions & { readonly signal: AbortSignal }): ContainerImages {
  const { signal } = access;
  const given = new Map<string, { readonly name: string; readonly target: string }>();
  for (const text of flags.image ?? []) {
    const at = text.indexOf('=');
    if (at <= 0 || at === text.length - 1)
      throw usageError(`--image ${text} is not understood`, 'NAME=TARGET', '--image nginx:1.27=docker-archive:nginx.tar');
    given.set(familiarToFull(text.slice(0, at)), { name: text.slice(0, at), target: text.slice(at + 1) });
  }
  const used = new Set<string>();
  const open: Image[] = [];
  const results = new Map<string, Promise<Found<unknown>>>();

  const look = async <T>(name: string, work: (image: Image) => Promise<T>, { local }: FindOptions): Promise<Found<T>> => {
    signal.throwIfAborted();
    const full = familiarToFull(name);
    const there = given.get(full);
    if (there !== undefined) {
      used.add(full);
      // Somebody said where it is: not finding it there is an error, not an unknown.
      const image = await openImage(there.target, access);
      open.push(image);
      return { value: await work(image) };
    }
    if (name.length > LONGEST || !/^[\w.][\w.:/@+-]*$/.test(name)) return { missing: `${JSON.stringify(name)} is no image name` };
    try {
      const image = await openByName(
        name,
        local === true
          ? { ...access, wholeNames: true, registry: { ...access.registry, offline: true } }
          : { ...access, wholeNames: true },
      );
      open.push(image);
      return { value: await work(image) };
    } catch (error) {
      if (!(error instanceof UnrootError) || error.exitCode === 130) throw error;
      return { missing: error.code === 'image.not-found' ? `image ${name} is not here` : error.message };
    }
  };
  return {
    find: <T>(name: string, work: (image: Image) => Promise<T>, options: FindOptions = {}) => {
      const key = options.local === true ? `local ${name}` : name;
      const known = results.get(key) as Promise<Found<T>> | undefined;
      if (known !== undefined) return known;
      const made = look(name, work, options);
      results.set(key, made);
      return made;
    },
    targetOf: (name) => given.get(familiarToFull(name))?.target ?? name,
    unused: () => [...given].filter(([full]) => !used.has(full)).map(([, { name }]) => name),
    close: async () => {
      for (const image of open) await image.close();
    },
  };
}
