/** Recipes of the labs' images, as data: `labs/images/NAME/image.yaml`. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { UnrootError } from '../error.ts';
import { readYaml } from './read-lab.ts';

/** A file, folder or link of the layer on top. */
export interface RecipeFile {
  /** Absolute, in the image. */
  readonly path: string;
  /** Text; or a file beside the recipe; or so many bytes; or a symbolic link's target; none of them: a folder. */
  readonly content?: string;
  readonly from?: string;
  readonly bytes?: number;
  readonly target?: string;
  /** Octal; default 0644 for files, 0755 for folders. */
  readonly mode?: string;
  /** `uid:gid`, default 0:0. */
  readonly owner?: string;
}

/** One more layer of files, as a line of a Dockerfile would make it. */
export interface RecipeLayer {
  /** What the image's history says of it. */
  readonly createdBy: string;
  readonly files?: readonly RecipeFile[];
  /** Paths of layers below that are gone from here on. */
  readonly removed?: readonly string[];
}

/** `image.yaml`. */
export interface LabImage {
  readonly name: string;
  /** Another image of the labs that it starts from; else a minimal Debian. */
  readonly base?: string;
  readonly packages: readonly string[];
  /** Shell inside the image, after its packages. */
  readonly script: string;
  readonly files: readonly RecipeFile[];
  /** On top of all, in this order. */
  readonly layers?: readonly RecipeLayer[];
  /** `config` of the OCI image. */
  readonly config: Readonly<Record<string, unknown>>;
}

const FIELDS = ['base', 'packages', 'script', 'files', 'layers', 'config'];
const MAX_BYTES = 64 << 20;

/** Reads `folder/image.yaml`. */
export function readImage(folder: string, name: string): LabImage {
  const file = join(folder, 'image.yaml');
  const reject = (message: string, line: number): never => {
    throw new UnrootError(`${file}:${line}: ${message}`, { code: 'lab.invalid', where: { file, line } });
  };
  if (!existsSync(file))
    throw new UnrootError(`there is no image ${name}: ${file} is missing`, { code: 'lab.invalid', where: { file } });
  const { value, lineOf } = readYaml(readFileSync(file, 'utf8'), reject);
  const map = (value ?? {}) as Partial<LabImage>;
  for (const key of Object.keys(map)) if (!FIELDS.includes(key)) reject(`an image has no ${key}`, lineOf([key]));
  const files = map.files ?? [];
  const judge = (all: readonly RecipeFile[], path: readonly (string | number)[]): void => {
    for (const [index, one] of all.entries()) {
      const line = lineOf([...path, index]);
      if (!isInside(one.path)) reject('a file has an absolute path', line);
      if (one.mode !== undefined && !/^[0-7]{3,5}$/.test(one.mode)) reject(`${one.path}: mode is octal, in quotes`, line);
      if (one.owner !== undefined && !/^\d+:\d+$/.test(one.owner)) reject(`${one.path}: owner is UID:GID, in quotes`, line);
      if (one.bytes !== undefined && !(Number.isInteger(one.bytes) && one.bytes >= 0 && one.bytes <= MAX_BYTES))
        reject(`${one.path}: bytes is a number up to ${MAX_BYTES}`, line);
      if (one.from !== undefined && !resolve(folder, one.from).startsWith(folder + sep))
        reject(`${one.path}: from leaves ${folder}`, line);
    }
  };
  judge(files, ['files']);
  for (const [index, layer] of (map.layers ?? []).entries()) {
    if (typeof layer.createdBy !== 'string') reject('a layer says what made it: createdBy', lineOf(['layers', index]));
    judge(layer.files ?? [], ['layers', index, 'files']);
    for (const path of layer.removed ?? [])
      if (!isInside(path)) reject('what is removed has an absolute path', lineOf(['layers', index]));
  }
  if (map.base !== undefined && (!/^[\w-]+$/.test(map.base) || map.base === name))
    reject('base is another image of the labs', lineOf(['base']));
  return {
    name,
    ...(map.base === undefined ? {} : { base: map.base }),
    packages: map.packages ?? [],
    script: map.script ?? '',
    files,
    ...(map.layers === undefined ? {} : { layers: map.layers }),
    config: map.config ?? {},
  };
}

const isInside = (path: unknown): boolean => typeof path === 'string' && path.startsWith('/') && !path.split('/').includes('..');
