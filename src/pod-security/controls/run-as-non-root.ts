/** Restricted: the kubelet is told to refuse root. Source: policy/check_runAsNonRoot.go. */
import { type Control, containersOf, exceptUserNamespace, namesOf, ofPod, type Rule, under } from '../control.ts';
import { containersWord, setters } from '../words.ts';

/** An explicit false is bad wherever it stands, even where a container overrides it; only without one are those told that say nothing. */
const rule: Rule = (pod) => {
  const ofWhole = pod.spec?.securityContext?.runAsNonRoot;
  const containers = containersOf(pod);
  const saying = containers.filter(({ container }) => container.securityContext?.runAsNonRoot === false);
  if (ofWhole === false || saying.length > 0)
    return {
      reason: 'runAsNonRoot != true',
      detail: `${setters(ofWhole === false, namesOf(saying))} must not set securityContext.runAsNonRoot=false`,
      offenders: [
        ...(ofWhole === false ? [ofPod('securityContext', 'runAsNonRoot')] : []),
        ...saying.map((one) => under(one, 'securityContext', 'runAsNonRoot')),
      ],
    };
  const silent =
    ofWhole === true ? [] : containers.filter(({ container }) => container.securityContext?.runAsNonRoot === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason: 'runAsNonRoot != true',
    detail: `pod or ${containersWord(namesOf(silent))} must set securityContext.runAsNonRoot=true`,
    offenders: silent.map((one) => under(one, 'securityContext', 'runAsNonRoot')),
  };
};

export const runAsNonRoot: Control = {
  id: 'runAsNonRoot',
  level: 'restricted',
  summary: 'The pod or every container sets runAsNonRoot to true, and none sets it to false.',
  revisions: [
    { since: 0, rule },
    { since: 35, rule: exceptUserNamespace(rule) },
  ],
};
