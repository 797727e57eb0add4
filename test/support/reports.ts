/** One report of each kind, and the same with hostile text wherever an image or a file could have put it. */
import type {
  CheckReport,
  ExplainReport,
  FixReport,
  PodSecurityReport,
  ProveReport,
  Report,
  RunRecord,
  TraceReport,
  WhoReport,
} from '../../src/report/report.ts';

const caps = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] } as const;
const because = [
  { field: 'uid', value: '0', source: 'the image sets no USER', where: { layer: 2, path: '/etc/passwd', line: 1 } },
];
const workload = {
  kind: 'Deployment',
  name: 'web',
  namespace: 'shop',
  role: 'container',
  file: './shop/web.yaml',
  line: 12,
  column: 9,
} as const;
const starts = {
  platform: 'docker',
  outcome: 'starts',
  gid: 0,
  groups: [],
  userName: 'someone',
  hostUid: 0,
  home: '/home',
  noNewPrivileges: false,
  capabilities: caps,
  argv: ['app', 'an argument'],
  cwd: '/srv',
  because,
} as const;

const who: WhoReport = {
  schemaVersion: 1,
  kind: 'who',
  containers: [
    { ...starts, name: 'root', image: 'oci:root', uid: 0, isRoot: true },
    { ...starts, name: 'fine', image: 'oci:fine', uid: 1000, isRoot: false, workload },
    {
      name: 'no',
      image: 'oci:no',
      platform: 'docker',
      outcome: 'refused',
      refusedBy: 'runtime',
      reason: 'create',
      message: 'no such user',
      because,
      workload,
    },
    {
      name: 'away',
      image: 'oci:away',
      platform: 'docker',
      outcome: 'unknown',
      message: 'not here',
      because: [],
      workload: { ...workload, file: '-' },
    },
  ],
  diagnostics: [{ severity: 'error', message: 'broken document', where: { file: 'other.yaml', line: 3, column: 1 } }],
};

const finding = (id: string, severity: 'error' | 'warning' | 'info'): CheckReport['findings'][number] => ({
  id,
  severity,
  confidence: 'medium',
  message: `the sentence of ${id}`,
  where: { path: '/var/cache', layer: 1 },
  evidence: [{ kind: 'observed', text: 'mkdir("/var/cache/x") = 0', count: 2 }],
  fixes: ['own-path'],
});
const placed = { object: 'Deployment/web', container: 'app', where: { file: 'web.yaml', line: 7, column: 5 } };

const check: CheckReport = {
  schemaVersion: 1,
  kind: 'check',
  target: 'oci:web',
  platform: 'docker',
  user: '10001:10001',
  traced: true,
  findings: [
    finding('path-not-writable', 'error'),
    { ...finding('path-not-writable', 'error'), message: 'one more' },
    { ...finding('runs-as-root', 'warning'), ...placed },
    { ...finding('home-not-writable', 'info'), ...placed },
  ],
  diagnostics: [{ severity: 'warning', message: 'image is not here', where: { file: 'web.yaml', line: 9, column: 3 } }],
  unknown: ['what a reload does'],
};

const object = { file: 'web.yaml', line: 1, column: 1, kind: 'Pod', enforced: true, findings: [] } as const;
const podSecurity: PodSecurityReport = {
  schemaVersion: 1,
  kind: 'check',
  target: 'web.yaml',
  podSecurity: {
    policy: 'restricted:v1.34',
    rulesOf: 'v1.34',
    objects: [
      { ...object, name: 'good', outcome: 'allowed' },
      { ...object, name: 'free', outcome: 'exempt', exempt: 'user' },
      { ...object, name: 'odd', outcome: 'undecodable' },
      { ...object, name: 'bad', outcome: 'violates', findings: [0], message: 'violates it' },
    ],
  },
  findings: [{ ...finding('pod-security-host-ports', 'error'), ...placed, control: 'hostPorts' }],
  diagnostics: [],
  unknown: ['web.yaml: no pod in Service/web'],
};

const run = (user: string): RunRecord => ({
  user,
  outcome: 'running',
  readyMs: 10,
  ports: [{ protocol: 'tcp', port: 80, address: '0.0.0.0' }],
  probes: [{ kind: 'tcp', port: 80, ok: user === '0:0', answer: 'HTTP 200' }],
  processes: [{ command: 'app', uids: [Number(user.split(':')[0])], gid: 0 }],
  log: ['started', 'second line'],
  denials: ['bind to 80'],
});
const prove: ProveReport = {
  schemaVersion: 1,
  kind: 'prove',
  target: 'oci:web',
  platform: 'docker',
  engine: 'builtin',
  user: '10001:10001',
  verdict: 'failed',
  before: run('0:0'),
  after: run('10001:10001'),
  moved: [],
  rounds: 1,
  reasons: [
    { kind: 'ok', text: 'keeps running' },
    { kind: 'bad', text: 'port 80 is closed' },
    { kind: 'note', text: 'new in its log' },
  ],
  unknown: ['no strace here'],
};

