/** Which user string reaches the runtime, and which extra groups: from `--user` and USER, or through the kubelet and a security context constraint. */

import type { ImageConfig } from '../image/image.ts';
import { atoi } from '../linux/go-text.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { ContainerSettings } from '../workload/container.ts';
import type { Stopped } from './input.ts';
import { refusedByKubelet } from './kubelet.ts';
import type { Derivation } from './launch.ts';
import { defaultsOfConstraint } from './security-context-constraint.ts';

export interface UserRequest {
  readonly kind: 'request';
  /** As the runtime gets it: `1000`, `app:web`, ''. */
  readonly spec: string;
  /** Who said so, as the beginning of a sentence: `image USER`. */
  readonly origin: string;
  readonly groupAdd: readonly string[];
  /** False: /etc/group is not searched for memberships (supplementalGroupsPolicy Strict). */
  readonly imageGroups: boolean;
  /** The settings with what admission filled in. */
  readonly settings: ContainerSettings;
  readonly because: readonly Derivation[];
}

/** What the platform hands to its runtime, or who refuses before. */
export function userRequest(
  config: ImageConfig,
  settings: ContainerSettings,
  profile: PlatformProfile,
  name: string,
): UserRequest | Stopped {
  return profile.kubelet ? throughKubelet(config, settings, profile, name) : directly(config, settings);
}

function directly(config: ImageConfig, settings: ContainerSettings): UserRequest {
  const asked = settings.user !== undefined && settings.user !== '';
  const spec = asked ? (settings.user as string) : config.user;
  const origin = asked ? '--user' : spec === '' ? 'the image sets no USER' : `image USER "${spec}"`;
  const because: Derivation[] = asked
    ? [{ field: 'user', value: spec, source: `--user "${spec}" replaces the image's USER "${config.user}"` }]
    : [
        {
          field: 'user',
          value: spec,
          source: spec === '' ? 'neither --user nor the image names a user' : `image USER is "${spec}"`,
        },
      ];
  return { kind: 'request', spec, origin, groupAdd: settings.groupAdd ?? [], imageGroups: true, settings, because };
}

function throughKubelet(
  config: ImageConfig,
  given: ContainerSettings,
  profile: PlatformProfile,
  name: string,
): UserRequest | Stopped {
  const asked = numericUser(given);
  const defaulted = defaultsOfConstraint(asked.settings, profile);
  if (defaulted.kind === 'stopped') return defaulted;
  const { settings } = defaulted;
  // A name in `user` has no place in a pod; it stands for an image whose USER says so.
  const imageUser = asked.name ?? config.user;
  const because: Derivation[] = [...asked.because, ...defaulted.because];

  const refused = refusedByKubelet(imageUser, settings, profile, name);
  if (refused !== undefined) return { ...refused, because: [...because, ...refused.because] };

  const image = kubeletImageUser(imageUser);
  const group = settings.runAsGroup === undefined ? '' : `:${settings.runAsGroup}`;
  let spec: string;
  let origin: string;
  if (settings.runAsUser !== undefined) {
    spec = `${settings.runAsUser}${group}`;
    origin = 'runAsUser';
    because.push({
      field: 'user',
      value: spec,
      source: `runAsUser ${settings.runAsUser} replaces the image's USER "${imageUser}"`,
    });
  } else {
    spec = `${image.name ?? image.uid ?? 0}${group}`;
    origin = imageUser === '' ? 'the image sets no USER' : `image USER "${imageUser}"`;
    because.push({
      field: 'user',
      value: spec,
      source:
        imageUser === ''
          ? 'no runAsUser and no USER in the image: the kubelet asks for uid 0'
          : `no runAsUser: the kubelet takes "${spec.replace(/:.*/, '')}" from the image's USER "${imageUser}"`,
    });
  }
  const lost = imageUser.includes(':') ? imageUser.slice(imageUser.indexOf(':') + 1) : '';
  if (lost !== '' && settings.runAsUser === undefined) {
    const source = `the group "${lost}" of the image's USER never reaches the runtime (CRI ImageStatus has no group)`;
    because.push({ field: 'gid', value: settings.runAsGroup === undefined ? '' : String(settings.runAsGroup), source });
  }
  if (settings.runAsGroup !== undefined) {
    because.push({ field: 'gid', value: String(settings.runAsGroup), source: `runAsGroup ${settings.runAsGroup}` });
  }
  const extra = [...(settings.fsGroup === undefined ? [] : [settings.fsGroup]), ...(settings.supplementalGroups ?? [])];
  if (settings.fsGroup !== undefined) {
    const source = `fsGroup ${settings.fsGroup} is a supplementary group of the process, never its primary one`;
    because.push({ field: 'groups', value: String(settings.fsGroup), source });
  }
  const imageGroups = settings.supplementalGroupsPolicy !== 'Strict';
  if (!imageGroups)
    because.push({
      field: 'groups',
      value: '',
      source: 'supplementalGroupsPolicy Strict: memberships in the image are left out',
    });
  return {
    kind: 'request',
    spec,
    origin,
    groupAdd: [...extra.map(String), ...(settings.groupAdd ?? [])],
    imageGroups,
    settings,
    because,
  };
}

/** `user: "10001:10001"` in settings for Kubernetes is runAsUser and runAsGroup, which win over it. */
function numericUser(settings: ContainerSettings): {
  settings: ContainerSettings;
  name?: string;
  because: readonly Derivation[];
} {
  const text = settings.user ?? '';
  if (text === '') return { settings, because: [] };
  const [userText = '', groupText = ''] = text.split(':');
  const uid = atoi(userText);
  if (typeof uid !== 'number') return { settings, name: text, because: [] };
  const gid = atoi(groupText);
  const runAsGroup = settings.runAsGroup ?? (typeof gid === 'number' ? gid : undefined);
  const source = `user "${text}" is asked for as runAsUser${runAsGroup === undefined ? '' : ' and runAsGroup'}`;
  return {
    settings: { ...settings, runAsUser: settings.runAsUser ?? uid, ...(runAsGroup === undefined ? {} : { runAsGroup }) },
    because: [{ field: 'user', value: text, source }],
  };
}

/** CRI ImageStatus: the text before the first colon as a 64-bit number, else as a name; '' is neither. */
export function kubeletImageUser(user: string): { readonly uid?: number; readonly name?: string } {
  const text = user.split(':')[0] as string;
  if (text === '') return {};
  const uid = atoi(text);
  return typeof uid === 'number' ? { uid } : { name: text };
}
