// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
import { describe, expect, it } from 'vitest';
import type { Image } from '../image/image.ts';
import { parseDockerfile } from '../text/dockerfile/parse-dockerfile.ts';
import { sourceFile } from '../text/source-file.ts';
import { readStages } from '../workload/formats/dockerfile/stages.ts';
import { type BuildContext, type ContextEntry, ignoreRules } from './build-context.ts';
import { buildTree, directoryInfo, makeFolders } from './build-tree.ts';
import { modeAfter } from './mode-text.ts';
import { type PredictedBuild, predictBuild } from './predict-build.ts';
import { configOf, predictedImage } from './predicted-image.ts';
import type { StageState } from './stage-state.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n';

function baseImage(config: object = {}): Image {
  const tree = buildTree();
  const put = (path: string, text: string, mode = 0o644): void => {
    const cut = path.lastIndexOf('/');
    const folder = makeFolders(tree, path.slice(0, cut), () => directoryInfo(0))!;
    const bytes = new TextEncoder().encode(text);
    tree.put(
      folder,
      path.slice(cut + 1),
      { ...directoryInfo(0), type: 'file', mode, size: bytes.length },
      { kind: 'bytes', bytes },
    );
  };
  put('/etc/passwd', PASSWD);
  put('/etc/group', 'root:x:0:\napp:x:1000:\nextra:x:50:app\n');
  put('/bin/sh', '\u007fELF', 0o755);
  const raw = { config: { OnBuild: ['COPY app /onbuild', 'USER app'], ...config } };
  return {
    reference: 'base',
    platform: { os: 'linux', architecture: 'amd64' },
    config: {
      user: '',
      env: ['PATH=/bin', 'A=1'],
      entrypoint: [],
      cmd: ['sh'],
      workingDir: '/',
      volumes: [],
      exposedPorts: [],
      labels: {},
    },
    rawConfig: new TextEncoder().encode(JSON.stringify(raw)),
    layers: [{}],
    rootFs: async () => tree,
  } as unknown as Image;
}

const context = (entries: readonly ContextEntry[]): BuildContext => ({
  label: '.',
  entries: () => entries,
  read: async (path) => new TextEncoder().encode(path),
});

const APP: readonly ContextEntry[] = [
  { path: 'app', type: 'directory', mode: 0o750, size: 0, mtime: 0 },
  { path: 'app/run.sh', type: 'file', mode: 0o755, size: 10, mtime: 0 },
  { path: 'app/data', type: 'file', mode: 0o640, size: 20, mtime: 0 },
];

async function build(
  text: string,
  options: { bare?: boolean; args?: Record<string, string>; missing?: boolean } = {},
): Promise<PredictedBuild> {
  const buildArgs = new Map(Object.entries(options.args ?? {}));
  const stages = readStages(parseDockerfile(sourceFile('Dockerfile', text)), { buildArgs });
  return predictBuild(stages, stages.stages.slice(-1), {
    buildArgs,
    context: context(APP),
    base: async (name) =>
      options.missing === true ? { missing: `no ${name}` } : { image: baseImage(options.bare === true ? { OnBuild: [] } : {}) },
  });
}

const final = async (text: string, options: Parameters<typeof build>[1] = { bare: true }): Promise<StageState> => {
  const { built, stages } = await build(text, options);
  return built.get(stages.stages.length - 1)!.state;
};

const show = (state: StageState, path: string): string => {
  const entry = state.tree.get(path);
  return entry === undefined ? 'nothing' : `${entry.uid}:${entry.gid} ${entry.mode.toString(8)}`;
};

