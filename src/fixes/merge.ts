/** Puts the fixes together: one layer without duplicates, one set of run settings. */
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import { isWithin } from '../linux/file-path.ts';
import type { Recipient } from './context.ts';

/** The changes of all fixes, one per path (the later one wins, and leaves the owner what an earlier one gave it), sorted by path so that parents come first. */
export function mergeLayer(fixes: readonly Fix[]): LayerChange[] {
  const byPath = new Map<string, LayerChange>();
  for (const change of fixes.flatMap((fix) => fix.layer)) {
    byPath.set(change.path, together(byPath.get(change.path), change));
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** New content and a new owner of one file are both kept, whichever came first. */
function together(earlier: LayerChange | undefined, later: LayerChange): LayerChange {
  if (earlier?.kind === 'own' && later.kind === 'own') return bothOwn(earlier, later);
  if (earlier?.kind === 'own' && later.kind === 'file')
    return { ...later, uid: earlier.uid, gid: earlier.gid, mode: earlier.mode };
  if (earlier?.kind === 'file' && later.kind === 'own') return { ...earlier, uid: later.uid, gid: later.gid, mode: later.mode };
  return later;
}

type Own = Extract<LayerChange, { kind: 'own' }>;

/** File capabilities are about neither owner nor mode, and are kept when those change: the kernel takes them away at chown(2), a layer does not. */
function bothOwn(earlier: Own, later: Own): Own {
  if (later.capabilities !== undefined) return { ...earlier, capabilities: later.capabilities };
  return {
    ...later,
    mode: later.mode | (earlier.mode & 0o700),
    ...(earlier.capabilities ? { capabilities: earlier.capabilities } : {}),
  };
}

/** The lowest privilege that Pod Security restricted asks for, plus what the fixes add. */
export function mergeRun(fixes: readonly Fix[], recipient: Recipient, ports: Run['ports']): Run {
  const list = <T>(pick: (run: Partial<Run>) => readonly T[] | undefined): T[] => {
    const seen = new Map(fixes.flatMap((fix) => pick(fix.run) ?? []).map((value) => [JSON.stringify(value), value] as const));
    return [...seen.values()];
  };
  const record = (pick: (run: Partial<Run>) => Readonly<Record<string, string>> | undefined): Record<string, string> =>
    Object.assign({}, ...fixes.map((fix) => pick(fix.run) ?? {}));
  const last = <T>(pick: (run: Partial<Run>) => T | undefined): T | undefined =>
    fixes
      .map((fix) => pick(fix.run))
      .filter((value) => value !== undefined)
      .at(-1);
  const entrypoint = last((run) => run.entrypoint);
  const command = last((run) => run.command);
  const workdir = last((run) => run.workdir);
  const healthcheck = last((run) => run.healthcheck);
  const tmpfsInside = list((run) => run.tmpfsInside);
  const moves = new Map(list((run) => run.ports).map(({ from, to }) => [from, to]));
  return {
    user: `${recipient.uid}:${recipient.gid}`,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    env: record((run) => run.env),
    ...(workdir === undefined ? {} : { workdir }),
    ports: ports.map((port) => ({ ...port, to: moves.get(port.from) ?? port.to })),
    tmpfs: list((run) => run.tmpfs),
    ...(tmpfsInside.length > 0 ? { tmpfsInside } : {}),
    volumes: [
      ...new Map(
        outermost(fixes)
          .flatMap(({ run }) => run.volumes ?? [])
          .map((volume) => [volume.path, volume]),
      ).values(),
    ],
    capAdd: list((run) => run.capAdd),
    capDrop: ['ALL'],
    sysctls: record((run) => run.sysctls),
    noNewPrivileges: last((run) => run.noNewPrivileges) ?? true,
    readOnly: last((run) => run.readOnly) ?? false,
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

/**
 * Without the volumes of a read-only root that lie in a volume of a service's state, which is there from the start and holds all that is theirs: one
 * volume on top of another would be two claims for one thing.
 */
export const outermost = (fixes: readonly Fix[]): readonly Fix[] => {
  const states = fixes.filter(({ id, run }) => id === 'state-folder' && run.volumes !== undefined);
  const held = (fix: Fix): boolean =>
    states.some(
      ({ layer, run }) =>
        run.volumes?.some(({ path }) => path !== fix.subject && isWithin(fix.subject, path)) === true &&
        fix.layer.every(({ path }) => layer.some((change) => change.path === path)),
    );
  return fixes.filter((fix) => fix.id !== 'read-only-root' || fix.run.volumes === undefined || !held(fix));
};
