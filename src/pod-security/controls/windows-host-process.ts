/** Baseline: no process of the Windows host. Source: policy/check_windowsHostProcess.go. */
import { type Control, containersOf, namesOf, ofPod, type Rule, under } from '../control.ts';
import { setters } from '../words.ts';

const FIELD = ['securityContext', 'windowsOptions', 'hostProcess'];

const rule: Rule = (pod) => {
  const podIsBad = pod.spec?.securityContext?.windowsOptions?.hostProcess === true;
  const bad = containersOf(pod).filter(({ container }) => container.securityContext?.windowsOptions?.hostProcess === true);
  if (!podIsBad && bad.length === 0) return undefined;
  return {
    reason: 'hostProcess',
    detail: `${setters(podIsBad, namesOf(bad))} must not set securityContext.windowsOptions.hostProcess=true`,
    offenders: [...(podIsBad ? [ofPod(...FIELD)] : []), ...bad.map((one) => under(one, ...FIELD))],
  };
};

export const windowsHostProcess: Control = {
  id: 'windowsHostProcess',
  level: 'baseline',
  summary: 'No container is a process of its Windows node.',
  revisions: [{ since: 0, rule }],
};
