import { describe, expect, test } from 'vitest';
import { applyEdits } from '../../../text/edits.ts';
import { sourceFile } from '../../../text/source-file.ts';
import type { ContainerChange } from '../../change.ts';
import { planChanges } from './changes.ts';
import { editsOfObjects } from './object-change.ts';
import { readManifests } from './read.ts';

/** The texts afterwards, and the problems with their lines. */
function changed(texts: readonly string[], changes: Readonly<Record<string, readonly ContainerChange[]>>): readonly string[] {
  const files = texts.map((text, index) => sourceFile(`${index}.yaml`, text));
  const read = readManifests(files);
  const wanted = read.workloads.map((workload) => ({ workload, changes: changes[workload.name] ?? [] }));
  const planned = planChanges(wanted, read);
  const { edits, problems } = editsOfObjects(planned.objects);
  const told = [...planned.problems, ...problems].map(({ message, where }) => `${where.file}:${where.line} ${message}`);
  const after = files.map(
    ({ path, text }) =>
      applyEdits(
        text,
        edits.filter(({ file }) => file === path),
      ).text,
  );
  const again = readManifests(files.map(({ path }, index) => sourceFile(path, after[index]!)));
  const second = planChanges(
    again.workloads.map((workload) => ({
      workload,
      changes: (changes[workload.name] ?? []).map(({ ports: _, ...rest }) => rest),
    })),
    again,
  );
  expect(editsOfObjects(second.objects).edits).toEqual([]);
  return [...after, ...told];
}

const restricted = (container: string): ContainerChange => ({
  container,
  user: { uid: 10001, gid: 10001 },
  runAsNonRoot: true,
  noNewPrivileges: true,
  capDrop: ['ALL'],
  seccompProfile: 'RuntimeDefault',
});

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: nginx  # pinned later
`;

describe('the level where a field belongs', () => {
  test('one container: identity at the pod, the rest at the container', () => {
    expect(changed([POD], { web: [restricted('web')] })).toEqual([
      `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: web
    image: nginx  # pinned later
    securityContext:
      allowPrivilegeEscalation: false
      capabilities:
        drop:
        - ALL
