/** Images of the labs: a recipe as data (`labs/images/NAME/image.yaml`) → an OCI layout over the minimal Debian, kept by recipe. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { runCommand } from '../engine/command.ts';
import { storeLayers } from '../engine/rootfs/store.ts';
import { UnrootError } from '../error.ts';
import { openImage } from '../image/sources/index.ts';
import { type BuildOptions, installed, made, minimalSystem, recipeHash } from './debian.ts';
import { readYaml } from './read-lab.ts';

/** A file, folder or link of the layer on top. */
export interface RecipeFile {
  /** Absolute, in the image. */
  readonly path: string;
  /** Text; or a file beside the recipe; or a symbolic link's target; none of them: a folder. */
  readonly content?: string;
  readonly from?: string;
  readonly target?: string;
  /** Octal; default 0644 for files, 0755 for folders. */
  readonly mode?: string;
  /** `uid:gid`, default 0:0. */
  readonly owner?: string;
}

/** `image.yaml`. */
export interface LabImage {
  readonly name: string;
  readonly packages: readonly string[];
  /** Shell inside the image, after its packages. */
  readonly script: string;
  readonly files: readonly RecipeFile[];
  /** `config` of the OCI image. */
  readonly config: Readonly<Record<string, unknown>>;
}

const FIELDS = ['packages', 'script', 'files', 'config'];
const EPOCH = 1_700_000_000;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

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
  for (const [index, one] of files.entries()) {
    const line = lineOf(['files', index]);
    if (!one.path?.startsWith('/') || one.path.split('/').includes('..')) reject('a file has an absolute path', line);
    if (one.mode !== undefined && !/^[0-7]{3,5}$/.test(one.mode)) reject(`${one.path}: mode is octal, in quotes`, line);
    if (one.owner !== undefined && !/^\d+:\d+$/.test(one.owner)) reject(`${one.path}: owner is UID:GID, in quotes`, line);
    if (one.from !== undefined && !resolve(folder, one.from).startsWith(folder + sep))
      reject(`${one.path}: from leaves ${folder}`, line);
  }
  return { name, packages: map.packages ?? [], script: map.script ?? '', files, config: map.config ?? {} };
}

/** The layout of an image, built when it is not there. */
export async function buildImage(folder: string, name: string, options: BuildOptions): Promise<string> {
  const recipe = readImage(folder, name);
  const contents = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => [file.slice(folder.length), createHash('sha256').update(readFileSync(file)).digest('hex')]);
  const home = join(options.cacheFolder, 'images', `${name}-${recipeHash('image', recipe, contents)}`);
  return made(home, options, async (building) => {
    options.onProgress?.(`Building image ${name}`);
    const layout = join(building, 'root');
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    const layers = [shared(await minimalLayer(options), layout)];
    if (recipe.packages.length > 0 || recipe.script !== '') {
      const { below, folder: upper } = await installed(`image-${name}`, recipe.packages, recipe.script, options);
      layers.push(await upperLayer(upper, below, building, layout, `packages ${recipe.packages.join(' ')}`));
    }
    if (recipe.files.length > 0) layers.push(await filesLayer(recipe, folder, building, layout));
    writeLayout(layout, name, recipe.config, layers);
    // Unpacked where the nodes' own unroot finds it: the first container of a learner starts at once.
    const image = await openImage(`oci:${layout}`);
    try {
      const stored = await storeLayers(image, { folder: join(options.cacheFolder, 'store') });
      stored.release();
    } finally {
      await image.close();
    }
  });
}

interface Layer {
  readonly digest: string;
  readonly size: number;
  readonly createdBy: string;
}

/** The layer all images share, packed once. */
async function minimalLayer(options: BuildOptions): Promise<{ readonly file: string; readonly layer: Layer }> {
  const root = await minimalSystem(options);
  const home = join(options.cacheFolder, 'images', `minimal-${recipeHash('layer', dirname(root))}`);
  const folder = await made(home, options, async (building) => {
    const layer = await pack(root, building, join(building, 'layer.tar'), 'minimal Debian', [
      './var/lib/apt/lists/*',
      './var/cache/apt/*.bin',
      './var/cache/apt/archives/*',
      './dev/*',
    ]);
    mkdirSync(join(building, 'root'));
    renameSync(join(building, 'layer.tar'), join(building, 'root/layer.tar'));
    writeFileSync(join(building, 'root/layer.json'), JSON.stringify(layer));
  });
  return { file: join(folder, 'layer.tar'), layer: JSON.parse(readFileSync(join(folder, 'layer.json'), 'utf8')) as Layer };
}