const fix: FixReport = {
  schemaVersion: 1,
  kind: 'fix',
  target: 'oci:web',
  platform: 'docker',
  user: '10001:10001',
  fixes: [
    {
      id: 'own-path',
      subject: '/var/cache',
      title: '/var/cache: 0755 0:0 → 0755 10001:10001',
      disposition: 'safe',
      answers: [],
      layer: [{ kind: 'own', path: '/var/cache', uid: 10001, gid: 10001, mode: 0o755 }],
      run: {},
      note: 'directory, no content copied',
    },
  ],
  unresolved: [{ ...finding('identity-change', 'warning'), reason: 'nobody can' }],
  run: {
    user: '10001:10001',
    command: ['app', 'an argument'],
    env: { A: 'b' },
    ports: [{ from: 80, to: 8080 }],
    tmpfs: ['/tmp'],
    volumes: [],
    capAdd: [],
    capDrop: ['ALL'],
    sysctls: {},
    noNewPrivileges: true,
    readOnly: false,
  },
  verdict: 'failed',
  proof: prove,
  addedBytes: 315,
  dockerfile: 'FROM web\nUSER 10001:10001\n',
  diagnostics: [],
  unknown: ['other inputs'],
};

const trace: TraceReport = {
  schemaVersion: 1,
  kind: 'trace',
  target: 'oci:web',
  engine: 'podman',
  tracer: 'strace',
  events: [
    { program: '/bin/app', pid: 1, uid: 0, syscall: 'bind', what: 'binds tcp port 80', count: 2 },
    { program: '/bin/app', pid: 1, uid: 33, syscall: 'open', what: 'writes /log', errno: 'EACCES', count: 1 },
  ],
  unknown: ['what other inputs do'],
};

const answer = {
  to: 'write',
  what: 'writes /etc/app',
  allowed: false,
  errno: 'EACCES',
  known: true,
  through: [],
  reason: '/etc/app is 0644',
} as const;
const explain: ExplainReport = {
  schemaVersion: 1,
  kind: 'explain',
  target: 'oci:web',
  container: 'web',
  platform: 'docker',
  asked: '/etc/app',
  asker: { uid: 10001, gid: 0, groups: [], userName: 'app', noNewPrivileges: true, capabilities: caps },
  answers: [
    answer,
    { to: 'read', what: 'reads /etc/app', allowed: true, known: true, through: [] },
    { to: 'run', what: 'runs /etc/app', allowed: false, known: false, through: [] },
  ],
  decision: {
    ...answer,
    operation: { kind: 'open', path: '/etc/app', access: 'write' } as ExplainReport['decision']['operation'],
  },
  steps: [{ ok: false, text: '/etc/app is 0644 0:0', source: 'path_resolution(7)' }],
  walk: [
    {
      part: 'path',
      path: '/',
      type: 'directory',
      uid: 0,
      gid: 0,
      mode: '0755',
      modeText: 'drwxr-xr-x',
      class: 'other',
      needed: 'x',
      granted: 'r-x',
      verdict: 'yes',
    },
    {
      part: 'path',
      path: '/etc/app',
      type: 'file',
      uid: 0,
      gid: 0,
      userName: 'root',
      groupName: 'adm',
      mode: '0644',
      modeText: '-rw-r--r--',
      class: 'other',
      needed: 'rw',
      granted: 'r--',
      verdict: 'no',
      layer: { index: 1, digest: 'sha256:0123456789abcdef', createdBy: 'COPY app /etc' },
    },
  ],
  facts: because,
  remedies: [{ id: 'own-path', title: 'give it away', disposition: 'needs-review', note: 'is copied' }],
  asRoot: { allowed: true, known: true, through: ['CAP_DAC_OVERRIDE'] },
  notes: ['a note'],
};

/** By kind; `check --pod-security` is one of its own. */
export const REPORTS: Readonly<Record<string, Report>> = { who, check, podSecurity, fix, prove, trace, explain };

/** Nothing in them. */
export const EMPTY: Readonly<Record<string, Report>> = {
  who: { schemaVersion: 1, kind: 'who', containers: [] },
  check: { ...check, findings: [], diagnostics: [], unknown: [] },
  podSecurity: { ...podSecurity, podSecurity: { ...podSecurity.podSecurity, objects: [] }, findings: [], unknown: [] },
  fix: (({ verdict: _, proof: __, dockerfile: ___, ...rest }: FixReport): FixReport => ({
    ...rest,
    fixes: [],
    unresolved: [],
    unknown: [],
  }))(fix),
  prove: {
    ...prove,
    reasons: [],
    unknown: [],
    before: { ...prove.before, ports: [], probes: [], processes: [], log: [], denials: [] },
  },
  trace: { ...trace, events: [], unknown: [] },
  explain: { ...explain, answers: [], walk: [], steps: [], facts: [], remedies: [], notes: [] },
};

/** What people choose who want to break a page: markup, commands, terminal codes, half characters, direction overrides. */
export const HOSTILE =
  '</code></style><script>alert(1)</script>"\'><img src=x onerror=alert(1)>]]>&amp;<!-- \n::error file=a::stolen\n##[add-path]/tmp %0A\r\u001b[2J\u0000\ud800\ufffe\u202e, :--';

/** Words of the contract, which no image chooses. */
const FIXED =
  /^(?:kind|outcome|severity|confidence|verdict|role|disposition|class|part|type|exempt|errno|granted|needed|level|user|policy|rulesOf|protocol|access)$/;

/** The same report with the hostile text behind every text that is not a word of the contract. */
export function poisoned<T>(value: T, key = ''): T {
  if (typeof value === 'string') return (FIXED.test(key) || value === '-' ? value : `${value}${HOSTILE}`) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => poisoned(one, key)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, poisoned(one, name)])) as T;
}
