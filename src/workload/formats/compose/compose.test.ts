/** Reading compose files in memory: each rule with the text that shows it. Compared with Docker's own reader in test/reality/compose.test.ts. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of compose files are written like this.
import { describe, expect, it } from 'vitest';
import { applyEdits, editsByFile } from '../../../text/edits.ts';
import { sourceFile } from '../../../text/source-file.ts';
import type { ContainerChange } from '../../change.ts';
import { composeChanges } from './changes.ts';
import { parseDotenv } from './dotenv.ts';
import { type ComposeFiles, tidy } from './files.ts';
import { onlyHandsOver } from './handed-volumes.ts';
import { type ComposeProject, readComposeProject } from './read.ts';
import { shellWords } from './shell-words.ts';
import { substitute } from './substitute.ts';

/** A project in `/app`; the first file is the main one, later ones that are named `override` are laid over it. */
function project(texts: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}): ComposeProject {
  const files: ComposeFiles = {
    read: (path) => {
      const text = texts[tidy(path).replace(/^\/app\//, '')];
      return text === undefined ? { missing: 'there is no such file or folder', absent: true } : sourceFile(path, text);
    },
    absolute: (path) => tidy(path.startsWith('/') ? path : `/app/${path}`),
    environment: { HOME: '/home/me', ...environment },
  };
  const names = Object.keys(texts).filter((name, index) => index === 0 || name.includes('override'));
  return readComposeProject(
    names.map((name) => sourceFile(`/app/${name}`, texts[name] as string)),
    files,
  );
}

const one = (yaml: string, environment?: Readonly<Record<string, string>>): ComposeProject =>
  project({ 'compose.yaml': yaml }, environment);
const settings = (read: ComposeProject, name = 'web') =>
  read.workloads.find((each) => each.name === name)?.containers[0]?.settings;
const messages = (read: ComposeProject): readonly string[] =>
  read.problems.map(({ severity, where, message }) => `${severity} ${where.line}:${where.column} ${message}`);

describe('variables', () => {
  const lookup = (name: string): string | undefined => ({ A: 'a', EMPTY: '' })[name];
  it.each([
    ['$A ${A}b $$A', 'a ab $A'],
    ['${NO-x}${NO:-y}${EMPTY-x}${EMPTY:-y}', 'xyy'],
    ['${A+x}${EMPTY+x}${EMPTY:+x}${NO+x}', 'xx'],
    ['${NO:-${A}/${EMPTY:-z}}!', 'a/z!'],
    ['${NO:-{"k": 1}} and ${A}', '{"k": 1} and a'],
    ['${A:?words} ${EMPTY?words}', 'a '],
  ])('%s', (template, text) => expect(substitute(template, lookup)).toEqual({ text, unset: [] }));

  it('may be many on one line, and need no time when they lead nowhere', () => {
    expect(substitute('${NO:-x}'.repeat(500), lookup).text).toBe('x'.repeat(500));
    const start = performance.now();
    substitute('${A:-'.repeat(50_000), lookup);
    substitute('${A:-x}'.repeat(50_000), lookup);
    substitute('${NO:-{'.repeat(50_000), lookup);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('that are not set, are required, or are none, are told', () => {
    expect(substitute('$NO.${NO}', lookup)).toEqual({ text: '.', unset: ['NO', 'NO'] });
    expect(substitute('${EMPTY:?give $A}', lookup).missing).toEqual({ name: 'EMPTY', words: 'give a' });
    expect(substitute('${}', lookup).invalid).toBe(true);
    expect(substitute('${A', lookup).invalid).toBe(true);
  });

  it('come from the environment, then from .env; those without a value leave it open who runs', () => {
    const read = project(
      {
        'compose.yaml': 'services: {web: {image: "x:$TAG", user: "$WHO", environment: [A, B=$B, C]}}',
        '.env': 'TAG=1\nA=file\n',
      },
      { A: 'process' },
    );
    expect(read.workloads[0]?.containers[0]?.image).toBe('x:1');
    expect(read.workloads[0]?.containers[0]?.unknown).toBe('its user hangs on WHO, which is not set here');
    expect(settings(read)).toMatchObject({ env: { A: 'process' }, unknownEnv: ['B', 'C'] });
    expect(messages(read).map((text) => text.replace(/ is not set.*/, ''))).toEqual([
      'warning 1:41 the variable WHO',
      'warning 1:66 the variable B',
    ]);
  });
});

describe('dotenv', () => {
  it('knows quotes, escapes, comments, export, references and inherited names', () => {
    const text = `# words\nexport A=1 # one\nB='$A # "x"'\nC="$A\\n\\$A \\"q\\""\nD: yaml\nHOST\nE=a#b\n`;
    const { values, problem } = parseDotenv(text, (name) => (name === 'HOST' ? 'here' : undefined));
    expect(problem).toBeUndefined();
    expect(Object.fromEntries(values)).toEqual({ A: '1', B: '$A # "x"', C: '1\n$A "q"', D: 'yaml', HOST: 'here', E: 'a#b' });
  });
  it.each([
    ['A="x\n', 1, 'unterminated quoted value "x'],
    ['A=1\nB C=2', 2, 'key cannot contain a space'],
    ['\n%=1', 2, 'unexpected character "%" in variable name "%=1"'],
  ])('%j cannot be read', (text, line, message) => expect(parseDotenv(text, () => undefined).problem).toEqual({ line, message }));
});

describe('command lines', () => {
  it.each([
    [`sh -c 'a "b"' "c d" e\\ f`, ['sh', '-c', 'a "b"', 'c d', 'e f']],
    ['a "" b', ['a', '', 'b']],
    ['a; b', ['a']],
    ['a 2>b', ['a']],
    ['', []],
  ])('%s', (line, words) => expect(shellWords(line)).toEqual(words));
  it('with open quotes are none', () => expect(shellWords('a "b')).toBeUndefined());
});

describe('a service', () => {
  it('has the settings of docker run', () => {
    const read = one(`
services:
  web:
    image: nginx
    user: "10001:0"
    group_add: [0, docker]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    security_opt: ["no-new-privileges:true", "seccomp:unconfined"]
    privileged: "false"
    read_only: yes
    sysctls: [net.core.somaxconn=1024]
    tmpfs: /run:mode=1770,uid=5
    entrypoint: []
    command: nginx -g 'daemon off;'
    working_dir: /srv
    devices: [/dev/null:/dev/x]
    network_mode: none
    tty: true
    volumes: [data:/data/:ro, ./conf:/conf, "~/x:/x", /cache, named:/n:nocopy, "own:/u:U"]
    ports: ["127.0.0.1:8080:80/udp", 90, "7000-7001:8000-8001", {target: 1, published: 2}]
volumes: {data: , named: , own: }
`);
    expect(read.problems).toEqual([]);
    expect(settings(read)).toEqual({
      name: 'web',
      user: '10001:0',
      groupAdd: ['0', 'docker'],
      entrypoint: [],
      command: ['nginx', '-g', 'daemon off;'],
      workdir: '/srv',
      capAdd: ['NET_BIND_SERVICE'],
      capDrop: ['ALL'],
      noNewPrivileges: true,
      privileged: false,
      readOnly: true,
      sysctls: { 'net.core.somaxconn': '1024' },
      volumes: [
        { kind: 'named', source: 'data', target: '/data', readOnly: true },
        { kind: 'bind', source: '/app/conf', target: '/conf' },
        { kind: 'bind', source: '/home/me/x', target: '/x' },
        { kind: 'anonymous', target: '/cache' },
        { kind: 'named', source: 'named', target: '/n', noCopy: true },
        { kind: 'named', source: 'own', target: '/u', chown: true },
        { kind: 'tmpfs', target: '/run', mode: 0o1770, uid: 5 },
      ],
      devices: [{ source: '/dev/null', target: '/dev/x' }],
      tty: true,
      network: 'none',
      ports: [{ port: 80, protocol: 'udp' }, ...[90, 8000, 8001, 1].map((port) => ({ port, protocol: 'tcp' }))],
    });
    expect(read.workloads[0]?.service.ports.map(({ span: _, ...port }) => port)).toEqual([
      { target: 80, published: '8080', hostIp: '127.0.0.1', protocol: 'udp' },
      { target: 90, protocol: 'tcp' },
      { target: 8000, published: '7000', protocol: 'tcp' },
      { target: 8001, published: '7001', protocol: 'tcp' },
      { target: 1, published: '2', protocol: 'tcp' },
    ]);
    expect(read.workloads[0]?.containers[0]?.spans.user).toMatchObject({ file: '/app/compose.yaml', line: 5, column: 11 });
  });

  it('takes volumes for what the project says they are', () => {
    const read = one(`
services:
  web:
    image: a
    volumes: [ext:/1, bound:/2, nfs:/3, mem:/4, shared:/5, {type: volume, source: own, target: /6, volume: {subpath: x}}]
    secrets: [key, {source: key, target: /k}]
  other: {image: b, volumes: [shared:/5]}
volumes:
  ext: {external: true}
  bound: {driver_opts: {type: none, o: bind, device: ./b}}
  nfs: {driver_opts: {type: nfs, device: ":/x", o: addr=h}}
  mem: {driver_opts: {type: tmpfs, device: tmpfs, o: "uid=7,mode=0700"}}
  shared:
  own:
secrets: {key: {file: ./key}}
`);
    expect(settings(read)?.volumes?.map(({ target, kind, type, source, uid }) => [target, kind, type ?? source, uid])).toEqual([
      ['/1', 'external', 'external volume', undefined],
      ['/2', 'bind', '/app/b', undefined],
      ['/3', 'external', 'nfs volume', undefined],
      ['/4', 'tmpfs', undefined, 7],
      ['/5', 'external', 'volume shared with other images', undefined],
      ['/6', 'external', 'volume', undefined],
      ['/run/secrets/key', 'bind', '/app/key', undefined],
      ['/k', 'bind', '/app/key', undefined],
    ]);
  });

  it('takes in what it extends, merges, shares a network or volumes with', () => {
    const read = project({
      'compose.yaml': `
x-a: &a {user: "1", environment: {A: a, B: b}}
services:
  web: {<<: *a, image: x, environment: {B: c}, extends: {file: sub/base.yaml, service: base}}
  net: {image: y, network_mode: "service:web", volumes_from: ["web:ro"]}
`,
      'sub/base.yaml': `
services:
  base: {extends: root, volumes: [./d:/d], cap_drop: [ALL], environment: [B=0, C=c]}
  root: {user: "9", sysctls: {net.x: 1, kernel.y: 2}}
`,
    });
    expect(read.problems).toEqual([]);
    expect(settings(read)).toEqual({
      name: 'web',
      user: '1',
      env: { B: 'c', C: 'c' },
      capDrop: ['ALL'],
      sysctls: { 'net.x': '1', 'kernel.y': '2' },
      volumes: [{ kind: 'bind', source: '/app/sub/d', target: '/d' }],
    });
    expect(settings(read, 'net')).toEqual({
      name: 'net',
      sysctls: { 'net.x': '1' },
      volumes: [{ kind: 'bind', source: '/app/sub/d', target: '/d', readOnly: true }],
    });
  });

  it('is laid over by later files, which can forget', () => {
    const read = project({
      'compose.yaml': 'services: {web: {image: a, user: root, cap_add: [CHOWN], tmpfs: [/a], command: [x], volumes: [/v]}}',
      'compose.override.yaml':
        'services: {web: {user: "5", cap_add: [KILL], tmpfs: !override [/b], command: !reset null, volumes: ["./v:/v"]}}',
    });
    expect(settings(read)).toEqual({
      name: 'web',
      user: '5',
      capAdd: ['CHOWN', 'KILL'],
      volumes: [
        { kind: 'bind', source: '/app/v', target: '/v' },
        { kind: 'tmpfs', target: '/b' },
      ],
    });
  });
});

describe('what is not understood', () => {
  it.each([
    ['services: {web: {image: a, usr: x}}', 'warning 1:33 services.web.usr is no field that compose knows: it refuses the file'],
    [
      'services: {web: {image: a, user: 5}}',
      'error 1:34 services.web.user must be a string: put it in quotes, compose refuses the file as it is',
    ],
    [
      'services: {web: {image: a, extends: web}}',
      'error 1:37 circular reference: /app/compose.yaml:web extends /app/compose.yaml:web',
    ],
    [
      'services: {web: {image: a, extends: {service: b, file: c.yaml}}}',
      'error 1:37 cannot read /app/c.yaml: there is no such file or folder',
    ],
    ['include: [compose.yaml]\nservices: {}', 'error 1:11 include cycle detected: /app/compose.yaml includes /app/compose.yaml'],
    [
      'services: {web: {image: a, env_file: no.env}}',
      'error 1:38 env file /app/no.env: there is no such file or folder; compose starts nothing without it (required: false, or an empty file, where it may be missing), and what it sets is unknown',
    ],
    ['services: {web: {image: a, volumes: [db:/x]}}', 'error 1:38 this refers to the undefined volume db'],
    ['services: {web: {image: a, image: b}}', 'error 1:28 mapping key "image" is there twice'],
    [
      'services: {web: {image: a, depends_on: [b]}, b: {image: a, links: ["c:d"]}, c: {image: a, depends_on: [b]}}',
      'error 1:49 dependency cycle detected: b → c → b',
    ],
    ['services: {web: {}}', 'error 1:17 services.web has neither an image nor a build'],
    ['services: {web: {image: a, depends_on: [no]}}', 'error 1:17 service "web" depends on undefined service "no"'],
    [
      'web: {image: a}',
      'error 1:6 web is no field that compose knows at the top: it refuses the file; is it one of version 1, whose services stand there?',
    ],
    [
      'services: {web: {image: "${A"}}',
      'error 1:25 invalid interpolation format for services.web.image: "${A"; a dollar sign is written $$',
    ],
    ['services: [web]', 'error 1:11 services must be a mapping'],
    ['services: {web: {image: a, security_opt: [odd]}}', 'warning 1:43 security_opt "odd" is not understood'],
  ])('%s', (yaml, message) => expect(messages(one(yaml))).toContain(message));

  it('broken YAML has its place, and an alias bomb ends at once', () => {
    expect(messages(one('services:\n  web: {image: a\n'))[0]).toMatch(/^error [23]:/);
    const bomb = Array.from(
      { length: 20 },
      (_, at) =>
        `x-${at}: &a${at} [${
          at === 0
            ? 'x'
            : Array(9)
                .fill(`*a${at - 1}`)
                .join(', ')
        }]`,
    );
    expect(messages(one(`${bomb.join('\n')}\nservices: {web: {image: a}}`))[0]).toMatch(/excessive aliasing|maximum node visit/);
  });

  it('depth without end ends', () => {
    expect(one(`services: {web: {image: a, labels: ${'['.repeat(50_000)}`).problems).not.toEqual([]);
    expect(substitute('${A:-'.repeat(5000) + '}'.repeat(5000), () => undefined).invalid).toBe(true);
  });
});

function changed(texts: Readonly<Record<string, string>>, changes: readonly ContainerChange[]) {
  const read = project(texts);
  const { edits, problems } = composeChanges(read, changes);
  const out = Object.fromEntries(
    [...editsByFile(edits)].map(([path, own]) => {
      const name = path.replace('/app/', '');
      const made = applyEdits(texts[name] as string, own);
      expect(made.conflicts).toEqual([]);
      return [name, made.text];
    }),
  );
  return { texts: { ...texts, ...out }, out, problems: problems.map(({ message }) => message) };
}

const HARDENED = { user: { uid: 10001, gid: 10001 }, noNewPrivileges: true, capDrop: ['ALL'], readOnly: true } as const;

describe('changes', () => {
  it('stand where the service stands, in the style of the file, and are made once', () => {
    const before = `services:
    web:  # the shop
        image: shop:1
        cap_drop: [KILL]
        environment:
            - A=1
        ports:
            - "80:80"   # outside
            - 9000:9000
        healthcheck: {test: curl http://localhost/health}
    db:
        image: db
        environment: {URL: "http://web/x", OTHER: "web:800"}
`;
    const change: ContainerChange = {
      ...HARDENED,
      container: 'web',
      env: { A: '1', B: '$x' },
      tmpfs: ['/run:mode=1777'],
      ports: [{ from: 80, to: 8080 }],
    };
    const made = changed({ 'compose.yaml': before }, [change]);
    expect(made.out['compose.yaml']).toBe(`services:
    web:  # the shop
        image: shop:1
        cap_drop: [ALL]
        environment:
            - A=1
            - B=$$x
        ports:
            - "80:8080"   # outside
            - 9000:9000
        healthcheck: {test: curl http://localhost:8080/health}
        user: "10001:10001"
        security_opt:
            - no-new-privileges:true
        read_only: true
        tmpfs:
            - /run:mode=1777
    db:
        image: db
        environment: {URL: "http://web:8080/x", OTHER: "web:800"}
`);
    expect(settings(project(made.texts))).toMatchObject({
      user: '10001:10001',
      env: { A: '1', B: '$x' },
      capDrop: ['ALL'],
      readOnly: true,
    });
    expect(changed(made.texts, [change]).out).toEqual({});
  });

  it('go to the file that counts, and are left to the extended service where that has them', () => {
    const made = changed(
      {
        'compose.yaml': 'services:\n  web:\n    image: a\n  job:\n    extends: web\n    command: x\n',
        'compose.override.yaml': 'services:\n  web:\n    user: root\n',
      },
      [
        { ...HARDENED, container: 'web' },
        { ...HARDENED, container: 'job' },
      ],
    );
    expect(made.out['compose.override.yaml']).toContain('user: "10001:10001"');
    const [web, job] = (made.out['compose.yaml'] as string).split('  job:\n') as [string, string];
    expect(web).toContain('read_only: true');
    expect(web).not.toContain('user:');
    expect(job).toContain('user: "10001:10001"');
    expect(job).not.toContain('read_only');
    const read = project(made.texts);
    for (const name of ['web', 'job'])
      expect(settings(read, name)).toMatchObject({ user: '10001:10001', readOnly: true, capDrop: ['ALL'] });
  });

  it('respect anchors', () => {
    const made = changed(
      { 'compose.yaml': 'services:\n  a: &a\n    image: x\n  b:\n    <<: *a\n    command: y\n  c:\n    <<: *a\n' },
      [{ ...HARDENED, container: 'b' }],
    );
    const read = project(made.texts);
    expect([settings(read, 'a')?.user, settings(read, 'b')?.user, settings(read, 'c')?.user]).toEqual([
      undefined,
      '10001:10001',
      undefined,
    ]);
  });

  it('give volumes to the user by a service that runs before', () => {
    const made = changed(
      {
        'compose.yaml':
          'services:\n  web:\n    image: a\n    depends_on: [db]\n    volumes: [data:/data, /tmp]\n  db: {image: b}\nvolumes: {data: }\n',
      },
      [{ container: 'web', volumes: [{ path: '/data', owner: '10001:10001', mode: '0755' }] }],
    );
    const read = project(made.texts);
    expect(read.problems).toEqual([]);
    expect(settings(read, 'web-volumes-init')).toMatchObject({
      user: '0:0',
      entrypoint: ['/bin/sh', '-c', 'chown -R 10001:10001 /data'],
      network: 'none',
      volumes: [{ kind: 'named', source: 'data', target: '/data' }],
    });
    expect(read.workloads[0]?.service.dependsOn).toEqual([
      { service: 'db', condition: 'service_started', required: true },
      { service: 'web-volumes-init', condition: 'service_completed_successfully', required: true },
    ]);
  });

  it('know the step again that does nothing but hand volumes over', () => {
    const step = { user: '0:0', entrypoint: ['/bin/sh', '-c', 'chown -R 1:1 /data && chown -R 2:2 /more'], capAdd: ['CHOWN'] };
    expect(onlyHandsOver(step)).toBe(true);
    for (const other of [
      { ...step, capAdd: ['CHOWN', 'SYS_ADMIN'] },
      { ...step, privileged: true },
      { ...step, user: '1000' },
      { ...step, entrypoint: ['/bin/sh', '-c', 'chown -R 1:1 /data && /srv/serve'] },
      { ...step, entrypoint: ['/bin/sh', '-c', 'chown -R app /data'] },
    ])
      expect(onlyHandsOver(other), JSON.stringify(other)).toBe(false);
  });

  it('of a shared network go to its owner', () => {
    const made = changed(
      { 'compose.yaml': 'services:\n  vpn: {image: v, ports: ["80:80"]}\n  web: {image: w, network_mode: "service:vpn"}\n' },
      [{ container: 'web', sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' }, ports: [{ from: 80, to: 8080 }] }],
    );
    const read = project(made.texts);
    expect(settings(read, 'vpn')?.sysctls).toEqual({ 'net.ipv4.ip_unprivileged_port_start': '80' });
    expect(read.workloads[0]?.service.ports[0]).toMatchObject({ target: 8080, published: '80' });
  });
});
