/** Random pods, rich in everything that a control of Pod Security looks at: valid ones, odd ones, and ones that no API server would decode. */
import { VOLUME_KINDS } from '../../src/pod-security/read-pod.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A stream of numbers in [0, 1) that a seed makes again (mulberry32). */
export function randomStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ODD = [
  '',
  ' ',
  'é',
  '😀',
  '\u2028',
  '"',
  '\\',
  '\u0000',
  '\t',
  '\ud800',
  '\uffff',
  '\ue000',
  '\u00ad',
  '<&>',
  '\u007f',
  '\ufb01',
];
const NAMES = ['a', 'b', 'web', 'init-1', 'side.car', 'Z', 'é', '😀', '\uffee', 'x"y', ''];
const CAPABILITIES = [
  'NET_BIND_SERVICE',
  'NET_RAW',
  'CHOWN',
  'SETUID',
  'SYS_ADMIN',
  'CAP_CHOWN',
  'all',
  'ALL',
  'chown',
  'SYS_CHROOT',
];
const PROFILES = ['RuntimeDefault', 'Localhost', 'Unconfined', 'runtimeDefault', ''];
const SELINUX = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t', 'spc_t', 'unconfined_t'];
const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
  'net.ipv4.tcp_slow_start_after_idle',
  'net.ipv4.tcp_notsent_lowat',
  'kernel.msgmax',
  'net/ipv4/ping_group_range',
  '',
];
const ANNOTATED = ['runtime/default', 'docker/default', 'localhost/x', 'localhost', 'unconfined', '', 'Runtime/default'];

