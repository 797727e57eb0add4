/** A RUN line behind USER does what only root may do: the build breaks there. */
import { type DockerfileCheck, factsOf, whereOf } from './dockerfile-check.ts';

export const buildNeedsRoot: DockerfileCheck = {
  id: 'build-needs-root',
  summary: 'A RUN line runs as a user who may not do what it does, so that the build breaks.',
  severity: 'error',
  authority:
    'Dockerfile reference, USER: "the default user … for the remainder of the current stage"; path_resolution(7), chown(2)',
  run: (state, container) =>
    factsOf(state, 'needs-root').map((fact) => ({
      id: 'build-needs-root',
      severity: 'error',
      confidence: fact.sure ? 'high' : 'medium',
      message: `${fact.command} runs as ${fact.user}, which may not do it (${fact.why}): the build breaks here`,
      container,
      where: whereOf(fact.span),
      evidence: [{ kind: 'derived', text: `USER ${fact.spec} holds for this line; root is needed: ${fact.why}` }],
    })),
};
