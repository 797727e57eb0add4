/** Baseline: no folder of the node as a volume. Source: policy/check_hostPathVolumes.go. */
import { type Control, ofPod, type Rule } from '../control.ts';
import { plural, quoted } from '../words.ts';

const rule: Rule = ({ spec }) => {
  const bad = (spec?.volumes ?? []).flatMap(({ name, hostPath }, index) => (hostPath === undefined ? [] : [{ name, index }]));
  if (bad.length === 0) return undefined;
  return {
    reason: 'hostPath volumes',
    detail: `${plural('volume', 'volumes', bad.length)} ${quoted(bad.map(({ name }) => name))}`,
    offenders: bad.map(({ index }) => ofPod('volumes', index, 'hostPath')),
  };
};

export const hostPathVolumes: Control = {
  id: 'hostPathVolumes',
  level: 'baseline',
  summary: 'No volume is a path of the node.',
  revisions: [{ since: 0, rule }],
};
