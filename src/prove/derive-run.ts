/** The image that a list of layer changes and run settings make: what of the settings an image itself says goes into its config. */
import type { LayerChange, Run } from '../finding/fix.ts';
import type { DerivedImage } from '../image/derive.ts';
import type { Image } from '../image/image.ts';

/** The base with one more layer. */
export async function deriveRun(image: Image, layer: readonly LayerChange[], run: Run): Promise<DerivedImage> {
  const { deriveImage } = await import('../image/derive.ts');
  return deriveImage(image, {
    entries: layer,
    config: {
      user: run.user,
      ...(Object.keys(run.env).length > 0 ? { env: run.env } : {}),
      ...(run.entrypoint === undefined ? {} : { entrypoint: run.entrypoint }),
      ...(run.command === undefined ? {} : { cmd: run.command }),
      ...(run.workdir === undefined ? {} : { workingDir: run.workdir }),
      ...(run.healthcheck === undefined ? {} : { healthcheck: run.healthcheck }),
      ...exposedPorts(image, run),
    },
  });
}

/** What the image says of its ports follows those that moved. */
function exposedPorts({ config }: Image, { ports }: Run): { readonly exposedPorts?: readonly string[] } {
  if (ports.every(({ from, to }) => from === to)) return {};
  const moved = new Map(ports.map(({ from, to }) => [from, to]));
  const exposed = config.exposedPorts.map((spec) => {
    const to = moved.get(Number.parseInt(spec, 10));
    return to === undefined || spec.includes('-') ? spec : spec.replace(/^\d+/, String(to));
  });
  return { exposedPorts: exposed };
}
