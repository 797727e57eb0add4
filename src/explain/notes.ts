/** What a reader must know besides: where an answer could be different on another day. */
import type { Decision } from '../linux/decision.ts';
import type { Operation } from '../linux/operation.ts';
import type { Component } from './explanation.ts';

export function notesFor(operation: Operation, decision: Decision, walk: readonly Component[]): readonly string[] {
  const notes: string[] = [];
  const mounts = new Map(walk.flatMap(({ mount }) => (mount === undefined ? [] : [[mount.target, mount] as const])));
  for (const { target, type, origin, source } of mounts.values()) {
    if (type === 'volume' && !decision.known) notes.push(`what is in the volume at ${target} is not known before it is there`);
    else if (type === 'volume' && source !== undefined)
      notes.push(`${target} is taken for a new, empty volume; one that holds data already keeps the owners and modes it has`);
    if (type === 'bind' && !decision.known)
      notes.push(`${target} is ${source ?? 'a folder'} of the host: what is in it cannot be told from the image`);
    if (type === 'tmpfs' && origin !== 'platform') notes.push(`${target} is a tmpfs: empty when the container starts`);
    if ((type === 'sysfs' || type === 'cgroup' || type === 'proc') && !decision.known)
      notes.push(`${target} is made by the host's kernel: what is in it differs from machine to machine`);
  }
  const [first] = walk.filter(({ part }) => part === 'path').slice(-1);
  if (operation.kind === 'rename' && decision.allowed && first?.type === 'directory' && first.layer !== undefined)
    notes.push('on overlayfs without redirect_dir a folder of the image cannot be renamed (EXDEV); mv copies it then');
  const script = walk.find(
    ({ interpreter, mode }) => interpreter !== undefined && (Number.parseInt(mode ?? '0', 8) & 0o6000) !== 0,
  );
  if (script !== undefined) notes.push(`${script.path} is a script: its set-id bits are ignored, those of its interpreter count`);
  return notes;
}
