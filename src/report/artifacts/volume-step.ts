/** The step that gives the user what is in a volume: once, as root, with no more than that takes. */
import type { RunVolume } from '../../finding/fix.ts';
import type { ArtifactInput } from './artifact.ts';

/** For images that lack a shell or chown. */
const BUSYBOX = 'docker.io/library/busybox:stable';

/** chown; files and folders of anybody; chmod of what is somebody else's. Pod Security baseline allows them, restricted none. */
export const STEP_CAPABILITIES: readonly string[] = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'];

/** Volumes that somebody has to prepare: Kubernetes has no setting that does it. */
export const preparedVolumes = ({ run }: ArtifactInput): readonly RunVolume[] =>
  run.volumes.filter(({ remedy }) => remedy === 'migrate' || remedy === 'init');

export const stepImage = ({ name, hasChown }: ArtifactInput): string => (hasChown === true ? name : BUSYBOX);

/** Volumes whose new claim starts with what the image has there; only the image itself can fill them. */
export const filled = ({ withContent, hasChown }: ArtifactInput, { path }: RunVolume): boolean =>
  hasChown === true && withContent.includes(path);

const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A shell script; `at` is where the volume is mounted, which must not be its own path when the image fills it. What it holds keeps its modes. */
export function stepScript(input: ArtifactInput, volume: RunVolume, at: string): string {
  const [uid, gid] = volume.owner.split(':') as [string, string];
  const fill = filled(input, volume) ? `cp -a ${quote(`${volume.path}/.`)} ${at}/; ` : '';
  const owner = uid === '0' ? `chgrp -Rh ${gid} ${at} && chmod -R g=u ${at}` : `chown -Rh ${uid}:${gid} ${at}`;
  return [
    'full=',
    `for each in ${at}/* ${at}/.[!.]*; do case "$each" in */lost+found) ;; *) [ ! -e "$each" ] || full=1 ;; esac; done`,
    `[ -n "$full" ] || { ${fill}chmod ${volume.mode} ${at}; }`,
    owner,
  ].join('\n');
}
