/** The platform facts behind an answer: out of the Launch's derivations, those that this operation rests on. */
import type { Derivation, Launch } from '../launch/launch.ts';
import type { KernelFacts } from '../linux/decision.ts';
import type { Answer, Component, Explanation } from './explanation.ts';

/** Which sentence of a decision speaks of which host-wide setting. */
const PROTECTED: readonly (readonly [string, keyof KernelFacts])[] = [
  ['fs.protected_regular', 'protectedRegular'],
  ['fs.protected_fifos', 'protectedFifos'],
  ['fs.protected_hardlinks', 'protectedHardlinks'],
  ['fs.protected_symlinks', 'protectedSymlinks'],
];

const IDENTITY = ['user', 'uid', 'gid', 'groups', 'effectiveUid', 'effectiveGid'];

export function factsFor(
  launch: Launch,
  {
    operation,
    capability,
    deniedAt,
    through,
  }: Pick<Explanation['decision'], 'operation' | 'capability' | 'deniedAt'> & Pick<Answer, 'through'>,
  steps: Explanation['steps'],
  walk: readonly Component[],
): readonly Derivation[] {
  const wanted = new Set(IDENTITY);
  const asksForCapability = capability !== undefined || through.length > 0 || deniedAt?.need === 'capability';
  if (asksForCapability) {
    wanted.add('capabilities.effective').add('runtimeCapabilities.permitted').add('capabilities.bounding');
  }
  if (operation.kind === 'bind') wanted.add('net.ipv4.ip_unprivileged_port_start');
  if (operation.kind === 'socket' && operation.type === 'ping') wanted.add('net.ipv4.ping_group_range');
  if (operation.kind === 'exec') wanted.add('noNewPrivileges');
  if (deniedAt?.need === 'read-only') wanted.add('readOnlyRoot');
  for (const { mount } of walk) if (mount !== undefined) wanted.add(`mounts.${mount.target}`);
  const facts = launch.because.filter(({ field }) => wanted.has(field));
  const bound = walk.flatMap(({ mount }) => (mount?.type === 'bind' ? [mount] : []))[0];
  return [
    ...facts,
    ...(bound === undefined
      ? []
      : [
          {
            field: `mounts.${bound.target}`,
            value: bound.source ?? '',
            source: 'a folder of the host: owners and modes are those it has there',
          },
        ]),
    ...PROTECTED.filter(([name]) => steps.some(({ text }) => text.includes(name))).map(([name, fact]) => ({
      field: name,
      value: String(launch.facts[fact]),
      source: "a setting of the host's kernel, assumed as systemd sets it at boot (sysctl.d/50-default.conf)",
    })),
  ];
}
