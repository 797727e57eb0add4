/** Volumes that another service gives to somebody before a service starts: `chown -R 10001:10001 /data`, run by root and waited for. */
import type { ContainerSettings, Volume } from '../../container.ts';
import type { ReadService } from './service.ts';

type Services = ReadonlyMap<string, ReadService>;

/** Numbers only: what a name is hangs on the image. */
const CHOWN = /(?:^|[\s;&(])chown\s+(?:-R|--recursive)\s+(?:-h\s+)?(\d+):(\d+)((?:\s+\/[\w./@+-]*)+)\s*(?=$|[;&)\n])/g;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What root hands over, by its path, and to whom. */
export function givenAway({ user = '0', entrypoint = [], command = [] }: ContainerSettings): ReadonlyMap<string, Owner> {
  const out = new Map<string, Owner>();
  if (!/^(?:0|root)(?::|$)/.test(user)) return out;
  for (const [, uid, gid, paths = ''] of [...entrypoint, ...command].join('\n').matchAll(CHOWN))
    for (const path of paths.trim().split(/\s+/)) out.set(path.replace(/(.)\/$/, '$1'), { uid: Number(uid), gid: Number(gid) });
  return out;
}

/** What a shell is told around its commands. */
const AROUND = /^(?:(?:\/usr)?\/bin\/)?(?:sh|bash|ash)$|^-[ceu]+$|^set$|^true$|^exec$|^[;&()]*$/;

/** Whether that is all it does: chown of folders by number, as root, with no more capabilities than that takes. */
export function onlyHandsOver(settings: ContainerSettings): boolean {
  const { entrypoint = [], command = [], capAdd = [], privileged } = settings;
  if (givenAway(settings).size === 0 || privileged === true) return false;
  if (capAdd.some((name) => !/^(?:CAP_)?(?:CHOWN|DAC_OVERRIDE|FOWNER|DAC_READ_SEARCH)$/i.test(name))) return false;
  const rest = [...entrypoint, ...command].join('\n').replace(CHOWN, ' ');
  return rest.split(/\s+/).every((word) => AROUND.test(word));
}

/** The volumes with the owner that they have by then. */
export function handedVolumes({ container, service }: ReadService, all: Services): readonly Volume[] {
  const volumes = container.settings.volumes ?? [];
  const owners = new Map<string, Owner>();
  for (const { service: name, condition } of service.dependsOn) {
    const before = all.get(name);
    if (condition !== 'service_completed_successfully' || before === undefined) continue;
    for (const [path, owner] of givenAway(before.container.settings)) {
      const mount = (before.container.settings.volumes ?? []).find(({ target }) => target === path);
      if (mount?.source !== undefined && lasts(mount)) owners.set(mount.source, owner);
    }
  }
  if (owners.size === 0) return volumes;
  return volumes.map((volume) => {
    const owner = volume.source !== undefined && lasts(volume) ? owners.get(volume.source) : undefined;
    return owner === undefined ? volume : { ...volume, ...owner };
  });
}

const lasts = ({ kind, subPath }: Volume): boolean => (kind === 'named' || kind === 'external') && subPath === undefined;
