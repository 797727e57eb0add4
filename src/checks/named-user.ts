/** A USER by name cannot be verified by the kubelet: with runAsNonRoot the pod never starts. */
import type { Check } from './check.ts';

export const namedUser: Check = {
  id: 'named-user',
  summary: 'The image names its user; under runAsNonRoot the kubelet refuses a name.',
  severity: 'warning',
  authority: 'Kubernetes pkg/kubelet/kuberuntime/security_context_others.go verifyRunAsNonRoot',
  run: ({ asIs, image }) => {
    const name = image.config.user.split(':')[0] ?? '';
    if (name === '' || /^[+-]?\d+$/.test(name) || asIs.kind === 'refusal' || asIs.settings.runAsUser !== undefined) return [];
    // Docker and Podman look the name up.
    if (!asIs.platform.kubelet) return [];
    return [
      {
        id: 'named-user',
        severity: 'warning',
        confidence: 'high',
        message: `USER is the name '${name}'${asIs.kind === 'launch' ? ` (uid ${asIs.uid})` : ''}: with runAsNonRoot and no runAsUser the kubelet answers "container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root"`,
        container: asIs.name,
        where: {},
        evidence: [{ kind: 'derived', text: `image config User is '${image.config.user}'` }],
      },
    ];
  },
};
