/** OpenShift: what the security context constraint fills in, and what it does not admit (apiserver-library-go pkg/securitycontextconstraints). */
import { parseCapability } from '../linux/capability.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { type Stopped, stopped } from './input.ts';
import type { Derivation } from './launch.ts';

/** Uids OpenShift hands out: the allocator's default range. Inside it, any block may be this namespace's. */
const ALLOCATOR = { first: 1_000_000_000, last: 1_999_999_999 };

export interface Defaulted {
  readonly kind: 'defaulted';
  readonly settings: ContainerSettings;
  readonly because: readonly Derivation[];
}

/** The settings as the admission plugin leaves them; platforms without a constraint leave them alone. */
export function defaultsOfConstraint(settings: ContainerSettings, profile: PlatformProfile): Defaulted | Stopped {
  const { scc, arbitraryUid } = profile;
  if (scc === undefined) return { kind: 'defaulted', settings, because: [] };
  const because: Derivation[] = [];
  const violations: string[] = [];
  const violation = (field: string, value: unknown, rule: string): void => {
    violations.push(`provider ${scc.name}: ${field}: Invalid value: ${JSON.stringify(value)}: ${rule}`);
  };

  const range = arbitraryUid ?? { first: 1, size: ALLOCATOR.last };
  const allowed = (id: number): boolean =>
    (id >= range.first && id < range.first + range.size) || (id >= ALLOCATOR.first && id <= ALLOCATOR.last);
  const { runAsUser, fsGroup } = settings;
  if (runAsUser !== undefined && !allowed(runAsUser)) {
    violation('.containers[0].runAsUser', runAsUser, `must be in the ranges: [${range.first}, ${range.first + range.size - 1}]`);
  }
  if (fsGroup !== undefined && !allowed(fsGroup)) {
    violation('.spec.securityContext.fsGroup', [fsGroup], `${fsGroup} is not an allowed group`);
  }
  if (settings.privileged === true) violation('.containers[0].privileged', true, 'Privileged containers are not allowed');
  if (settings.noNewPrivileges === false) {
    violation('.containers[0].allowPrivilegeEscalation', true, 'Allowing privilege escalation for containers is not allowed');
  }
  for (const text of settings.capAdd ?? []) {
    const name = parseCapability(text);
    if (name !== undefined && name !== 'ALL' && scc.allowedCapabilities.includes(name)) continue;
    violation('.containers[0].capabilities.add', text, 'capability may not be added');
  }
  if (violations.length > 0) {
    const message = `unable to validate against any security context constraint: [${violations.join(', ')}]`;
    const source = `OpenShift admission, SCC ${scc.name}${profile.sources.scc === undefined ? '' : ` (${profile.sources.scc})`}`;
    return stopped('admission', 'Forbidden', message, [{ field: 'scc', value: scc.name, source }]);
  }

  const uid = runAsUser ?? range.first;
  const group = fsGroup ?? range.first;
  if (runAsUser === undefined) {
    const source = `SCC ${scc.name}: no runAsUser, so the first uid of the namespace's range; the image's USER does not count`;
    because.push({ field: 'runAsUser', value: String(uid), source });
  }
  if (fsGroup === undefined)
    because.push({ field: 'fsGroup', value: String(group), source: `SCC ${scc.name}: the namespace's group` });
  because.push({ field: 'noNewPrivileges', value: 'true', source: `SCC ${scc.name}: allowPrivilegeEscalation is set to false` });
  const runAsNonRoot = settings.runAsNonRoot ?? uid > 0;
  return { kind: 'defaulted', settings: { ...settings, runAsUser: uid, fsGroup: group, runAsNonRoot }, because };
}
