/** Configuration in ConfigMaps: read as what the program finds, and changed there when a port, a pid file or a cache must move. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckReport, TextFixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';
import { writeBelow } from './support/files.ts';
import { writeNginx } from './support/nginx-image.ts';

let folder = '';
let image: readonly string[] = [];
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-configs-'));
  const layout = writeNginx(join(folder, 'image'));
  image = ['--image', `nginx:1=oci:${layout}`];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = `    # the web
    user nginx;
    pid /run/nginx.pid; # where others look
    events {}
    http {
      client_body_temp_path /var/cache/nginx/body;
      server {
        listen 80 default_server;
        listen [::]:80;
        location /up { proxy_pass http://app:80; }
      }
    }
`;
const configMap = (name: string, key: string, text: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  ${key}: |\n${text}`;
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: nginx
        image: nginx:1
        ports:
        - containerPort: 80
        livenessProbe:
          httpGet: {path: /, port: 80}
        volumeMounts:
`;
const SERVICES = `---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, nodePort: 31303}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{ports: [{port: 80}]}]
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  podMetricsEndpoints: [{targetPort: 80}]
`;

const run = (...args: readonly string[]): ReturnType<typeof unroot> => unroot([...args, ...image], { cwd: folder });
const MOVE = ['--port-strategy', 'move', '--platform-profile', 'crio'] as const;

async function fixed(name: string, text: string, ...flags: readonly string[]): Promise<string> {
  writeBelow(folder, name, text);
  const { stdout, stderr } = await run('fix', name, '--write', '-o', 'json', ...flags);
  const report = JSON.parse(stdout) as TextFixReport;
  expect(report.containers, stderr).toMatchObject([{ outcome: 'changed', user: '10001:10001' }]);
  const { stdout: checked } = await run('check', name, '-o', 'json', '--platform-profile', 'crio');
  const left = (JSON.parse(checked) as CheckReport).findings.filter(({ severity }) => severity === 'error');
  expect(left.map(({ message }) => message)).toEqual([]);
  expect((await run('fix', name, '--diff', ...flags)).stdout).toBe('');
  return readFileSync(join(folder, name), 'utf8');
}

describe('configuration in a ConfigMap', () => {
  it('check reads it, not what the image has there', async () => {
    const text = `${configMap('conf', 'nginx.conf', CONFIG)}---\n${DEPLOYMENT}        - {name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}\n      volumes:\n      - {name: conf, configMap: {name: conf}}\n`;
    writeBelow(folder, 'check.yaml', text);
    const { stdout } = await run('check', 'check.yaml', '-o', 'json', '--platform-profile', 'crio');
    const said = (JSON.parse(stdout) as CheckReport).findings.flatMap(({ evidence }) => evidence.map((one) => one.text));
    expect(said).toContain('/etc/nginx/nginx.conf line 3: pid /run/nginx.pid');
    expect(said).toContain('/etc/nginx/nginx.conf line 8: listen 80 default_server');
  });

  it('mounted by subPath: port, pid, cache; and everything that names the port follows, the outside does not', async () => {
    const text = `${configMap('conf', 'nginx.conf', CONFIG)}---\n${DEPLOYMENT}        - {name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}\n      volumes:\n      - {name: conf, configMap: {name: conf}}\n${SERVICES}`;
    const after = await fixed('sub.yaml', text, ...MOVE);
    expect(after).toContain('    # the web\n');
    expect(after).toContain('        listen 8080 default_server;\n        listen [::]:8080;\n');
    expect(after).toContain('proxy_pass http://app:80;');
    expect(after).toContain('    pid /tmp/nginx.pid; # where others look\n');
    expect(after).toContain('client_body_temp_path /tmp/client_temp;');
    expect(after).toContain('- containerPort: 8080\n');
    expect(after).toContain('httpGet: {path: /, port: 8080}');
    expect(after).toContain('ports: [{port: 80, nodePort: 31303, targetPort: 8080}]');
    expect(after).toContain('port: {number: 80}');
    expect(after).toContain('ingress: [{ports: [{port: 8080}]}]');
    expect(after).toContain('podMetricsEndpoints: [{targetPort: 8080}]');
  });

  it('without a port that must move only the paths do', async () => {
    const text = `${configMap('conf', 'nginx.conf', CONFIG)}---\n${DEPLOYMENT}        - {name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}\n      volumes:\n      - {name: conf, configMap: {name: conf}}\n${SERVICES}`;
    writeBelow(folder, 'paths.yaml', text);
    const { stdout } = await run('fix', 'paths.yaml', '--diff');
    expect(stdout).toContain('+    pid /tmp/nginx.pid; # where others look');
    expect(stdout).not.toMatch(/^\+.*8080/m);
  });

  it('a folder with several files, through items and a projected volume; what the image has in the folder is hidden', async () => {
    const main = '    pid /tmp/nginx.pid;\n    events {}\n    http { include /etc/nginx/conf.d/*.conf; }\n';
    const site = '    server {\n      listen 80;\n    }\n';
    const text = `${configMap('main', 'main', main)}---\n${configMap('sites', 'site.conf', site)}---\n${DEPLOYMENT}        - {name: main, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}
        - {name: sites, mountPath: /etc/nginx/conf.d}
      volumes:
      - {name: main, configMap: {name: main, items: [{key: main, path: nginx.conf}]}}
      - {name: sites, projected: {sources: [{configMap: {name: sites}}]}}
`;
    const after = await fixed('folder.yaml', text, ...MOVE);
    expect(after).toContain('      listen 8080;\n');
    expect(after).toContain(configMap('main', 'main', main));
  });

  it('the port alone, where everything else that the program needs is a folder that the pod can mount', async () => {
    const site = '    server {\n      listen 80; # outside too\n    }\n';
    const text = `${configMap('sites', 'site.conf', site)}---\n${DEPLOYMENT}        - {name: sites, mountPath: /etc/nginx/conf.d}
      volumes:
      - {name: sites, configMap: {name: sites}}
${SERVICES}`;
    const after = await fixed('site.yaml', text, ...MOVE);
    expect(after).toContain('      listen 8080; # outside too\n');
    expect(after).toContain('ports: [{port: 80, nodePort: 31303, targetPort: 8080}]');
    // The pid file is named by the image's own configuration.
    expect(after).toMatch(/mountPath: \/run\n/);
  });

  it('in an overlay the file of the generator changes, and its hash with it', async () => {
    writeBelow(folder, 'over/nginx.conf', CONFIG.replaceAll(/^ {4}/gm, ''));
    writeBelow(
      folder,
      'over/kustomization.yaml',
      'resources: [web.yaml]\nconfigMapGenerator:\n- name: conf\n  files: [nginx.conf]\n',
    );
    writeBelow(
      folder,
      'over/web.yaml',
      `${DEPLOYMENT}        - {name: conf, mountPath: /etc/nginx/nginx.conf, subPath: nginx.conf}\n      volumes:\n      - {name: conf, configMap: {name: conf}}\n`,
    );
    const { stdout } = await run('fix', 'over', '--write', '-o', 'json', ...MOVE);
    const report = JSON.parse(stdout) as TextFixReport;
    expect(report.containers).toMatchObject([{ outcome: 'changed' }]);
    expect(report.files.map(({ path }) => path).sort()).toEqual(['over/nginx.conf', 'over/web.yaml']);
    expect(readFileSync(join(folder, 'over/nginx.conf'), 'utf8')).toContain('  listen 8080 default_server;\n');
    expect((await run('fix', 'over', '--diff', ...MOVE)).stdout).toBe('');
  });
});
