/** The objects this cluster knows, from YAML, with what an API server would refuse of them. Pure but for a hash. */
import { createHash, randomBytes } from 'node:crypto';
import { UnrootError } from '../../error.ts';
import { sourceFile } from '../../text/source-file.ts';
import { readYaml } from '../../text/yaml/read.ts';

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generation?: number;
}

export interface ClusterObject {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: Metadata;
  readonly spec?: Readonly<Record<string, unknown>>;
}

export type Kind = 'Namespace' | 'Deployment' | 'Service' | 'Pod' | 'ConfigMap' | 'Secret';

export interface DeploymentSpec {
  readonly replicas?: number;
  readonly selector: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly strategy?: {
    readonly type?: 'RollingUpdate' | 'Recreate';
    readonly rollingUpdate?: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string };
  };
  readonly template: { readonly metadata?: Partial<Metadata>; readonly spec: Readonly<Record<string, unknown>> };
}

export interface ServiceSpec {
  readonly type?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly {
    readonly name?: string;
    readonly port: number;
    readonly targetPort?: number | string;
    readonly nodePort?: number;
    readonly protocol?: string;
  }[];
}

/** Kind → how kubectl calls it, and the group that its API is in. */
export const RESOURCES: Readonly<Record<Kind, { readonly name: string; readonly plural: string; readonly group: string }>> = {
  Namespace: { name: 'namespace', plural: 'namespaces', group: 'v1' },
  Deployment: { name: 'deployment.apps', plural: 'deployments', group: 'apps/v1' },
  Service: { name: 'service', plural: 'services', group: 'v1' },
  Pod: { name: 'pod', plural: 'pods', group: 'v1' },
  ConfigMap: { name: 'configmap', plural: 'configmaps', group: 'v1' },
  Secret: { name: 'secret', plural: 'secrets', group: 'v1' },
};

const MOST = 32;
const MOST_PODS = 10;

export const namespaceOf = ({ kind, metadata: { namespace } }: ClusterObject): string =>
  kind === 'Namespace' ? '' : (namespace ?? 'default');

export const keyOf = (object: ClusterObject): string => [object.kind, namespaceOf(object), object.metadata.name].join('/');

/** `deployment.apps/web`. */
export const nameOf = ({ kind, metadata: { name } }: ClusterObject): string => `${RESOURCES[kind].name}/${name}`;

/** All objects of a file. Throws `lab.cluster` in words like the API server's. */
export function readObjects(file: string, text: string): readonly ClusterObject[] {
  const { documents, broken } = readYaml(sourceFile(file, text));
  const first = broken[0];
  if (first !== undefined) throw refused(`error parsing ${file}: ${first.problem.message}`);
  const objects = documents
    .flatMap(({ value }) => (isMap(value) && value.kind === 'List' && Array.isArray(value.items) ? value.items : [value]))
    .filter((value) => value !== null && value !== undefined)
    .map((value) => readObject(value, file));
  if (objects.length === 0) throw refused('no objects passed to apply');
  if (objects.length > MOST) throw refused(`${file} holds more than ${MOST} objects`);
  return objects;
}

function readObject(value: unknown, file: string): ClusterObject {
  if (!isMap(value) || !isMap(value.metadata) || typeof value.metadata.name !== 'string')
    throw refused(`${file}: an object has apiVersion, kind and metadata.name`);
  const { kind, apiVersion } = value;
  const known = typeof kind === 'string' && Object.hasOwn(RESOURCES, kind) ? RESOURCES[kind as Kind] : undefined;
  if (known === undefined || apiVersion !== known.group)
    throw refused(
      `no matches for kind "${String(kind)}" in version "${String(apiVersion)}" here: ${Object.keys(RESOURCES).join(', ')}`,
    );
  const { name } = value.metadata;
  if (!/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(name))
    throw refused(`${file}: metadata.name ${JSON.stringify(name)} is no DNS label`);
  return checked(value as unknown as ClusterObject);
}

/** The same, or thrown: what an API server would not take. */
export function checked(object: ClusterObject): ClusterObject {
  if (object.kind === 'Deployment') checkDeployment(object);
  if (object.kind === 'Service') checkService(object);
  return object;
}

function checkDeployment(object: ClusterObject): void {
  const { selector, template, replicas = 1, strategy } = deploymentSpec(object);
  const at = (field: string, why: string): UnrootError =>
    refused(`The Deployment "${object.metadata.name}" is invalid: ${field}: ${why}`);
  if (!isMap(template) || !isMap(template.spec) || !Array.isArray(template.spec.containers))
    throw at('spec.template.spec.containers', 'Required value');
  const wanted = selector?.matchLabels ?? {};
  if (Object.keys(wanted).length === 0) throw at('spec.selector', 'Required value');
  const labels = template.metadata?.labels ?? {};
  if (!matches(wanted, labels))
    throw at(
      'spec.template.metadata.labels',
      `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
    );
  if (!Number.isInteger(replicas) || replicas < 0 || replicas > MOST_PODS)
    throw at('spec.replicas', `must be a number from 0 to ${MOST_PODS} here`);
  for (const value of Object.values(strategy?.rollingUpdate ?? {}))
    if (!(typeof value === 'number' ? Number.isInteger(value) && value >= 0 : /^\d{1,3}%$/.test(String(value))))
      throw at('spec.strategy.rollingUpdate', 'must be a number of pods or a percentage');
}

function checkService(object: ClusterObject): void {
  const { ports = [], type = 'ClusterIP' } = serviceSpec(object);
  const at = (field: string, why: string): UnrootError =>
    refused(`The Service "${object.metadata.name}" is invalid: ${field}: ${why}`);
  if (!Array.isArray(ports) || ports.length === 0) throw at('spec.ports', 'Required value');
  for (const { port, nodePort, targetPort = port, protocol = 'TCP' } of ports) {
    if (!isPort(port)) throw at('spec.ports[0].port', 'must be between 1 and 65535, inclusive');
    if (protocol !== 'TCP') throw at('spec.ports[0].protocol', 'only TCP here');
    if (typeof targetPort !== 'string' && !isPort(targetPort)) throw at('spec.ports[0].targetPort', 'must be a port or its name');
    if (nodePort !== undefined && type !== 'NodePort')
      throw at('spec.ports[0].nodePort', "may not be used when `type` is 'ClusterIP'");
    if (nodePort !== undefined && !(isPort(nodePort) && nodePort >= 30000 && nodePort <= 32767))
      throw at('spec.ports[0].nodePort', 'provided port is not in the valid range. The range of valid ports is 30000-32767');
  }
}

export const deploymentSpec = (object: ClusterObject): DeploymentSpec => object.spec as unknown as DeploymentSpec;
export const serviceSpec = (object: ClusterObject): ServiceSpec => (object.spec ?? {}) as unknown as ServiceSpec;

/** Whether every label that is asked for is there. */
export const matches = (wanted: Readonly<Record<string, string>>, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([name, value]) => labels[name] === value);

/** Names a ReplicaSet after its pods' template: the same template has the same name. */
export const templateHash = (template: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(sorted(template)))
    .digest('hex')
    .slice(0, 9);

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** As the API server makes names: five characters without vowels. */
export const nameSuffix = (): string => [...randomBytes(5)].map((byte) => LETTERS[byte % LETTERS.length]).join('');

/** The same object, whatever order its fields were written in. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

export const refused = (message: string): UnrootError => new UnrootError(message, { code: 'lab.cluster' });

const isPort = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;
const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
