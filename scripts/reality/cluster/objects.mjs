// What stands in the recorded cluster: four namespaces, workloads of every kind with their pods, some six hundred objects, and three users.
import { must } from '../kubelet/api.mjs';

const GROUPS = {
  Deployment: ['apps/v1', 'deployments'],
  StatefulSet: ['apps/v1', 'statefulsets'],
  DaemonSet: ['apps/v1', 'daemonsets'],
  ReplicaSet: ['apps/v1', 'replicasets'],
  Job: ['batch/v1', 'jobs'],
  CronJob: ['batch/v1', 'cronjobs'],
  Pod: ['v1', 'pods'],
};
const level = (mode, value) => ({ [`pod-security.kubernetes.io/${mode}`]: value });

const NAMESPACES = {
  shop: { ...level('enforce', 'baseline'), ...level('warn', 'restricted') },
  infra: level('enforce', 'privileged'),
  many: {},
  empty: {},
};

const container = (name, image, securityContext) => ({
  name,
  image,
  ...(securityContext === undefined ? {} : { securityContext }),
});
const RESTRICTED = {
  runAsNonRoot: true,
  runAsUser: 10001,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** Fills an empty cluster. */
export async function fill(api) {
  const make = (namespace, kind, name, spec, owner, metadata = {}) => {
    const [apiVersion, plural] = GROUPS[kind];
    const base = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
    const ownerReferences = owner && [
      { apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid, controller: true },
    ];
    return must(api, 'POST', `${base}/namespaces/${namespace}/${plural}`, {
      apiVersion,
      kind,
      metadata: { name, ...metadata, ...(ownerReferences && { ownerReferences }) },
      spec,
    }).then((made) => ({ ...made, apiVersion, kind }));
  };
  const pod = async (namespace, name, owner, spec, users = {}) => {
    const made = await make(namespace, 'Pod', name, spec, owner, { labels: { app: name } });
    const containerStatuses = spec.containers.map((one) => ({
      name: one.name,
      image: one.image,
      imageID: '',
      ready: true,
      restartCount: 0,
      ...(users[one.name] && {
        user: { linux: { uid: users[one.name][0], gid: users[one.name][1], supplementalGroups: users[one.name].slice(1) } },
      }),
    }));
    await must(
      api,
      'PATCH',
      `/api/v1/namespaces/${namespace}/pods/${name}/status`,
      { status: { phase: 'Running', containerStatuses } },
      'application/merge-patch+json',
    );
    return made;
  };
  const template = (app, spec, annotations) => ({ metadata: { labels: { app }, ...(annotations && { annotations }) }, spec });
  const withTemplate = (app, spec, more = {}, annotations = undefined) => ({
    selector: { matchLabels: { app } },
    template: template(app, spec, annotations),
    ...more,
  });

  for (const [name, labels] of Object.entries(NAMESPACES))
    await must(api, 'POST', '/api/v1/namespaces', { metadata: { name, labels } });

  // A Deployment that says nothing, and whose pods turn out to be root; one that is as it should be; one that is refused; one that is ignored.
  const deployment = async (namespace, name, spec, users, count = 2, annotations = undefined) => {
    const top = await make(namespace, 'Deployment', name, withTemplate(name, spec, { replicas: count }, annotations));
    const set = await make(namespace, 'ReplicaSet', `${name}-5d8f`, withTemplate(name, spec, { replicas: count }), top);
    for (let index = 0; index < count; index += 1) await pod(namespace, `${name}-5d8f-${index}`, set, spec, users);
  };
  await deployment(
    'shop',
    'web',
    { containers: [container('nginx', 'nginx:1.27'), container('logs', 'logs:1', { runAsUser: 1000, runAsGroup: 3000 })] },
    { nginx: [0, 0], logs: [1000, 3000] },
  );
  await deployment('shop', 'good', { containers: [container('app', 'app:1', RESTRICTED)] }, { app: [10001, 0] });
  await deployment('shop', 'refused', { containers: [container('app', 'app:1', { runAsNonRoot: true, runAsUser: 0 })] }, {}, 1);
  await deployment('shop', 'known', { containers: [container('app', 'app:2', { runAsUser: 0 })] }, {}, 1, {
    'unroot.dev/ignore': 'runs-as-root: the vendor says when',
  });
  const db = await make(
    'shop',
    'StatefulSet',
    'db',
    withTemplate('db', { containers: [container('redis', 'redis:7')] }, { serviceName: 'db', replicas: 1 }),
  );
  await pod('shop', 'db-0', db, { containers: [container('redis', 'redis:7')] }, { redis: [999, 1000, 1000] });
  const report = { restartPolicy: 'Never', containers: [container('report', 'report:1', { runAsUser: 0 })] };
  const cron = await make('shop', 'CronJob', 'report', {
    schedule: '0 3 * * *',
    jobTemplate: { spec: { template: template('report', report) } },
  });
  const job = await make('shop', 'Job', 'report-1', { template: template('report', report) }, cron);
  await pod('shop', 'report-1-a', job, report);
  await pod('shop', 'alone', undefined, { containers: [container('shell', 'busybox:1', { runAsUser: 1000 })] });

  const agent = {
    hostNetwork: true,
    containers: [container('agent', 'agent:1', { privileged: true })],
    volumes: [{ name: 'root', hostPath: { path: '/' } }],
  };
  const set = await make('infra', 'DaemonSet', 'agent', withTemplate('agent', agent));
  for (const node of ['a', 'b', 'c']) await pod('infra', `agent-${node}`, set, agent, { agent: [0, 0] });
  // Owned by a kind of somebody's own.
  const rollout = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'canary', uid: '00000000-0000-4000-8000-000000000001' },
  };
  await make(
    'infra',
    'ReplicaSet',
    'canary-77',
    withTemplate('canary', { containers: [container('app', 'app:3', RESTRICTED)] }, { replicas: 0 }),
    rollout,
  );

  // More than a page.
  const small = { containers: [container('worker', 'worker:1', { runAsUser: 2000 })] };
  const many = await make('many', 'ReplicaSet', 'worker', withTemplate('worker', small, { replicas: 520 }));
  for (let from = 0; from < 520; from += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        pod('many', `worker-${String(from + index).padStart(3, '0')}`, many, small, { worker: [2000, 0] }),
      ),
    );

  // Sees pods and namespaces everywhere and the rest in shop only, but no Jobs.
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const rule = (apiGroups, resources) => ({ apiGroups, resources, verbs: ['get', 'list'] });
  const subjects = [{ kind: 'Group', name: 'watchers', apiGroup: 'rbac.authorization.k8s.io' }];
  await must(api, 'POST', `${rbac}/clusterroles`, {
    metadata: { name: 'watchers' },
    rules: [rule([''], ['pods', 'namespaces'])],
  });
  await must(api, 'POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'watchers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'watchers' },
    subjects,
  });
  await must(api, 'POST', `${rbac}/namespaces/shop/roles`, {
    metadata: { name: 'watchers' },
    rules: [rule(['apps'], ['deployments', 'replicasets', 'statefulsets', 'daemonsets']), rule(['batch'], ['cronjobs'])],
  });
  await must(api, 'POST', `${rbac}/namespaces/shop/rolebindings`, {
    metadata: { name: 'watchers' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'watchers' },
    subjects,
  });
}
