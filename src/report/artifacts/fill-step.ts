/**
 * Folders of the image that a read-only root takes away from the program: an emptyDir in their place, filled with what the image has there before
 * each start, by the pod's own user.
 */
import type { ArtifactInput } from './artifact.ts';
import { preparedVolumes } from './volume-step.ts';

const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** Paths; none without a shell to copy with, and none that another step prepares. */
export function filledFolders(input: ArtifactInput): readonly string[] {
  if (!input.run.readOnly || !input.hasShell) return [];
  const prepared = new Set(preparedVolumes(input).map(({ path }) => path));
  return input.run.volumes.map(({ path }) => path).filter((path) => input.withContent.includes(path) && !prepared.has(path));
}

/** `volumes`: the pod's, by where they are mounted. Undefined when there is nothing to fill. */
export function fillContainer(
  input: ArtifactInput,
  volumes: readonly { readonly name: string; readonly path: string }[],
): object | undefined {
  const folders = new Set(filledFolders(input));
  const filled = volumes.filter(({ path }) => folders.has(path));
  if (filled.length === 0) return undefined;
  const lines = filled.map(({ name, path }) => `cp -R ${quote(`${path}/.`)} /fill/${name}/`);
  return {
    name: 'fill',
    image: input.name,
    command: ['/bin/sh', '-c', lines.join(' && ')],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, readOnlyRootFilesystem: true },
    volumeMounts: filled.map(({ name }) => ({ name, mountPath: `/fill/${name}` })),
  };
}
