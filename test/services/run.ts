/** Images under podman, asked by a client: as they are, simply as another user, and as `report.json` of a fix says. */
import { execFileSync, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '../../src/finding/fix.ts';
import type { Client, Question } from './client.ts';
import { RUN_TAG } from './run-tag.ts';

export interface Answer {
  readonly works: boolean;
  readonly said: string;
  /** What the container wrote, in the end. */
  readonly log: string;
  /** Of all its processes, as the host sees them; what is dead and not yet waited for has none. */
  readonly uids: readonly string[];
  /** Until the client was content. */
  readonly seconds: number;
}

/** Copies an image of an OCI layout to podman's storage for as long as `work` takes. */
export async function inStore<T>(reference: string, tag: string, work: (tag: string) => Promise<T>): Promise<T> {
  execFileSync('skopeo', ['copy', '-q', reference, `containers-storage:${tag}`], { stdio: 'pipe' });
  try {
    return await work(tag);
  } finally {
    podman('rmi', '--force', tag);
  }
}

/** `image` runs; `client` is where the client comes from. */
export async function asked(
  image: string,
  client: { readonly image: string; readonly questions: Client },
  how: { readonly flags: readonly string[]; readonly words: readonly string[]; readonly patienceMs: number },
): Promise<Answer> {
  const name = `unroot-service-${RUN_TAG}-${Math.random().toString(36).slice(2, 8)}`;
  const started = performance.now();
  try {
    const [flags, words] = [how.flags, how.words];
    const id = podman('run', '--detach', `--name=${name}`, ...COMMON, '--network=none', ...flags, image, ...words);
    let said = id;
    let works = false;
    while (
      !works &&
      performance.now() - started < how.patienceMs &&
      podman('inspect', '-f', '{{.State.Running}}', name).trim() === 'true'
    ) {
      await sleep(300);
      said = client.questions.ask.map((question) => answerTo(question, name, client.image)).join('\n');
      works = client.questions.says.test(said);
    }
    const seconds = (performance.now() - started) / 1000;
    const uids = works ? podman('top', name, 'huser').trim().split('\n').slice(1) : [];
    return {
      works,
      said,
      log: podman('logs', name).slice(-3000),
      uids: [...new Set(uids)].filter((uid) => uid !== '?'),
      seconds,
    };
  } finally {
    podman('rm', '--force', '--time=2', '--volumes', name);
  }
}

const COMMON = ['--runtime=runc', '--ulimit=nofile=1024:1024', '--ulimit=nproc=1000:1000'];

const answerTo = ({ where, argv }: Question, name: string, image: string): string =>
  where === 'inside'
    ? podman('exec', name, ...argv)
    : podman(
        'run',
        '--rm',
        `--name=${name}-${Math.random().toString(36).slice(2, 8)}`,
        '--timeout=40',
        ...COMMON,
        `--network=container:${name}`,
        '--user=0:0',
        `--entrypoint=${argv[0]}`,
        image,
        ...argv.slice(1),
      );

/** Flags and words of `podman run` for what a report says, and nothing else. */
export function asReported(run: Run): { readonly flags: readonly string[]; readonly words: readonly string[] } {
  const each = (flag: string, values: readonly string[]): string[] => values.flatMap((value) => [flag, value]);
  const pairs = (object: Readonly<Record<string, string>>): string[] => Object.entries(object).map((pair) => pair.join('='));
  const program = run.entrypoint?.[0];
  return {
    flags: [
      `--user=${run.user}`,
      ...(run.noNewPrivileges ? ['--security-opt=no-new-privileges'] : []),
      ...(run.readOnly ? ['--read-only'] : []),
      ...each('--cap-drop', run.capDrop),
      ...each('--cap-add', run.capAdd),
      ...each('--env', pairs(run.env)),
      ...each('--sysctl', pairs(run.sysctls)),
      ...each('--tmpfs', run.tmpfs),
      ...(run.workdir === undefined ? [] : [`--workdir=${run.workdir}`]),
      ...(program === undefined ? [] : [`--entrypoint=${program}`]),
    ],
    words: [...(run.entrypoint?.slice(1) ?? []), ...(run.command ?? [])],
  };
}

export function podman(...args: readonly string[]): string {
  const result = spawnSync('podman', args, { encoding: 'utf8', timeout: 60_000 });
  return result.stdout + result.stderr;
}
