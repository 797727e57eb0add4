/** Baseline: no namespace of the host. Source: policy/check_hostNamespaces.go. */
import { type Control, ofPod, type Rule } from '../control.ts';

const FIELDS = ['hostNetwork', 'hostPID', 'hostIPC'] as const;

const rule: Rule = ({ spec }) => {
  const shared = FIELDS.filter((field) => spec?.[field] === true);
  if (shared.length === 0) return undefined;
  return {
    reason: 'host namespaces',
    detail: shared.map((field) => `${field}=true`).join(', '),
    offenders: shared.map((field) => ofPod(field)),
  };
};

export const hostNamespaces: Control = {
  id: 'hostNamespaces',
  level: 'baseline',
  summary: 'The pod shares no network, process or IPC namespace with its node.',
  revisions: [{ since: 0, rule }],
};
