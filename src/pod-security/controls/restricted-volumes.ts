/** Restricted: only volumes whose storage the cluster hands out. Source: policy/check_restrictedVolumes.go. */
import { type Control, ofPod, type Rule } from '../control.ts';
import { VOLUME_KINDS } from '../read-pod.ts';
import { plural, quoted, sortedSet } from '../words.ts';

/** A volume of several kinds (which the API server refuses) passes with any allowed one, else the first of upstream's order is named. */
const rule: Rule = ({ spec }) => {
  const bad = (spec?.volumes ?? []).flatMap((volume, index) => {
    if (VOLUME_KINDS.allowed.some((kind) => volume[kind] !== undefined)) return [];
    return [{ name: volume.name, index, kind: VOLUME_KINDS.restricted.find((kind) => volume[kind] !== undefined) }];
  });
  if (bad.length === 0) return undefined;
  const kinds = sortedSet(bad.map(({ kind }) => kind ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', 'volumes', bad.length)} ${quoted(bad.map(({ name }) => name))} ${plural('uses', 'use', bad.length)} ${plural('restricted volume type', 'restricted volume types', kinds.length)} ${quoted(kinds)}`,
    offenders: bad.map(({ index, kind }) => ofPod('volumes', index, ...(kind === undefined ? [] : [kind]))),
  };
};

export const restrictedVolumes: Control = {
  id: 'restrictedVolumes',
  level: 'restricted',
  summary: 'Volumes are configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or secret.',
  revisions: [{ since: 0, rule, overrides: ['hostPathVolumes'] }],
};
