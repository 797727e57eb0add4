/** Overlays of our own: one for each thing that a kustomization can say, and as many as wanted by chance. Files by path; `over` is built. */
import type { Chance } from './yaml-documents.ts';

export type Overlay = Readonly<Record<string, string>>;

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app: web
spec:
  replicas: 1
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      serviceAccountName: web
      initContainers:
        - name: prepare
          image: busybox
          command: [sh, -c, 'true']
      containers:
        - name: web
          image: registry.example/shop/web:1.0
          ports:
            - containerPort: 80
              name: http
          env:
            - name: MODE
              value: plain
            - name: KEY
              valueFrom:
                secretKeyRef:
                  name: keys
                  key: a
          envFrom:
            - configMapRef:
                name: conf
          volumeMounts:
            - name: conf
              mountPath: /etc/conf
        - name: log
          image: log@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      volumes:
        - name: conf
          configMap:
            name: conf
        - name: all
          projected:
            sources:
              - secret:
                  name: keys
              - configMap:
                  name: conf
        - name: data
          persistentVolumeClaim:
            claimName: data
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
    - {port: 80, targetPort: http, name: http}
    - {port: 443, targetPort: 8443, name: https}
`;
const REST = `apiVersion: v1
kind: ServiceAccount
metadata: {name: web}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects:
  - {kind: ServiceAccount, name: web, namespace: somewhere}
  - {kind: ServiceAccount, name: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules:
  - {apiGroups: [""], resources: [configmaps], resourceNames: [conf], verbs: [get]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: fast}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: example
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  tls: [{secretName: keys}]
  rules:
    - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{podSelector: {matchLabels: {app: front}}}], ports: [{port: 80}]}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 3}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: web
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "db:1"}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {storageClassName: fast, accessModes: [ReadWriteOnce]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: tick, image: busybox, envFrom: [{secretRef: {name: keys}}]}]
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: example.com/v1
kind: Robot
metadata: {name: robot}
spec:
  legs: [{name: left, long: 1}, {name: right, long: 2}]
  template: {spec: {containers: [{name: r, image: busybox:1}]}}
`;

/** The same base under every overlay. */
export const BASE: Overlay = {
  'base/deployment.yaml': DEPLOYMENT,
  'base/service.yaml': SERVICE,
  'base/rest.yaml': REST,
  'base/app.conf': 'listen 80\nname <web> & "co"\n',
  'base/vars.env': '# words\nA=1\n\nB=two words\n',
  'base/kustomization.yaml': `resources: [deployment.yaml, service.yaml, rest.yaml]
configMapGenerator:
  - name: conf
    files: [app.conf, other=app.conf]
    literals: [MODE="quoted", X=y=z]
    envs: [vars.env]
secretGenerator:
  - name: keys
    literals: [a=secret, long=${'x'.repeat(90)}]
    type: Opaque
`,
};

const patch = (text: string): string =>
  text
    .split('\n')
    .map((line) => `      ${line}`)
    .join('\n');
const deploymentPatch = (spec: string): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
${spec
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
`;