`,
    ]);
  });

  const two = `${POD}  - name: helper\n    image: helper\n`;

  test('another container that stays as it is: at the container', () => {
    const [text] = changed([two], { web: [{ container: 'web', runAsNonRoot: true, user: { uid: 1, gid: 2 } }] });
    expect(text).toBe(
      two.replace(
        '# pinned later\n',
        '# pinned later\n    securityContext:\n      runAsNonRoot: true\n      runAsUser: 1\n      runAsGroup: 2\n',
      ),
    );
  });

  test('users of their own are said where they are, what all have is at the pod', () => {
    const two = `${POD}  - name: side\n    image: x\n    securityContext: {runAsUser: 0}\n`;
    const side: ContainerChange = { ...restricted('side'), user: { uid: 1234, gid: 1235 } };
    const [after = ''] = changed([two], { web: [restricted('web'), side] });
    const [atPod = '', , atSide = ''] = after.split(/^ {2}(?:containers:|- name: side)\n/m);
    expect(atPod).toContain('    runAsNonRoot: true\n    seccompProfile:\n');
    expect(atPod).not.toMatch(/runAsUser|runAsGroup/);
    expect(after).toContain('    securityContext:\n      runAsUser: 10001\n      runAsGroup: 10001\n');
    expect(atSide).toContain('{runAsUser: 1234, runAsGroup: 1235,');
  });

  test('where it is set already it is set', () => {
    const own = POD.replace('    image', '    securityContext: {runAsUser: 0, readOnlyRootFilesystem: true}\n    image');
    const [text] = changed([own], { web: [{ container: 'web', runAsNonRoot: true, user: { uid: 5, gid: 6 }, readOnly: true }] });
    expect(text).toContain('    securityContext: {runAsUser: 5, readOnlyRootFilesystem: true, runAsGroup: 6}\n');
    expect(text).toContain('spec:\n  securityContext:\n    runAsNonRoot: true\n  containers:');
    const shared = two.replace('spec:\n', 'spec:\n  securityContext:\n    runAsUser: 0 # root\n');
    expect(changed([shared], { web: ['web', 'helper'].map((container) => ({ container, user: { uid: 5, gid: 5 } })) })[0]).toBe(
      shared.replace('runAsUser: 0 # root', 'runAsUser: 5 # root\n    runAsGroup: 5'),
    );
    expect(changed([shared], { web: [{ container: 'web', user: { uid: 5, gid: 5 } }] })[0]).toContain(
      '# pinned later\n    securityContext:\n      runAsUser: 5\n      runAsGroup: 5\n',
    );
  });

  test('a profile that is set stays; privileged keeps escalation and is told', () => {
    const odd = POD.replace(
      '    image',
      '    securityContext:\n      privileged: true\n      seccompProfile: {type: Unconfined}\n      capabilities: {drop: [NET_RAW]}\n    image',
    );
    expect(
      changed([odd], { web: [{ container: 'web', noNewPrivileges: true, seccompProfile: 'RuntimeDefault', capDrop: ['ALL'] }] }),
    ).toEqual([
      odd.replace('[NET_RAW]', '[NET_RAW, ALL]'),
      '0.yaml:8 allowPrivilegeEscalation cannot be false: the container is privileged',
    ]);
  });

  test('every kind that holds a pod, lists, unknown kinds, JSON', () => {
    const spec = '{"containers":[{"name":"web","image":"a"}]}';
    const texts = [
      `{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"web"},"spec":{"jobTemplate":{"spec":{"template":{"spec":${spec}}}}}}`,
      `apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec:\n    template:\n      spec: ${spec}\n`,
      `apiVersion: example.com/v1\nkind: App\nmetadata:\n  name: web\nspec:\n  worker:\n    template:\n      spec: ${spec}\n`,
    ];
    const asked = spec.replace('}]}', '}],"securityContext":{"runAsNonRoot":true}}');
    for (const text of texts)
      expect(changed([text], { web: [{ container: 'web', runAsNonRoot: true }] })[0]).toBe(text.replace(spec, asked));
  });

  test('tmpfs, env, words, fsGroup, sysctls', () => {
    const text = `${POD}    env:\n    - {name: A, value: "1"}\n    - name: S\n      valueFrom: {secretKeyRef: {name: s, key: k}}\n    volumeMounts:\n    - name: data\n      mountPath: /data/\n  volumes:\n  - name: data\n    persistentVolumeClaim: {claimName: data}\n  - name: run\n    hostPath: {path: /x}\n`;
    const change: ContainerChange = {
      container: 'web',
      tmpfs: ['/run:mode=1777,size=64m', '/var/cache/nginx', '/data'],
      env: { A: '2', B: 'x', S: 'y' },
      command: ['-g', 'daemon off;'],
      workdir: '/srv',
      fsGroup: 7,
      supplementalGroups: [8],
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
      volumes: [{ path: '/data', owner: '7:7', mode: '0750' }],
    };
    const [after, ...told] = changed([text], { web: [change] });
    expect(told).toEqual(['0.yaml:11 S must be "y", and its value comes from elsewhere']);
    expect(after).toBe(`apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  securityContext:
    fsGroup: 7
    supplementalGroups:
    - 8
    sysctls:
    - name: net.ipv4.ip_unprivileged_port_start
      value: "0"
  containers:
  - name: web
    image: nginx  # pinned later
    env:
    - {name: A, value: "2"}
    - name: S
      valueFrom: {secretKeyRef: {name: s, key: k}}
    - name: B
      value: x
    volumeMounts:
    - name: data
      mountPath: /data/
    - name: run-2
      mountPath: /run
    - name: var-cache-nginx
      mountPath: /var/cache/nginx
    args:
    - -g
    - daemon off;
    workingDir: /srv
  volumes:
  - name: data
    persistentVolumeClaim: {claimName: data}
  - name: run
    hostPath: {path: /x}
  - name: run-2
    emptyDir:
      sizeLimit: 64Mi
  - name: var-cache-nginx
    emptyDir: {}
