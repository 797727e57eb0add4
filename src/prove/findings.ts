/** What the checks and remedies work with, and what the checks say: of an image, of a run as the image says, and of a run as the recipient. */

import type { CheckContext } from '../checks/check.ts';
import { checks } from '../checks/index.ts';
import { observedDenials, replay } from '../checks/replay.ts';
import { hostBinds } from '../engine/host-binds.ts';
import type { Finding } from '../finding/finding.ts';
import type { FixContext, Recipient } from '../fixes/context.ts';
import { fileTree } from '../launch/file-tree.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { directiveOf } from '../recipes/config-directives.ts';
import { privilegeDrop as knownDrop, passThroughScript, startedDirectly } from '../recipes/privilege-drop.ts';
import type { ReadOperation } from '../recipes/reading/read-operation.ts';
import type { Trace, TraceEvent } from '../trace/event.ts';
import { foreseenTrace } from './foreseen.ts';
import { launchOf, type Subject } from './subject.ts';

const knowledge: FixContext['knowledge'] = {
  unwrap: startedDirectly,
  directive: directiveOf,
  standIn: (program) => {
    const drop = knownDrop(program);
    return drop && passThroughScript(drop);
  },
};

/** `more`: what a run has shown, and what was asked for. */
export function fixContext(
  subject: Subject,
  asIs: Launch,
  target: Launch,
  recipient: Recipient,
  more: Partial<Pick<FixContext, 'configs' | 'programs' | 'portStrategy' | 'trace' | 'left' | 'says' | 'servedHome'>> = {},
): FixContext {
  return {
    configs: new Map(),
    ...(subject.programs === undefined ? {} : { programs: subject.programs }),
    ...more,
    launchWith: ({ capAdd, noNewPrivileges }) =>
      launchOf(
        subject,
        { ...target.settings, capAdd: [...(target.settings.capAdd ?? []), ...capAdd], noNewPrivileges },
        target.platform,
      ),
    rootFs: subject.rootFs,
    asIs,
    target,
    recipient,
    knowledge,
    binds: hostBinds(target),
    accounts: { passwd: subject.passwd, group: subject.group },
  };
}

/** Findings of the checks on an image; with a trace, of what a run as the image says did. */
export function findingsOf(
  subject: Subject,
  asIs: Launch | Refusal,
  target: Launch | Refusal,
  trace?: Trace,
  foreseen: readonly ReadOperation[] = [],
): Finding[] {
  const tree =
    target.kind === 'launch' ? fileTree(target, subject.rootFs, { binds: hostBinds(target) }) : { lookup: () => undefined };
  // What the model does not know is no claim of ours when nobody saw it.
  const denied =
    target.kind === 'refusal'
      ? []
      : trace
        ? replay(trace, target, tree)
        : replay(foreseenTrace(foreseen), target, tree).filter(({ decision }) => decision.known);
  return runChecks({ image: subject.image, rootFs: subject.rootFs, asIs, target, tree, denied, ...(trace ? { trace } : {}) });
}

const runChecks = (context: CheckContext): Finding[] => checks.flatMap((check) => check.run(context));

/** The checks of a run, over denials that the recipient really met. */
export function observedFindings(
  subject: Subject,
  asIs: Launch,
  launch: Launch,
  denials: readonly TraceEvent[],
  trace: Trace,
): Finding[] {
  const tree = fileTree(launch, subject.rootFs, { binds: hostBinds(launch) });
  const denied = observedDenials(denials, launch, tree);
  const context: CheckContext = { image: subject.image, rootFs: subject.rootFs, asIs, target: launch, tree, denied, trace };
  return runChecks(context).filter((finding) => finding.evidence.some((evidence) => evidence.kind === 'observed'));
}