/** What stands in `over/kustomization.yaml` after `resources: [../base]`, and files beside it. */
export const OVERLAYS: Readonly<Record<string, { readonly says: string; readonly files?: Overlay }>> = {
  nothing: { says: '' },
  namePrefix: { says: 'namePrefix: prod-' },
  nameSuffix: { says: 'nameSuffix: -v2' },
  both: { says: 'namePrefix: a-\nnameSuffix: -z' },
  namespace: { says: 'namespace: shop-prod' },
  'namespace and prefix': { says: 'namespace: shop-prod\nnamePrefix: p-' },
  commonLabels: { says: 'commonLabels: {team: red, tier: one}' },
  'labels, metadata alone': { says: 'labels: [{pairs: {team: red}}]' },
  'labels with selectors': { says: 'labels: [{pairs: {team: red}, includeSelectors: true}]' },
  'labels with templates': { says: 'labels: [{pairs: {team: red}, includeTemplates: true}]' },
  'labels with fields': {
    says: 'labels: [{pairs: {team: red}, fields: [{path: spec/template/metadata/labels, kind: Deployment, create: true}]}]',
  },
  commonAnnotations: { says: 'commonAnnotations: {who: me, "a.b/c": "1"}' },
  'image tag': { says: 'images: [{name: registry.example/shop/web, newTag: "2.0"}]' },
  'image name': { says: 'images: [{name: busybox, newName: mirror.example:5000/busybox}]' },
  'image digest': { says: `images: [{name: busybox, digest: "sha256:${'a'.repeat(64)}"}]` },
  'image of a digest': { says: 'images: [{name: log, newTag: "3"}]' },
  'images, several': { says: 'images: [{name: busybox, newTag: "1"}, {name: db, newName: postgres, newTag: "16"}]' },
  replicas: { says: 'replicas: [{name: web, count: 5}, {name: db, count: 2}]' },
  'strategic patch of a file': {
    says: 'patches: [{path: p.yaml}]',
    files: {
      'over/p.yaml': deploymentPatch(
        'securityContext: {fsGroup: 3}\ncontainers:\n- name: web\n  env: [{name: MODE, value: more}]',
      ),
    },
  },
  'strategic patch inline': {
    says: `patches:\n  - patch: |-\n${patch(deploymentPatch('containers:\n- name: side\n  image: side:1\n- name: web\n  image: other:9'))}`,
  },
  'strategic patch with a target': {
    says: `patches:\n  - target: {kind: Deployment|StatefulSet}\n    patch: |-\n${patch('apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: any}\nspec:\n  template:\n    spec:\n      securityContext: {runAsNonRoot: true}')}`,
  },
  'patchesStrategicMerge, a file and a text': {
    says: `patchesStrategicMerge:\n  - p.yaml\n  - |-\n${patch('apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80, targetPort: 8080}]}')}`,
    files: { 'over/p.yaml': deploymentPatch('containers: [{name: log, $patch: delete}]') },
  },
  'deleted object': {
    says: `patches:\n  - patch: |-\n${patch('$patch: delete\napiVersion: v1\nkind: Service\nmetadata: {name: web}')}`,
  },
  'deleted field': {
    says: `patches:\n  - patch: |-\n${patch(deploymentPatch('serviceAccountName: null\nvolumes: [{name: conf, $patch: delete}]'))}`,
  },
  'replaced list': {
    says: `patches:\n  - patch: |-\n${patch(deploymentPatch('containers:\n- $patch: replace\n- name: only\n  image: only:1'))}`,
  },
  'replaced mapping': {
    says: `patches:\n  - patch: |-\n${patch('apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    metadata:\n      labels: {$patch: replace, app: web}')}`,
  },
  'operations inline': {
    says: 'patches:\n  - target: {kind: Deployment, name: web}\n    patch: |-\n      - {op: replace, path: /spec/replicas, value: 4}\n      - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: NEW, value: x}}\n      - {op: remove, path: /spec/template/spec/initContainers}\n      - {op: test, path: /spec/replicas, value: 4}\n',
  },
  'operations of a file, as JSON': {
    says: 'patches: [{path: p.json, target: {group: apps, version: v1, kind: Deployment, name: "w.*"}}]',
    files: {
      'over/p.json':
        '[{"op":"add","path":"/metadata/annotations","value":{"a~b/c":"1"}},{"op":"copy","from":"/metadata/name","path":"/metadata/annotations/name"},{"op":"move","from":"/metadata/annotations/name","path":"/metadata/annotations/x"}]',
    },
  },
  patchesJson6902: {
    says: 'patchesJson6902:\n  - target: {group: apps, version: v1, kind: Deployment, name: web}\n    path: p.yaml',
    files: {
      'over/p.yaml':
        '- op: add\n  path: /spec/template/spec/securityContext\n  value: {runAsUser: 5}\n- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: x:1\n',
    },
  },
  'target by label': {
    says: 'patches:\n  - target: {labelSelector: "app=web"}\n    patch: |-\n      - {op: add, path: /metadata/annotations, value: {found: "yes"}}',
  },
  'generator merged': { says: 'configMapGenerator: [{name: conf, behavior: merge, literals: [MODE=prod, NEW=1]}]' },
  'generator replaced': { says: 'secretGenerator: [{name: keys, behavior: replace, literals: [a=other]}]' },
  'generator of its own': {
    says: 'configMapGenerator: [{name: own, files: [a.txt], options: {labels: {x: y1}, annotations: {z: w}, immutable: true}}]\ngeneratorOptions: {labels: {all: them}}',
    files: { 'over/a.txt': 'a\n' },
  },
  'no hash': { says: 'generatorOptions: {disableNameSuffixHash: true}\nconfigMapGenerator: [{name: plain, literals: [a=b]}]' },
  'generator with a namespace': { says: 'namespace: shop\nconfigMapGenerator: [{name: here, namespace: shop, literals: [a=b]}]' },
  'prefix and merged generator': {
    says: 'namePrefix: x-\nconfigMapGenerator: [{name: conf, behavior: merge, literals: [MODE=prod]}]',
  },
  component: {
    says: 'components: [../comp]',
    files: {
      'comp/kustomization.yaml': `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [more.yaml]\nnamePrefix: c-\npatches:\n  - target: {kind: Deployment}\n    patch: |-\n      - {op: replace, path: /spec/replicas, value: 9}\n`,
      'comp/more.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {a: b}\n',
    },
  },
  'own resources': {
    says: 'namespace: shop',
    files: {
      'over/extra.yaml':
        'apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: one}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: two, namespace: other}\n',
    },
  },
  'service ports by name and number': {
    says: `patches:\n  - patch: |-\n${patch('apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n    - port: 80\n      targetPort: 8080\n    - port: 9090\n      name: metrics')}`,
  },
  'container ports': {
    says: `patches:\n  - patch: |-\n${patch(deploymentPatch('containers:\n- name: web\n  ports:\n  - containerPort: 80\n    hostPort: 8080\n  - containerPort: 81\n    protocol: UDP'))}`,
  },
  'a kind of its own': {
    says: `patches:\n  - patch: |-\n${patch('apiVersion: example.com/v1\nkind: Robot\nmetadata: {name: robot}\nspec: {legs: [{name: left, long: 9}], speed: 3}')}`,
  },
  'everything at once': {
    says: `namePrefix: p-\nnamespace: live\ncommonLabels: {team: red}\nimages: [{name: busybox, newTag: "9"}]\nreplicas: [{name: web, count: 7}]\npatches:\n  - patch: |-\n${patch(deploymentPatch('containers: [{name: web, securityContext: {runAsUser: 3}}]'))}\nconfigMapGenerator: [{name: conf, behavior: merge, literals: [A=2]}]`,
  },
};

