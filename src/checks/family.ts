/** What the checks over a run have in common: each picks its operations out of the same replay. */
import { deniedFinding } from '../finding/denied.ts';
import type { Evidence, Finding, Severity } from '../finding/finding.ts';
import type { Launch } from '../launch/launch.ts';
import type { OperationKind } from '../linux/operation.ts';
import type { Check, CheckContext } from './check.ts';
import type { DeniedEvent } from './replay.ts';

export interface Family {
  readonly id: string;
  readonly summary: string;
  readonly severity: Severity;
  readonly authority: string;
  readonly matches: (denied: DeniedEvent) => boolean;
  /** How sure it is that a program will still try this when it is not root. */
  readonly confidence: Finding['confidence'];
}

export const kinds = (...wanted: OperationKind[]): ((denied: DeniedEvent) => boolean) => {
  const set = new Set<OperationKind>(wanted);
  return (denied) => set.has(denied.event.operation.kind);
};

/** An open that changes something (`write`), or one that only reads. */
export const isOpen = (denied: DeniedEvent, write: boolean): boolean => {
  const { operation } = denied.event;
  if (operation.kind !== 'open') return false;
  const writes =
    operation.access === 'write' ||
    operation.access === 'read-write' ||
    operation.create === true ||
    operation.truncate === true ||
    operation.tmpfile === true;
  return writes === write;
};

export const isDevice = (denied: DeniedEvent): boolean =>
  denied.event.operation.kind === 'mknod' &&
  (denied.event.operation.type === 'character-device' || denied.event.operation.type === 'block-device');

export const familyCheck = (family: Family): Check => ({
  id: family.id,
  summary: family.summary,
  severity: family.severity,
  authority: family.authority,
  run: (context) => context.denied.filter(family.matches).map((denied) => findingOf(family, denied, context)),
});

/** One finding for a denied event; also used for a low port, whose check has a static half as well. */
export function findingOf(
  family: Pick<Family, 'id' | 'severity' | 'confidence'>,
  denied: DeniedEvent,
  context: CheckContext,
): Finding {
  const { event, decision, count } = denied;
  if (event.read !== undefined) return foreseenFinding(family, denied, context);
  const evidence: Evidence = {
    kind: 'observed',
    text: `${event.program || 'a process'} (as uid ${event.uid}) ${event.syscall}${event.errno ? ` failed with ${event.errno}` : ' succeeded'}`,
    syscall: event.syscall,
    program: event.program,
    pid: event.pid,
    count,
  };
  const rule: Evidence = {
    kind: 'derived',
    text: [...decision.steps].reverse().find((step) => !step.ok)?.text ?? 'denied by the access model',
  };
  return deniedFinding({
    id: family.id,
    severity: family.severity,
    confidence: decision.known ? family.confidence : 'low',
    operation: event.operation,
    decision,
    program: event.program,
    uid: (context.target as Launch).uid,
    rootFs: context.rootFs,
    evidence: [evidence, rule],
    layerDigests: context.image.layers.map((layer) => layer.digest),
    container: context.target.name,
  });
}

/** The same for what nobody saw: never surer than medium, and with the line that says it. */
function foreseenFinding(
  family: Pick<Family, 'id' | 'severity'>,
  { event, decision }: DeniedEvent,
  context: CheckContext,
): Finding {
  const { file, line, text, confidence, onlyRoot } = event.read!;
  const where = line > 0 ? `${file} line ${line}` : file;
  const only = onlyRoot ? '; only where the script finds that it is root, so that another user skips it' : '';
  return deniedFinding({
    id: family.id,
    // What only root does is no error for somebody else.
    severity: onlyRoot ? 'info' : family.severity === 'error' && confidence === 'low' ? 'warning' : family.severity,
    confidence: onlyRoot ? 'low' : confidence,
    operation: event.operation,
    decision,
    program: event.program,
    uid: (context.target as Launch).uid,
    rootFs: context.rootFs,
    evidence: [
      { kind: 'derived', text: `${where}: ${text}${only}` },
      { kind: 'derived', text: [...decision.steps].reverse().find((step) => !step.ok)?.text ?? 'denied by the access model' },
    ],
    layerDigests: context.image.layers.map((layer) => layer.digest),
    container: context.target.name,
  });
}
