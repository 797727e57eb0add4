/** Real images for tests, made of Debian packages: mmdebstrap for the packages, a second layer for the files of the recipe. Cached by recipe. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { withLock } from '../../src/lab/lock.ts';
import { debianBase, EPOCH, installPackages } from './debian-packages.ts';

/** One entry of the second layer. Parents that the packages do not bring are listed too. */
export interface RecipeEntry {
  readonly path: string;
  /** A file's text; absent = a directory, unless `target` makes it a symlink. */
  readonly content?: string;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** The `config` object of the OCI image config, as it is written into the image. */
export interface RecipeConfig {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Healthcheck?: {
    readonly Test: readonly string[];
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly Retries?: number;
  };
}

export interface ImageRecipe {
  readonly name: string;
  readonly packages: readonly string[];
  /** Shell run on the machine after the packages are in; `$1` is the root of the image, `chroot "$1" …` works. */
  readonly script?: string;
  readonly entries?: readonly RecipeEntry[];
  readonly config: RecipeConfig;
}

/** An image on disk, ready to be given to the program under test. Shared by all tests: never change the files. */
export interface TestImage {
  readonly name: string;
  /** `oci:/var/tmp/…/layout:nginx`. */
  readonly reference: string;
  /** The OCI layout folder. */
  readonly layout: string;
  /** The same image as `docker save` writes it (made on first use; needs skopeo). */
  dockerArchive(): string;
}

/** Raise when the builder itself changes what it makes. */
const BUILDER = 'unroot-test-image 2';
const MEDIA = 'application/vnd.oci.image';

/** What keeps this machine from building images, with the line that helps; undefined when it can. */
export function whyNoDebianImages(): string | undefined {
  if (process.getuid?.() !== 0) return 'building test images needs root';
  const missing = ['mmdebstrap', 'tar'].filter((program) => !onPath(program));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed: apt-get install -y ${missing.join(' ')}`;
}

/** Is there such a program on PATH? */
export function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** Builds the image, or takes it from the cache. Two test files asking at once wait for one build. */
export async function debianImage(recipe: ImageRecipe): Promise<TestImage> {
  const hash = createHash('sha256')
    .update(JSON.stringify([BUILDER, 'bookworm', recipe]))
    .digest('hex')
    .slice(0, 16);
  const cache = process.env.UNROOT_TEST_CACHE ?? '/var/tmp/unroot-test-images';
  const folder = join(cache, `${recipe.name}-${hash}`);
  mkdirSync(cache, { recursive: true });
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(join(folder, 'layout/index.json'))) return;
    const started = Date.now();
    process.stderr.write(`building test image ${recipe.name} (${recipe.packages.join(' ')}) …\n`);
    const building = `${folder}.building`;
    rmSync(building, { recursive: true, force: true });
    mkdirSync(join(building, 'layout'), { recursive: true });
    try {
      await buildLayout(recipe, building, cache);
      rmSync(folder, { recursive: true, force: true });
      renameSync(building, folder);
    } finally {
      rmSync(building, { recursive: true, force: true });
    }
    process.stderr.write(`built test image ${recipe.name} in ${((Date.now() - started) / 1000).toFixed(0)} s: ${folder}\n`);
  });
  const layout = join(folder, 'layout');
  return {
    name: recipe.name,
    layout,
    reference: `oci:${layout}:${recipe.name}`,
    dockerArchive: () => dockerArchive(folder, recipe.name),
  };
}

function dockerArchive(folder: string, name: string): string {
  const file = join(folder, 'docker-archive.tar');
  if (existsSync(file)) return file;
  const building = `${file}.${process.pid}`;
  rmSync(building, { force: true });
  execFileSync('skopeo', [
    'copy',
    '-q',
    `oci:${join(folder, 'layout')}:${name}`,
    `docker-archive:${building}:localhost/${name}:latest`,
  ]);
  renameSync(building, file);
  return file;
}

async function buildLayout(recipe: ImageRecipe, work: string, cache: string): Promise<void> {
  const base = await withLock(join(cache, 'base.lock'), () => baseLayer(cache));
  const packages = await withLock(join(cache, 'apt.lock'), () =>
    installPackages(base.folder, work, cache, recipe.packages, recipe.script),
  );
  const layers = [base.into(work), await addLayer(work, packages, `packages ${recipe.packages.join(' ')}`)];
  if ((recipe.entries ?? []).length > 0)
    layers.push(await addLayer(work, packEntries(recipe.entries ?? [], work), 'files of the recipe'));

  const config = addBlob(work, {
    created: new Date(Number(EPOCH) * 1000).toISOString(),
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...recipe.config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((layer) => ({ created_by: layer.createdBy })),
  });
  const manifest = addBlob(work, {
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config: { mediaType: `${MEDIA}.config.v1+json`, ...config },
    layers: layers.map(({ digest, size }) => ({ mediaType: `${MEDIA}.layer.v1.tar+gzip`, digest, size })),
  });
  const descriptor = {
    mediaType: `${MEDIA}.manifest.v1+json`,
    ...manifest,
    annotations: { 'org.opencontainers.image.ref.name': recipe.name },
  };
  writeFileSync(join(work, 'layout/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(work, 'layout/index.json'), JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }));
}

/** The entries as a tar with exactly them in it: no implied parents, so that no directory of the lower layer is changed by accident. */
function packEntries(entries: readonly RecipeEntry[], work: string): string {
  const stage = join(work, 'stage');
  for (const entry of entries) {
    const path = join(stage, entry.path);
    mkdirSync(entry.content === undefined && entry.target === undefined ? path : dirname(path), { recursive: true });
    if (entry.target !== undefined) execFileSync('ln', ['-s', entry.target, path]);
    else if (entry.content !== undefined) writeFileSync(path, entry.content);
    execFileSync('chown', ['-h', `${entry.uid ?? 0}:${entry.gid ?? 0}`, path]);
    const mode = entry.mode ?? (entry.content === undefined ? 0o755 : 0o644);
    if (entry.target === undefined) execFileSync('chmod', [mode.toString(8), path]);
  }
  const file = join(work, 'entries.tar');
  const names = entries.map((entry) => entry.path.replace(/^\//, ''));
  execFileSync('tar', ['-C', stage, '--no-recursion', '--numeric-owner', `--mtime=@${EPOCH}`, '-cf', file, '--', ...names]);
  rmSync(stage, { recursive: true });
  return file;
}

interface Layer {
  readonly digest: string;
  readonly diffId: string;
  readonly size: number;
  readonly createdBy: string;
}

/** The layer that all images share: packed once, then a second name of the same file. */
async function baseLayer(cache: string): Promise<{ readonly folder: string; into(work: string): Layer }> {
  const { made, folder, tar } = await debianBase(cache);
  const description = join(made, 'layer.json');
  if (!existsSync(description)) writeFileSync(description, JSON.stringify(await addLayer(made, tar, 'minimal system')));
  const layer = JSON.parse(readFileSync(description, 'utf8')) as Layer;
  const blob = join('layout/blobs/sha256', layer.digest.slice('sha256:'.length));
  return {
    folder,
    into(work) {
      mkdirSync(join(work, dirname(blob)), { recursive: true });
      linkSync(join(made, blob), join(work, blob));
      return layer;
    },
  };
}

async function addLayer(work: string, tar: string, createdBy: string): Promise<Layer> {
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  const file = `${tar}.gz`;
  const tap = (hash: typeof plain): Transform =>
    new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
  await pipeline(createReadStream(tar), tap(plain), createGzip({ level: 1 }), tap(packed), createWriteStream(file));
  const digest = `sha256:${packed.digest('hex')}`;
  const size = statSync(file).size;
  mkdirSync(join(work, 'layout/blobs/sha256'), { recursive: true });
  renameSync(file, join(work, 'layout/blobs/sha256', digest.slice('sha256:'.length)));
  rmSync(tar);
  return { digest, diffId: `sha256:${plain.digest('hex')}`, size, createdBy };
}

function addBlob(work: string, value: unknown): { readonly digest: string; readonly size: number } {
  const bytes = Buffer.from(JSON.stringify(value));
  const hex = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(work, 'layout/blobs/sha256', hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
