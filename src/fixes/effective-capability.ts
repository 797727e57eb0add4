/**
 * A capability that a user really has, and not only its container: what is added to a container reaches a non-root process by itself only where the
 * runtime makes it ambient (Podman); elsewhere the program's own file has to carry it (capabilities(7), Transformation of capabilities during execve).
 */
import type { LayerChange, Run } from '../finding/fix.ts';
import type { RootEntry } from '../image/image.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import type { Capability } from '../linux/capability.ts';
import { type FixContext, placeOf } from './context.ts';

export interface EffectiveCapability {
  readonly layer: readonly LayerChange[];
  readonly run: Partial<Run>;
  /** How it becomes effective, and what that costs, in words. */
  readonly how: string;
}

/** Why there is no way, in words. */
export interface NoCapability {
  readonly impossible: string;
}

/** `programs`: whoever needs it, as the tracer named them. */
export function effectiveCapability(
  names: readonly Capability[],
  programs: readonly string[],
  context: FixContext,
): EffectiveCapability | NoCapability {
  const { launchWith } = context;
  if (launchWith === undefined) return { impossible: 'nobody has asked the model' };
  const capAdd = names.map((name) => name.replace(/^CAP_/, ''));
  const barred = launchWith({ capAdd, noNewPrivileges: true });
  const has = (launch: Launch | Refusal, set: 'ambient' | 'bounding'): boolean =>
    launch.kind === 'launch' && names.every((name) => launch.capabilities[set].includes(name));
  if (has(barred, 'ambient'))
    return {
      layer: [],
      run: { capAdd },
      how: `${context.target.platform.name} makes an added capability ambient, so every program that is started has it; Docker and Kubernetes do not (KEP-2763)`,
    };
  const files = programs.map((program) => binaryOf(program, context));
  const missing = files.find((file) => typeof file === 'string');
  if (typeof missing === 'string') return { impossible: missing };
  const entries = [...new Map((files as RootEntry[]).map((entry) => [entry.path, entry])).values()];
  if (entries.length === 0) return { impossible: 'which program needs it was not seen' };

  // no_new_privs cuts what a file gives down to what the process had before: enough for the program that the runtime itself executes.
  const direct =
    has(barred, 'bounding') &&
    barred.kind === 'launch' &&
    names.every((name) => barred.runtimeCapabilities.permitted.includes(name)) &&
    entries.every(({ path }) => path === (barred.executable && binaryPath(barred.executable, context)));
  const launch = direct ? barred : launchWith({ capAdd, noNewPrivileges: false });
  if (launch.kind === 'refusal') return { impossible: `${launch.by} refuses: ${launch.message}` };
  if (!has(launch, 'bounding'))
    return { impossible: `${context.target.platform.name} does not let a container have ${names.join(', ')}` };
  if (!direct && (context.asIs.noNewPrivileges || context.target.platform.noNewPrivileges))
    return {
      impossible: `no_new_privs is set, and with it a file gives no capability to a program that another one starts (${entries.map(({ path }) => path).join(', ')})`,
    };
  const copied = entries.reduce((sum, { size }) => sum + size, 0);
  return {
    layer: entries.map(
      ({ path, uid, gid, mode, fileCapabilities }): LayerChange => ({
        kind: 'own',
        path,
        uid,
        gid,
        mode,
        capabilities: [...new Set([...(fileCapabilities?.permitted ?? []), ...names])],
      }),
    ),
    run: { capAdd, ...(direct ? {} : { noNewPrivileges: false }) },
    how: `${context.target.platform.name} gives a user no capability by itself, so the file carries it (${copied} bytes copied into the layer), and is not executed where the container may not have it${
      direct
        ? '; the runtime executes it itself, so no_new_privs may stay'
        : '; another program starts it, so no_new_privs is off (allowPrivilegeEscalation: true), which Pod Security restricted refuses'
    }`,
  };
}

/** What the kernel executes: of a script its interpreter. Words when nothing of the image can carry a capability. */
function binaryOf(program: string, context: FixContext): RootEntry | string {
  const path = binaryPath(program, context);
  const { entry } = context.rootFs.resolve(path);
  if (entry?.type !== 'file') return `${path || 'the program'} is no file of the image, so it can carry no capability`;
  if (placeOf(entry.path, context.target).kind !== 'image') return `something is mounted over ${entry.path}`;
  return entry;
}

/** Interpreters of interpreters are few: the kernel itself stops at five (fs/exec.c). */
function binaryPath(program: string, { rootFs, programs }: FixContext): string {
  let path = rootFs.resolve(program).path;
  for (let depth = 0; depth < 5; depth++) {
    const what = programs?.get(path);
    if (what?.kind !== 'script') break;
    path = rootFs.resolve(what.interpreter).path;
  }
  return path;
}
