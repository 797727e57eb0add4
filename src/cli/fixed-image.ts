/** The result of a fix as documents and as the texts that are written beside the image. */
import type { Image } from '../image/image.ts';
import type { SmallerRoot } from '../prove/smaller-root.ts';
import { type ArtifactInput, dnsLabel } from '../report/artifacts/artifact.ts';
import { dockerfile } from '../report/artifacts/dockerfile.ts';
import { fixReport, proveReport } from '../report/documents.ts';
import type { FixReport } from '../report/report.ts';
import type { FixResult } from '../unroot.ts';
import { imageLabel } from './image-label.ts';

export interface FixedImage {
  readonly result: FixResult;
  readonly artifacts: ArtifactInput;
  readonly report: FixReport;
}

/** RUN lines need a shell, and setcap where a file gets capabilities; else the layer comes as an archive. */
function canRunLines({ subject, layer }: FixResult): boolean {
  const has = (paths: readonly string[]): boolean => hasOne(subject, paths);
  const setsCapabilities = layer.some((change) => change.kind === 'own' && change.capabilities !== undefined);
  return has(['/bin/sh']) && (!setsCapabilities || has(['/sbin/setcap', '/usr/sbin/setcap']));
}

const hasOne = ({ rootFs }: FixResult['subject'], paths: readonly string[]): boolean =>
  paths.some((path) => rootFs.resolve(path).entry !== undefined);

const hasTools = (subject: FixResult['subject']): boolean =>
  ['sh', 'chown', 'chgrp', 'chmod', 'cp'].every((tool) => hasOne(subject, [`/bin/${tool}`, `/usr/bin/${tool}`]));

/** `name` is what the result is called; default: the base's name with `-unroot`. */
export function fixedImage(target: string, image: Image, result: FixResult, name?: string): FixedImage {
  const { recipient, profile, findings, fixes, unresolved, layer, run, fixedRun, rounds, denials, engine, unknown } = result;
  const baseName = imageLabel(target, image);
  const shared: ArtifactInput = {
    name: name ?? `localhost/${dnsLabel(baseName)}-unroot:latest`,
    baseName,
    layer,
    run,
    fixedRun,
    hasShell: canRunLines(result),
    hasChown: hasTools(result.subject),
    exposedPorts: run.ports.map(({ to, protocol }) => ({ port: to, protocol: protocol ?? 'tcp' })),
    volumes: image.config.volumes,
    withContent: [...image.config.volumes, ...run.volumes.map(({ path }) => path)].filter(
      (path) => result.subject.rootFs.list(path).length > 0,
    ),
  };
  const { smallerRoot } = result;
  const artifacts = smallerRoot === undefined ? shared : { ...shared, smallerRoot: asSmallerRoot(shared, smallerRoot) };
  const subject = {
    target,
    platform: profile.name,
    user: recipient.arbitrary ? 'arbitrary' : `${recipient.uid}:${recipient.gid}`,
  };
  const proof =
    result.proof === undefined
      ? undefined
      : proveReport(result.proof, result.asIs, { ...subject, engine, rounds, moved: run.ports, denials, unknown: [] });
  const report = fixReport({
    ...subject,
    findings,
    fixes,
    unresolved,
    run,
    addedBytes: result.image.added.compressed,
    ...(result.measured === undefined
      ? {}
      : {
          measured: {
            ...result.measured,
            rounds,
            bytesAdded: result.image.added.compressed,
            bytesUnpacked: result.image.added.uncompressed,
          },
        }),
    dockerfile: dockerfile(artifacts),
    ...(smallerRoot === undefined ? {} : { smallerRoot }),
    ...(proof === undefined ? {} : { proof }),
    unknown,
  });
  return { result, artifacts, report };
}

/** The image as it is, with what is left of root. */
const asSmallerRoot = (input: ArtifactInput, { run, why, works, notes }: SmallerRoot): ArtifactInput => ({
  ...input,
  name: input.baseName,
  layer: [],
  run,
  fixedRun: run,
  title: [
    `Root, but smaller: ${input.baseName} was not made to work as a user.`,
    ...why,
    works
      ? 'A run with exactly these capabilities did the same work as before.'
      : 'NOT TRIED SUCCESSFULLY: no smaller set than this was found with which it worked.',
    ...notes,
  ].join('\n'),
});
