/** What can be said of a stage whose base nobody has: what its own lines decide. Everything else is unknown, and never safe. */
import type { StageState } from '../../build/stage-state.ts';
import type { Finding } from '../../finding/finding.ts';
import { whereOf } from './dockerfile-check.ts';

/** Root, however it is written: `0`, `00`, `+0`, `root`. */
const isRootName = (user: string): boolean => /^(?:[+-]?0+|root)?$/.test(user.split(':')[0] ?? '');

export function findingsWithoutBase(state: StageState, container: string, unprivilegedPortStart: number): Finding[] {
  const { user } = state.config;
  const line = state.set.get('USER');
  const out: Finding[] = [];
  if (user !== undefined && line?.span !== undefined && isRootName(user)) {
    out.push({
      id: 'runs-as-root',
      severity: 'warning',
      confidence: 'high',
      message: `runs as uid 0: USER ${user}`,
      container,
      where: whereOf(line.span),
      evidence: [{ kind: 'derived', text: `the last USER of the stage is ${user}` }],
    });
  }
  const name = user?.split(':')[0] ?? '';
  if (line?.span !== undefined && name !== '' && !/^[+-]?\d+$/.test(name)) {
    out.push({
      id: 'named-user',
      severity: 'warning',
      confidence: 'high',
      message: `USER is the name '${name}': with runAsNonRoot and no runAsUser the kubelet answers "container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root"`,
      container,
      where: whereOf(line.span),
      evidence: [{ kind: 'derived', text: `the last USER of the stage is ${user}` }],
    });
  }
  for (const [text, instruction] of state.named) {
    const port = Number.parseInt(/^EXPOSE (\d+)/.exec(text)?.[1] ?? '', 10);
    if (!(port > 0) || port >= unprivilegedPortStart) continue;
    out.push({
      id: 'low-port',
      severity: 'warning',
      confidence: 'medium',
      message: `the image declares port ${text.slice(7)}; a user that is not root may bind only ports from ${unprivilegedPortStart}`,
      container,
      where: { ...whereOf(instruction.span), path: `:${port}` },
      evidence: [{ kind: 'derived', text }],
    });
  }
  return out;
}
