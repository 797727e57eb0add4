/** What a target is, found out by looking: manifests to read, a Dockerfile, or an image. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isDockerfileName } from './dockerfiles.ts';
import { statOf } from './stat-of.ts';

export type TargetKind = 'manifests' | 'dockerfile' | 'image';

const MANIFEST_NAME = /\.(?:ya?ml|json)$/i;
const TRANSPORT = /^(?:docker|docker-archive|docker-daemon|oci|oci-archive|containers-storage):/;

/** Paths that are there decide by what they are; for others the name does. Never throws: whoever opens it says what is wrong. */
export function targetKind(target: string): TargetKind {
  if (target === '-' || target.startsWith('k8s://')) return 'manifests';
  const stat = statOf(target);
  if (stat === undefined) {
    if (TRANSPORT.test(target)) return 'image';
    return MANIFEST_NAME.test(target) ? 'manifests' : isDockerfileName(target) ? 'dockerfile' : 'image';
  }
  if (stat.isDirectory())
    return existsSync(join(target, 'index.json')) || existsSync(join(target, 'oci-layout')) ? 'image' : 'manifests';
  // `<(helm template …)` of a shell.
  if (stat.isFIFO()) return 'manifests';
  if (stat.isFile() && isDockerfileName(target)) return 'dockerfile';
  return stat.isFile() && (MANIFEST_NAME.test(target) || looksLikeManifest(target)) ? 'manifests' : 'image';
}

/** Text that names a kind, or begins as JSON does. Archives begin with other bytes, or with a name padded with zeros. */
function looksLikeManifest(path: string): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const bytes = Buffer.alloc(4096);
    const text = bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
    return !text.includes('\0') && (/^["']?(?:apiVersion|kind)["']?\s*:/m.test(text) || /^\s*\{\s*"/.test(text));
  } catch {
    return false; // not readable: an image until somebody opens it and says why not
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
