/** Programs that are somebody, or become somebody, each in its own way, on a real minimal system: through `unroot fix`. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { type CliResult, reportOf, unroot } from './support/cli.ts';
import { debianImage, onPath, type RecipeConfig, type RecipeEntry, whyNoDebianImages } from './support/debian-image.ts';

const engine = onPath('runc') ? 'runc' : 'builtin';
const why = process.getuid?.() !== 0 ? 'needs root' : whyNoDebianImages();
if (why !== undefined) console.warn(`SKIPPED: programs that become users: ${why}`);

beforeAll(() => freshDist());

/** A server in Perl, which the minimal system has: for each connection a child that says `hi` and does this with the line that it reads. */
const server = (port: number, greeting: string, answer: string): string => `#!/usr/bin/perl
use IO::Socket::INET;
$SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
my $s = IO::Socket::INET->new(Listen => 5, LocalPort => ${port}, ReuseAddr => 1) or die "listen: $!";
while (1) {
  my $c = $s->accept or next;
  if (fork) { close $c; next }
  ${greeting}
  my $line = <$c>;
  ${answer}
  exit 0;
}
`;
const PAGE =
  'my $head = ""; while (defined(my $l = <$c>)) { last if $l =~ /^\\r?$/ } print $c "HTTP/1.0 200 OK\\r\\n\\r\\nrunning\\n";';
const web = (port = 8080): RecipeEntry => ({ path: '/srv/web', content: server(port, '', PAGE), mode: 0o755 });
const WWW = 33;

async function fix(
  name: string,
  entries: readonly RecipeEntry[],
  config: RecipeConfig,
  ...args: string[]
): Promise<{ report: FixReport; result: CliResult }> {
  const { reference } = await debianImage({ name: `users-${name}`, packages: [], entries, config });
  const result = await unroot(['fix', reference, '--engine', engine, '--platform-profile', 'podman', '-o', 'json', ...args]);
  return { report: reportOf<FixReport>(result, 'fix'), result };
}

const reasons = (report: FixReport, ...kinds: string[]): string[] =>
  (report.proof?.reasons ?? []).filter(({ kind }) => kinds.includes(kind)).map(({ text }) => text);
const changes = (report: FixReport): string[] =>
  report.fixes.flatMap((one) => one.layer.map((change) => `${change.kind} ${change.path}`)).sort();

