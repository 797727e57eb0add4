/** sudo, gosu and their kin in an image: needed only by what starts as root. */
import { type DockerfileCheck, factsOf, whereOf } from './dockerfile-check.ts';

export const privilegeTool: DockerfileCheck = {
  id: 'privilege-tool',
  summary: 'The build brings or uses a program that changes who a process is.',
  severity: 'info',
  authority: 'sudo(8); Dockerfile best practices, USER: "Avoid installing or using sudo"',
  run: (state, container) =>
    factsOf(state, 'privilege-tool').map((fact) => ({
      id: 'privilege-tool',
      severity: fact.tool === 'sudo' || fact.tool === 'doas' ? 'warning' : 'info',
      confidence: 'high',
      message: `${fact.tool} changes who a process is: under a USER that is not root ${fact.tool === 'sudo' || fact.tool === 'doas' ? 'and no_new_privs it is refused' : 'it has nothing to drop, and fails'}`,
      container,
      where: whereOf(fact.span),
      evidence: [{ kind: 'derived', text: `the line names ${fact.tool}` }],
    })),
};
