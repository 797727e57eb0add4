/** A RUN line changes the owner or mode of files of earlier layers: each is stored twice. */
import { type DockerfileCheck, factsOf, sizeText, whereOf } from './dockerfile-check.ts';

/** Less is nobody's trouble. */
const WORTH_SAYING = 64 * 1024;

export const chownCopiesFiles: DockerfileCheck = {
  id: 'chown-copies-files',
  summary: 'A RUN line changes the owner or mode of files that earlier layers hold, so that the image holds them twice.',
  severity: 'info',
  authority:
    'OCI image-spec layer.md, "Change Types": a changed owner or mode is a whole new file; Linux Documentation/filesystems/overlayfs.rst',
  run: (state, container) =>
    factsOf(state, 'copied-by-chown').map((fact) => {
      const copies = fact.layers.map((layer) => state.layers.get(layer)).filter((one) => one !== undefined);
      const copied = copies.length > 0 && copies.every(({ name }) => name === 'COPY' || name === 'ADD');
      const advice = copied ? `; COPY ${fact.by === 'chmod' ? '--chmod' : '--chown'} makes them so at once` : '';
      return {
        id: 'chown-copies-files',
        severity: fact.bytes >= WORTH_SAYING ? 'warning' : 'info',
        confidence: 'high',
        message: `${fact.command} stores ${fact.files === 1 ? '1 file' : `${fact.files} files`} of earlier layers again, ${sizeText(fact.bytes)}${advice}`,
        container,
        where: { ...whereOf(fact.span), path: fact.path },
        evidence: [
          {
            kind: 'derived',
            text: `${fact.files} of the files below ${fact.path} come from ${copies.map(({ name, span }) => `${name} in line ${span.line}`).join(', ') || 'the base image'}`,
          },
        ],
      };
    }),
};
