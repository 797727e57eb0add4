/** A program whose file capabilities are outside the bounding set is not executed at all: give it the capability back, if that is harmless. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

/** What Pod Security restricted allows a container to add. */
const RESTRICTED_ADDS = new Set(['CAP_NET_BIND_SERVICE']);

/** Only for files that the run shall execute; others are no obstacle. */
export function fileCapabilities(findings: readonly Finding[], context: FixContext): Fix[] {
  return findings
    .filter(
      (finding) =>
        finding.id === 'file-capabilities-out-of-bounds' && finding.severity === 'error' && finding.where.path !== undefined,
    )
    .map((finding) => {
      const path = finding.where.path as string;
      const wanted = context.rootFs.resolve(path).entry?.fileCapabilities?.permitted ?? [];
      const harmless = wanted.every((name) => RESTRICTED_ADDS.has(name));
      return {
        id: 'file-capabilities',
        subject: path,
        title: `add ${wanted.join(', ')}: ${path} carries it as a file capability and is not executed without`,
        disposition: harmless ? 'safe' : 'needs-review',
        answers: [findingKey(finding)],
        layer: [],
        run: { capAdd: wanted.map((name) => name.replace(/^CAP_/, '')) },
        ...(harmless ? {} : { note: 'Pod Security restricted allows no capability but NET_BIND_SERVICE' }),
      } satisfies Fix;
    });
}
