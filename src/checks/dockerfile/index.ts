/** The checks of Dockerfiles, in the order in which a reader wants to hear of them. Those of images are asked of the predicted image besides. */
import { buildNeedsRoot } from './build-needs-root.ts';
import { capabilityLost } from './capability-lost.ts';
import { chownCopiesFiles } from './chown-copies-files.ts';
import type { DockerfileCheck } from './dockerfile-check.ts';
import { privilegeTool } from './privilege-tool.ts';
import { worldWritable } from './world-writable.ts';

export const dockerfileChecks: readonly DockerfileCheck[] = [
  buildNeedsRoot,
  capabilityLost,
  worldWritable,
  chownCopiesFiles,
  privilegeTool,
];
