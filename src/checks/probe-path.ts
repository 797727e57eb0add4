/** Asks the access model one question about a path, for the checks that look at declared paths without a run. */
import { deniedFinding } from '../finding/denied.ts';
import type { Finding, Severity } from '../finding/finding.ts';
import { credentialsOf } from '../launch/launch.ts';
import { decide } from '../linux/access.ts';
import type { Operation } from '../linux/operation.ts';
import type { CheckContext } from './check.ts';
import { PERMISSION_ERRNOS } from './replay.ts';

/** A finding when the target would be denied the operation, nothing when it would not, or when the model does not know. */
export function probePath(
  context: CheckContext,
  about: {
    readonly id: string;
    readonly severity: Severity;
    readonly because: string;
    readonly claim: string;
    readonly confidence?: Finding['confidence'];
  },
  operation: Operation,
): Finding | undefined {
  const { target } = context;
  if (target.kind === 'refusal') return undefined;
  const decision = decide(operation, credentialsOf(target), context.tree, target.facts);
  if (decision.allowed || !PERMISSION_ERRNOS.has(decision.errno ?? '')) return undefined;
  return deniedFinding({
    id: about.id,
    severity: about.severity,
    ...(about.confidence === undefined ? {} : { confidence: about.confidence }),
    claim: `uid ${target.uid} ${about.claim}`,
    operation,
    decision,
    program: '',
    uid: target.uid,
    rootFs: context.rootFs,
    evidence: [
      { kind: 'derived', text: about.because },
      { kind: 'derived', text: [...decision.steps].reverse().find((step) => !step.ok)?.text ?? 'denied by the access model' },
    ],
    layerDigests: context.image.layers.map((layer) => layer.digest),
    container: target.name,
  });
}

/** The question "may it create something in this directory?" */
export const createIn = (directory: string): Operation => ({
  kind: 'open',
  path: `${directory === '/' ? '' : directory}/.unroot-probe`,
  access: 'write',
  create: true,
  exclusive: true,
});
