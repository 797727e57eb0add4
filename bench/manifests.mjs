// `unroot check` on a folder of manifests as people keep them: CPU over a start that does nothing, and whether memory grows with the number of files.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summary } from './measure.mjs';

const FILES = 1000;
const DOCUMENTS = 5;

/** Rows of the table. `all` is the support bundle. Their images lie in a layout beside them, three of them; nothing is asked of a network. */
export function manifestRows(all, cli, rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'unroot-bench-manifests-'));
  try {
    const usage = join(folder, 'usage.json');
    const preload = `import { writeFileSync } from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(usage)}, JSON.stringify(process.resourceUsage())));`;
    const env = {
      ...process.env,
      UNROOT_OFFLINE: '1',
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}`,
    };
    const images = [0, 1, 2].flatMap((each) => {
      const passwd = 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n';
      const layer = [
        { path: '/bin' },
        { path: '/bin/app', content: all.smallestProgram(), mode: 0o755 },
        { path: '/etc' },
        { path: '/etc/passwd', content: passwd },
      ];
      const config = { Entrypoint: ['/bin/app'], ...(each === 0 ? {} : { User: each === 1 ? '10001' : 'app' }) };
      return ['--image', `app:${each}=oci:${all.writeLayout(join(folder, `image${each}`), { layers: [layer], config })}`];
    });
    const measure = (args) => {
      const result = spawnSync(process.execPath, [cli, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
      if (![0, 1].includes(result.status)) throw new Error(`unroot ${args[0]} ended with ${result.status}: ${result.stderr}`);
      const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(readFileSync(usage, 'utf8'));
      return { cpu: (userCPUTime + systemCPUTime) / 1e6, memory: maxRSS / 1024 };
    };
    const check = (files) => {
      const each = Array.from({ length: rounds + 1 }, () =>
        measure(['check', '-o', `json=${join(folder, 'report')}`, files, ...images]),
      );
      return {
        cpu: summary(each.slice(1).map(({ cpu }) => cpu)).median,
        memory: summary(each.slice(1).map(({ memory }) => memory)).median,
      };
    };
    const start = summary(Array.from({ length: rounds }, () => measure(['--version']).cpu)).median;
    const many = check(write(folder, 'many', FILES));
    const few = check(write(folder, 'few', FILES / 10));
    const documents = (FILES * DOCUMENTS).toLocaleString('en-US');
    return [
      {
        what: `\`unroot check\` of ${documents} documents, CPU over start`,
        value: many.cpu - start,
        unit: 's',
        goal: 1,
        detail: `${FILES.toLocaleString('en-US')} files; a start ${(start * 1000).toFixed(0)} ms`,
      },
      {
        what: 'memory, ten times the files',
        value: many.memory / few.memory,
        unit: '×',
        detail: `${many.memory.toFixed(0)} MB against ${few.memory.toFixed(0)} MB`,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder, name, files) {
  mkdirSync(join(folder, name));
  for (let i = 0; i < files; i++) {
    const text = Array.from({ length: DOCUMENTS }, (_, each) => document(i * DOCUMENTS + each)).join('---\n');
    writeFileSync(join(folder, name, `${i}.yaml`), text);
  }
  return join(folder, name);
}

/** A Deployment, a Service, a ConfigMap, a CronJob and a Pod in turn, as they stand in a repository. */
function document(i) {
  const meta = (kind, api) =>
    `apiVersion: ${api}\nkind: ${kind}\nmetadata:\n  name: one-${i}\n  namespace: team-${i % 7}\n  labels:\n    app.kubernetes.io/name: one-${i}\n`;
  const container = (pad) =>
    `${pad}- name: app\n${pad}  image: app:${i % 3}   # pinned\n${pad}  args: ["--port", "8080"]\n${pad}  ports:\n${pad}    - containerPort: 8080\n${pad}  resources:\n${pad}    limits: {memory: 128Mi}\n${pad}  securityContext:\n${pad}    runAsUser: ${i % 2 === 0 ? 10001 : 0}\n`;
  switch (i % DOCUMENTS) {
    case 0:
      return `${meta('Deployment', 'apps/v1')}spec:\n  replicas: 2\n  selector:\n    matchLabels: {app: one-${i}}\n  template:\n    metadata:\n      labels: {app: one-${i}}\n    spec:\n      containers:\n${container('        ')}`;
    case 1:
      return `${meta('Service', 'v1')}spec:\n  selector: {app: one-${i}}\n  ports:\n    - port: 80\n      targetPort: 8080\n`;
    case 2:
      return `${meta('ConfigMap', 'v1')}data:\n  app.conf: |\n    listen 8080\n    root /srv\n`;
    case 3:
      return `${meta('CronJob', 'batch/v1')}spec:\n  schedule: "0 * * * *"\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers:\n${container('            ')}`;
    default:
      return `${meta('Pod', 'v1')}spec:\n  containers:\n${container('    ')}`;
  }
}
