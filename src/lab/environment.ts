/** Everything a lab stands on, built or taken from the cache: the node's system, the images, the tools, the program itself. */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder as unrootCache } from '../engine/rootfs/locate.ts';
import { UnrootError } from '../error.ts';
import { type BuildOptions, installed } from './debian.ts';
import { type FoundLab, packageFolder } from './find-labs.ts';
import { buildImage, imageFolder } from './images.ts';
import { missingFor } from './needs.ts';
import { readYaml } from './read-lab.ts';
import { type LabTools, labTools } from './tools.ts';

export interface PrepareOptions {
  /** Default: `lab` below unroot's cache. */
  readonly cacheFolder?: string;
  /** Folder of unroot.js; default: of the running program, or the package's dist. */
  readonly program?: string;
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

export interface PreparedLab {
  readonly cacheFolder: string;
  /** Folders of the node's system, top first. */
  readonly lower: readonly string[];
  readonly images: ReadonlyMap<string, string>;
  readonly program: string;
  readonly tools: LabTools;
}

/** Throws, saying all that is missing, when the lab cannot run here. */
export async function prepareLab(found: FoundLab, options: PrepareOptions): Promise<PreparedLab> {
  const missing = await missingFor(found.lab);
  if (missing.length > 0)
    throw new UnrootError(`lab ${found.lab.id} cannot run here: ${missing.map(({ why }) => why).join('; ')}`, {
      code: 'lab.missing',
      hint: missing.map(({ get }) => get).join('; '),
    });
  const cacheFolder = options.cacheFolder ?? join(unrootCache(), 'lab');
  mkdirSync(cacheFolder, { recursive: true, mode: 0o700 });
  const build: BuildOptions = { cacheFolder, onProgress: options.onProgress, signal: options.signal };
  const { packages, needs, scripts, script } = nodeRecipe(dirname(found.folder));
  const more = found.lab.needs.flatMap((need) => needs[need] ?? []);
  const words = [script, ...found.lab.needs.flatMap((need) => scripts[need] ?? [])].join('');
  const { below, folder } = await installed('node', [...packages, ...more], words, build);
  const images = new Map<string, string>();
  for (const name of found.lab.images)
    images.set(name, await buildImage(name, (one) => imageFolder(dirname(found.folder), packageFolder(), one), build));
  return {
    cacheFolder,
    lower: [folder, below],
    images,
    program: options.program ?? programFolder(),
    tools: await labTools(cacheFolder),
  };
}

interface NodeRecipe {
  readonly packages: readonly string[];
  /** What labs with a need get besides. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
  /** And what is run for them after `script`. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly script: string;
}

function nodeRecipe(labs: string): NodeRecipe {
  const own = join(labs, 'node.yaml');
  const file = existsSync(own) ? own : join(packageFolder(), 'labs/node.yaml');
  const { value } = readYaml(readFileSync(file, 'utf8'), (message, line) => {
    throw new UnrootError(`${file}:${line}: ${message}`, { code: 'lab.invalid', where: { file, line } });
  });
  const { packages = [], needs = {}, scripts = {}, script = '' } = (value ?? {}) as Partial<NodeRecipe>;
  return { packages, needs, scripts, script };
}

/** The bundle this runs from, or the one the package has. */
function programFolder(): string {
  const own = process.argv[1] === undefined ? '' : dirname(realpathSync(process.argv[1]));
  for (const folder of [own, join(packageFolder(), 'dist')]) if (existsSync(join(folder, 'unroot.js'))) return folder;
  throw new UnrootError('the program itself is not built: there is no dist/unroot.js', {
    code: 'lab.missing',
    hint: 'npm run build',
  });
}
