/** The files that `fix --out` writes beside the image: what they are made from. */
import type { LayerChange, Run } from '../../finding/fix.ts';

export interface ArtifactInput {
  /** How the result is called: `nginx-unroot:latest`. */
  readonly name: string;
  /** The image that was fixed, as the user named it or as it names itself. */
  readonly baseName: string;
  readonly layer: readonly LayerChange[];
  readonly run: Run;
  /** The part of it that belongs into an image: settings given for a run, a password say, do not. */
  readonly fixedRun: Run;
  /** The image's own settings that the texts repeat. */
  readonly hasShell: boolean;
  /** A shell with chown and cp is in the image. */
  readonly hasChown?: boolean;
  readonly exposedPorts: readonly { readonly port: number; readonly protocol: 'tcp' | 'udp' }[];
  /** VOLUMEs of the image. */
  readonly volumes: readonly string[];
  /** Those paths of volumes where the image has content: an emptyDir would hide it, a named volume copies it. */
  readonly withContent: readonly string[];
  /** Said on top of the texts. */
  readonly title?: string;
  /** What pod.yaml and compose.yaml start instead, when no user can do the work: the image as it is, as a smaller root. */
  readonly smallerRoot?: ArtifactInput;
}

/** As lines of a YAML comment. */
export const titled = ({ title }: ArtifactInput, text: string): string =>
  title === undefined ? text : `${title.replace(/^/gm, '# ')}\n${text}`;

/** A container name that is a DNS label (RFC 1123), made from an image name. */
export function dnsLabel(name: string): string {
  const last = (name.split('@')[0] ?? name).split('/').pop() ?? name;
  const label = (last.split(':')[0] ?? last)
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return label === '' ? 'app' : label;
}
