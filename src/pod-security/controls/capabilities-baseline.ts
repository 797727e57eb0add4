/** Baseline: nothing is added to the capabilities that runtimes give anyway. Source: policy/check_capabilities_baseline.go. */
import { type Control, containersOf, namesOf, type Rule, under } from '../control.ts';
import { containersWord, quoted, sortedSet } from '../words.ts';

/** As written in the manifest: exact case, no CAP_ before it. NET_RAW is not among them. */
const ALLOWED: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

const rule: Rule = (pod) => {
  const found = containersOf(pod).map((one) => ({
    ...one,
    added: (one.container.securityContext?.capabilities?.add ?? []).flatMap((name, index) =>
      ALLOWED.has(name) ? [] : [{ name, index }],
    ),
  }));
  const bad = found.filter(({ added }) => added.length > 0);
  if (bad.length === 0) return undefined;
  const names = sortedSet(bad.flatMap(({ added }) => added.map(({ name }) => name)));
  return {
    reason: 'non-default capabilities',
    detail: `${containersWord(namesOf(bad))} must not include ${quoted(names)} in securityContext.capabilities.add`,
    offenders: bad.map((one) => under(one, 'securityContext', 'capabilities', 'add', one.added[0]?.index ?? 0)),
  };
};

export const capabilitiesBaseline: Control = {
  id: 'capabilities_baseline',
  level: 'baseline',
  summary: 'No capability is added that is not among those that runtimes give by default.',
  revisions: [{ since: 0, rule }],
};
