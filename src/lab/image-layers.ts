/** Layers of the labs' images: from folders and recipes to tars of an OCI layout. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  lchownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { runCommand } from '../engine/command.ts';
import { UnrootError } from '../error.ts';
import { type BuildOptions, made, minimalSystem, recipeHash } from './debian.ts';
import type { LabImage, RecipeLayer } from './image-recipe.ts';

const EPOCH = 1_700_000_000;
const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What a file of so many bytes is full of. */
const LINE = 'one line of a file that is there for its size, and is read by nobody\n';

/** One layer of a layout that is being made. */
export interface Layer {
  readonly digest: string;
  readonly size: number;
  readonly createdBy: string;
}

/** The layer all images share, packed once. */
export async function minimalLayer(options: BuildOptions): Promise<{ readonly file: string; readonly layer: Layer }> {
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

export function shared({ file, layer }: { readonly file: string; readonly layer: Layer }, layout: string): Layer {
  linkSync(file, join(layout, 'blobs/sha256', layer.digest.slice(7)));
  return layer;
}

/** An overlay's upper folder as a layer: what is gone is a device 0:0 there and a name here (image-spec layer.md, "Whiteouts"). */
export async function upperLayer(
  upper: string,
  below: readonly string[],
  building: string,
  layout: string,
  createdBy: string,
): Promise<Layer> {
  const copy = join(building, 'upper');
  const script = `
set -eu
upper=$1 copy=$2; shift 2
cp -a "$upper/." "$copy"
cd "$copy"
find . -type c | while read -r gone; do
  [ "$(stat -c %t:%T "$gone")" != 0:0 ] || { rm "$gone"; : >"$(dirname "$gone")/.wh.$(basename "$gone")"; }
done
# A folder that hides the one below: every name of that one is gone.
find . -type d | while read -r folder; do
  for below in "$@"; do
    [ ! -e "$below/$folder" ] || [ "$(getfattr --absolute-names --only-values -n trusted.overlay.opaque "$folder" 2>/dev/null)" != y ] || : >"$folder/.wh..wh..opq"
  done
done
`;
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  const result = await runCommand(['sh', '-c', script, 'sh', upper, copy, ...below], { timeoutMs: 120_000 });
  if (result.code !== 0) throw new UnrootError(`a layer could not be made: ${result.stderr}`, { code: 'lab.build-failed' });
  return blob(await pack(copy, building, join(building, 'layer.tar'), createdBy), join(building, 'layer.tar'), layout);
}

/** Exactly these files: parents that the layers below have are not listed, and so keep what they are. `folder`: of the recipe. */
export async function filesLayer(recipe: RecipeLayer, folder: string, building: string, layout: string): Promise<Layer> {
  const stage = join(building, 'stage');
  rmSync(stage, { recursive: true, force: true });
  const files = recipe.files ?? [];
  for (const file of files) {
    const path = join(stage, file.path);
    const isFolder = [file.content, file.from, file.bytes, file.target].every((one) => one === undefined);
    mkdirSync(isFolder ? path : dirname(path), { recursive: true });
    if (file.target !== undefined) symlinkSync(file.target, path);
    else if (file.from !== undefined) copyFileSync(resolve(folder, file.from), path);
    else if (file.bytes !== undefined) writeFileSync(path, LINE.repeat(Math.ceil(file.bytes / LINE.length)).slice(0, file.bytes));
    else if (file.content !== undefined) writeFileSync(path, file.content);
    const [uid = 0, gid = 0] = (file.owner ?? '0:0').split(':').map(Number);
    lchownSync(path, uid, gid);
    // After the owner: a change of owner takes the set-id bits away.
    if (file.target === undefined) chmodSync(path, Number.parseInt(file.mode ?? (isFolder ? '755' : '644'), 8));
  }
  const whiteouts = (recipe.removed ?? []).map((path) => join(dirname(path), `.wh.${basename(path)}`));
  for (const path of whiteouts) {
    mkdirSync(dirname(join(stage, path)), { recursive: true });
    writeFileSync(join(stage, path), '');
  }
  const names = [...files.map(({ path }) => path), ...whiteouts].map((path) => path.slice(1));
  const file = join(building, 'files.tar');
  return blob(await pack(stage, building, file, recipe.createdBy, [], names), file, layout);
}

/** The layers of another layout, in this one too; and its config. */
export function layersOf(
  base: string,
  layout: string,
): { readonly layers: readonly Layer[]; readonly config: LabImage['config'] } {
  const read = (digest: string): unknown => JSON.parse(readFileSync(join(base, 'blobs/sha256', digest.slice(7)), 'utf8'));
  const index = JSON.parse(readFileSync(join(base, 'index.json'), 'utf8')) as { manifests: readonly [{ digest: string }] };
  const manifest = read(index.manifests[0].digest) as { config: { digest: string }; layers: readonly Layer[] };
  const config = read(manifest.config.digest) as { config: LabImage['config']; history: readonly { created_by: string }[] };
  const layers = manifest.layers.map(({ digest, size }, at) => {
    linkSync(join(base, 'blobs/sha256', digest.slice(7)), join(layout, 'blobs/sha256', digest.slice(7)));
    return { digest, size, createdBy: config.history[at]?.created_by ?? '' };
  });
  return { layers, config: config.config };
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
export function writeLayout(layout: string, name: string, config: LabImage['config'], layers: readonly Layer[]): void {
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
