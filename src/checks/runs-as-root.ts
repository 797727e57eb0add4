/** The container runs as uid 0 as it is. */
import type { Check } from './check.ts';

export const runsAsRoot: Check = {
  id: 'runs-as-root',
  summary: 'The container starts as uid 0 unless somebody says otherwise.',
  severity: 'warning',
  authority: 'OCI image-spec config.md, User; runtime-spec process.user',
  run: ({ asIs, image }) => {
    if (asIs.kind === 'refusal' || (asIs.effectiveUid ?? asIs.uid) !== 0) return [];
    const because = asIs.because.find((step) => step.field === (asIs.uid === 0 ? 'uid' : 'effectiveUid'));
    return [
      {
        id: 'runs-as-root',
        severity: 'warning',
        confidence: 'high',
        message: `runs as uid 0: ${because?.source ?? `USER is '${image.config.user}'`}`,
        container: asIs.name,
        where: {},
        evidence: [{ kind: 'derived', text: because?.source ?? `image USER is '${image.config.user}'` }],
      },
    ];
  },
};
