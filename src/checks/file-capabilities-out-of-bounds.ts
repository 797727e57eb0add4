/** A file whose capabilities cannot all be granted refuses to execute at all (EPERM), for root too. */
import type { Finding } from '../finding/finding.ts';
import type { Check } from './check.ts';

export const fileCapabilitiesOutOfBounds: Check = {
  id: 'file-capabilities-out-of-bounds',
  summary: 'A program carries file capabilities with the effective bit that are not in the bounding set: it cannot be executed.',
  severity: 'error',
  authority: 'capabilities(7), Safety checking for capability-dumb binaries; Linux security/commoncap.c',
  run: ({ target, rootFs, image }) => {
    if (target.kind === 'refusal') return [];
    const bounding = new Set(target.capabilities.bounding);
    const findings: Finding[] = [];
    for (const entry of rootFs.entries()) {
      const capabilities = entry.fileCapabilities;
      if (!capabilities?.effective) continue;
      const missing = capabilities.permitted.filter((name) => !bounding.has(name));
      if (missing.length === 0) continue;
      const isEntrypoint = entry.path === target.executable;
      findings.push({
        id: 'file-capabilities-out-of-bounds',
        severity: isEntrypoint ? 'error' : 'warning',
        confidence: 'high',
        message: `${entry.path} carries ${missing.join(', ')} with the effective bit, outside the bounding set: execve answers EPERM${isEntrypoint ? ', so the container never starts' : ''}`,
        container: target.name,
        where: {
          path: entry.path,
          layer: entry.layer,
          ...(image.layers[entry.layer] ? { layerDigest: image.layers[entry.layer]!.digest } : {}),
        },
        evidence: [
          {
            kind: 'derived',
            text: `security.capability of ${entry.path}; bounding set is ${target.capabilities.bounding.join(', ') || 'empty'}`,
          },
        ],
        operation: { kind: 'exec', path: entry.path },
      });
    }
    return findings;
  },
};
