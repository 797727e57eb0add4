/** What a volume hands in may not be read: files of a Secret or ConfigMap with a private mode, a folder or socket of this machine. */
import type { Finding } from '../finding/finding.ts';
import { handedFiles } from '../launch/handed-files.ts';
import { credentialsOf, type Launch } from '../launch/launch.ts';
import { decide } from '../linux/access.ts';
import type { Credentials } from '../linux/credentials.ts';
import type { Operation } from '../linux/operation.ts';
import { hasCapability, mayAccess, ownerAndMode, READ } from '../linux/permission.ts';
import type { Volume } from '../workload/container.ts';
import type { Check, CheckContext } from './check.ts';
import { PERMISSION_ERRNOS } from './replay.ts';

/** Who is handed the volumes: a container whose image is here, or one of which only the settings are known. */
export type Recipient = Pick<Launch, 'name' | 'uid' | 'settings' | 'platform'> & { readonly who: Credentials };

export const volumeNotReadable: Check = {
  id: 'volume-not-readable',
  summary: 'The user may not read what a volume hands in.',
  severity: 'error',
  authority: 'Kubernetes pkg/volume/util/atomic_writer.go, pkg/volume/volume_linux.go; path_resolution(7)',
  run: (context) => {
    const { target } = context;
    if (target.kind === 'refusal') return [];
    const recipient = { ...target, who: credentialsOf(target) };
    return [
      ...unreadableFiles(recipient),
      ...unreadableWritten(recipient),
      ...(target.settings.volumes ?? []).flatMap((volume) => denied(volume, target, context) ?? []),
    ];
  },
};

/** The kubelet writes as root; who else may read goes by the mode and fsGroup. */
export function unreadableFiles(recipient: Recipient): readonly Finding[] {
  const { settings, platform, who } = recipient;
  if (hasCapability(who, 'CAP_DAC_OVERRIDE') || hasCapability(who, 'CAP_DAC_READ_SEARCH')) return [];
  return (settings.volumes ?? []).flatMap((volume) => {
    const files = handedFiles(volume, settings, platform).filter(({ inode }) => !mayAccess(inode, who, READ));
    const [first] = files;
    if (first === undefined) return [];
    const path = first.name === '*' ? volume.target : `${volume.target}/${first.name}`;
    const what = first.name === '*' ? `the files in ${path}` : path;
    const more = files.length > 1 ? ` and ${files.length - 1} more` : '';
    const source = `${volume.type ?? 'projected'} "${volume.name ?? ''}"`;
    return finding(recipient, path, `may not read ${what}${more}: the kubelet writes them ${ownerAndMode(first.inode)}`, [
      `${source} is written by root, and ${settings.fsGroup === undefined ? 'no fsGroup hands it on' : 'its mode keeps others out'}`,
    ]);
  });
}

/** What compose writes itself has the mode and the owner that the long form says. */
function unreadableWritten(recipient: Recipient): readonly Finding[] {
  return (recipient.settings.writtenFiles ?? []).flatMap(({ path, ...inode }) =>
    mayAccess({ type: 'file', ...inode }, recipient.who, READ)
      ? []
      : [
          finding(recipient, path, `may not read ${path}: it is written ${ownerAndMode({ type: 'file', ...inode })}`, [
            'its text is written into the container with the uid, gid and mode that are asked for',
          ]),
        ],
  );
}

/** A path of this machine: only where it can be looked at. */
function denied(volume: Volume, target: Launch, { tree }: CheckContext): Finding | undefined {
  if (volume.kind !== 'bind') return undefined;
  const node = tree.lookup(volume.target);
  if (node === undefined || node === 'unknown') return undefined;
  const operation: Operation =
    node.inode.type === 'socket'
      ? { kind: 'connect-unix', path: volume.target }
      : node.inode.type === 'directory'
        ? { kind: 'access', path: volume.target, want: 5 }
        : { kind: 'open', path: volume.target, access: 'read' };
  const decision = decide(operation, credentialsOf(target), tree, target.facts);
  if (decision.allowed || !decision.known || !PERMISSION_ERRNOS.has(decision.errno ?? '')) return undefined;
  const verb = operation.kind === 'connect-unix' ? 'connect to' : 'read';
  return finding(
    target,
    volume.target,
    `may not ${verb} ${volume.target}, which is ${volume.source ?? 'a path'} of this machine: ${ownerAndMode(node.inode)}`,
    [[...decision.steps].reverse().find((step) => !step.ok)?.text ?? 'denied by the access model'],
  );
}

const finding = (target: Pick<Launch, 'uid' | 'name'>, path: string, claim: string, because: readonly string[]): Finding => ({
  id: 'volume-not-readable',
  severity: 'error',
  confidence: 'medium',
  message: `uid ${target.uid} ${claim}`,
  container: target.name,
  where: { path },
  evidence: because.map((text) => ({ kind: 'derived', text })),
});