function shared({ file, layer }: { readonly file: string; readonly layer: Layer }, layout: string): Layer {
  linkSync(file, join(layout, 'blobs/sha256', layer.digest.slice(7)));
  return layer;
}

/** An overlay's upper folder as a layer: what is gone is a device 0:0 there and a name here (image-spec layer.md, "Whiteouts"). */
async function upperLayer(upper: string, below: string, building: string, layout: string, createdBy: string): Promise<Layer> {
  const copy = join(building, 'upper');
  const script = `
set -eu
cp -a "$1/." "$3"
cd "$3"
find . -type c | while read -r gone; do
  [ "$(stat -c %t:%T "$gone")" != 0:0 ] || { rm "$gone"; : >"$(dirname "$gone")/.wh.$(basename "$gone")"; }
done
# A folder that hides the one below: every name of that one is gone.
find . -type d | while read -r folder; do
  [ ! -e "$2/$folder" ] || [ "$(getfattr --absolute-names --only-values -n trusted.overlay.opaque "$folder" 2>/dev/null)" != y ] || : >"$folder/.wh..wh..opq"
done
`;
  mkdirSync(copy);
  const result = await runCommand(['sh', '-c', script, 'sh', upper, below, copy], { timeoutMs: 120_000 });
  if (result.code !== 0) throw new UnrootError(`a layer could not be made: ${result.stderr}`, { code: 'lab.build-failed' });
  return blob(await pack(copy, building, join(building, 'layer.tar'), createdBy), join(building, 'layer.tar'), layout);
}

/** Exactly the files of the recipe: parents that the layers below have are not listed, and so keep what they are. */
async function filesLayer(recipe: LabImage, folder: string, building: string, layout: string): Promise<Layer> {
  const stage = join(building, 'stage');
  for (const file of recipe.files) {
    const path = join(stage, file.path);
    const isFolder = file.content === undefined && file.from === undefined && file.target === undefined;
    mkdirSync(isFolder ? path : dirname(path), { recursive: true });
    if (file.target !== undefined) symlinkSync(file.target, path);
    else if (file.from !== undefined) copyFileSync(resolve(folder, file.from), path);
    else if (file.content !== undefined) writeFileSync(path, file.content);
    const [uid = 0, gid = 0] = (file.owner ?? '0:0').split(':').map(Number);
    lchownSync(path, uid, gid);
    // After the owner: a change of owner takes the set-id bits away.
    if (file.target === undefined) chmodSync(path, Number.parseInt(file.mode ?? (isFolder ? '755' : '644'), 8));
  }
  const names = recipe.files.map(({ path }) => path.slice(1));
  const file = join(building, 'files.tar');
  return blob(await pack(stage, building, file, 'files of the recipe', [], names), file, layout);
}

async function pack(
  root: string,
  cwd: string,
  file: string,
  createdBy: string,
  exclude: readonly string[] = [],
  names: readonly string[] = ['.'],
): Promise<Layer> {
  const result = await runCommand(
    [
      'tar',
      ...(names[0] === '.' ? [] : ['--no-recursion']),
      ...exclude.map((pattern) => `--exclude=${pattern}`),
      ...['--numeric-owner', '--xattrs', '--xattrs-include=security.capability', '--sort=name'],
      ...[`--mtime=@${EPOCH}`, '--clamp-mtime', '-C', root, '-cf', file, '--', ...names],
    ],
    { timeoutMs: 300_000, cwd },
  );
  if (result.code !== 0) throw new UnrootError(`tar failed: ${result.stderr}`, { code: 'lab.build-failed' });
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { digest: `sha256:${hash.digest('hex')}`, size: statSync(file).size, createdBy };
}

function blob(layer: Layer, file: string, layout: string): Layer {
  renameSync(file, join(layout, 'blobs/sha256', layer.digest.slice(7)));
  return layer;
}

/** Layers are not compressed: they never leave the machine, and are read at once. */
function writeLayout(layout: string, name: string, config: LabImage['config'], layers: readonly Layer[]): void {
  const MEDIA = 'application/vnd.oci.image';
  const put = (value: unknown): { readonly digest: string; readonly size: number } => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(layout, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const { Env = [PATH], ...rest } = config;
  const configBlob = put({
    created: new Date(EPOCH * 1000).toISOString(),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env, ...rest },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(({ createdBy }) => ({ created_by: createdBy })),
  });
  const manifest = put({
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: { mediaType: `${MEDIA}.config.v1+json`, ...configBlob },
    layers: layers.map(({ digest, size }) => ({ mediaType: `${MEDIA}.layer.v1.tar`, digest, size })),
  });
  const annotations = { 'org.opencontainers.image.ref.name': name };
  writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: `${MEDIA}.manifest.v1+json`, ...manifest, annotations }] }),
  );
}
