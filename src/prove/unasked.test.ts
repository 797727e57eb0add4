import { describe, expect, it } from 'vitest';
import { memoryRootFs } from '../../test/support/memory-rootfs.ts';
import type { Operation } from '../linux/operation.ts';
import type { Observation } from './observation.ts';
import type { Subject } from './subject.ts';
import { unaskedWork } from './unasked.ts';

const elf = (...names: string[]): string => `\x7fELF\0${names.map((name) => `${name}\0`).join('')}`;
const subject = (path: string, content: string, mode = 0o755): Subject =>
  ({ rootFs: memoryRootFs({ [path]: { content, mode } }) }) as unknown as Subject;

/** One process of that program, with these uids, after these operations. */
function seen(program: string, uids: readonly number[], operations: readonly Operation[] = [], time = 0): Observation {
  const events = [{ kind: 'sethostname' } as Operation, ...operations].map((operation, seq) => ({
    seq,
    time,
    pid: 1,
    program,
    uid: 0,
    gid: 0,
    syscall: operation.kind,
    operation,
  }));
  const command = program.slice(program.lastIndexOf('/') + 1).slice(0, 15);
  const trace = { tracer: 'strace' as const, events, processes: [], blindSpots: [] };
  return {
    outcome: 'running',
    readyMs: 1000,
    ports: [],
    probes: [],
    processes: [{ command, uids, gid: 0 }],
    stdout: '',
    stderr: '',
    changes: [],
    trace,
  };
}

const ROOT = [0, 0, 0, 0];
const asked = (
  path: string,
  content: string,
  uids = ROOT,
  operations: readonly Operation[] = [],
  mode = 0o755,
): Promise<readonly string[]> => unaskedWork(seen(path, uids, operations), subject(path, content, mode), new Map());

