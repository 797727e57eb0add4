/** A fix is data: layer changes, run settings, or both. Nothing here touches anything. */

import type { Capability } from '../linux/capability.ts';
import type { TextEdit } from '../text/edit.ts';

/** One entry of the layer that is added to the image. Paths are absolute and free of symlinks. */
export type LayerChange =
  /** Same content, other owner or mode. Directories cost nothing; files are copied. */
  | {
      readonly kind: 'own';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      /** File capabilities that it carries from then on, effective; none at all: it loses those it has. Absent = as they are. */
      readonly capabilities?: readonly Capability[];
    }
  | { readonly kind: 'directory'; readonly path: string; readonly uid: number; readonly gid: number; readonly mode: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
      readonly content: string;
    }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string; readonly uid: number; readonly gid: number };

/** What a volume must be like for the user. */
export interface RunVolume {
  readonly path: string;
  /** `uid:gid`. */
  readonly owner: string;
  /** Octal, of the top folder. */
  readonly mode: string;
  /**
   * What lets the user have data that is there already: Kubernetes' fsGroup, a step before each start (`init`), or one change before the
   * roll-out (`migrate`). Absent = nothing was tried on old data, or none is needed.
   */
  readonly remedy?: 'fsGroup' | 'init' | 'migrate';
  /** Shell lines, run once as root where the volume is mounted at `path`: what to do where there is no fsGroup, or where it does not do. */
  readonly commands?: readonly string[];
}

/** Everything another runner needs to start the result without unroot. Published in `report.json`; see the CLI contract. */
export interface Run {
  /** `uid:gid`, numeric. */
  readonly user: string;
  /** Only when they differ from the image's own. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** `from`: the port the image used to listen on and the outside world still uses; `to`: where it listens now. */
  readonly ports: readonly { readonly from: number; readonly to: number; readonly protocol?: 'udp' }[];
  readonly tmpfs: readonly string[];
  /** Folders of the image inside `tmpfs` that the program needs. Podman copies them; who copies nothing (Docker, Kubernetes) mounts one more at each. */
  readonly tmpfsInside?: readonly string[];
  readonly volumes: readonly RunVolume[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly noNewPrivileges: boolean;
  readonly readOnly: boolean;
  /** The host's network; absent = a network of its own. */
  readonly network?: 'host';
  /** Words of the HEALTHCHECK (`CMD-SHELL`, …) where they name a port that moved; the image says them. */
  readonly healthcheck?: readonly string[];
}

export type Disposition = 'safe' | 'needs-review';

export interface Fix {
  /** The remedy's id: file name in `fixes/`. Unique together with `subject`. */
  readonly id: string;
  /** What it is about: a path, `:80`. */
  readonly subject: string;
  readonly title: string;
  readonly disposition: Disposition;
  /** Ids of the findings it answers, as `id@path` when there is a path. */
  readonly answers: readonly string[];
  readonly layer: readonly LayerChange[];
  readonly run: Partial<Run>;
  /** The same as changes of the text around the image: manifests, compose files, Dockerfiles. */
  readonly edits?: readonly TextEdit[];
  /** Why this way and not another, and what it costs. */
  readonly note?: string;
  /** Work that is known not to be done any more; nothing is proved then, unless a probe of the user's own shows that the rest is enough. */
  readonly loses?: string;
}
