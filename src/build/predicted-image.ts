/** A predicted stage as an image, so that everything that is asked of images can be asked of it. Nothing of it can be started. */
import type { Image, ImageConfig, Layer, RootFs } from '../image/image.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import { directoryInfo, makeFolders, UNKNOWN } from './build-tree.ts';
import type { PredictedStage } from './predict-build.ts';
import type { OpaqueStep, StageState } from './stage-state.ts';

const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The run settings as an image has them; what nobody knows is left out. */
export function configOf({ config }: StageState): ImageConfig {
  return {
    user: config.user ?? '',
    env: [...config.env].flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])),
    entrypoint: config.entrypoint ?? [],
    cmd: config.cmd ?? [],
    workingDir: config.workingDir ?? '',
    volumes: config.volumes,
    exposedPorts: config.exposedPorts,
    labels: config.labels,
    ...(config.stopSignal === undefined ? {} : { stopSignal: config.stopSignal }),
    ...(config.healthcheck === undefined ? {} : { healthcheck: config.healthcheck }),
    ...(config.shell === undefined ? {} : { shell: config.shell }),
  };
}

/** Steps after which something may be there that was not seen being made; with a path, at that path. */
export const mayHaveMade = ({ opaque }: StageState, path?: string): OpaqueStep | undefined =>
  opaque.find(
    (step) =>
      step.kind !== 'content' ||
      (path !== undefined &&
        step.path !== undefined &&
        (path === step.path || path.startsWith(step.path === '/' ? '/' : `${step.path}/`))),
  );

/**
 * The program that the image starts, put where it would be when nobody saw it being made but somebody may have: an image that was built is
 * taken to start. Answers the path that was assumed.
 */
function assumeProgram(state: StageState): { readonly path: string; readonly step: OpaqueStep } | undefined {
  const { config, tree } = state;
  const word = [...(config.entrypoint ?? []), ...(config.cmd ?? [])][0];
  if (word === undefined || word === '') return undefined;
  const folders = (config.env.get('PATH') ?? USUAL_PATH).split(':');
  const cwd = config.workingDir || '/';
  const places = word.includes('/')
    ? [word.startsWith('/') ? word : `${cwd}/${word}`]
    : folders.map((folder) => `${folder}/${word}`);
  if (places.some((place) => tree.find(place).node !== undefined)) return undefined;
  // A step that is about that very place before one that may have made anything.
  const exact = places.find((place) => state.opaque.some(({ path }) => path === place));
  const path = exact ?? (word.includes('/') ? places[0]! : `/usr/bin/${word}`);
  const step = places.map((place) => mayHaveMade(state, place)).find((one) => one !== undefined);
  if (step === undefined) return undefined;
  const parent = makeFolders(tree, path.slice(0, path.lastIndexOf('/')) || '/', () => directoryInfo(state.layer));
  if (parent === undefined) return undefined;
  const node = tree.put(parent, path.slice(path.lastIndexOf('/') + 1), { ...directoryInfo(step.layer), type: 'file' }, UNKNOWN);
  node.assumed = true;
  return { path, step };
}

export interface PredictedImage {
  readonly image: Image;
  /** What was taken for granted. */
  readonly assumed?: { readonly path: string; readonly step: OpaqueStep };
}

/** `reference` is how it is shown. */
export function predictedImage({ state, base }: PredictedStage, reference: string): PredictedImage {
  const assumed = assumeProgram(state);
  const rootFs: RootFs = state.tree;
  const digest = 'sha256:0000000000000000000000000000000000000000000000000000000000000000';
  const own = [...state.layers].map(
    ([, instruction]): Layer => ({
      digest,
      diffId: digest,
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
      compression: 'none',
      size: 0,
      createdBy: describe(instruction),
    }),
  );
  async function* nothing(): AsyncGenerator<Uint8Array> {
    // A prediction has no bytes.
  }
  const config = configOf(state);
  const image: Image = {
    reference,
    transport: 'oci',
    digest,
    configDigest: digest,
    platform: base?.platform ?? { os: 'linux', architecture: '' },
    config,
    rawConfig: new TextEncoder().encode(
      JSON.stringify({
        created: '1970-01-01T00:00:00Z',
        os: 'linux',
        architecture: base?.platform.architecture ?? 'amd64',
        config: {},
        rootfs: { type: 'layers', diff_ids: [] },
      }),
    ),
    layers: [...(base?.layers ?? []), ...own],
    openLayerBlob: nothing,
    openLayer: nothing,
    rootFs: async () => rootFs,
    readFiles: (paths, options) => rootFs.readFiles(paths, options),
    close: async () => undefined,
  };
  return assumed === undefined ? { image } : { image, assumed };
}

const describe = ({ name, args }: Instruction): string => `${name} ${args.text.slice(0, 80)}`;
