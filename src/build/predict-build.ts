/** What an image would be when a Dockerfile is built, worked out without building it: run settings, files, and what nobody can know. */
import type { Image } from '../image/image.ts';
import { parseJsonObject } from '../image/json.ts';
import { DEFAULT_LIMITS } from '../image/limits.ts';
import { DEFAULT_PATH } from '../platform/defaults.ts';
import type { Instruction } from '../text/dockerfile/instruction.ts';
import { parseDockerfile } from '../text/dockerfile/parse-dockerfile.ts';
import { sourceFile } from '../text/source-file.ts';
import type { TextProblem } from '../text/span.ts';
import { type Stage, type Stages, stageCalled } from '../workload/formats/dockerfile/stages.ts';
import { readAccounts } from './build-accounts.ts';
import type { BuildContext } from './build-context.ts';
import { type BuildTree, buildTree, directoryInfo, makeFolders } from './build-tree.ts';
import { configStep, DEFAULT_SHELL, expanded, INHERITED, lookupOf, type StepContext } from './config-steps.ts';
import { copyStep, type SourceTree } from './copy-step.ts';
import { runLine } from './run-line.ts';
import { absolute } from './run-shell.ts';
import { workerOf } from './run-worker.ts';
import type { StageState } from './stage-state.ts';

export type FoundBase = { readonly image: Image } | { readonly missing: string };

export interface BuildOptions {
  readonly buildArgs?: ReadonlyMap<string, string>;
  /** Where COPY takes its files from; undefined = not looked at. */
  readonly context?: BuildContext;
  /** The image of FROM and COPY --from. */
  base(reference: string, platform?: string): Promise<FoundBase>;
}

export interface PredictedStage {
  readonly stage: Stage;
  readonly state: StageState;
  /** The image it starts from, when it is one and at hand. */
  readonly base?: Image;
}

export interface PredictedBuild {
  readonly stages: Stages;
  /** Those that were worked out: the wanted one and what it needs. */
  readonly built: ReadonlyMap<number, PredictedStage>;
  readonly problems: readonly TextProblem[];
}

/** Works out a stage and those it needs. */
export async function predictBuild(stages: Stages, wanted: readonly Stage[], options: BuildOptions): Promise<PredictedBuild> {
  const problems: TextProblem[] = [];
  const built = new Map<number, PredictedStage>();
  const images = new Map<string, Promise<FoundBase>>();
  const open = (reference: string, platform?: string): Promise<FoundBase> => {
    const key = `${platform ?? ''} ${reference}`;
    const known = images.get(key) ?? options.base(reference, platform);
    images.set(key, known);
    return known;
  };

  async function stage(one: Stage): Promise<PredictedStage> {
    const known = built.get(one.index);
    if (known !== undefined) return known;
    const { state, base } = await start(one);
    const predicted: PredictedStage = { stage: one, state, ...(base === undefined ? {} : { base }) };
    built.set(one.index, predicted);
    const step: StepContext = {
      file: stages.dockerfile.file,
      mark: stages.dockerfile.escape,
      state,
      buildArgs: options.buildArgs ?? new Map(),
      globalArgs: stages.globalArgs,
      problems,
    };
    const triggers = state.config.onbuild;
    state.config.onbuild = [];
    for (const text of triggers) {
      const [trigger] = parseDockerfile(sourceFile('ONBUILD', text)).instructions;
      // What the base has put off happens at FROM.
      if (trigger !== undefined)
        await carryOut({ ...trigger, span: one.from.span, nameSpan: one.from.span }, step, one.index, true);
    }
    state.startUser = state.config.user;
    for (const instruction of one.instructions) await carryOut(instruction, step, one.index, false);
    return predicted;
  }

  async function start(one: Stage): Promise<{ readonly state: StageState; readonly base?: Image }> {
    const { base } = one;
    if (base.kind === 'stage') {
      const below = await stage(stages.stages[base.index]!);
      return { state: inherited(below.state), ...(below.base === undefined ? {} : { base: below.base }) };
    }
    if (base.kind === 'scratch') {
      const state = emptyState(buildTree(), -1, undefined);
      state.config.env.set('PATH', DEFAULT_PATH);
      return { state };
    }
    if (base.kind === 'unknown') return { state: emptyState(buildTree(), 0, base.why) };
    const found = await open(base.reference, one.platform);
    if ('missing' in found) return { state: emptyState(buildTree(), 0, found.missing) };
    return { state: await fromImage(found.image), base: found.image };
  }

  async function treeFrom(name: string, before: number): Promise<SourceTree> {
    const other = stageCalled(stages.stages.slice(0, before), name);
    if (other !== undefined) {
      const { state } = await stage(other);
      const [step] = state.opaque;
      return {
        tree: state.tree,
        ...(state.baseMissing === undefined ? {} : { unsure: state.baseMissing }),
        ...(step === undefined ? {} : { unsure: `${step.text} of stage ${name} may have made it` }),
      };
    }
    const found = await open(name);
    return 'missing' in found ? found : { tree: buildTree(await found.image.rootFs()) };
  }

  async function carryOut(instruction: Instruction, step: StepContext, index: number, trigger: boolean): Promise<void> {
    const { state } = step;
    if (configStep(instruction, step)) return;
    state.layer += 1;
    state.layers.set(state.layer, instruction);
    if (instruction.name === 'WORKDIR') await workdir(instruction, step);
    else if (instruction.name === 'COPY' || instruction.name === 'ADD')
      await copyStep(instruction, step, { context: options.context, from: (name) => treeFrom(name, index) });
    else if (instruction.name === 'RUN') await run(instruction, step, trigger);
  }

  async function workdir(instruction: Instruction, step: StepContext): Promise<void> {
    const { state } = step;
    const path = expanded(instruction.args.text.trim(), instruction, step);
    state.set.set('WORKDIR', instruction);
    if (path === undefined) {
      state.config.workingDir = undefined;
      return;
    }
    state.config.workingDir = absolute(state.config.workingDir || '/', path);
    const worker = workerOf(state.config.user ?? '', await readAccounts(state.tree), state);
    // The user's, for BuildKit and buildah (dockerfile2llb dispatchWorkdir); Docker's old builder made it root's.
    const own = worker.uid !== undefined;
    makeFolders(state.tree, state.config.workingDir, () =>
      directoryInfo(state.layer, own ? worker.uid : 0, own ? (worker.gid ?? worker.uid) : 0),
    );
  }

  async function run(instruction: Instruction, step: StepContext, trigger: boolean): Promise<void> {
    const { state, file } = step;
    const worker = workerOf(state.config.user, await readAccounts(state.tree), state);
    const shell = state.config.shell ?? DEFAULT_SHELL;
    const lookup = lookupOf(state);
    const variables = new Map<string, string | null>();
    for (const name of [...state.args.keys(), ...state.config.env.keys()]) variables.set(name, lookup(name) ?? null);
    const [first] = instruction.heredocs;
    const script = first !== undefined && /^\d*<<-?\S+$/.test(instruction.args.text.trim());
    const { text, offset } = instruction.args;
    const at = trigger ? (): number => instruction.span.start : offset;
    const source = script
      ? { text: first.content, offset: (index: number): number => (trigger ? instruction.span.start : first.start + index) }
      : {
          text:
            instruction.json === undefined
              ? [text, ...instruction.heredocs.map((one) => `${one.content}${one.name}`)].join('\n')
              : quoted(instruction.json),
          offset:
            instruction.json === undefined
              ? (index: number): number => at(Math.min(index, text.length))
              : (): number => instruction.span.start,
        };
    if (script && /^#!(?!\S*\/(?:env +)?(?:ba|da|a)?sh\b)/.test(first.content)) {
      state.opaque.push({
        span: instruction.span,
        instruction,
        text: 'a script',
        kind: 'program',
        asRoot: worker.uid === 0,
        layer: state.layer,
      });
      return;
    }
    await runLine(source, {
      file,
      state,
      instruction,
      worker,
      variables,
      cwd: state.config.workingDir || '/',
      bash: /bash$/.test(shell[0] ?? ''),
      mounts: instruction.flags.flatMap(({ name, value }) =>
        name === 'mount' ? [/(?:^|,)(?:target|dst|destination)=([^,]+)/.exec(value ?? '')?.[1] ?? '/run/secrets'] : [],
      ),
    });
  }

  for (const one of wanted) await stage(one);
  return { stages, built, problems: [...stages.problems, ...problems] };
}

