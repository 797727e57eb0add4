/** The security context that counts for a container (kubernetes pkg/securitycontext/util.go DetermineEffectiveSecurityContext). */
import { objectOf } from './json-value.ts';
import type { Pod, PodContainer, SecurityContext, WindowsOptions } from './pod-spec.ts';

/**
 * Each field by itself: the container's when it is written there, even `false` over the pod's `true`. Capabilities, privileged,
 * readOnlyRootFilesystem, allowPrivilegeEscalation and procMount exist on containers only.
 */
export function effectiveSecurityContext(pod: Pod, container: PodContainer): SecurityContext {
  const own = objectOf(container.securityContext) ?? {};
  const shared = objectOf(objectOf(pod.spec)?.securityContext) ?? {};
  const either = <
    K extends 'runAsUser' | 'runAsGroup' | 'runAsNonRoot' | 'seLinuxOptions' | 'seccompProfile' | 'appArmorProfile',
  >(
    key: K,
  ): SecurityContext[K] => (own[key] ?? shared[key] ?? undefined) as SecurityContext[K];
  const fields: SecurityContext = {
    ...own,
    ...defined('runAsUser', either('runAsUser')),
    ...defined('runAsGroup', either('runAsGroup')),
    ...defined('runAsNonRoot', either('runAsNonRoot')),
    ...defined('seLinuxOptions', either('seLinuxOptions')),
    ...defined('seccompProfile', either('seccompProfile')),
    ...defined('appArmorProfile', either('appArmorProfile')),
    ...defined('windowsOptions', windowsOptions(objectOf(shared.windowsOptions), objectOf(own.windowsOptions))),
  };
  return fields;
}

/** Field by field; the two GMSA fields go together. */
function windowsOptions(shared: WindowsOptions | undefined, own: WindowsOptions | undefined): WindowsOptions | undefined {
  if (own === undefined || shared === undefined) return own ?? shared;
  const { gmsaCredentialSpecName, gmsaCredentialSpec, ...rest } = shared;
  const ownGmsa = own.gmsaCredentialSpecName !== undefined || own.gmsaCredentialSpec !== undefined;
  return {
    ...(ownGmsa
      ? rest
      : {
          ...rest,
          ...defined('gmsaCredentialSpecName', gmsaCredentialSpecName),
          ...defined('gmsaCredentialSpec', gmsaCredentialSpec),
        }),
    ...own,
  };
}

function defined<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: V };
}
