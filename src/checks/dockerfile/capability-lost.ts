/** A file that was given capabilities loses them again before the image is done. */
import { type DockerfileCheck, factsOf, whereOf } from './dockerfile-check.ts';

export const capabilityLost: DockerfileCheck = {
  id: 'capability-lost',
  summary: 'A file loses the capabilities that an earlier line gave it.',
  severity: 'error',
  authority: 'chown(2), capabilities(7): a change of owner or content clears security.capability; COPY puts a new file there',
  run: (state, container) =>
    factsOf(state, 'capability-lost').map((fact) => ({
      id: 'capability-lost',
      severity: 'error',
      confidence: 'high',
      message: `${fact.by} takes the capabilities of ${fact.path} away: setcap has to come after it`,
      container,
      where: { ...whereOf(fact.span), path: fact.path },
      evidence: [{ kind: 'derived', text: `${fact.path} had file capabilities before this line` }],
    })),
};