`);
  });
});

describe('a port that moves', () => {
  const APP = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: server
  namespace: nonroot
spec:
  selector:
    matchLabels: {app: server}
  template:
    metadata:
      labels:
        app: server
      annotations:
        prometheus.io/port: "80"
    spec:
      containers:
        - name: server
          image: nonroot-server:0.0.1
          ports:
            - containerPort: 80
              name: http
            - containerPort: 80
              protocol: UDP
          livenessProbe:
            httpGet: {path: /, port: 80}
          readinessProbe:
            httpGet: {path: /, port: http}
          startupProbe:
            exec: {command: [curl, "http://localhost:80/"]}
`;
  const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: server, namespace: nonroot}
spec:
  type: NodePort
  selector: {app: server}
  ports:
    - port: 80
      nodePort: 31303
      targetPort: 80
    - port: 81
      targetPort: http
`;
  const move: ContainerChange = { container: 'server', ports: [{ from: 80, to: 8080 }] };

  test('the node port of the tutorial stays, everything behind it follows', () => {
    const [app, service, ...told] = changed([APP, SERVICE], { server: [move] });
    expect(app).toBe(
      APP.replace('containerPort: 80\n              name', 'containerPort: 8080\n              name')
        .replace('port: 80}', 'port: 8080}')
        .replace('"80"', '"8080"'),
    );
    expect(service).toBe(SERVICE.replace('targetPort: 80', 'targetPort: 8080'));
    expect(told).toEqual(['0.yaml:29 this may name port 80, which moves to 8080']);
  });

  test('a service without targetPort gets one; one of another namespace, or for other pods, stays', () => {
    const bare = SERVICE.replace('      targetPort: 80\n', '');
    expect(changed([APP, bare], { server: [move] })[1]).toBe(
      bare.replace('nodePort: 31303\n', 'nodePort: 31303\n      targetPort: 8080\n'),
    );
    for (const other of [SERVICE.replace('namespace: nonroot', 'namespace: x'), SERVICE.replace('{app: server}', '{app: other}')])
      expect(changed([APP, other], { server: [move] })[1]).toBe(other);
  });

  test('pods that move and pods that do not behind one service are told, and so are headless services', () => {
    const other = APP.replace('name: server\n  namespace', 'name: old\n  namespace');
    const [, , service, ...told] = changed([APP, other, SERVICE], { server: [move] });
    expect(service).toBe(SERVICE);
    expect(told.filter((one) => one.startsWith('2.yaml'))).toEqual([
      '2.yaml:8 port 80 of some of the pods behind it moves to 8080, of others it does not: give the port a name in all of them',
    ]);
    const headless = SERVICE.replace('type: NodePort', 'clusterIP: None');
    expect(changed([APP, headless], { server: [move] }).slice(1)).toEqual([
      headless,
      '0.yaml:29 this may name port 80, which moves to 8080',
      '1.yaml:8 port 80 of its pods moves to 8080, and clients of a headless service reach them there (http)',
    ]);
  });

  test('network policies and pod monitors follow', () => {
    const policy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: nonroot}
spec:
  podSelector:
    matchExpressions: [{key: app, operator: In, values: [server]}]
  ingress:
    - ports:
        - port: 80
  egress:
    - to: [{podSelector: {matchLabels: {app: server}}}, {ipBlock: {cidr: 10.0.0.0/8}}]
      ports:
        - port: 80
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: m, namespace: nonroot}
spec:
  selector: {matchLabels: {app: server}}
  podMetricsEndpoints:
    - targetPort: 80
`;
    const [, after] = changed([APP, policy], { server: [move] });
    expect(after).toBe(
      policy
        .replace('    - ports:\n        - port: 80\n', '    - ports:\n        - port: 8080\n')
        .replace('      ports:\n        - port: 80\n', '      ports:\n        - port: 80\n        - port: 8080\n')
        .replace('targetPort: 80', 'targetPort: 8080'),
    );
  });

  test('a mounted ConfigMap that names the port is told with its key', () => {
    const app = APP.replace(
      '      containers:',
      '      volumes:\n        - name: c\n          configMap: {name: conf}\n      containers:',
    );
    const map =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  site.conf: |\n    server {\n      listen 80;\n    }\n  other: "8080"\n';
    expect(changed([app, map], { server: [move] }).at(-1)).toBe(
      '1.yaml:5 site.conf is mounted in Deployment server and names port 80 (listen 80;): the program must listen on 8080, so change it there',
    );
  });
});
