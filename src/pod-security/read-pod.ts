/**
 * Any JSON as a pod: the fields that the controls look at, with the types of the API. What has another type is what the API server refuses to
 * decode: it is told, and taken as not written. The readers follow Go's encoding/json: null is not written, an empty element of a list is the zero value.
 */
import type { Handler, Pod, PodContainer, PodVolume } from '../workload/formats/kubernetes/pod-spec.ts';
import type { FieldPath } from './control.ts';

/** A field of a type that the API does not know. */
export interface TypeProblem {
  readonly path: FieldPath;
  /** `must be true or false, is a text`. */
  readonly message: string;
}

type Note = (path: FieldPath, wanted: string, value: unknown) => void;
type Read<T> = (value: unknown, path: FieldPath, note: Note) => T | undefined;

/** No pod needs more words than this about what is wrong with it. */
const MOST_PROBLEMS = 100;

/** What a value is, for people: `a list`, `the number 5`. */
export const kindOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'boolean') return `the truth value ${value}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`;
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value}`;
};

const scalar =
  <T>(wanted: string, take: (value: unknown) => T | undefined): Read<T> =>
  (value, path, note) => {
    if (value === undefined || value === null) return undefined;
    const taken = take(value);
    if (taken === undefined) note(path, wanted, value);
    return taken;
  };

/** JSON can spell half a character; Go puts U+FFFD in its place. */
const whole = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

const text: Read<string> = scalar('a text', (value) => (typeof value === 'string' ? whole(value) : undefined));
const flag: Read<boolean> = scalar('true or false', (value) => (typeof value === 'boolean' ? value : undefined));

const integer = (bits: 32 | 64): Read<number> =>
  scalar(`a whole number of ${bits} bits`, (value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
    return number >= -(2 ** (bits - 1)) && number < 2 ** (bits - 1) ? number : undefined;
  });
const port: Read<number> = integer(32);
const id: Read<number> = integer(64);

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const own = (value: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(value, name) ? value[name] : undefined;

/** A mapping with these fields; others are not looked at. */
const mapping =
  <T extends object>(fields: { readonly [Name in keyof T]?: Read<NonNullable<T[Name]>> }): Read<T> =>
  (value, path, note) => {
    if (value === undefined || value === null) return undefined;
    if (!isMapping(value)) {
      note(path, 'a mapping', value);
      return undefined;
    }
    const out: Record<string, unknown> = {};
    for (const [name, read] of Object.entries(fields) as [string, Read<unknown>][]) {
      const field = read(own(value, name), [...path, name], note);
      if (field !== undefined) out[name] = field;
    }
    return out as T;
  };

/** A list; `zero` stands in for an element that is null or of a wrong type, so that the others keep their places. */
const list =
  <T>(read: Read<T>, zero: T): Read<readonly T[]> =>
  (value, path, note) => {
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value)) {
      note(path, 'a list', value);
      return undefined;
    }
    return Array.from(value, (one: unknown, index) => read(one, [...path, index], note) ?? zero);
  };

const texts: Read<Readonly<Record<string, string>>> = (value, path, note) => {
  if (value === undefined || value === null) return undefined;
  if (!isMapping(value)) {
    note(path, 'a mapping', value);
    return undefined;
  }
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [whole(name), text(one, [...path, name], note) ?? '']));
};

/** The name is always there: the zero value where none is written. */
const named =
  (read: Read<string>): Read<string> =>
  (value, path, note) =>
    read(value, path, note) ?? '';
const name: Read<string> = named(text);

const profile = mapping<{ type?: string }>({ type: text });
const seLinux = mapping<{ type?: string; user?: string; role?: string }>({ type: text, user: text, role: text });
const windows = mapping<{ hostProcess?: boolean }>({ hostProcess: flag });
const handler = mapping<Handler>({
  httpGet: mapping<NonNullable<Handler['httpGet']>>({ host: text }),
  tcpSocket: mapping<NonNullable<Handler['tcpSocket']>>({ host: text }),
});

const container = mapping<PodContainer>({
  name,
  image: text,
  ports: list(mapping<NonNullable<PodContainer['ports']>[number]>({ hostPort: port, containerPort: port }), {}),
  securityContext: mapping<NonNullable<PodContainer['securityContext']>>({
    runAsUser: id,
    runAsNonRoot: flag,
    privileged: flag,
    allowPrivilegeEscalation: flag,
    procMount: text,
    capabilities: mapping<NonNullable<NonNullable<PodContainer['securityContext']>['capabilities']>>({
      add: list(text, ''),
      drop: list(text, ''),
    }),
    seLinuxOptions: seLinux,
    seccompProfile: profile,
    appArmorProfile: profile,
    windowsOptions: windows,
  }),
  livenessProbe: handler,
  readinessProbe: handler,
  startupProbe: handler,
  lifecycle: mapping<NonNullable<PodContainer['lifecycle']>>({ postStart: handler, preStop: handler }),
});

const NAMELESS: { readonly name: string } = { name: '' };
const anyKind: Read<object> = mapping<Record<string, never>>({});

/** What the API calls each kind of volume; null is as good as not written. */
export const VOLUME_KINDS: { readonly allowed: readonly string[]; readonly restricted: readonly string[] } = {
  allowed: ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret'],
  // In the order in which upstream names the first of several: policy/check_restrictedVolumes.go.
  restricted: [
    'hostPath',
    'gcePersistentDisk',
    'awsElasticBlockStore',
    'gitRepo',
    'nfs',
    'iscsi',
    'glusterfs',
    'rbd',
    'flexVolume',
    'cinder',
    'cephfs',
    'flocker',
    'fc',
    'azureFile',
    'vsphereVolume',
    'quobyte',
    'azureDisk',
    'photonPersistentDisk',
    'portworxVolume',
    'scaleIO',
    'storageos',
  ],
};

const volume = mapping<PodVolume>({
  name,
  ...Object.fromEntries([...VOLUME_KINDS.allowed, ...VOLUME_KINDS.restricted].map((kind) => [kind, anyKind])),
});

const pod = mapping<Pod>({
  metadata: mapping<NonNullable<Pod['metadata']>>({ name: text, namespace: text, annotations: texts }),
  spec: mapping<NonNullable<Pod['spec']>>({
    initContainers: list(container, NAMELESS),
    containers: list(container, NAMELESS),
    ephemeralContainers: list(container, NAMELESS),
    securityContext: mapping<NonNullable<NonNullable<Pod['spec']>['securityContext']>>({
      runAsUser: id,
      runAsNonRoot: flag,
      seLinuxOptions: seLinux,
      seccompProfile: profile,
      appArmorProfile: profile,
      windowsOptions: windows,
      sysctls: list(mapping<{ name: string; value: string }>({ name }), { name: '', value: '' }),
    }),
    volumes: list(volume, NAMELESS),
    hostNetwork: flag,
    hostPID: flag,
    hostIPC: flag,
    hostUsers: flag,
    runtimeClassName: text,
    os: mapping<{ name?: string }>({ name: text }),
  }),
});

/** The pod in `value`; what cannot be one is an empty pod and a problem. Never throws. */
export function readPod(value: unknown): { readonly pod: Pod; readonly problems: readonly TypeProblem[] } {
  const problems: TypeProblem[] = [];
  const note: Note = (path, wanted, found) => {
    if (problems.length < MOST_PROBLEMS) problems.push({ path, message: `must be ${wanted}, is ${kindOf(found)}` });
  };
  const read = pod(value, [], note);
  return { pod: read ?? {}, problems };
}
