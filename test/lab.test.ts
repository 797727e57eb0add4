/** The workshop for real: nodes are started, attacked, killed; every lab that can run here is played by its own solutions. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../src/lab/checks/evaluate.ts';
import type { CheckWorld } from '../src/lab/checks/look.ts';
import { findLab, findLabs, labsFolder } from '../src/lab/find-labs.ts';
import type { LabCheck } from '../src/lab/lab.ts';
import { missingFor } from '../src/lab/needs.ts';
import { type LabSession, startLab } from '../src/lab/session.ts';
import { leftovers, type SeenNode, seen, testLab } from '../src/lab/test-lab.ts';
import { labTools } from '../src/lab/tools.ts';

const program = fileURLToPath(new URL('../dist', import.meta.url));
const folder = labsFolder();
const first = findLab(folder, '01');
const lacks = await missingFor(first.lab);
const can = lacks.length === 0;
if (!can) console.warn(`SKIPPED: labs: ${lacks.map(({ why, get }) => `${why} (${get})`).join('; ')}`);
// Made when something runs: a file of which nothing does would leave it behind.
const stateFolder = join(tmpdir(), `unroot-lab-state-${process.pid}-${Date.now()}`);
beforeAll(() => void mkdirSync(stateFolder, { mode: 0o700 }));
afterAll(() => rmSync(stateFolder, { recursive: true, force: true }));
/** Bases and images are made once, which takes a minute and a network. */
const BUILD_MS = 600_000;

