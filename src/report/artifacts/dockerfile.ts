/** The derived image as a Dockerfile: the same entries, the same owners, nothing recursive. */
import type { LayerChange } from '../../finding/fix.ts';
import { octal } from '../../text/octal.ts';
import type { ArtifactInput } from './artifact.ts';

/** Name of the tar that goes beside the Dockerfile when the image has no shell to run chown with. */
export const LAYER_ARCHIVE = 'layer.tar';

const quote = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** ADD of a local tar keeps owners and modes (Dockerfile reference, ADD); RUN lines are easier to read and to review. */
export function dockerfile(input: ArtifactInput): string {
  const lines = [
    `# Made by unroot: ${input.baseName} as uid ${input.fixedRun.user.split(':')[0]}.`,
    `FROM ${input.baseName}`,
    '',
  ];
  if (input.layer.length > 0) {
    lines.push('USER 0:0');
    if (input.hasShell) lines.push(...runLines(input.layer));
    else
      lines.push(
        '# The image has no shell: the entries come as an archive, which keeps their owners and modes.',
        `ADD ${LAYER_ARCHIVE} /`,
      );
    lines.push('');
  }
  for (const [name, value] of Object.entries(input.fixedRun.env)) lines.push(`ENV ${name}=${JSON.stringify(value)}`);
  lines.push(`USER ${input.fixedRun.user}`);
  if (input.fixedRun.workdir !== undefined) lines.push(`WORKDIR ${input.fixedRun.workdir}`);
  if (input.fixedRun.entrypoint !== undefined) lines.push(`ENTRYPOINT ${JSON.stringify(input.fixedRun.entrypoint)}`);
  if (input.fixedRun.command !== undefined) lines.push(`CMD ${JSON.stringify(input.fixedRun.command)}`);
  for (const { from, to, protocol } of input.fixedRun.ports)
    if (from !== to) lines.push(`EXPOSE ${to}${protocol === 'udp' ? '/udp' : ''}`);
  if (input.fixedRun.healthcheck !== undefined) lines.push(healthcheckLine(input.fixedRun.healthcheck));
  return `${lines.join('\n')}\n`;
}

/** `CMD-SHELL` is the form without brackets; how often it is asked is Docker's default then, and the base's in the image. */
function healthcheckLine([kind, ...words]: readonly string[]): string {
  return kind === 'CMD-SHELL' ? `HEALTHCHECK CMD ${words.join(' ')}` : `HEALTHCHECK CMD ${JSON.stringify(words)}`;
}

function runLines(layer: readonly LayerChange[]): string[] {
  return [`RUN ${layer.flatMap(commandsOf).join(' \\\n && ')}`];
}

function commandsOf(change: LayerChange): string[] {
  const path = quote(change.path);
  const owner = `${change.uid}:${change.gid}`;
  if (change.kind === 'symlink') return [`ln -sfn ${quote(change.target)} ${path}`, `chown -h ${owner} ${path}`];
  const make = change.kind === 'directory' ? [`mkdir -p ${path}`] : change.kind === 'file' ? [writes(change.content, path)] : [];
  return [...make, `chown ${owner} ${path}`, `chmod ${octal(change.mode)} ${path}`, ...capabilityCommands(change, path)];
}

/** Behind chown, which takes file capabilities away (chown(2)). */
function capabilityCommands(change: LayerChange, path: string): string[] {
  if (change.kind !== 'own' || change.capabilities === undefined) return [];
  if (change.capabilities.length === 0) return [`setcap -r ${path}`];
  return [`setcap ${change.capabilities.map((name) => name.toLowerCase()).join(',')}=ep ${path}`];
}

/** In base64, so that any content survives the Dockerfile's and the shell's own reading of it. */
function writes(content: string, path: string): string {
  if (content === '') return `: > ${path}`;
  const bytes = new TextEncoder().encode(content);
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  return `echo ${text} | base64 -d > ${path}`;
}