/** An overlay of an overlay, by chance, of the parts above that can stand together. */
export function overlayByChance(chance: Chance): Overlay {
  const names = Object.keys(OVERLAYS);
  const fields = new Set<string>();
  const files: Record<string, string> = {};
  const says: string[] = [];
  for (let tries = 0; tries < 6; tries += 1) {
    const { says: text, files: own = {} } = OVERLAYS[names[chance(names.length)]!]!;
    const heads = [...text.matchAll(/^([a-zA-Z0-9]+):/gm)].map(([, name]) => name!);
    if (heads.some((head) => fields.has(head)) || Object.keys(own).some((path) => files[path] !== undefined)) continue;
    // A label selector finds what this base has; after other patches it may find what has no place.
    if (/initContainers|delete|replace\n/.test(text)) continue;
    for (const head of heads) fields.add(head);
    Object.assign(files, own);
    says.push(text);
  }
  const middle = chance(2) === 0;
  const top = middle
    ? `resources: [../middle]\n${says.join('\n')}\n`
    : `resources: [../base${files['over/extra.yaml'] === undefined ? '' : ', extra.yaml'}]\n${says.join('\n')}\n`;
  if (middle) delete files['over/extra.yaml'];
  const under = OVERLAYS[['namePrefix', 'namespace', 'commonLabels', 'image tag', 'replicas'][chance(5)]!]!;
  return {
    ...BASE,
    ...files,
    ...(middle ? { 'middle/kustomization.yaml': `resources: [../base]\n${under.says}\n` } : {}),
    'over/kustomization.yaml': top,
  };
}

export const overlayFiles = (name: string): Overlay => {
  const { says, files = {} } = OVERLAYS[name]!;
  const extra = files['over/extra.yaml'] === undefined ? '' : ', extra.yaml';
  return { ...BASE, ...files, 'over/kustomization.yaml': `resources: [../base${extra}]\n${says}\n` };
};