/** One pod per call, all from one stream. `wild` in 0…1: how often it is not even decodable. */
export function podGenerator(random: () => number, wild: number): () => Json {
  const chance = (probability: number): boolean => random() < probability;
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const odd = (text: string): string => (chance(0.05) ? `${text}${pick(ODD)}${pick(ODD)}` : text);

  /** Only some of the fields, and sometimes null. How full an object is differs, so that poor and rich pods both come up. */
  const mapping = (fields: Readonly<Record<string, () => Json>>, density: number): Json =>
    Object.fromEntries(
      Object.entries(fields)
        .filter(() => chance(density))
        .map(([name, make]) => [name, chance(0.02) ? null : make()]),
    );

  const profile = (): Json => mapping({ type: () => odd(pick(PROFILES)), localhostProfile: () => 'p.json' }, 0.9);
  const seLinux = (): Json =>
    mapping({ type: () => odd(pick(SELINUX)), user: () => pick(['', 'u']), role: () => pick(['', 'r']), level: () => 's0' }, 0.4);
  const windows = (): Json => mapping({ hostProcess: () => chance(0.5), runAsUserName: () => 'x' }, 0.7);
  const handler = (): Json =>
    mapping(
      {
        httpGet: () => mapping({ host: () => odd(pick(['', '10.0.0.1', 'example.org', '::1'])), port: () => 80 }, 0.6),
        tcpSocket: () => mapping({ host: () => pick(['', '10.0.0.2', 'example.org']), port: () => 'web' }, 0.6),
        exec: () => ({ command: ['true'] }),
      },
      0.5,
    );

  function container(density: number, strict: boolean): Json {
    const security: Readonly<Record<string, () => Json>> = {
      runAsUser: () => pick([0, 0, 1, 10001, 2147483647]),
      runAsNonRoot: () => chance(strict ? 0.95 : 0.6),
      privileged: () => chance(strict ? 0.02 : 0.4),
      allowPrivilegeEscalation: () => chance(strict ? 0.05 : 0.4),
      procMount: () => pick(['Default', 'Default', 'Unmasked', '', 'Other']),
      capabilities: () =>
        mapping(
          { add: () => some(3, () => odd(pick(CAPABILITIES))), drop: () => some(3, () => pick(['ALL', 'all', 'KILL'])) },
          0.8,
        ),
      seLinuxOptions: seLinux,
      seccompProfile: profile,
      appArmorProfile: profile,
      windowsOptions: windows,
      readOnlyRootFilesystem: () => true,
    };
    const context = strict
      ? {
          ...(mapping(security, density * 0.3) as Record<string, Json>),
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'], ...(chance(0.3) ? { add: ['NET_BIND_SERVICE'] } : {}) },
        }
      : mapping(security, density);
    return {
      name: odd(pick(NAMES)),
      ...(mapping(
        {
          image: () => 'registry.example/app:1',
          ports: () =>
            some(3, () => mapping({ hostPort: () => pick([0, 0, 80, 443, 12345, 65536, -1]), containerPort: () => 80 }, 0.7)),
          livenessProbe: handler,
          readinessProbe: handler,
          startupProbe: handler,
          lifecycle: () => mapping({ postStart: handler, preStop: handler }, 0.6),
        },
        density * 0.6,
      ) as Record<string, Json>),
      ...(strict || chance(0.8) ? { securityContext: context } : {}),
    };
  }

  function volume(): Json {
    const kinds = [...VOLUME_KINDS.allowed, ...VOLUME_KINDS.restricted, 'hostPath', 'hostPath', 'somethingElse'];
    const filled = Array.from({ length: pick([0, 1, 1, 1, 1, 1, 1, 2]) }, () => [pick(kinds), chance(0.05) ? null : {}] as const);
    return { name: odd(pick(NAMES)), ...Object.fromEntries(filled) };
  }

  function annotations(names: readonly string[]): Json {
    const keys = [
      ...names.map((name) => `container.apparmor.security.beta.kubernetes.io/${name}`),
      ...names.map((name) => `container.seccomp.security.alpha.kubernetes.io/${name}`),
      'container.apparmor.security.beta.kubernetes.io/',
      'container.apparmor.security.beta.kubernetes.io/nobody',
      'seccomp.security.alpha.kubernetes.io/pod',
      'example.org/other',
      '__proto__',
    ];
    return Object.fromEntries(
      keys.filter(() => chance(0.25)).map((key) => [key, chance(0.03) ? null : odd(pick(ANNOTATED))] as const),
    );
  }

  function pod(): Json {
    const density = pick([0, 0.1, 0.2, 0.4, 0.7, 1]);
    const strict = chance(0.5);
    const one = (): Json => (chance(0.01) ? null : container(density, strict));
    const lists = {
      initContainers: some(2, one),
      containers: some(3, one),
      ephemeralContainers: chance(0.3) ? some(2, one) : [],
    };
    const names = Object.values(lists).flatMap((list) => list.map((item) => (item as { name?: string } | null)?.name ?? ''));
    const context: Readonly<Record<string, () => Json>> = {
      runAsUser: () => pick([0, 1000]),
      runAsNonRoot: () => chance(0.8),
      seLinuxOptions: seLinux,
      seccompProfile: profile,
      appArmorProfile: profile,
      windowsOptions: windows,
      sysctls: () => some(4, () => (chance(0.02) ? null : { name: odd(pick(SYSCTLS)), value: '1' })),
      fsGroup: () => 0,
    };
    const good = strict && chance(0.7) ? { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } : {};
    const rare = strict ? 0.03 : 0.3;
    return {
      metadata: { name: 'p', ...(chance(0.3) ? { annotations: annotations(names) } : {}) },
      spec: {
        ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0 || chance(0.1))),
        ...(chance(0.8) ? { securityContext: { ...(mapping(context, density * (strict ? 0.4 : 1)) as object), ...good } } : {}),
        ...(chance(0.4) ? { volumes: some(3, volume) } : {}),
        ...(chance(rare) ? { hostNetwork: chance(0.7) } : {}),
        ...(chance(rare) ? { hostPID: chance(0.7) } : {}),
        ...(chance(rare) ? { hostIPC: chance(0.7) } : {}),
        ...(chance(0.3) ? { hostUsers: chance(0.3) } : {}),
        ...(chance(0.2) ? { os: mapping({ name: () => pick(['windows', 'windows', 'linux', 'Windows', '']) }, 0.9) } : {}),
      },
    };
  }

  const junk = (): Json =>
    pick<Json>([null, true, 'yes', 0, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, [], [null], {}, { name: 'x' }, ['x']]);

  /** The same with one value, somewhere, replaced by anything. */
  function damaged(value: Json): Json {
    if (typeof value !== 'object' || value === null || chance(0.15)) return junk();
    if (Array.isArray(value)) {
      const at = below(value.length);
      return value.length === 0 ? junk() : value.map((one: Json, index) => (index === at ? damaged(one) : one));
    }
    const names = Object.keys(value).filter((name) => !NOT_LOOKED_AT.has(name));
    const at = pick(names);
    if (names.length === 0) return junk();
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, name === at ? damaged(one as Json) : one]));
  }

  return () => {
    const made = pod();
    return chance(wild) ? damaged(made) : made;
  };
}

/** Fields that are there to make a pod real but that no control reads: damage to them is not ours to see. */
const NOT_LOOKED_AT: ReadonlySet<string> = new Set([
  'localhostProfile',
  'level',
  'runAsUserName',
  'readOnlyRootFilesystem',
  'port',
  'exec',
  'fsGroup',
  'value',
  'somethingElse',
]);