describe('unaskedWork', () => {
  it('names a program that is root all along and could become somebody else', async () => {
    expect(await asked('/usr/sbin/served', elf('setgroups'))).toEqual([
      '/usr/sbin/served is root all along and able to become other users (setgroups); what it does as them was not asked for',
    ]);
    expect(await asked('/usr/sbin/served', elf('initgroups'))).toHaveLength(1);
  });

  it('has nothing to say of one that cannot, that was seen to do it, or that gave root up', async () => {
    expect(await asked('/usr/sbin/served', elf('getuid'))).toEqual([]);
    expect(await asked('/usr/sbin/served', elf('setgroups'), ROOT, [{ kind: 'setgroups', groups: [] }])).toEqual([]);
    expect(await asked('/usr/sbin/served', elf('setgroups'), [7, 7, 7, 7])).toEqual([]);
  });

  it('names a program that becomes somebody only when it is asked, root or not in the end', async () => {
    const becomes: Operation = { kind: 'setuid', call: 'setuid', ids: [99] };
    const at = (time: number, program = '/usr/sbin/served', uids = ROOT): Promise<readonly string[]> =>
      unaskedWork(seen(program, uids, [becomes], time), subject(program, elf('setgroups')), new Map());
    expect(await at(0.4)).toEqual([]);
    expect(await at(1.2)).toEqual([
      '/usr/sbin/served was root and became uid 99 only when somebody asked it for something; what else it does as others was not asked for',
    ]);
    expect(await at(1.2, '/usr/bin/python3.11')).toHaveLength(1);
    // A worker that came late, and stayed.
    expect(await at(1.2, '/usr/sbin/served', [99, 99, 99, 99])).toEqual([]);
  });

  it('names a program that stays root and checks passwords, though others of its processes gave root up', async () => {
    const drop: Operation = { kind: 'setuid', call: 'setuid', ids: [7] };
    expect(await asked('/usr/sbin/served', elf('setgroups', 'pam_authenticate'), ROOT, [drop])).toEqual([
      "/usr/sbin/served stays root and is able to check passwords of the system's users; their logins were not asked for",
    ]);
    expect(await asked('/usr/sbin/served', elf('getspnam'), [7, 7, 7, 7], [drop])).toEqual([]);
    expect(await asked('/usr/sbin/served', elf('setgroups', 'getpwnam'), ROOT, [drop])).toEqual([]);
  });

  it('leaves interpreters and Go alone, which bring the calls for any program', async () => {
    expect(await asked('/usr/bin/python3.11', elf('setgroups'))).toEqual([]);
    expect(await asked('/usr/bin/served', `${elf('setgroups')}\xff Go buildinf:`)).toEqual([]);
  });

  it('names a program that becomes root again by its own file', async () => {
    expect((await asked('/usr/sbin/maild', elf('getuid'), [8, 8, 8, 8], [], 0o4755))[0]).toMatch(
      /^\/usr\/sbin\/maild is set-user-ID root/,
    );
  });

  const SERVER = '/srv/served';
  const script = (text: string, interpreter = '/usr/bin/python3', operations: readonly Operation[] = []) =>
    asked(SERVER, `#!${interpreter}\n${text}`, ROOT, operations);

  it.each([
    ['/usr/bin/python3', 'import os\ndef deliver(u):\n    os.setuid(u)\n', 4, 'os.setuid'],
    ['/usr/bin/env python3', 'from os import *\ninitgroups(name, gid)\n', 3, 'initgroups'],
    ['/usr/bin/python3', 'subprocess.Popen(f(a), user=name)\n', 2, 'Popen(f(a), user='],
    ['/usr/bin/python3', 'subprocess.run(["su", name, "-c", x])\n', 2, '"su",'],
    ['/usr/bin/perl', '($<, $>) = ($uid, $uid);\n', 2, '$<'],
    ['/usr/bin/perl', 'local $> = $uid;\n', 2, '$>'],
    ['/usr/bin/perl', 'POSIX::setuid($uid);\n', 2, 'POSIX::setuid'],
    ['/usr/bin/ruby', 'Process::UID.change_privilege(uid)\n', 2, 'Process::UID.change_privilege'],
    ['/usr/bin/node', 'spawn(job, args, { uid: 5 })\n', 2, 'spawn(job, args, { uid:'],
    ['/usr/bin/node', '// as they ask\nprocess.setuid(who)\n', 3, 'process.setuid'],
    ['/bin/sh', 'while read user; do su "$user" -c job; done\n', 2, 'su "$user" -c job'],
  ])('reads a script of %s that becomes somebody: %j', async (interpreter, text, line, call) => {
    expect(await script(text, interpreter)).toEqual([
      `${SERVER} is root all along and becomes another user somewhere (line ${line}: ${call}), which nobody saw it do: what it does as them was not asked for`,
    ]);
  });

  it.each([
    ['/usr/bin/python3', '# os.setuid(u)\nprint("setuid")\n'],
    ['/usr/bin/perl', 'if ($> == 0 and $< =~ /0/) { print "root" }\n'],
    ['/bin/sh', 'su www-data -c job &\nsupport "$x"\n'],
    ['/usr/bin/node', 'connect({ uid: 5 })\n'],
  ])('has nothing to say of a script of %s that does not: %j', async (interpreter, text) => {
    expect(await script(text, interpreter)).toEqual([]);
  });

  it('has nothing to say of a script that was seen to do it, nor of libraries that it reads', async () => {
    const drop: Operation = { kind: 'setuid', call: 'setuid', ids: [7] };
    expect(await script('os.setuid(7)\n', '/usr/bin/python3', [drop])).toEqual([]);
    const read = (path: string): Promise<readonly string[]> =>
      unaskedWork(
        seen('/usr/bin/python3', ROOT, [{ kind: 'open', path, access: 'read' } as Operation]),
        {
          rootFs: memoryRootFs({
            '/usr/bin/python3': { content: elf('setgroups'), mode: 0o755 },
            [path]: { content: 'os.setuid(7)\n' },
          }),
        } as unknown as Subject,
        new Map(),
      );
    expect(await read('/usr/lib/python3.11/http/server.py')).toEqual([]);
    expect(await read('/app/venv/lib/python3.11/site-packages/x.py')).toEqual([]);
    expect(await read('/app/deliver.py')).toHaveLength(1);
  });

  it('takes a page for more than a greeting, where only the uid could be changed', async () => {
    const page = { port: 80, outcome: 'http', status: 200, bodyLength: 5 } as const;
    const able = (content: string, probes: Observation['probes']): Promise<readonly string[]> =>
      unaskedWork({ ...seen('/usr/sbin/served', ROOT), probes }, subject('/usr/sbin/served', content), new Map());
    expect(await able(elf('setuid', 'fork'), [])).toHaveLength(1);
    expect(await able(elf('setuid', 'fork'), [page])).toEqual([]);
    expect(await able(elf('setuid'), [])).toEqual([]);
    expect(await able(elf('setfsuid'), [])).toHaveLength(1);
    expect(await able(elf('setgroups'), [page])).toHaveLength(1);
  });

  it('knows from recipes what is done on request, and where a line of configuration says so', async () => {
    const vsftpd = (text: string): Promise<readonly string[]> =>
      unaskedWork(
        seen('/usr/sbin/vsftpd', ROOT),
        subject('/usr/sbin/vsftpd', elf('setgroups')),
        new Map([['/etc/vsftpd.conf', text]]),
      );
    expect(await vsftpd('local_enable=YES\n')).toEqual(["not asked for: logins of the system's users"]);
    expect(await vsftpd('local_enable=NO\n')).toEqual([]);
    expect(await asked('/usr/sbin/rsyslogd', elf('setgroups'))).toEqual([]);
  });
});