/** The exec form as a line that a shell reads the same. */
const quoted = (argv: readonly string[]): string => argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

function emptyState(tree: BuildTree, layer: number, baseMissing: string | undefined): StageState {
  return {
    tree,
    config: {
      user: baseMissing === undefined ? '' : undefined,
      env: new Map(),
      entrypoint: baseMissing === undefined ? [] : undefined,
      cmd: baseMissing === undefined ? [] : undefined,
      workingDir: baseMissing === undefined ? '' : undefined,
      volumes: [],
      exposedPorts: [],
      labels: {},
      stopSignal: undefined,
      healthcheck: undefined,
      shell: undefined,
      onbuild: [],
    },
    args: new Map(),
    layer,
    layers: new Map(),
    facts: [],
    opaque: [],
    set: new Map(),
    named: new Map(),
    baseMissing,
    startUser: undefined,
    madeUsers: new Map(),
  };
}

/** FROM a stage: everything of it but its arguments. */
function inherited(below: StageState): StageState {
  const { config } = below;
  return {
    ...below,
    tree: below.tree.fork(),
    config: {
      ...config,
      env: new Map(config.env),
      volumes: [...config.volumes],
      exposedPorts: [...config.exposedPorts],
      labels: { ...config.labels },
    },
    args: new Map(),
    layers: new Map(below.layers),
    facts: [...below.facts],
    opaque: [...below.opaque],
    set: new Map(below.set).set('CMD', INHERITED),
    named: new Map(below.named),
    madeUsers: new Map(below.madeUsers),
  };
}

async function fromImage(image: Image): Promise<StageState> {
  const state = emptyState(buildTree(await image.rootFs()), image.layers.length - 1, undefined);
  const { config } = image;
  const raw = parseJsonObject(image.rawConfig, 'the image config', { image: image.reference }, DEFAULT_LIMITS.maxJsonBytes)
    .config as { readonly OnBuild?: unknown } | undefined;
  const triggers = Array.isArray(raw?.OnBuild) ? raw.OnBuild.filter((one): one is string => typeof one === 'string') : [];
  state.config.user = config.user;
  for (const assignment of config.env) {
    const cut = assignment.indexOf('=');
    if (cut > 0) state.config.env.set(assignment.slice(0, cut), assignment.slice(cut + 1));
  }
  Object.assign(state.config, {
    entrypoint: config.entrypoint,
    cmd: config.cmd,
    workingDir: config.workingDir,
    volumes: [...config.volumes],
    exposedPorts: [...config.exposedPorts],
    labels: { ...config.labels },
    stopSignal: config.stopSignal,
    healthcheck: config.healthcheck,
    shell: config.shell,
    onbuild: triggers,
  });
  return state;
}
