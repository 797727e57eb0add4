/** States which owner a volume must have: the image cannot settle what is mounted over it. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from './context.ts';
import { placeOf } from './context.ts';
import { findingKey } from './need.ts';

/** One requirement per mount that the recipient was denied on. */
export function volumeOwner(findings: readonly Finding[], context: FixContext): Fix[] {
  const byMount = new Map<string, { answers: Set<string>; bind: boolean }>();
  for (const finding of findings) {
    const path = finding.operation && 'path' in finding.operation ? finding.operation.path : undefined;
    if (path === undefined) continue;
    const place = placeOf(context.rootFs.resolve(path).path, context.target);
    if (place.kind !== 'volume') continue;
    const entry = byMount.get(place.target) ?? { answers: new Set<string>(), bind: place.bind };
    entry.answers.add(findingKey(finding));
    byMount.set(place.target, entry);
  }
  const { uid, gid, arbitrary } = context.recipient;
  return [...byMount]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, { answers, bind }]) => {
      const existing = context.rootFs.resolve(path).entry;
      const base = existing?.mode ?? 0o755;
      const mode = arbitrary ? (base & ~0o070) | ((base >> 3) & 0o070) | 0o770 : base | 0o700;
      const owner = arbitrary ? '0:0' : `${uid}:${gid}`;
      const shown = mode.toString(8).padStart(4, '0');
      return {
        id: 'volume-owner',
        subject: path,
        title: `volume ${path}: owner ${owner}, mode ${shown}`,
        disposition: bind ? 'needs-review' : 'safe',
        answers: [...answers].sort(),
        // A fresh volume takes owner and mode of the image's directory; an existing one must be changed where it lives.
        layer:
          existing?.type === 'directory' || existing === undefined
            ? [{ kind: existing ? 'own' : 'directory', path, uid: arbitrary ? (existing?.uid ?? 0) : uid, gid, mode } as const]
            : [],
        run: { volumes: [{ path, owner, mode: shown }] },
        note: bind
          ? 'a folder of the host keeps its owner: change it there (chown), or in Kubernetes with an init container; fsGroup does not reach hostPath'
          : 'a new volume copies owner and mode from the image; a volume that already holds data needs one chown (Kubernetes: fsGroup)',
      } satisfies Fix;
    });
}
