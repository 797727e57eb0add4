// How fast the access model answers when nobody asks why: opens of all sorts on a tree of ten thousand files, by an ordinary user.

/** Paths as an image has them; deterministic, so that every run asks the same. */
function tree() {
  const entries = new Map();
  const directory = (path, mode = 0o755, uid = 0) => entries.set(path, { inode: { type: 'directory', uid, gid: uid, mode } });
  const file = (path, mode = 0o644, uid = 0) => entries.set(path, { inode: { type: 'file', uid, gid: uid, mode } });
  for (const path of [
    '/',
    '/usr',
    '/usr/lib',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/share',
    '/etc',
    '/etc/nginx',
    '/var',
    '/var/cache',
  ])
    directory(path);
  for (const path of ['/var/log', '/var/lib', '/srv']) directory(path);
  entries.set('/lib', { inode: { type: 'symlink', uid: 0, gid: 0, mode: 0o777 }, target: 'usr/lib' });
  directory('/root', 0o700);
  directory('/tmp', 0o1777);
  directory('/srv/data', 0o770, 10001);
  for (let i = 0; i < 100; i++) {
    directory(`/usr/share/package-${i}`);
    for (let j = 0; j < 80; j++) file(`/usr/share/package-${i}/file-${j}.txt`);
  }
  for (let i = 0; i < 1000; i++) file(`/usr/lib/x86_64-linux-gnu/lib${i}.so.1`);
  for (let i = 0; i < 500; i++) file(`/etc/nginx/site-${i}.conf`, i % 2 === 0 ? 0o644 : 0o640);
  for (let i = 0; i < 500; i++) file(`/srv/data/row-${i}`, 0o660, 10001);
  return entries;
}

function questions() {
  const asked = [];
  for (let i = 0; i < 4000; i++) {
    const open = (path, access, create = false) => asked.push({ kind: 'open', path, access, create });
    if (i % 4 === 0) open(`/usr/share/package-${i % 100}/file-${i % 80}.txt`, 'read');
    else if (i % 4 === 1) open(`/lib/x86_64-linux-gnu/lib${i % 1000}.so.1`, 'read');
    else if (i % 4 === 2) open(`/srv/data/row-${i % 500}`, 'read-write');
    else if (i % 8 === 3) open(`/etc/nginx/site-${i % 500}.conf`, 'read');
    else open(`/var/cache/new-${i}`, 'write', true);
  }
  return asked;
}

/** Rows of the table. `all` is what bench/support.mjs bundles. */
export function decisionRows({ decide, decideQuietly }, rounds) {
  const entries = tree();
  const files = { lookup: (path) => entries.get(path) };
  const none = [];
  const who = {
    uid: 10001,
    gid: 10001,
    groups: [],
    noNewPrivileges: true,
    capabilities: { bounding: none, permitted: none, effective: none, inheritable: none, ambient: none },
  };
  const facts = {
    unprivilegedPortStart: 0,
    pingGroupRange: [0, 0],
    protectedRegular: 2,
    protectedFifos: 1,
    protectedHardlinks: 1,
    protectedSymlinks: 1,
  };
  const asked = questions();
  const median = (answer, passes) => {
    const times = [];
    let denied = 0;
    for (let round = 0; round <= rounds; round++) {
      denied = 0;
      const start = process.hrtime.bigint();
      for (let pass = 0; pass < passes; pass++)
        for (const operation of asked) if (!answer(operation, who, files, facts).allowed) denied++;
      // The first one warms up.
      if (round > 0) times.push(Number(process.hrtime.bigint() - start) / (passes * asked.length));
    }
    return { ns: times.sort((a, b) => a - b)[Math.floor(times.length / 2)], denied: denied / (passes * asked.length) };
  };
  const quiet = median(decideQuietly, 50);
  const told = median(decide, 5);
  const perSecond = (ns) => `${(1000 / ns).toFixed(1)} million a second`;
  const detail = `${perSecond(quiet.ns)} on one core, opens of ${entries.size} files, ${Math.round(quiet.denied * 100)} % denied`;
  return [
    { what: 'a decision of the access model', value: quiet.ns, unit: 'ns', goal: 1000, detail },
    { what: 'a decision with its story', value: told.ns, unit: 'ns', detail: perSecond(told.ns) },
  ];
}
