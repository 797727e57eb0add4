/** The kubelet or the runtime would not even start the container as this user. */
import type { Check } from './check.ts';

export const startRefused: Check = {
  id: 'start-refused',
  summary: 'The platform refuses to start the container.',
  severity: 'error',
  authority: 'the runtime named in the finding; Kubernetes pkg/kubelet/kuberuntime/security_context_others.go',
  run: ({ target }) =>
    target.kind === 'launch'
      ? []
      : [
          {
            id: 'start-refused',
            severity: 'error',
            confidence: 'high',
            message: `${target.by} refuses (${target.reason}): ${target.message}`,
            container: target.name,
            where: {},
            evidence: target.because.map((step) => ({
              kind: 'derived' as const,
              text: `${step.field}${step.value === '' ? '' : ` = ${step.value}`}: ${step.source}`,
            })),
          },
        ],
};
