/**
 * What the admission plugin answers to a request: refused, warned of, noted for the audit, or exempt. Source: admission/admission.go
 * ValidatePod, ValidatePodController, EvaluatePod, isSignificantPodUpdate.
 */
import type { Pod, PodContainer } from '../workload/formats/kubernetes/pod-spec.ts';
import { type Configuration, OPEN_CONFIGURATION } from './configuration.ts';
import { evaluate, policyMessage, type Violation } from './evaluate.ts';
import { type LevelVersion, levelVersionText } from './level.ts';
import { policyOfLabels } from './policy.ts';

export interface AdmissionRequest {
  /** Read by `readPod`. */
  readonly pod: Pod;
  /** Of an update: the pod as it was, likewise. */
  readonly oldPod?: Pod;
  /** A pod is enforced upon; a controller's template is not. */
  readonly enforced: boolean;
  readonly namespace: string;
  /** Of the namespace. */
  readonly labels: Readonly<Record<string, string>>;
  readonly userName?: string;
  /** `exec`, `status` … */
  readonly subresource?: string;
}

export interface AdmissionAnswer {
  readonly allowed: boolean;
  /** The words of a refusal. */
  readonly message?: string;
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  /** `exempt`, `enforce-policy`, `audit-violations`, `error`; the server puts `pod-security.kubernetes.io/` before them. */
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

const IGNORED_SUBRESOURCES: ReadonlySet<string> = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);

const allowed = (auditAnnotations: AdmissionAnswer['auditAnnotations'] = {}): AdmissionAnswer => ({
  allowed: true,
  violations: [],
  warnings: [],
  auditAnnotations,
});

/** Why nothing is asked of the request, as the audit log calls it. Namespace and user are looked at before the object is even decoded. */
export function exemptionOf(
  request: Pick<AdmissionRequest, 'namespace' | 'userName' | 'pod'>,
  { namespaces, usernames, runtimeClasses }: Configuration['exemptions'],
): 'namespace' | 'user' | 'runtimeClass' | undefined {
  const exempt = (name: string | undefined, names: readonly string[]): boolean =>
    name !== undefined && name !== '' && names.includes(name);
  if (exempt(request.namespace, namespaces)) return 'namespace';
  if (exempt(request.userName, usernames)) return 'user';
  return exempt(request.pod.spec?.runtimeClassName, runtimeClasses) ? 'runtimeClass' : undefined;
}

/** Whether an update is looked at at all: another number of containers, another image, or one more ephemeral container. */
export function isSignificantUpdate({ spec: now }: Pod, { spec: before }: Pod): boolean {
  const lists = (['containers', 'initContainers'] as const).map((name) => [now?.[name] ?? [], before?.[name] ?? []] as const);
  const differs = (one: PodContainer, other: PodContainer | undefined): boolean =>
    other === undefined || (one.image ?? '') !== (other.image ?? '');
  return (
    lists.some(([a, b]) => a.length !== b.length || a.some((one, index) => differs(one, b[index]))) ||
    (now?.ephemeralContainers ?? []).some((one) =>
      differs(
        one,
        before?.ephemeralContainers?.find(({ name }) => name === one.name),
      ),
    )
  );
}

/** Answers as the API server would. */
export function admit(request: AdmissionRequest, configuration: Configuration = OPEN_CONFIGURATION): AdmissionAnswer {
  const { pod, oldPod, enforced, subresource = '' } = request;
  if (enforced ? IGNORED_SUBRESOURCES.has(subresource) : subresource !== '') return allowed();
  const exempt = exemptionOf(request, configuration.exemptions);
  if (exempt === 'namespace' || exempt === 'user') return allowed({ exempt });
  const { policy, errors } = policyOfLabels(request.labels, configuration.defaults);
  const open = [...(enforced ? [policy.enforce] : []), policy.audit, policy.warn].every(({ level }) => level === 'privileged');
  if (errors.length === 0 && open) return allowed(enforced ? { 'enforce-policy': 'privileged:latest' } : {});
  if (enforced && oldPod !== undefined && !isSignificantUpdate(pod, oldPod)) return allowed();
  if (exempt !== undefined) return allowed({ exempt });

  const violations = enforced ? evaluate(pod, policy.enforce) : [];
  const wouldViolate = (mode: LevelVersion): string | undefined => {
    const found = evaluate(pod, mode);
    return found.length === 0 ? undefined : policyMessage(mode, found, false);
  };
  const [audit, warn] = [wouldViolate(policy.audit), wouldViolate(policy.warn)];
  const refused = violations.length > 0;
  return {
    allowed: !refused,
    ...(refused ? { message: policyMessage(policy.enforce, violations, true) } : {}),
    violations,
    // Whoever is refused anyway is not warned as well.
    warnings: refused || warn === undefined ? [] : [warn],
    auditAnnotations: {
      ...(errors.length === 0 ? {} : { error: `Failed to parse policy: ${aggregate(errors)}` }),
      ...(enforced ? { 'enforce-policy': levelVersionText(policy.enforce) } : {}),
      ...(audit === undefined ? {} : { 'audit-violations': audit }),
    },
  };
}

/** How Go's aggregate of errors reads: several stand in brackets, the same one once. */
const aggregate = (errors: readonly string[]): string => {
  const each = [...new Set(errors)];
  return each.length === 1 ? (each[0] as string) : `[${each.join(', ')}]`;
};
