/** Where each setting of a container was written: in the container, else in the pod. */
import { type SourceFile, spanAt } from '../../../text/source-file.ts';
import type { Span } from '../../../text/span.ts';
import type { YamlNode } from '../../../text/yaml/node.ts';
import { locate, type Path } from '../../../text/yaml/path.ts';

/** Setting, its field in the container's mapping, its field in the pod's spec; '' where it has none. */
const FIELDS: readonly (readonly [string, string, string])[] = [
  ['name', 'name', ''],
  ['image', 'image', ''],
  ['entrypoint', 'command', ''],
  ['command', 'args', ''],
  ['env', 'env', ''],
  ['workdir', 'workingDir', ''],
  ['ports', 'ports', ''],
  ['volumes', 'volumeMounts', 'volumes'],
  ['runAsUser', 'securityContext.runAsUser', 'securityContext.runAsUser'],
  ['runAsGroup', 'securityContext.runAsGroup', 'securityContext.runAsGroup'],
  ['runAsNonRoot', 'securityContext.runAsNonRoot', 'securityContext.runAsNonRoot'],
  ['capAdd', 'securityContext.capabilities.add', ''],
  ['capDrop', 'securityContext.capabilities.drop', ''],
  ['noNewPrivileges', 'securityContext.allowPrivilegeEscalation', ''],
  ['privileged', 'securityContext.privileged', ''],
  ['readOnly', 'securityContext.readOnlyRootFilesystem', ''],
  ['unmaskedProc', 'securityContext.procMount', ''],
  ['fsGroup', '', 'securityContext.fsGroup'],
  ['fsGroupChangePolicy', '', 'securityContext.fsGroupChangePolicy'],
  ['supplementalGroups', '', 'securityContext.supplementalGroups'],
  ['supplementalGroupsPolicy', '', 'securityContext.supplementalGroupsPolicy'],
  ['sysctls', '', 'securityContext.sysctls'],
  ['hostUsers', '', 'hostUsers'],
  ['network', '', 'hostNetwork'],
  ['hostname', '', 'hostname'],
];

const SPLIT: readonly (readonly [string, Path | undefined, Path | undefined])[] = FIELDS.map(([name, container, pod]) => [
  name,
  container === '' ? undefined : container.split('.'),
  pod === '' ? undefined : pod.split('.'),
]);

/** `container` and `spec` are the mappings of the container and of the pod's spec. A field that is null counts as not written. */
export function fieldSpans(
  source: SourceFile,
  container: YamlNode | undefined,
  spec: YamlNode | undefined,
): Readonly<Record<string, Span>> {
  const out: Record<string, Span> = {};
  for (const [name, inContainer, inPod] of SPLIT) {
    const found = (container && inContainer && locate(container, inContainer)) ?? (spec && inPod && locate(spec, inPod));
    if (found === undefined || (found.node.kind === 'scalar' && found.node.value === null)) continue;
    out[name] = spanAt(source, found.node.start, found.node.end);
  }
  return out;
}