describe('predictBuild', () => {
  it('carries out what the base puts off, at FROM', async () => {
    const state = await final('FROM base\nRUN true\n', {});
    expect(show(state, '/onbuild/run.sh')).toBe('0:0 755');
    expect(state.config.user).toBe('app');
    expect(state.layers.get(state.tree.get('/onbuild/run.sh')!.layer)?.span.line).toBe(1);
  });

  it('puts arguments in: before FROM, given, declared again, shadowed by ENV', async () => {
    const text =
      'ARG NAME=ba\nARG UID=5\nFROM ${NAME}se\nARG UID\nARG OTHER=${UID}0\nENV UID2=$UID NAME=${NAME:-none}\nUSER ${UID2}:${OTHER}\n';
    expect((await final(text)).config).toMatchObject({ user: '5:50' });
    expect((await final(text, { bare: true, args: { UID: '7' } })).config.user).toBe('7:70');
    expect((await final(text)).config.env.get('NAME')).toBe('none');
  });

  it('leaves what hangs on a missing base unknown, and keeps what does not', async () => {
    const state = await final('FROM gone\nCOPY app /srv\nRUN useradd web\nUSER $WHO\n', { missing: true });
    expect(state.baseMissing).toBe('no gone');
    expect(state.config.user).toBeUndefined();
    expect(show(state, '/srv/data')).toBe('0:0 640');
    expect(state.opaque.map(({ text }) => text)).toEqual(['useradd web']);
    expect((await final('FROM gone\nUSER 12\n', { missing: true })).config.user).toBe('12');
  });

  it('marks what it does not understand, and takes an entrypoint for granted only then', async () => {
    const text = 'FROM base\nRUN make install\nCMD ["/opt/app/bin"]\n';
    const made = await build(text, { bare: true });
    const { image, assumed } = predictedImage(made.built.get(0)!, 'Dockerfile');
    expect(assumed?.step.text).toBe('make install');
    expect((await image.rootFs()).get('/opt/app/bin')).toMatchObject({ type: 'file', mode: 0o755 });
    const plain = await build(text.replace('make install', 'echo made'), { bare: true });
    expect(predictedImage(plain.built.get(0)!, 'Dockerfile').assumed).toBeUndefined();
  });

  it('sees what a user may not do', async () => {
    const state = await final(
      'FROM base\nUSER app\nRUN touch /etc/x\nRUN mkdir /tmp2 || true\nRUN chown 0 /bin/sh\nRUN echo fine\n',
    );
    expect(state.facts.map((fact) => (fact.kind === 'needs-root' ? [fact.span.line, fact.command, fact.why] : fact))).toEqual([
      [3, 'touch /etc/x', 'EACCES: open /etc/x'],
      [4, 'mkdir /tmp2', 'EACCES: mkdir /tmp2'],
      [5, 'chown 0 /bin/sh', 'EPERM: chown /bin/sh'],
    ]);
  });

  it('follows bytes, capabilities and modes that are open to everybody', async () => {
    const state = await final(
      'FROM base\nCOPY app /app\nRUN setcap cap_net_raw+ep /app/run.sh\nRUN chown -R app: /app && chmod 777 /app && chmod 1777 /etc\nCOPY app /app\n',
    );
    expect(state.facts.map(({ kind, span }) => [kind, span.line, span.column])).toEqual([
      ['capability-lost', 4, 5],
      ['copied-by-chown', 4, 5],
      ['world-writable', 4, 27],
    ]);
    expect(state.facts[1]).toMatchObject({ files: 2, bytes: 30, owner: 'app:' });
    expect(show(state, '/app')).toBe('1000:1000 777');
    expect(show(state, '/app/data')).toBe('0:0 640');
  });

  it('reads heredocs, scripts of several lines, subshells, loops and tests', async () => {
    const state = await final(
      'FROM base\nRUN <<EOF\nset -e\nfor i in 1 2; do\n  mkdir -p /d/$i\ndone\nif [ -f /etc/passwd ]; then touch /yes; else touch /no; fi\n(cd /d && umask 077 && touch 1/inner)\ntouch rel\nEOF\nCOPY <<X <<\'Y\' /h/\na\nX\nb\nY\nRUN ["/bin/sh", "-c", "touch /json"]\n',
    );
    expect(state.opaque).toEqual([]);
    expect(
      ['/d/1', '/d/2', '/yes', '/no', '/d/1/inner', '/rel', '/h/X', '/h/Y', '/json'].map((path) => show(state, path)),
    ).toEqual(['0:0 755', '0:0 755', '0:0 644', 'nothing', '0:0 600', '0:0 644', '0:0 644', '0:0 644', '0:0 644']);
  });

  it('knows shell and exec form, and what ENTRYPOINT does to an inherited CMD', async () => {
    expect(configOf(await final('FROM base\nENTRYPOINT top -b\n'))).toMatchObject({
      entrypoint: ['/bin/sh', '-c', 'top -b'],
      cmd: [],
    });
    expect(configOf(await final('FROM base\nSHELL ["/bin/bash", "-c"]\nCMD echo\nENTRYPOINT ["a"]\n'))).toMatchObject({
      entrypoint: ['a'],
      cmd: ['/bin/bash', '-c', 'echo'],
    });
    expect((await final('FROM base\nEXPOSE 80 90-91/udp\nHEALTHCHECK --interval=1m30s CMD curl x\n')).config).toMatchObject({
      exposedPorts: ['80/tcp', '90/udp', '91/udp'],
      healthcheck: { test: ['CMD-SHELL', 'curl x'], interval: 9e10 },
    });
  });

  it.each([
    ['# nothing\n', 'nothing is built'],
    ['RUN x\nFROM base', 'no build stage in current context: RUN'],
    ['FROM ${X}', 'should not be blank'],
    ['ARG A=$B\nARG B=$A\nFROM ${A}', 'should not be blank'],
    ['FROM {{ .Image }}', 'a template'],
    ['FROM base AS 1x', 'invalid name for build stage'],
    ['FROM base\nCOPY x', 'requires at least two arguments'],
    ['FROM base\nCOPY nowhere /x', 'no such file in the build context'],
    ['FROM base\nENV A=${B?missing}', 'B: missing'],
  ])('tells what is wrong with %j', async (text, message) => {
    const { problems } = await build(text, { bare: true });
    expect(problems.map((one) => one.message).join('\n')).toContain(message);
  });
});

describe('modeAfter', () => {
  it.each([
    ['755', 0o644, false, 0o755],
    ['0750', 0o2775, true, 0o2750],
    ['u+x,g=u,o-r', 0o644, false, 0o770],
    ['a+rX', 0o600, false, 0o644],
    ['a+rX', 0o700, true, 0o755],
    ['+w', 0o555, false, 0o755],
    ['g=u', 0o755, true, 0o775],
    ['u+s,+t', 0o755, false, 0o5755],
    ['g+rwX', 0o600, false, 0o660],
  ])('%s on %i', (text, old, directory, wanted) => expect(modeAfter(text, old, directory)?.toString(8)).toBe(wanted.toString(8)));
  it('says what is no mode', () => expect(modeAfter('rw', 0, false)).toBeUndefined());
});

describe('ignoreRules', () => {
  it('takes the last rule that fits', () => {
    const ignored = ignoreRules('# no\n*.key\n**/node_modules\n/docs/\n!docs/keep.md\nlog?.txt\n');
    expect(['a.key', 'b/a.key', 'x/node_modules/y', 'docs/a', 'docs/keep.md', 'log1.txt', 'src'].map(ignored)).toEqual([
      true,
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
  });
});