describe.skipIf(!can)('a node', () => {
  let session: LabSession;
  let world: CheckWorld;
  const nodes: SeenNode[] = [];
  beforeAll(async () => {
    session = await startLab(first, { program, stateFolder, onNode: (node) => void nodes.push(seen(node)) });
    const cacheFolder = session.node().shared.replace(/\/run\/[^/]+\/shared$/, '');
    world = { node: session.node(), tools: await labTools(cacheFolder), before: new Map() };
  }, BUILD_MS);
  afterAll(async () => {
    await session?.stop();
    for (const node of nodes) expect(leftovers(node)).toEqual([]);
  });
  const say = async (script: string): Promise<string> => (await session.run(script)).stdout.trim();
  const stands = async (check: Readonly<Record<string, unknown>>): Promise<readonly [boolean, string]> => {
    const { green, detail } = await evaluate({ says: 'x', ...check } as unknown as LabCheck, world);
    return [green, detail];
  };

  it('has nothing of the machine: no disk, no network, no processes, none of its files', async () => {
    expect(await say('ls /dev | tr "\\n" " "')).not.toMatch(/\b(vd|sd|nvme|loop)/);
    expect(await say("ip -o link | awk '{print $2}'")).toBe('lo:');
    expect(Number(await say('ls -d /proc/[0-9]* | wc -l'))).toBeLessThan(8);
    expect(await say('cat /etc/hostname')).toBe('node');
    expect(await say('[ -e /work ] || [ -e /root/.ssh ] || echo none')).toBe('none');
    const bounding = BigInt(`0x${await say("sed -n 's/^CapBnd:\\t//p' /proc/self/status")}`);
    // capability.h: SYS_MODULE 16, SYS_RAWIO 17, SYS_BOOT 22, SYS_TIME 25, MAC_OVERRIDE 32, MAC_ADMIN 33, SYSLOG 34, WAKE_ALARM 35.
    for (const number of [16, 17, 22, 25, 32, 33, 34, 35]) expect((bounding >> BigInt(number)) & 1n, String(number)).toBe(0n);
    expect(await say('echo x 2>/dev/null >/proc/sysrq-trigger || echo refused')).toBe('refused');
    expect(await say('echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo refused')).toBe('refused');
    expect(await say('head -c1 /proc/kcore | wc -c')).toBe('0');
  });

  it('has the editor that everybody knows, and puts no filter of system calls around containers, as the texts say', async () => {
    expect(
      await say(
        "(sleep 1; printf 'ihello\\033'; sleep 1; printf ':wq\\r'; sleep 1) | timeout 20 script -qec 'vi /tmp/hello' /dev/null >/dev/null; cat /tmp/hello; rm -f /tmp/hello",
      ),
    ).toBe('hello');
    expect(await say("unroot run debian -- sed -n 's/^Seccomp:.//p' /proc/self/status 2>/dev/null")).toBe('0');
  });

  it('opens no disk, though it may make the name of one', async () => {
    const disk = readFileSync('/proc/partitions', 'utf8').split('\n').slice(2)[0]?.trim().split(/\s+/) ?? [];
    expect(disk).toHaveLength(4);
    const said = await say(
      `mknod /tmp/disk b ${disk[0]} ${disk[1]} && head -c1 /tmp/disk 2>&1; mount -t tmpfs x /mnt && mknod /mnt/disk b ${disk[0]} ${disk[1]} && head -c1 /mnt/disk 2>&1; umount /mnt; rm -f /tmp/disk`,
    );
    expect(said).toMatch(
      /^[^\n]*(Permission denied|Operation not permitted)[^\n]*\n[^\n]*(Permission denied|Operation not permitted)[^\n]*$/,
    );
  });

  it('is limited in processes and disk', async () => {
    expect(await say('dd if=/dev/zero of=/big bs=1M count=1100 2>&1 | tail -1; rm -f /big; df -m / | tail -1')).toMatch(/1024 /);
    const many = await say(
      "perl -e 'for (1..1100) { my $p = fork; if (!defined $p) { print qq(refused at $_: $!); last } if (!$p) { sleep 60; exit } }'; pkill perl",
    );
    if (existsSync('/sys/fs/cgroup/pids')) expect(many).toMatch(/refused at \d+: Resource temporarily unavailable/);
    await sleep(500);
  });

  it('cannot fool the checks with another /proc, with links or with names', async () => {
    const process = { kind: 'process', match: { container: true, command: '^sleep 77' } };
    expect((await stands(process))[0]).toBe(false);
    await session.run('mkdir -p /tmp/p/900 && mount --bind /tmp/p /proc && echo "Uid: 0" > /proc/900/status');
    expect((await stands(process))[0]).toBe(false);
    // umount itself looks into /proc.
    await session.reset();
    world = { ...world, node: session.node() };
    // A file of the machine, by a link in the node.
    await session.run('ln -sf /proc/1/root/etc/passwd /tmp/l; ln -sf ../../../../../../etc/machine-only /tmp/m');
    expect(await stands({ kind: 'file', path: '/tmp/m' })).toEqual([false, '/tmp/m is not there']);
    // A process that only calls itself so is none in a container.
    await session.run('(exec -a "sleep 77" sleep 30) & until pgrep -f "^sleep 77"; do sleep 0.1; done');
    expect((await stands(process))[0]).toBe(false);
    expect((await stands({ kind: 'process', match: { command: '^sleep 77' } }))[0]).toBe(true);
    // Nor is another program that took the name: by exec, or by writing over its own arguments.
    await session.run(
      `pkill -9 sleep; (exec -a "sleep 77" tail -f /dev/null) & perl -e '$0 = "sleep 77"; select undef, undef, undef, 99' & until [ "$(pgrep -fc "^sleep 77")" = 2 ]; do sleep 0.1; done`,
    );
    expect((await stands({ kind: 'process', match: { command: '^sleep 77' } }))[0]).toBe(false);
    expect((await stands({ kind: 'process', match: { command: '^sleep 77', program: '/perl$' } }))[0]).toBe(true);
    expect((await stands({ kind: 'process', match: { program: '/tail$' } }))[0]).toBe(true);
    await session.run('pkill -9 perl; pkill -9 tail');
    // Nor is one in namespaces of its own whose files are the node's.
    await session.run('pkill sleep; (unshare -mpf --mount-proc sleep 77) & until pgrep -f "^sleep 77"; do sleep 0.1; done');
    expect((await stands(process))[0]).toBe(false);
    await session.run('pkill -9 sleep');
  });

  it('tells what a container was started with from what was brought into it, and its answers from those of the node', async () => {
    const container = { container: true, command: '^sleep 78' };
    const answers = { kind: 'http', port: 8081, status: 200, match: { container: true, command: '^perl ' } };
    const server = (port: number): string =>
      `use IO::Socket::INET; my $l = IO::Socket::INET->new(LocalPort => ${port}, Listen => 5, ReuseAddr => 1); while (my $c = $l->accept) { while (<$c>) { last if /^\\s*$/ } print $c qq(HTTP/1.0 200 OK\\r\\n\\r\\n) }`;
    await session.run(
      `unroot run -p 8081:8080 debian -- perl -e '${server(8080)}' >/dev/null 2>&1 & until curl -s http://127.0.0.1:8081/ -o /dev/null; do sleep 0.1; done; enter perl sleep 78 >/dev/null 2>&1 & until pgrep -f "^sleep 78"; do sleep 0.1; done`,
    );
    expect((await stands({ kind: 'process', match: { command: '^sleep 78' } }))[0]).toBe(true);
    expect((await stands({ kind: 'process', match: container }))[0]).toBe(false);
    expect(await stands(answers)).toEqual([true, 'http://127.0.0.1:8081/: 200']);
    expect((await stands({ kind: 'listens', port: 8080, match: answers.match }))[0]).toBe(true);
    // Another port of the node leads to a program of the node's, whatever it says.
    await session.run(
      `perl -e '${server(8082)}' >/dev/null 2>&1 & until curl -s http://127.0.0.1:8082/ -o /dev/null; do sleep 0.1; done`,
    );
    expect((await stands({ kind: 'http', port: 8082, status: 200 }))[0]).toBe(true);
    expect(await stands({ ...answers, port: 8082 })).toEqual([
      false,
      'http://127.0.0.1:8082/: the connection does not come to the container of ^perl ',
    ]);
    // In the container's network, and not its own.
    await session.run(
      'enter perl nc -l -p 8083 >/dev/null 2>&1 & until enter perl grep -qs :1F93 /proc/net/tcp /proc/net/tcp6; do sleep 0.2; done',
    );
    expect((await stands({ kind: 'listens', port: 8083, match: answers.match }))[1]).toMatch(/somebody else's/);
    await session.reset();
    world = { ...world, node: session.node() };
  });

  it('asks of a folder no more than whose it is, and who may write it', async () => {
    const folderIs = (is: object): Promise<readonly [boolean, string]> => stands({ kind: 'file', path: '/srv/mine', ...is });
    await session.run('mkdir -m 0700 /srv/mine; chown 4242:7 /srv/mine');
    expect(await folderIs({ owner: '4242', modeLacks: '0022' })).toEqual([true, '/srv/mine: 4242:7, mode 0700']);
    expect((await folderIs({ owner: '4242:7' }))[0]).toBe(true);
    expect((await folderIs({ owner: '424' }))[0]).toBe(false);
    expect((await folderIs({ owner: '7' }))[0]).toBe(false);
    await session.run('chmod 0770 /srv/mine');
    expect(await folderIs({ modeLacks: '0022' })).toEqual([false, '/srv/mine has mode 0770: more than it should have']);
    expect((await folderIs({ modeLacks: '0007' }))[0]).toBe(true);
  });

  it('attempts leave nothing behind, and have the whole identity', async () => {
    await session.run(
      'mkdir -p /srv/a; echo x >/srv/a/f; chown 4242:3000 /srv/a; chmod 1777 /srv/a; chown 1:1 /srv/a/f; echo g >/srv/g; chgrp 3000 /srv/g; chmod 060 /srv/g; ' +
        '(exec setpriv --reuid 4242 --regid 100 --groups 3000 --bounding-set -all sleep 601) & (exec setpriv --reuid 4242 --regid 100 --clear-groups sleep 602) & ' +
        '(exec setpriv --reuid 4242 --regid 100 --clear-groups --inh-caps -all,+net_bind_service --ambient-caps -all,+net_bind_service sleep 603) & (exec setpriv --bounding-set -all sleep 604) & for n in 1 2 3 4; do until pgrep -f "^sleep 60$n"; do sleep 0.1; done; done',
    );
    const before = await say('cd /srv; find . -printf "%p %m %U:%G %s\\n"');
    const attempt = async (command: string, operation: string, target: string): Promise<string> => {
      const [, detail] = await stands({ kind: 'attempt', match: { command }, operation, target, gives: 'ok' });
      return /: (\w+)(?:, not ok)?$/.exec(detail)?.[1] ?? detail;
    };
    expect(await attempt('^sleep 601', 'read', '/srv/g')).toBe('ok');
    expect(await attempt('^sleep 602', 'read', '/srv/g')).toBe('EACCES');
    expect(await attempt('^sleep 602', 'create', '/srv/a')).toBe('ok');
    expect(await attempt('^sleep 602', 'mkdir', '/srv/a')).toBe('ok');
    expect(await attempt('^sleep 602', 'create', '/srv')).toBe('EACCES');
    expect(await attempt('^sleep 602', 'append', '/srv/a/f')).toBe('EACCES');
    // It owns the folder, so the sticky bit lets it.
    expect(await attempt('^sleep 602', 'unlink', '/srv/a/f')).toBe('ok');
    expect(await attempt('^sleep 602', 'chown', '/srv/a/f')).toBe('EPERM');
    expect(await attempt('^sleep 602', 'bind', '80')).toBe('EACCES');
    expect(await attempt('^sleep 603', 'bind', '80')).toBe('ok');
    expect(await attempt('^sleep 602', 'bind', '8080')).toBe('ok');
    // Root without its capabilities is only the owner of its files.
    expect(await attempt('^sleep 604', 'read', '/srv/g')).toBe('EACCES');
    expect(await attempt('init', 'chown', '/srv/a/f')).toBe('ok');
    expect(await attempt('init', 'append', '/nothing')).toBe('ENOENT');
    // Root of a user namespace is root there, and nobody to the host's files.
    await session.run(
      'unshare --user --mount sleep 700 & until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done; ' +
        'for kind in uid gid; do echo "0 100000 65536" >/proc/$!/$kind"_map"; done; (exec nsenter -t $! -U -m sleep 605) & until pgrep -f "^sleep 605"; do sleep 0.1; done',
    );
    expect(await attempt('^sleep 605', 'read', '/srv/g')).toBe('EACCES');
    expect(await attempt('^sleep 605', 'append', '/etc/hosts')).toBe('EACCES');
    expect(await attempt('^sleep 605', 'create', '/tmp')).toBe('ok');
    expect(
      (await stands({ kind: 'process', match: { command: '^sleep 605' }, is: { uid: 100000, userNamespace: 'own' } }))[1],
    ).toMatch(/uid 100000/);
    expect(await say('cd /srv; find . -printf "%p %m %U:%G %s\\n"')).toBe(before);
    await session.run('pkill sleep');
  });

  it('attempts do not come between the learner and his files, however often they are made', async () => {
    await session.run(
      'mkdir -p /srv/race; chown 4242 /srv/race; (exec setpriv --reuid 4242 --regid 100 --clear-groups sleep 611) >/dev/null 2>&1 & until pgrep -f "^sleep 611"; do sleep 0.1; done',
    );
    // A name that is there all the time, and whose file is another one each time.
    const learner = session.run(
      'missed=0; for n in $(seq 400); do echo $n >/srv/race/new; mv /srv/race/new /srv/race/file; [ "$(cat /srv/race/file)" = "$n" ] || missed=$((missed + 1)); sleep 0.005; done; echo "missed $missed"',
    );
    let over = false;
    void learner.then(() => {
      over = true;
    });
    let made = 0;
    for (; !over; made += 1) {
      const [green, detail] = await stands({
        kind: 'attempt',
        match: { command: '^sleep 611' },
        operation: made % 2 === 0 ? 'unlink' : 'chown',
        target: '/srv/race/file',
        gives: made % 2 === 0 ? 'ok' : 'EPERM',
      });
      if (!/ENOENT|is not there/.test(detail)) expect([green, detail]).toEqual([true, expect.any(String)]);
    }
    expect((await learner).stdout.trim()).toBe('missed 0');
    expect(made).toBeGreaterThan(5);
    expect(await say('ls -A /srv/race')).toBe('file');
    await session.run('pkill sleep; rm -rf /srv/race');
  });

  it('is made anew, and nothing of the old one is left', async () => {
    await session.run('touch /old; (sleep 600 &) >/dev/null 2>&1');
    // How long that may take is what `unroot lab test` looks at (every lab, below).
    await session.reset();
    expect(await say('ls /old 2>&1')).toContain('No such file');
    expect(leftovers(nodes.at(-2)!)).toEqual([]);
  });
});

describe.skipIf(!can)('kubectl in a node', () => {
  it('goes into a pod as the tutorials do, with the tools of the node and the identity of the pod', async () => {
    const session = await startLab(findLab(folder, '06'), { program, stateFolder });
    try {
      await session.solve('apply');
      const { stdout, stderr } = await session.run(
        [
          `pod=$(kubectl get po -n nonroot --output=jsonpath='{.items[0].metadata.name}')`,
          'kubectl exec -n nonroot $pod -- id -u',
          'kubectl exec -n nonroot $pod whoami',
          'echo typed | kubectl exec -i -n nonroot $pod -- cat',
          // Somebody sits at this terminal: an end of input would be typed into it.
          'mkfifo /tmp/held; exec 9<>/tmp/held',
          'script -qec \'kubectl exec -it -n nonroot deploy/server -- sh -c "[ -t 0 ] && echo terminal; hostname"\' /dev/null <&9',
          'kubectl exec -n nonroot $pod -- nothing-of-the-kind || echo "ended with $?"',
          'kubectl get all -n nonroot',
          'kubectl apply -f https://example.com/app.yaml',
        ].join('\n'),
      );
      expect(stdout).toMatch(/^0\nroot\ntyped\nterminal\r\nserver-\S+\r\nended with 127\n/);
      expect(stdout).toMatch(/^service\/server /m);
      expect(stderr).toMatch(/command terminated with exit code 127/);
      expect(stderr).toMatch(/a lab has no network/);
    } finally {
      await session.stop();
    }
  }, 120_000);
});

it('shows the help of `unroot lab` alone', () => {
  const said = execFileSync(process.execPath, [join(program, 'unroot.js'), 'lab'], { encoding: 'utf8' });
  expect(said).toContain('Usage: unroot lab COMMAND');
  expect(said).toContain('shell [options] [lab]');
});

describe("a set of one's own with a lab that is half written", () => {
  const own = join(stateFolder, 'own');
  const env = { ...process.env, XDG_STATE_HOME: stateFolder, CI: '', NO_COLOR: '1' };
  const run = (...args: readonly string[]): string =>
    execFileSync(process.execPath, [join(program, 'unroot.js'), 'lab', ...args, '--labs', own], { env, encoding: 'utf8' });
  beforeAll(() => {
    const step = '## Step: One {#one}\nText.\n```hint\nh\n```\n```check\n- file: { path: /tmp/a }\n  says: it is there\n```\n';
    const front = (id: string): string =>
      `---\nid: "${id}"\ntitle: Mine\ngoal: G\nminutes: 1\nneeds: [root, overlay]\n---\nStory.\n\n`;
    const rest = '```solution\n[ ! -e /tmp/in-the-way ] && touch /tmp/a\n```\n```wrong\ntrue\n```\n\n## Explanation\nE.\n';
    for (const [name, text] of [
      ['30-mine', `${front('30')}${step}${rest}`],
      ['31-half', `${front('31')}${step.replace('path', 'pth')}`],
      ['32-same', `${front('30')}${step}${rest}`],
    ] as const) {
      mkdirSync(join(own, name), { recursive: true });
      writeFileSync(join(own, name, 'lab.md'), text);
    }
  });

  it('shows it as broken, with the line and with what tells more, and the others as they are', () => {
    const said = run('list');
    expect(said).toMatch(/^30 {2}Mine {5,}1 min/m);
    expect(said).toMatch(/^31 {2}31-half +broken$/m);
    expect(said).toMatch(/^32 {2}32-same +broken$/m);
    expect(said.replace(/\s+/g, ' ')).toContain(`31-half/lab.md:16: file has no "pth"; expected: path,`);
    expect(said.replace(/\s+/g, ' ')).toContain('two labs have the id 30: 30-mine and 32-same');
    expect(said).toContain(`unroot lab lint --labs ${own}`);
    // What cannot run here is not suggested.
    if (can) expect(said).toMatch(/^unroot lab start 30$/m);
    else expect(said).toMatch(/^30 {2}Mine .*not here$/m);
    const schema = JSON.parse(
      readFileSync(fileURLToPath(new URL('../schemas/labs.schema.json', import.meta.url)), 'utf8'),
    ) as object;
    const ajv = new Ajv2020({ strict: true, formats: { 'date-time': true } });
    const list = JSON.parse(run('list', '-o', 'json')) as { broken: readonly object[] };
    expect(ajv.validate(schema, list), ajv.errorsText()).toBe(true);
    expect(list.broken).toMatchObject([{ id: '31', name: '31-half', line: 16 }, { name: '32-same' }]);
  });

  it.skipIf(!can)(
    'plays the others; a solution that something is in the way of says how to begin anew',
    () => {
      const said = execFileSync(process.execPath, [join(program, 'unroot.js'), 'lab', 'start', '30', '--labs', own], {
        env,
        input: 'touch /tmp/in-the-way\nsolve\n',
        encoding: 'utf8',
      });
      expect(said).toMatch(/the solution of step one ended with 1/);
      expect(said.replace(/\s+/g, ' ')).toContain('`reset` makes the node anew and brings it to where you were');
    },
    BUILD_MS,
  );
});

describe('lists as JSON', () => {
  it('hold to their schemas, also where nothing can run', () => {
    const schema = (name: string): object =>
      JSON.parse(readFileSync(fileURLToPath(new URL(`../schemas/${name}.schema.json`, import.meta.url)), 'utf8')) as object;
    const ajv = new Ajv2020({ strict: true, formats: { 'date-time': true } });
    const env = { ...process.env, XDG_STATE_HOME: stateFolder, PATH: '/nowhere' };
    const run = (...args: readonly string[]): unknown =>
      JSON.parse(
        execFileSync(process.execPath, [join(program, 'unroot.js'), 'lab', ...args, '-o', 'json'], { env, encoding: 'utf8' }),
      );
    const list = run('list') as { labs: readonly { missing: readonly { get: string }[] }[] };
    expect(ajv.validate(schema('labs'), list), ajv.errorsText()).toBe(true);
    // Without mmdebstrap nothing can be built: each lab says so, and how to get it.
    for (const { missing } of list.labs)
      expect(missing.map(({ get }) => get).join('\n')).toContain('apt-get install -y mmdebstrap');
    const tested = run('test', '01') as { skipped: number };
    expect(ajv.validate(schema('lab-test'), tested), ajv.errorsText()).toBe(true);
    expect(tested.skipped).toBe(1);
  });
});

describe.skipIf(!can)('the player', () => {
  const cli = join(program, 'unroot.js');
  const env = { ...process.env, XDG_STATE_HOME: stateFolder, CI: '' };
  const running = join(stateFolder, 'unroot/lab', `${first.lab.name}.running`);

  it('plays in the terminal: news at a step done, hints, progress kept, and it goes on there', async () => {
    const play = (lines: readonly string[]): string =>
      execFileSync(process.execPath, [cli, 'lab', 'start', '01'], {
        env,
        input: `${lines.join('\n')}\n`,
        encoding: 'utf8',
        timeout: 110_000,
      });
    const said = play(['check', 'hint', first.lab.steps[0]!.solution, 'check', 'answer 1', 'answer 2', 'check']);
    expect(said).toContain(`Step 1 of ${first.lab.steps.length}`);
    expect(said).toContain('no such process runs');
    expect(said).toContain('Step 1 is done.');
    expect(said).toMatch(/No\. [\s\S]*Right\. /);
    expect(said).toContain(`1 of ${first.lab.steps.length} steps are done; unroot lab start 01 goes on there.`);
    const again = play(['ps -eo args | grep "^sleep inf"', 'step']);
    expect(again).toContain('Done so far: 1');
    expect(again).toContain(`Step 2 of ${first.lab.steps.length}`);
    // What was done is there again.
    expect(again).toMatch(/^sleep infinity$/m);
    // After a reset in the middle too: what a later step builds on is not lost.
    const reset = play(['touch /root/mine', 'reset', 'sleep 30', 'ls /root; ps -eo args | grep "^sleep inf"']);
    expect(reset).toContain('The node is made anew, and brought to where you were.');
    expect(reset).toMatch(/^sleep infinity$/m);
    expect(reset).not.toContain('mine');
    expect(existsSync(running)).toBe(false);
  }, 240_000);

  it('gives the terminal back as it was after a reset, lets a second one in, and says where labs are started', async () => {
    const seen = { text: '' };
    const terminal = (args: string): { readonly child: ReturnType<typeof spawn>; readonly closed: Promise<unknown> } => {
      const child = spawn('script', ['-qec', `stty cols 60; ${process.execPath} ${cli} lab ${args}`, '/dev/null'], {
        env: { ...env, SHELL: '/bin/sh', NO_COLOR: '1' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        seen.text += text;
      });
      return { child, closed: new Promise((resolve) => child.once('close', resolve)) };
    };
    const until = (what: RegExp): Promise<void> => expect.poll(() => seen.text, { timeout: 60_000, interval: 100 }).toMatch(what);
    const player = terminal('start 01 --again');
    const type = (line: string, to: ReturnType<typeof terminal> = player): void => void to.child.stdin!.write(`${line}\n`);
    try {
      await until(/lab# $/);
      // What is longer than the terminal is broken between words.
      for (const line of seen.text.split(/\r?\n/).filter((one) => /^ {2}○ /.test(one)))
        expect(line.length).toBeLessThanOrEqual(60);
      seen.text = '';
      type('unroot lab start 02');
      await until(/labs are started on the machine itself/);
      type('unroot lab hint 01');
      await until(/leaves the container running/);
      seen.text = '';
      type('SHELL_OF=old; reset');
      // The old shell may show one more prompt before its node ends.
      for (let left = 60; !seen.text.includes('<new>') && left > 0; left -= 1) {
        type(`echo "<\${SHELL_OF-new}>"`);
        await sleep(500);
      }
      type('stty -a; echo end-of-$((20 + 2))');
      await until(/end-of-22/);
      expect(seen.text).toMatch(/(^|\s)opost/m);
      expect(seen.text).not.toContain('-opost');
      seen.text = '';
      const second = terminal('shell');
      await until(/lab# $/);
      seen.text = '';
      type('hostname; readlink /proc/self/root; check; exit', second);
      await until(/node\r\n[\s\S]*no such process runs/);
      await second.closed;
      seen.text = '';
      type(`${first.lab.steps[0]!.solution.trim()}`);
      await until(/Step 1 is done[\s\S]*lab# $/);
      seen.text = '';
      // Without words: the only container, and no complaint.
      type('enter');
      await until(/root@[0-9a-f]+:/);
      expect(seen.text).not.toContain('unbound');
      type('exit');
      await until(/lab# $/);
      type('exit');
      await player.closed;
    } finally {
      player.child.kill('SIGKILL');
    }
  }, 240_000);

  it('dies with everything when it is killed', async () => {
    // What a killed one wrote stays until somebody asks for it.
    rmSync(running, { force: true });
    const player = spawn(process.execPath, [cli, 'lab', 'start', '01', '--again'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
    await expect.poll(() => existsSync(running), { timeout: 60_000, interval: 100 }).toBe(true);
    const { socket } = JSON.parse(readFileSync(running, 'utf8')) as { socket: string };
    const home = socket.replace(/\/shared\/player$/, '');
    const id = home.split('.').at(-1)!;
    expect(existsSync(home)).toBe(true);
    expect(execFileSync(process.execPath, [cli, 'lab', 'hint'], { env, encoding: 'utf8' })).toContain('&');
    player.kill('SIGKILL');
    // A shell that outlives it removes the rest, group after group.
    const left = (): readonly string[] => leftovers({ id, namespace: '', ended: () => 0, home });
    await expect.poll(left, { timeout: 60_000, interval: 100 }).toEqual([]);
    // Nobody plays any more, whatever the file says.
    expect(() => execFileSync(process.execPath, [cli, 'lab', 'hint', '01'], { env, stdio: 'pipe' })).toThrow(/does not run/);
  }, 120_000);
});

describe.skipIf(!can)('every lab', () => {
  const labs = findLabs(folder);
  const took: string[] = [];
  afterAll(() => process.stderr.write(`labs: ${took.join(', ')}\n`));
  it.each(labs.map((found) => [found.lab.name, found] as const))(
    '%s',
    async (name, found) => {
      const result = await testLab(found, { program, stateFolder });
      took.push(`${name} ${result.outcome} ${Math.round(result.ms / 1000)} s`);
      if (result.outcome === 'skipped') process.stderr.write(`${name} is skipped: ${result.reasons.join('; ')}\n`);
      expect(result.reasons.length === 0 || result.outcome === 'skipped', result.reasons.join('\n')).toBe(true);
    },
    BUILD_MS,
  );
});
