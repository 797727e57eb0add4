/** What can be said of a container whose image nobody has: what the settings decide alone. Everything else is unknown, and never safe. */
import type { ImageConfig } from '../image/image.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { isStopped } from './input.ts';
import type { Derivation, Refusal } from './launch.ts';
import { defaultsOfConstraint } from './security-context-constraint.ts';
import { userRequest } from './user-request.ts';
import { validateSettings } from './validation.ts';
import type { WhoUnknown } from './who.ts';

/** An image config that says nothing. Whatever follows from it alone is not used. */
const NOTHING: ImageConfig = {
  user: '',
  env: [],
  entrypoint: [],
  cmd: [],
  workingDir: '',
  volumes: [],
  exposedPorts: [],
  labels: {},
};

export interface WithoutImage {
  readonly name: string;
  readonly image: string;
  readonly settings: ContainerSettings;
  readonly profile: PlatformProfile;
  /** Why there is no image. */
  readonly why: string;
}

/** A refusal that no image could change, or what is known. */
export function withoutImage(input: WithoutImage): Refusal | WhoUnknown {
  const { name, image, settings, profile, why } = input;
  const refusal = ({ by, reason, message, because }: Pick<Refusal, 'by' | 'reason' | 'message' | 'because'>): Refusal => ({
    kind: 'refusal',
    name,
    image,
    platform: profile,
    by,
    reason,
    message,
    because,
  });
  const invalid = validateSettings(settings, profile);
  if (invalid !== undefined) return refusal(invalid);
  const admitted = defaultsOfConstraint(settings, profile);
  if (isStopped(admitted)) return refusal(admitted);
  const { runAsUser } = admitted.settings;
  // Without runAsUser the kubelet's answer hangs on the image's USER; what it says of the settings alone comes first there.
  if (profile.kubelet && (runAsUser !== undefined || settings.configError !== undefined)) {
    const request = userRequest(NOTHING, settings, profile, name);
    if (isStopped(request)) return refusal(request);
  }
  const { facts, because } = known(admitted.settings, profile);
  const asRoot = admitted.settings.runAsNonRoot === true && runAsUser === undefined;
  return {
    name,
    image,
    outcome: 'unknown',
    message: `${why}; ${unknownText(facts)}${asRoot ? ': runAsNonRoot makes the kubelet refuse it when the image names no USER, 0, or a name' : ''}`,
    ...facts,
    because: [...admitted.because, ...because],
  };
}

type Facts = Pick<WhoUnknown, 'uid' | 'gid' | 'hostUid' | 'isRoot' | 'noNewPrivileges'>;

function known(settings: ContainerSettings, profile: PlatformProfile): { facts: Facts; because: readonly Derivation[] } {
  const because: Derivation[] = [];
  const { hostUsers } = settings;
  // Engines take numbers as they are, whatever the image's /etc/passwd says of them; without one after the colon the gid is its matter.
  const [, asUser, asGroup] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec((profile.kubelet ? undefined : settings.user) ?? '') ?? [];
  const uid = settings.runAsUser ?? (asUser === undefined ? undefined : Number(asUser));
  const gid = settings.runAsGroup ?? (asGroup === undefined ? undefined : Number(asGroup));
  const noNewPrivileges = settings.noNewPrivileges ?? profile.noNewPrivileges;
  if (uid !== undefined)
    because.push({
      field: 'uid',
      value: String(uid),
      source: `${asUser === undefined ? 'runAsUser' : 'user'} ${uid}, whatever the image says`,
    });
  if (gid !== undefined)
    because.push({
      field: 'gid',
      value: String(gid),
      source: `${asUser === undefined ? 'runAsGroup' : 'group'} ${gid}, whatever the image says`,
    });
  because.push({
    field: 'noNewPrivileges',
    value: String(noNewPrivileges),
    source:
      settings.noNewPrivileges === undefined
        ? (profile.sources.noNewPrivileges ?? `the default of ${profile.name}`)
        : 'the settings say so',
  });
  // A set-user-ID entrypoint could still make root of another uid, unless no_new_privs bars it.
  const isRoot = uid === 0 ? true : uid !== undefined && noNewPrivileges ? false : undefined;
  return {
    facts: {
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      ...(uid === undefined || hostUsers === false ? {} : { hostUid: uid }),
      ...(isRoot === undefined ? {} : { isRoot }),
      noNewPrivileges,
    },
    because,
  };
}

function unknownText({ uid, gid }: Facts): string {
  if (uid === undefined) return gid === undefined ? 'who it runs as is unknown' : `gid ${gid} is sure, its user is unknown`;
  return gid === undefined
    ? `uid ${uid} is sure, its groups are unknown`
    : `uid ${uid} and gid ${gid} are sure, its other groups are unknown`;
}