describe.skipIf(why !== undefined)('programs that become users', () => {
  it('are not proved by their greeting when they would become somebody for a request', async () => {
    const deliver =
      'exit 0 unless $line =~ /^TO (\\S+)/; my @u = getpwnam($1); $> = $u[2]; open(F, ">>", "/var/mail/$1") or print $c "550 $!\\n"; print F "x\\n";';
    const lda: RecipeEntry = { path: '/srv/lda', content: server(2525, 'print $c "220 ready\\n";', deliver), mode: 0o755 };
    const box: RecipeEntry = { path: '/var/mail/www-data', content: '', mode: 0o600, uid: WWW, gid: WWW };
    const { report } = await fix('lda', [lda, box], { Cmd: ['/srv/lda'] });
    expect(reasons(report, 'unsure')).toEqual([
      expect.stringMatching(
        /^\/srv\/lda is root all along and becomes another user somewhere \(line 1\d: \$>\), .*--probe CMD shows/,
      ),
    ]);
    expect(report.verdict).toBe('inconclusive');
  });

  it.each([
    ['su', 'su -s /bin/sh www-data -c "exec /srv/web"'],
    ['runuser', 'runuser -u www-data -- /srv/web'],
    ['setpriv', 'setpriv --reuid www-data --regid www-data --clear-groups /srv/web'],
  ])('are started without %s in a line of shell, and get nothing that only it wanted', async (name, line) => {
    const { report } = await fix(`shell-${name}`, [web()], { Cmd: ['sh', '-c', `echo starting; exec ${line}`] });
    expect(reasons(report, 'bad', 'unsure')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual([`file /usr/bin/${name}`.replace('/usr/bin/runuser', '/usr/sbin/runuser')]);
  });

  it('are started without two of them in one script', async () => {
    const script = `#!/bin/sh
setpriv --reuid www-data --regid www-data --clear-groups /srv/web &
su -s /bin/sh www-data -c 'exec /srv/other'
`;
    const other: RecipeEntry = { path: '/srv/other', content: server(8081, '', PAGE), mode: 0o755 };
    const start: RecipeEntry = { path: '/start', content: script, mode: 0o755 };
    const { report } = await fix('shell-two', [web(), other, start], { Cmd: ['/start'] });
    expect(reasons(report, 'bad', 'unsure')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(changes(report)).toEqual(['file /usr/bin/setpriv', 'file /usr/bin/su']);
  });

  it('keep the line that names the user when they open nothing without it', async () => {
    const reads = `my $user; open(my $f, '<', '/etc/app.conf') or die; while (<$f>) { $user = $1 if /^user = (\\S+)/ }
sleep 3600 unless defined $user;
my $id = getpwnam($user); $> = $id; die "cannot become $user: $!" if $> != $id;
`;
    const app = web().content?.replace('use IO', `${reads}use IO`) ?? '';
    const { report } = await fix(
      'required-line',
      [
        { path: '/srv/app', content: app, mode: 0o755 },
        { path: '/etc/app.conf', content: 'user = www-data\n' },
      ],
      { Cmd: ['/srv/app'] },
    );
    expect(reasons(report, 'bad', 'unsure')).toEqual([]);
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject])).toEqual([['service-user', 'www-data']]);
  });

  it('are proved though a script complains that it may not hand on what is theirs already', async () => {
    const script = '#!/bin/sh\nmkdir -p /run/app && chown www-data:www-data /run/app\nexec /srv/web\n';
    const { report } = await fix('chown-line', [web(), { path: '/start', content: script, mode: 0o755 }], { Cmd: ['/start'] });
    expect(reasons(report, 'bad', 'unsure')).toEqual([]);
    expect(report.verdict).toBe('proved');
  });

  it('lose the line of their configuration that puts them elsewhere', async () => {
    const reads = `open(my $f, '<', '/etc/app.conf') or die; while (<$f>) { die "chroot requires root\\n" if /^chroot/ && $> }
`;
    const app = web().content?.replace('use IO', `${reads}use IO`) ?? '';
    const { report } = await fix(
      'chroot-line',
      [
        { path: '/srv/app', content: app, mode: 0o755 },
        { path: '/etc/app.conf', content: 'port = 8080\nchroot = "/var/empty"\n' },
      ],
      { Cmd: ['/srv/app'] },
    );
    expect(report.verdict).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject])).toEqual([['config-line', '/etc/app.conf']]);
  });

  it('that end because a script asks whether it is root are told the line', async () => {
    const script = '#!/bin/sh\n# start\nif [ "$(id -u)" != 0 ]; then echo must start as root; exit 1; fi\nexec /srv/web\n';
    const { report } = await fix('asks', [web(), { path: '/entry.sh', content: script, mode: 0o755 }], { Cmd: ['/entry.sh'] });
    expect(report.verdict).toBe('failed');
    expect(report.unknown).toContain(
      'line 3 of /entry.sh asks whether it is root, and may end when it is not: if [ "$(id -u)" != 0 ]; then echo must start as root; exit 1; fi',
    );
  });

  it('that gave up root and cannot open their log anew are told why there is no run as root to compare with', async () => {
    const app = web().content?.replace('use IO', `open(L, '>>', '/var/log/app.log') or exit 13;\nuse IO`) ?? '';
    const { report } = await fix(
      'log-link',
      [
        { path: '/srv/app', content: app, mode: 0o755 },
        { path: '/var/log/app.log', target: '/dev/stdout' },
      ],
      { Cmd: ['setpriv', '--reuid', 'www-data', '--regid', 'www-data', '--clear-groups', '/srv/app'] },
    );
    expect(report.unknown.join('\n')).toMatch(/^there is no run as root .*could not open \/var\/log\/app.log after that/m);
    expect(reasons(report, 'unsure')).toEqual([]);
    expect(report.verdict).toBe('proved');
  });
});
