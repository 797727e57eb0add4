/** Derivations that come from somebody's file, with the line where it was written. */
import type { Span } from '../text/span.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Derivation } from './launch.ts';

/** Fields of a derivation, and the settings that decide them, the strongest first. */
const DECIDED_BY: Readonly<Record<string, readonly (keyof ContainerSettings)[]>> = {
  user: ['runAsUser', 'user'],
  uid: ['runAsUser', 'user'],
  gid: ['runAsGroup', 'user'],
  groups: ['fsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'groupAdd'],
  hostUid: ['hostUsers'],
  noNewPrivileges: ['noNewPrivileges'],
  readOnlyRoot: ['readOnly'],
  argv: ['entrypoint', 'command'],
  cwd: ['workdir'],
  'capabilities.bounding': ['capDrop', 'capAdd', 'privileged'],
  'capabilities.permitted': ['capDrop', 'capAdd', 'privileged'],
};

export type Place = Pick<Span, 'file' | 'line' | 'column'>;

export const placeOf = ({ file, line, column }: Span): Place => ({ file, line, column });

/** Each derivation that has no place yet gets that of the setting that decides it, when the setting was written. */
export function placed(
  because: readonly Derivation[],
  settings: ContainerSettings,
  spans: Readonly<Record<string, Span>>,
): readonly Derivation[] {
  return because.map((step) => {
    if (step.where !== undefined) return step;
    const span = spanOf(step, settings, spans);
    return span === undefined ? step : { ...step, where: placeOf(span) };
  });
}

function spanOf(
  { field, source }: Derivation,
  settings: ContainerSettings,
  spans: Readonly<Record<string, Span>>,
): Span | undefined {
  const names: readonly string[] = DECIDED_BY[field] ?? [field];
  const written = names.filter((name) => settings[name as keyof ContainerSettings] !== undefined && spans[name] !== undefined);
  // Several settings decide about groups: the sentence says which one it is about.
  const named = written.find((name) => source.includes(name));
  return spans[named ?? (field === 'groups' ? '' : (written[0] ?? ''))];
}
