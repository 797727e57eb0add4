/** runc and crun as engines: they unpack and mount themselves what Docker and Podman would, then hand a bundle to the runtime. */
import type { Image } from '../image/image.ts';
import type { Launch } from '../launch/launch.ts';
import type { PlatformProfile } from '../platform/platform.ts';
import type { Container, CreateOptions, Engine, EngineOptions, PreparedImage } from './engine.ts';
import { deviceDifferences, entryDifferences } from './handed-in.ts';
import { interrupted } from './local-container.ts';
import { createOciContainer, type OciRuntime } from './oci-container.ts';
import { whyNoOverlay } from './rootfs/root.ts';
import { storeLayers } from './rootfs/store.ts';
import { volumeFolder } from './volumes.ts';

/** The parts that differ between engines which start processes on this host themselves. */
export interface LocalEngineParts {
  readonly kind: Engine['kind'];
  readonly version: string;
  readonly profile: PlatformProfile;
  readonly notes: readonly string[];
  differences(launch: Launch): readonly string[];
  create(image: Image, layers: readonly string[], launch: Launch, options: CreateOptions): Promise<Container>;
}

/** An engine that keeps unpacked layers, and knows what it made. */
export function localEngine(parts: LocalEngineParts): Engine {
  const made = new Set<() => Promise<void>>();
  const prepare = async (image: Image, options: EngineOptions = {}): Promise<PreparedImage> => {
    const stored = await storeLayers(image, { ...options, listsSetLast: parts.profile.listsSetLast === true });
    const containers = new Set<Container>();
    const remove = async (): Promise<void> => {
      made.delete(remove);
      await Promise.all([...containers].map((container) => container.remove()));
      stored.release();
    };
    made.add(remove);
    return {
      image,
      get notes() {
        const why = whyNoOverlay();
        return why === undefined
          ? stored.notes
          : [...stored.notes, `the image was copied for each run, which takes longer: ${why}`];
      },
      async create(launch, createOptions = {}) {
        const { signal } = createOptions;
        if (signal?.aborted) throw interrupted();
        const container = await parts.create(image, stored.folders, overShared(launch, createOptions.volumes), createOptions);
        if (signal?.aborted) {
          await container.remove();
          throw interrupted();
        }
        containers.add(container);
        return {
          ...container,
          async remove() {
            await container.remove();
            containers.delete(container);
          },
        };
      },
      remove,
    };
  };
  return {
    kind: parts.kind,
    version: parts.version,
    profile: parts.profile,
    notes: parts.notes,
    stopsBeforeStart: true,
    joinsSandboxes: true,
    makeVolume: async () => volumeFolder(),
    differences: (launch) => [...localDifferences(launch), ...parts.differences(launch)],
    prepare,
    close: async () => void (await Promise.all([...made].map((remove) => remove()))),
  };
}

/** A volume's source is the folder behind it. */
function overShared(launch: Launch, shared: CreateOptions['volumes']): Launch {
  if (shared === undefined) return launch;
  const mounts = launch.mounts.map((mount) => {
    const source = mount.type === 'volume' ? shared.get(mount.target) : undefined;
    return source === undefined ? mount : { ...mount, source };
  });
  return { ...launch, mounts };
}

/** An engine over an OCI runtime. */
export function ociEngine(runtime: OciRuntime, version: string, profile: PlatformProfile, notes: readonly string[]): Engine {
  return localEngine({
    kind: runtime.kind,
    version,
    profile,
    notes,
    differences: (launch) => deviceDifferences('this engine', withoutNodes(launch)),
    create: (image, layers, launch, options) => createOciContainer(runtime, image, layers, launch, options),
  });
}

/** Those with numbers the runtime makes. */
const withoutNodes = (launch: Launch): Launch => ({
  ...launch,
  devices: (launch.devices ?? []).filter(({ node }) => node === undefined),
});

/** What none of them does. */
function localDifferences(launch: Launch): readonly string[] {
  const found: string[] = [];
  if (launch.network === 'bridge') found.push('network: loopback only, no bridge to the outside');
  const mapped = [...launch.uidMappings, ...launch.gidMappings].some(({ container, host }) => container !== host);
  if (mapped) found.push('user namespace: ids are not mapped, the process has the same ids on the host');
  if (launch.settings.privileged)
    found.push(
      "privileged: the host's devices are not passed in, and settings of the whole machine below /proc/sys stay read-only",
    );
  return [...found, ...entryDifferences('this engine', launch)];
}
