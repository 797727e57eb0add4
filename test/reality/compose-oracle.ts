/** Docker's own reader of compose files, built from its Go module; and its answers in the shape of ours. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ComposeProject } from '../../src/workload/formats/compose/read.ts';

const source: string = fileURLToPath(new URL('go/compose/', import.meta.url));
const place: string = fileURLToPath(new URL('../../.cache/reality/', import.meta.url));

export interface ComposeQuestion {
  readonly dir: string;
  /** None: those that compose finds. */
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What is compared of a service; null = not said. */
export type Compared = Readonly<Record<string, unknown>>;
export interface ComposeAnswer {
  readonly name?: string;
  readonly services?: Readonly<Record<string, Compared>>;
  readonly error?: string;
}

const run = promisify(execFile);

/** The program's path, or why there is none. The first build takes some seconds and a download. */
export async function buildComposeOracle(): Promise<{ readonly program: string } | { readonly missing: string }> {
  try {
    await run('go', ['version']);
  } catch {
    return {
      missing: 'there is no go (1.24 or newer: https://go.dev/dl; Debian: apt-get install -t bookworm-backports golang-go)',
    };
  }
  mkdirSync(place, { recursive: true });
  const program = join(place, 'compose-oracle');
  try {
    await run('go', ['build', '-buildvcs=false', '-o', program, '.'], {
      cwd: source,
      timeout: 240_000,
      env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    });
    return { program };
  } catch (error) {
    const said = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
    return { missing: `go build failed, is the Go module proxy reachable? ${said.split('\n').slice(-2).join(' ')}` };
  }
}

type Json = Record<string, unknown>;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const orNull = (value: unknown): unknown => value ?? null;
const sorted = <T>(values: readonly T[]): readonly T[] =>
  [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** One answer per question, in order. */
export function askComposeOracle(program: string, questions: readonly ComposeQuestion[]): readonly ComposeAnswer[] {
  const { status, stdout, stderr } = spawnSync(program, [], {
    input: questions.map((one) => `${JSON.stringify(one)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const answers = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { name?: string; services?: Record<string, Json>; error?: string });
  if (status !== 0 || answers.length !== questions.length)
    throw new Error(`${answers.length} answers to ${questions.length} questions, exit ${status}: ${stderr}`);
  return answers.map(({ name, services, error }) => {
    if (error !== undefined) return { error };
    return {
      name: name as string,
      services: Object.fromEntries(Object.entries(services ?? {}).map(([key, service]) => [key, theirs(service)])),
    };
  });
}

function theirs(service: Json): Compared {
  const environment = (service.environment ?? {}) as Record<string, string | null>;
  const build = service.build as Json | undefined;
  const volumes = list(service.volumes) as Json[];
  return {
    image: orNull(service.image),
    user: orNull(service.user),
    entrypoint: orNull(service.entrypoint),
    command: orNull(service.command),
    env: Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null)),
    unset: Object.keys(environment)
      .filter((key) => environment[key] === null)
      .sort(),
    workdir: orNull(service.working_dir),
    groupAdd: list(service.group_add),
    capAdd: list(service.cap_add),
    capDrop: list(service.cap_drop),
    securityOpt: list(service.security_opt).some((one) => /^no-new-privileges(?:[:=]true)?$/.test(String(one))),
    privileged: service.privileged === true,
    readOnly: service.read_only === true,
    tty: service.tty === true,
    hostname: orNull(service.hostname),
    sysctls: service.sysctls ?? {},
    volumes: sorted(
      volumes.map(({ type, source: from, target, read_only: readOnly }) => [
        type,
        type === 'tmpfs' ? null : orNull(from),
        target,
        readOnly === true,
      ]),
    ),
    tmpfs: sorted(list(service.tmpfs).map((one) => String(one).split(':')[0])),
    ports: sorted(
      (list(service.ports) as Json[]).map(({ target, published, host_ip: ip, protocol }) => [
        target,
        published || null,
        ip || null,
        protocol,
      ]),
    ),
    devices: sorted((list(service.devices) as Json[]).map(({ source: from, target }) => [from, target])),
    profiles: list(service.profiles),
    dependsOn: Object.entries((service.depends_on ?? {}) as Record<string, Json>)
      .map(([name, { condition, required }]) => [name, condition, required === true])
      .sort(),
    build: build === undefined ? null : [build.context, build.target ?? null, build.args ?? {}],
  };
}

/** Ours in the same shape. Named volumes that are known to be something else are named again. */
export function composeAnswer(project: ComposeProject): ComposeAnswer {
  const services = project.workloads.map(({ name, containers, service }) => {
    const [container] = containers;
    const settings = container?.settings ?? {};
    const volumes = settings.volumes ?? [];
    const args = service.build?.args ?? {};
    return [
      name,
      {
        image: orNull(container?.image),
        user: orNull(settings.user),
        entrypoint: orNull(settings.entrypoint),
        command: orNull(settings.command),
        env: settings.env ?? {},
        unset: [...(settings.unknownEnv ?? [])].sort(),
        workdir: orNull(settings.workdir),
        groupAdd: settings.groupAdd ?? [],
        capAdd: settings.capAdd ?? [],
        capDrop: settings.capDrop ?? [],
        securityOpt: settings.noNewPrivileges === true,
        privileged: settings.privileged === true,
        readOnly: settings.readOnly === true,
        tty: settings.tty === true,
        hostname: orNull(settings.hostname),
        sysctls: settings.sysctls ?? {},
        volumes,
        ports: sorted(
          service.ports.map(({ target, published, hostIp, protocol }) => [target, published ?? null, hostIp ?? null, protocol]),
        ),
        devices: sorted((settings.devices ?? []).map(({ source: from, target }) => [from, target ?? from])),
        profiles: service.profiles,
        dependsOn: service.dependsOn.map(({ service: on, condition, required }) => [on, condition, required]).sort(),
        build: service.build === undefined ? null : [resolve(service.build.context), service.build.target ?? null, args],
      },
    ] as const;
  });
  return { name: project.name, services: Object.fromEntries(services) };
}
