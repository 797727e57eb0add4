/** Random compose projects: valid ones mostly, with every form a field has; the same for the same stream. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of compose files are written like this.
import { stringify } from 'yaml';

type Random = () => number;
type Json = unknown;

export interface GeneratedProject {
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
}

const WORDS = [
  'a',
  'b1',
  'x-y',
  '$$',
  '${SET}',
  '${EMPTY:-dflt}',
  '${NO-x}',
  '${SET:+y}',
  '${NO:-${SET}}',
  '"q"',
  "it's",
  'a b',
  '{}',
  '#',
  '1.10',
  'yes',
];

export function composeGenerator(random: Random): () => GeneratedProject {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const maybe = <T>(chance: number, make: () => T): T | undefined => (random() < chance ? make() : undefined);
  const many = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const unique = <T>(items: readonly T[], key: (item: T) => string = String): T[] => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  const word = (): string => pick(WORDS);
  const text = (): string => many(3, word).join(pick(['', ' ', '-', '/'])) || 'w';
  const name = (): string => pick(['A', 'B', 'C', 'SET', 'EMPTY', 'UNSET', 'a.b']);
  const port = (): number => 1 + below(65_000);

  const environment = (): Json =>
    random() < 0.5
      ? unique(
          many(4, () => (random() < 0.8 ? `${name()}=${text()}` : name())),
          (item) => item.split('=', 1)[0] as string,
        )
      : Object.fromEntries(many(4, () => [name(), pick<Json>([text(), 5, 1.5, null, true, '007', 0.00001, 1e21])]));

  const target = (): string => pick(['/a', '/a/b', '/data', '/srv/x/', '/v//w', '/run']);
  const volume = (): Json =>
    pick<() => Json>([
      () => target(),
      () => `${pick(['vol', 'other'])}:${target()}${pick(['', ':ro', ':rw', ':nocopy', ':ro,z'])}`,
      () => `${pick(['./d', '../e', '/abs', '.', './${SET}/x'])}:${target()}${pick(['', ':ro', ':Z', ':rslave'])}`,
      () => ({ type: 'volume', source: 'vol', target: clean(target()), read_only: pick<Json>([true, false, 'true']) }),
      () => ({ type: 'bind', source: pick(['./f', '/g', '..']), target: clean(target()), bind: { create_host_path: true } }),
      () => ({ type: 'tmpfs', target: clean(target()), tmpfs: { mode: 0o1777, size: '5m' } }),
      () => ({ type: 'volume', target: clean(target()) }),
    ])();
  const clean = (path: string): string => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
  const targetOf = (item: Json): string =>
    clean(
      typeof item === 'string' ? (item.split(':')[1] ?? (item.split(':')[0] as string)) : (item as { target: string }).target,
    );
  const publish = (): Json =>
    pick<() => Json>([
      () => port(),
      () => String(port()),
      () => `${port()}:${port()}`,
      () => `127.0.0.1:${port()}:${port()}/udp`,
      () => `127.0.0.1::${port()}`,
      () => `[::1]:${port()}:${port()}`,
      () => `8000-8002:${pick(['9000-9002', '9000'])}`,
      () => '7000-7001',
      () => '${NO:-8080}:80',
      () => ({ target: port(), published: String(port()), protocol: pick(['tcp', 'udp']), host_ip: '10.0.0.1' }),
      () => ({ target: port() }),
    ])();
  const command = (): Json =>
    pick<Json>([
      'sh -c "a b" \'c d\'',
      'x --y=${SET} z\\ w',
      ['a', 'b c', '$$x'],
      [],
      '',
      null,
      'a "" b',
      'echo "$$HOME"',
      ['${NO:-d}'],
    ]);

  const service = (names: readonly string[], own: number, base: boolean): Record<string, Json> => {
    const mounts = unique(many(3, volume), targetOf);
    const taken = new Set(mounts.map(targetOf));
    const before = names.slice(0, own);
    const built: Record<string, Json> = {
      image: base ? pick(['nginx', 'reg/x:${SET}', 'a@sha256:${NO:-0}']) : maybe(0.3, () => 'over:1'),
      user: maybe(0.4, () => pick(['0', '10001:10001', 'root', '${SET}:0', '${EMPTY:-7}'])),
      group_add: maybe(0.2, () =>
        unique(
          many(3, () => pick<Json>([0, '5', 'docker'])),
          (item) => `${typeof item} ${String(item)}`,
        ),
      ),
      cap_add: maybe(0.3, () => unique(many(2, () => pick(['CHOWN', 'ALL', 'NET_ADMIN'])))),
      cap_drop: maybe(0.3, () => unique(many(2, () => pick(['ALL', 'KILL'])))),
      security_opt: maybe(0.3, () =>
        unique(many(2, () => pick(['no-new-privileges:true', 'no-new-privileges', 'seccomp:unconfined']))),
      ),
      privileged: maybe(0.2, () => pick<Json>([true, false, 'true', 'no', '${NO:-yes}'])),
      read_only: maybe(0.2, () => pick<Json>([true, 'false', 'on'])),
      tty: maybe(0.1, () => true),
      sysctls: maybe(0.2, () => pick<Json>([['net.a=1', 'net.b=${SET}'], { 'net.a': 2, c: 'x' }])),
      tmpfs: maybe(0.2, () => {
        const paths = unique(['/t', '/run', '/tmp'].filter((path) => !taken.has(path) && random() < 0.6));
        const list = paths.map((path) => `${path}${pick(['', ':mode=1777', ':uid=5,gid=6'])}`);
        return list.length === 1 && random() < 0.5 ? list[0] : list;
      }),
      volumes: mounts.length === 0 ? undefined : mounts,
      ports: maybe(0.4, () => unique(many(3, publish), (item) => JSON.stringify(item))),
      environment: maybe(0.6, environment),
      env_file: maybe(0.3, () =>
        pick<Json>(['one.env', ['one.env', 'two.env'], [{ path: 'two.env' }, { path: 'none.env', required: false }]]),
      ),
      entrypoint: maybe(0.2, command),
      command: maybe(0.4, command),
      working_dir: maybe(0.2, () => '/w/${SET}'),
      hostname: maybe(0.1, () => 'h'),
      devices: maybe(0.1, () => ['/dev/null', '/dev/zero:/dev/z:rw']),
      profiles: maybe(0.1, () => ['p']),
      build: maybe(0.2, () =>
        pick<Json>([
          '.',
          './ctx',
          { context: 'ctx', target: 't', args: ['X=1', 'SET'] },
          { context: '..', args: { Y: 2, Z: null } },
        ]),
      ),
      depends_on: maybe(before.length > 0 ? 0.4 : 0, () =>
        random() < 0.5 ? [pick(before)] : { [pick(before)]: { condition: 'service_healthy', required: random() < 0.5 } },
      ),
      extends: maybe(base && before.length > 0 ? 0.3 : 0, () =>
        random() < 0.5 ? pick(before) : { file: 'sub/common.yaml', service: pick(['one', 'two']) },
      ),
    };
    return Object.fromEntries(Object.entries(built).filter(([, value]) => value !== undefined));
  };

  return () => {
    const names = ['web', 'db', 'job'].slice(0, 1 + below(3));
    const services = Object.fromEntries(names.map((each, at) => [each, service(names, at, true)]));
    const top = { volumes: { vol: null, other: { driver: 'local' } } };
    const main = { ...(random() < 0.3 ? { name: pick(['My-App', 'x_${SET}']) } : {}), services, ...top };
    const common = { services: { one: service([], 0, true), two: { ...service([], 0, true), extends: 'one' } } };
    const override = {
      services: Object.fromEntries(names.filter(() => random() < 0.6).map((each) => [each, service(names, 0, false)])),
    };
    const dotenv = ['SET=set1', 'EMPTY=', 'QUOTED="a $SET \\n"', '# comment', ''].join('\n');
    return {
      files: {
        'compose.yaml': stringify(main, { aliasDuplicateObjects: true }),
        'sub/common.yaml': stringify(common),
        ...(random() < 0.5 && Object.keys(override.services).length > 0 ? { 'compose.override.yaml': stringify(override) } : {}),
        '.env': dotenv,
        'one.env': `A=one\nONE="x ${pick(['$SET', '${NO:-n}', '\\$SET'])}"\n`,
        'two.env': `export B='two $SET'\nA=${pick(['two', '$ONE'])} # c\nUNSET\n`,
        'sub/one.env': 'SUB=1\n',
        'sub/two.env': 'SUB=2\nB: y\n',
      },
      env: random() < 0.5 ? {} : { SET: 'fromenv', C: 'c' },
    };
  };
}
