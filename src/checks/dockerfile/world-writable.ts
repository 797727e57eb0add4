/** chmod 777 in a build: everybody in the container may change it. */
import { type DockerfileCheck, factsOf, whereOf } from './dockerfile-check.ts';

export const worldWritable: DockerfileCheck = {
  id: 'world-writable',
  summary: 'The build lets everybody write to a path, without the sticky bit.',
  severity: 'warning',
  authority: 'inode(7), "The file type and mode"; CIS Docker Benchmark 4.8',
  run: (state, container) =>
    factsOf(state, 'world-writable').map((fact) => ({
      id: 'world-writable',
      severity: 'warning',
      confidence: 'high',
      message: `${fact.path} becomes ${fact.mode.toString(8).padStart(4, '0')}: every process of the container may change it; giving it to the user is enough`,
      container,
      where: { ...whereOf(fact.span), path: fact.path },
      evidence: [{ kind: 'derived', text: `mode ${fact.mode.toString(8)} has the write bit of others` }],
    })),
};
