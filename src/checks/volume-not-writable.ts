/** A declared VOLUME starts out with an owner that is not the user. */
import type { Check } from './check.ts';
import { createIn, probePath } from './probe-path.ts';

export const volumeNotWritable: Check = {
  id: 'volume-not-writable',
  summary: 'The user may not write in a directory that the image declares as a VOLUME.',
  severity: 'error',
  authority:
    'OCI image-spec config.md, Volumes; a fresh volume takes owner and mode of the image directory (Docker, Podman, containerd CRI)',
  run: (context) =>
    context.image.config.volumes.flatMap((volume) => {
      const finding = probePath(
        context,
        {
          id: 'volume-not-writable',
          severity: 'error',
          because: `the image declares VOLUME ${volume}`,
          confidence: 'medium',
          claim: `may not write in ${volume}, a VOLUME of the image`,
        },
        createIn(volume),
      );
      return finding ? [finding] : [];
    }),
};
