/** What a fix asks of one container, as changes of its own mapping: everything that only containers have. */
import type { YamlChange } from '../../../text/yaml/edit.ts';
import type { ChangedContainer } from './identity-changes.ts';
import { objectOf, objectsOf, textsOf } from './json-value.ts';
import { AT_END } from './object-change.ts';
import { isMapping } from './objects.ts';
import type { PodSpec } from './pod-spec.ts';

export interface OwnChanges {
  readonly changes: readonly YamlChange[];
  /** Texts of problems, each with the path of the field it is about. */
  readonly problems: readonly { readonly path: YamlChange['path']; readonly message: string }[];
  /** Volumes of the pod that the container mounts from now on. */
  readonly volumes: readonly Readonly<Record<string, unknown>>[];
}

/** `taken`: names of the pod's volumes, to which those made here are added. */
export function containerChanges({ path, container, change }: ChangedContainer, pod: PodSpec, taken: Set<string>): OwnChanges {
  const changes: YamlChange[] = [];
  const problems: { path: YamlChange['path']; message: string }[] = [];
  const volumes: Readonly<Record<string, unknown>>[] = [];
  if (change === undefined) return { changes, problems, volumes };
  const context = objectOf(container.securityContext) ?? {};
  const set = (field: readonly (string | number)[], value: unknown): void => {
    changes.push({ op: 'set', path: [...path, ...field], value });
  };
  const append = (list: readonly (string | number)[], value: unknown): void => {
    changes.push({ op: 'insert', path: [...path, ...list, AT_END], value });
  };
  const tell = (field: readonly (string | number)[], message: string): void => {
    problems.push({ path: [...path, ...field], message });
  };

  if (change.image !== undefined) set(['image'], change.image);
  if (change.entrypoint !== undefined) set(['command'], change.entrypoint);
  if (change.command !== undefined) set(['args'], change.command);
  if (change.workdir !== undefined) set(['workingDir'], change.workdir);

  if (change.noNewPrivileges === true && context.allowPrivilegeEscalation !== false) {
    const why = escalates(context.privileged, textsOf(context.capabilities?.add));
    if (why === undefined) set(['securityContext', 'allowPrivilegeEscalation'], false);
    else tell(['securityContext'], `allowPrivilegeEscalation cannot be false: ${why}`);
  }
  for (const list of ['drop', 'add'] as const) {
    const known = textsOf(context.capabilities?.[list]).map(plainCapability);
    const names = (list === 'drop' ? change.capDrop : change.capAdd) ?? [];
    const missing = names.filter((name) => !known.includes(plainCapability(name)));
    if (known.length === 0 && missing.length > 0) set(['securityContext', 'capabilities', list], missing);
    else for (const value of missing) append(['securityContext', 'capabilities', list], value);
  }
  if (change.readOnly === true && context.readOnlyRootFilesystem !== true)
    set(['securityContext', 'readOnlyRootFilesystem'], true);

  for (const [name, value] of Object.entries(change.env ?? {})) {
    const list: readonly unknown[] = Array.isArray(container.env) ? container.env : [];
    const at = list.findLastIndex((one) => isMapping(one) && one.name === name);
    const entry = list[at];
    if (at < 0) append(['env'], { name, value });
    else if (isMapping(entry) && isMapping(entry.valueFrom))
      tell(['env', at], `${name} must be ${JSON.stringify(value)}, and its value comes from elsewhere`);
    else set(['env', at, 'value'], value);
  }

  const mounts: readonly unknown[] = Array.isArray(container.volumeMounts) ? container.volumeMounts : [];
  for (const spec of change.tmpfs ?? []) {
    const [target = '', options = ''] = spec.split(/:(.*)/s);
    const at = mounts.findIndex((mount) => isMapping(mount) && sameFolder(mount.mountPath, target));
    if (at >= 0) {
      if ((mounts[at] as { readonly readOnly?: unknown }).readOnly === true)
        tell(['volumeMounts', at], `${target} must be writable, and is mounted read-only`);
      continue;
    }
    const size = /(?:^|,)size=(\d+)([kmg]?)/i.exec(options);
    const name = freeName(target, taken);
    taken.add(name);
    const limit = size === null ? {} : { sizeLimit: `${size[1]}${QUANTITY[size[2]!.toLowerCase()]}` };
    volumes.push({ name, emptyDir: limit });
    append(['volumeMounts'], { name, mountPath: target });
  }
  for (const { path: folder, owner } of change.volumes ?? []) {
    const at = mounts.findIndex((one) => isMapping(one) && sameFolder(one.mountPath, folder));
    const mount = mounts[at];
    const volume = isMapping(mount) ? objectsOf(pod.volumes).find(({ name }) => name === mount.name) : undefined;
    const kind =
      volume === undefined ? undefined : (['hostPath', 'nfs', 'image'] as const).find((one) => volume[one] !== undefined);
    if (mount === undefined) tell(['volumeMounts'], `${folder} must belong to ${owner}, and nothing is mounted there`);
    else if (kind !== undefined)
      tell(
        ['volumeMounts', at],
        `${folder} must belong to ${owner}: fsGroup does not reach a volume of the kind ${kind}, its owner is settled where it comes from`,
      );
  }
  return { changes, problems, volumes };
}

/** What the API server says of allowPrivilegeEscalation false beside them (kubernetes pkg/apis/core/validation). */
function escalates(privileged: unknown, add: readonly string[]): string | undefined {
  if (privileged === true) return 'the container is privileged';
  return add.some((name) => /^(?:CAP_)?SYS_ADMIN$/.test(name)) ? 'the container has the capability SYS_ADMIN' : undefined;
}

const plainCapability = (name: string): string => name.replace(/^CAP_/, '').toUpperCase();

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '');
const sameFolder = (a: unknown, b: string): boolean => typeof a === 'string' && withoutSlash(a) === withoutSlash(b);

/** tmpfs(5) counts in powers of 1024. */
const QUANTITY: Readonly<Record<string, string>> = { '': '', k: 'Ki', m: 'Mi', g: 'Gi' };

/** `/var/cache/nginx` → `var-cache-nginx`, a DNS label that no other volume has. */
function freeName(path: string, taken: ReadonlySet<string>): string {
  const plain = path
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 50)
    .replace(/-$/, '');
  const base = plain === '' ? 'scratch' : plain;
  let name = base;
  for (let count = 2; taken.has(name); count += 1) name = `${base}-${count}`;
  return name;
}
