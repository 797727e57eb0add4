/** A program whose file capabilities are outside the bounding set is not executed at all: give it the capability back where that is harmless, else take it off the file. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

/** What Pod Security restricted allows a container to add. */
const RESTRICTED_ADDS = new Set(['CAP_NET_BIND_SERVICE']);

/** Not executed for its file capabilities, whoever starts it: predicted of the container's own program, or met by one that another starts. */
export function wantsFileCapabilities({ id, severity, operation, decision }: Finding, { rootFs }: FixContext): boolean {
  if (operation?.kind !== 'exec') return false;
  if (id === 'file-capabilities-out-of-bounds') return severity === 'error';
  return decision?.errno === 'EPERM' && rootFs.resolve(operation.path).entry?.fileCapabilities?.effective === true;
}

/** Only for files that the run shall execute; others are no obstacle. */
export function fileCapabilities(findings: readonly Finding[], context: FixContext): Fix[] {
  const fixes = new Map<string, Fix>();
  for (const finding of findings) {
    if (finding.operation?.kind !== 'exec' || !wantsFileCapabilities(finding, context)) continue;
    const { entry } = context.rootFs.resolve(finding.operation.path);
    const wanted = entry?.fileCapabilities?.permitted ?? [];
    if (entry === undefined || wanted.length === 0) continue;
    const answers = [...new Set([...(fixes.get(entry.path)?.answers ?? []), findingKey(finding)])].sort();
    const { path, uid, gid, mode } = entry;
    const harmless = wanted.every((name) => RESTRICTED_ADDS.has(name));
    fixes.set(
      path,
      harmless
        ? {
            id: 'file-capabilities',
            subject: path,
            title: `add ${wanted.join(', ')}: ${path} carries it as a file capability and is not executed without`,
            disposition: 'safe',
            answers,
            layer: [],
            run: { capAdd: wanted.map((name) => name.replace(/^CAP_/, '')) },
          }
        : {
            id: 'file-capabilities',
            subject: path,
            title: `${path} without its file capabilities ${wanted.join(', ')}: a container that may not have them does not execute it`,
            disposition: 'needs-review',
            answers,
            layer: [{ kind: 'own', path, uid, gid, mode, capabilities: [] }],
            run: {},
            note: `whether it needs them shows when it runs without; Pod Security restricted allows no capability but NET_BIND_SERVICE; ${entry.size} bytes copied into the layer`,
          },
    );
  }
  return [...fixes.values()];
}
