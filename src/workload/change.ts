/** What a fix asks of the text around an image; each format writes it in its own words (`formats/*`), or says that it cannot. */
import type { TextEdit } from '../text/edit.ts';
import type { TextProblem } from '../text/span.ts';

/** Of one container, service or stage. What is absent stays as it is. */
export interface ContainerChange {
  /** Its name in the workload; Dockerfile: the stage's name or number. */
  readonly container: string;
  /** A reference that replaces the one that was written. */
  readonly image?: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Let the platform check that it is no root user. */
  readonly runAsNonRoot?: true;
  /** Groups besides, and the one that Kubernetes gives volumes to. */
  readonly supplementalGroups?: readonly number[];
  readonly fsGroup?: number;
  readonly noNewPrivileges?: true;
  readonly capDrop?: readonly string[];
  /** Without `CAP_`. */
  readonly capAdd?: readonly string[];
  readonly readOnly?: true;
  /** Only where nothing is set: `RuntimeDefault`. */
  readonly seccompProfile?: 'RuntimeDefault';
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly workdir?: string;
  /** Memory file systems: `/run:mode=1777` as `docker run --tmpfs` takes them. */
  readonly tmpfs?: readonly string[];
  /** The program listens on `to` from now on; whoever reached it by `from` still does so by `from`. */
  readonly ports?: readonly { readonly from: number; readonly to: number; readonly protocol?: 'udp' }[];
  /** Files of mounted ConfigMaps with what they must say. */
  readonly configFiles?: readonly { readonly name: string; readonly key: string; readonly text: string }[];
  /** Mounts that must belong to the user. */
  readonly volumes?: readonly { readonly path: string; readonly owner: string; readonly mode: string }[];
}

export interface WrittenChange {
  readonly edits: readonly TextEdit[];
  /** What this format cannot say, or what stands in the way (an anchor that other containers share, a template), each at its place. */
  readonly problems: readonly TextProblem[];
}
