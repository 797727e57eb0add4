/** One table of combinations, and which runtimes can express each; every runtime's test goes through its part of it. */
import type { ImageConfig } from '../../src/image/image.ts';
import type { ContainerSettings } from '../../src/workload/container.ts';
import type { AccountsName } from './identity-image.ts';

/** `containerd-2`: what only its second major version can do, beside all that `containerd` can. */
export type Runtime = 'podman' | 'docker' | 'containerd' | 'containerd-2';

export interface IdentityCase {
  readonly name: string;
  /** Account files of the image; absent = `usual`. */
  readonly accounts?: AccountsName;
  readonly config?: Partial<ImageConfig>;
  readonly settings?: ContainerSettings;
  readonly on: readonly Runtime[];
  /** Nothing starts, and the words must be the model's; or that depends on what this machine can give. */
  readonly refused?: true | 'by-some-hosts';
}

type Row = readonly [
  name: string,
  settings?: ContainerSettings | undefined,
  config?: Partial<ImageConfig> | undefined,
  accounts?: AccountsName | undefined,
];

const cases = (on: readonly Runtime[], refused: true | false | 'by-some-hosts', rows: readonly Row[]): IdentityCase[] =>
  rows.map(([name, settings, config, accounts]) => ({
    name,
    on,
    ...(settings === undefined ? {} : { settings }),
    ...(config === undefined ? {} : { config }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(refused === false ? {} : { refused }),
  }));

/** A pod can say it as well as a command line. */
const EVERYWHERE: readonly Runtime[] = ['podman', 'docker', 'containerd'];
/** `--user`, `--group-add`, `--tmpfs`, `--volume` have no like in CRI. */
const ENGINES: readonly Runtime[] = ['podman', 'docker'];
/** What only a pod says. */
const PODS: readonly Runtime[] = ['containerd'];

const user = (text: string, accounts?: AccountsName): Row => [
  `USER ${JSON.stringify(text)} of the image${accounts === undefined ? '' : `, accounts ${accounts}`}`,
  {},
  { user: text },
  accounts,
];
const flag = (text: string, accounts?: AccountsName): Row => [
  `--user ${JSON.stringify(text)}${accounts === undefined ? '' : `, accounts ${accounts}`}`,
  { user: text },
  {},
  accounts,
];

/** A place of the host that every machine has, and what it is. */
const bound = (source: string, target: string, hostPathType: string): ContainerSettings => ({
  volumes: [{ kind: 'bind', source, target, hostPathType }],
});

export const STARTED: readonly IdentityCase[] = [
  ...cases(EVERYWHERE, false, [
    ['nothing said'],
    ...['0', '00', '+0', '-0', '0:0', 'root', 'root:root', 'toor', 'app', 'app:app', 'app:extra', '1234', '1234:77'].map((one) =>
      user(one),
    ),
    ...['4242', '65532', '7:8', '2147483647', '01234', ':0', 'web', 'web:www', '33', 'app:99', '1234:2147483647'].map((one) =>
      user(one),
    ),
    user('1234', 'none'),
    user('', 'none'),
    user('1234', 'empty'),
    user('0', 'empty'),
    user('app', 'noGroup'),
    user('1234', 'noGroup'),
    user('1234', 'noPasswd'),
    user('0', 'noPasswd'),
    ...['app', '1234', '4321', 'root', '0', 'first', ''].map((one) => user(one, 'twice')),
    ...['app', 'last', 'dos', 'more', '55', '66', '80', 'root', ''].map((one) => user(one, 'corrupt')),
    ...['plus', 'zeros', '15', '17', 'hex'].map((one) => user(one, 'numbers')),
    ['USER 4242, WORKDIR /srv', {}, { user: '4242', workingDir: '/srv' }],
    ['a WORKDIR that the image lacks', {}, { user: '1000:5', workingDir: '/gone/deep' }],
    ['a WORKDIR that the image lacks, as root', {}, { workingDir: '/gone' }],
    ['a WORKDIR of root only', {}, { user: '1000', workingDir: '/sec' }],
    ['a WORKDIR that is a symlink', {}, { user: 'app', workingDir: '/link' }],
    ['a WORKDIR with dots and slashes', {}, { user: 'app', workingDir: '//own/./deep/../' }],
    ['add NET_BIND_SERVICE to a user', { capAdd: ['NET_BIND_SERVICE'] }, { user: 'app' }],
    ['add KILL and CHOWN to a number', { capAdd: ['KILL', 'chown'] }, { user: '1000' }],
    [
      'drop ALL, add to a user under no_new_privs',
      { capDrop: ['ALL'], capAdd: ['net_bind_service'], noNewPrivileges: true },
      { user: '1000' },
    ],
    ['drop all in lower case', { capDrop: ['all'] }],
    ['drop ALL of root', { capDrop: ['ALL'] }],
    ['drop ALL of a user', { capDrop: ['ALL'] }, { user: 'app' }],
    ['drop ALL of toor', { capDrop: ['ALL'] }, { user: 'toor' }],
    ['drop some of root', { capDrop: ['CHOWN', 'net_raw', 'DAC_OVERRIDE'] }],
    ['drop what is not given', { capDrop: ['SYS_ADMIN'] }],
    ['drop DAC_OVERRIDE of root', { capDrop: ['DAC_OVERRIDE'] }],
    ['add NET_RAW to root', { capAdd: ['net_raw'] }],
    ['add SYS_ADMIN to root', { capAdd: ['SYS_ADMIN'] }],
    ['add CAP_NET_ADMIN with its prefix', { capAdd: ['CAP_NET_ADMIN'] }],
    ['drop CAP_CHOWN with its prefix', { capDrop: ['CAP_CHOWN'] }],
    ['drop ALL, add two', { capDrop: ['ALL'], capAdd: ['SETUID', 'SETGID'] }],
    ['add ALL to a user', { capAdd: ['ALL'] }, { user: '1000' }],
    ['no_new_privs for root', { noNewPrivileges: true }],
    ['no_new_privs for a user', { noNewPrivileges: true }, { user: 'app' }],
    ['toor under no_new_privs', { noNewPrivileges: true }, { user: 'toor' }],
    ['set-uid program', { entrypoint: ['/bin/suid'] }, { user: 'app' }],
    ['set-uid program of another user', { entrypoint: ['/bin/suid-app'] }, { user: '1000:1000' }],
    ['set-uid program of another user, as root', { entrypoint: ['/bin/suid-app'] }],
    ['set-uid program of another user, root without SETUID', { entrypoint: ['/bin/suid-app'], capDrop: ['ALL'] }],
    ['set-uid program under no_new_privs', { entrypoint: ['/bin/suid'], noNewPrivileges: true }, { user: 'app' }],
    ['set-uid program, drop ALL', { entrypoint: ['/bin/suid'], capDrop: ['ALL'] }, { user: 'app' }],
    ['set-gid program', { entrypoint: ['/bin/sgid'] }, { user: '1000:1000' }],
    ['set-gid bit without x for the group', { entrypoint: ['/bin/sgid-no-x'] }, { user: '1000:1000' }],
    ['set-uid and set-gid program', { entrypoint: ['/bin/both'] }, { user: '1000' }],
    ['file capabilities', { entrypoint: ['/bin/nbs'] }, { user: 'app' }],
    ['file capabilities without the effective bit', { entrypoint: ['/bin/not-effective'] }, { user: 'app' }],
    ['file capabilities as root', { entrypoint: ['/bin/nbs'] }],
    ['file capabilities on a set-uid program', { entrypoint: ['/bin/suid-nbs'] }, { user: 'app' }],
    ['file capabilities under no_new_privs', { entrypoint: ['/bin/nbs'], noNewPrivileges: true }, { user: 'app' }],
    ['file capabilities and added ones', { entrypoint: ['/bin/nbs'], capAdd: ['KILL', 'NET_BIND_SERVICE'] }, { user: 'app' }],
    [
      'file capabilities, only they are left',
      { entrypoint: ['/bin/nbs'], capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'] },
      { user: 'app' },
    ],
    ['program of a group of the user', { entrypoint: ['/bin/grouponly'] }, { user: 'app' }],
    ['program of root only, as root', { entrypoint: ['/bin/rootonly'] }],
    ['found in PATH through a symlink', { entrypoint: ['show'], env: { PATH: '/none:/sbin' } }, { user: 'app' }],
    ['found in PATH after one that may not be run', { entrypoint: ['show'], env: { PATH: '/first:/bin' } }],
    ['ENTRYPOINT and CMD of the image', {}, { entrypoint: ['/bin/show', 'a'], cmd: ['b', 'c d'] }],
    ['CMD replaced', { command: ['x', ''] }, { entrypoint: ['/bin/show', 'a'], cmd: ['b'] }],
    ['ENTRYPOINT replaced drops CMD', { entrypoint: ['/bin/show', 'new'] }, { entrypoint: ['/nosuch'], cmd: ['b'] }],
    ['ENTRYPOINT and CMD replaced', { entrypoint: ['/bin/show'], command: ['x'] }, { entrypoint: ['/nosuch'], cmd: ['b'] }],
    ['HOME set', { env: { HOME: '/elsewhere' } }, { user: 'app' }],
    ['HOME set by the image', {}, { user: 'app', env: ['HOME=/of-image'] }],
    ['HOME empty', { env: { HOME: '' } }, { user: 'app' }],
    ['HOME empty, unknown uid', { env: { HOME: '' } }, { user: '1000' }],
    ['HOME of an unknown uid with a WORKDIR', {}, { user: '1000', workingDir: '/srv' }],
    ['HOME of toor, by name', {}, { user: 'toor' }],
    ['image ENV and settings', { env: { A: '9', C: 'x=y' } }, { env: ['A=1', 'B=2', 'EMPTY='] }],
    ['PATH of the image', {}, { env: ['PATH=/bin'] }],
    ['working directory of the settings', { workdir: '/srv' }, { user: '1000' }],
    ['working directory of the settings, a symlink', { workdir: '/link' }, { user: 'app' }],
    ['working directory of the settings, of root only', { workdir: '/sec' }, { user: '1000' }],
    ['read-only root', { readOnly: true }],
    ['read-only root for a user', { readOnly: true }, { user: 'app' }],
    ['read-only root and a VOLUME', { readOnly: true }, { user: 'app', volumes: ['/own'] }],
    ['VOLUME over a directory', {}, { user: 'app', volumes: ['/own'] }],
    ['VOLUME over a directory, another user', {}, { user: '1000', volumes: ['/own'] }],
    ['VOLUME over an empty directory', {}, { user: '1000', volumes: ['/empty'] }],
    ['VOLUME on a new path', {}, { user: '1000', volumes: ['/new'] }],
    ['VOLUME on a new path below another', {}, { user: '1000', volumes: ['/new/deep'] }],
    ['VOLUME below a directory of a user', {}, { user: 'app', volumes: ['/own/deep'] }],
    ['VOLUME through a symlink', {}, { user: 'app', volumes: ['/link'] }],
    ['VOLUME with set-gid', {}, { user: 'app', volumes: ['/group'] }],
    ['two VOLUMEs, one in the other', {}, { user: 'app', volumes: ['/own', '/own/deep'] }],
    ['VOLUME on /tmp', {}, { user: 'app', volumes: ['/tmp'] }],
    [
      'sysctls of the settings',
      { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80', 'net.ipv4.ping_group_range': '0 1000' } },
      { user: 'app' },
    ],
    ['network of the host', { network: 'host' }, { user: 'app' }],
    [
      'device nodes',
      {
        devices: [
          { source: '/dev/null', target: '/dev/x' },
          { source: '/dev/kmsg', target: '/dev/y' },
        ],
      },
      { user: '1000' },
    ],
    ['device nodes, to root', { devices: [{ source: '/dev/kmsg', target: '/dev/y' }] }],
  ]),
  ...cases(ENGINES, false, [
    ...['0', '00', '+0', ':0', '0:0', 'root:root', 'toor', ':1000', 'app', 'app:app', 'app:extra', '1234', '4242', '65532'].map(
      (one) => flag(one),
    ),
    ...['7:8', '2147483647', 'app:', 'app:77', '1234:app', 'web:www:more', ':app'].map((one) => flag(one)),
    ...['1234', '7:extra', '0'].map((one) => flag(one, 'noPasswd')),
    ...['1000', '1000:1000'].map((one) => flag(one, 'none')),
    ['USER app, --user root', { user: 'root' }, { user: 'app' }],
    ['USER app:extra, --user 1234', { user: '1234' }, { user: 'app:extra' }],
    ['--group-add', { user: '7:8', groupAdd: ['99', 'extra'] }],
    ['--group-add to a name', { user: 'app', groupAdd: ['500', 'www'] }],
    ['--group-add without a user', { groupAdd: ['77'] }],
    ['--group-add of the primary group', { user: '1234', groupAdd: ['1234', '1234'] }],
    ['tmpfs over a directory', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/own' }] }],
    ['tmpfs with a mode', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/own', mode: 0o700 }] }],
    ['tmpfs with a mode on a new path', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/new', mode: 0o700 }] }],
    ['tmpfs on a new path', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/new' }] }],
    ['tmpfs over a directory of set-gid', { user: 'app', volumes: [{ kind: 'tmpfs', target: '/group' }] }],
    ['tmpfs, read-only root', { user: 'app', readOnly: true, volumes: [{ kind: 'tmpfs', target: '/run' }] }],
    ['volume over a directory', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/own' }] }],
    ['volume over an empty directory', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/empty' }] }],
    ['volume on a new path', { user: '1000:9', volumes: [{ kind: 'anonymous', target: '/new' }] }],
    ['volume on a new path, a name', { user: 'app:extra', volumes: [{ kind: 'anonymous', target: '/new' }] }],
    ['named volume over a directory', { user: '1000:9', volumes: [{ kind: 'named', source: 'a', target: '/own' }] }],
    ['named volume over an empty directory', { user: '1000:9', volumes: [{ kind: 'named', source: 'b', target: '/empty' }] }],
    ['named volume on a new path', { user: '1000:9', volumes: [{ kind: 'named', source: 'c', target: '/new' }] }],
    ['named volume through a symlink', { user: 'app', volumes: [{ kind: 'named', source: 'd', target: '/link' }] }],
    [
      'named volume over a VOLUME',
      { user: 'app', volumes: [{ kind: 'named', source: 'e', target: '/own' }] },
      { volumes: ['/own'] },
    ],
    ['tmpfs over a VOLUME', { user: 'app', volumes: [{ kind: 'tmpfs', target: '/own' }] }, { volumes: ['/own'] }],
    ['named volume, read-only', { user: 'app', volumes: [{ kind: 'named', source: 'f', target: '/own', readOnly: true }] }],
    ['privileged, a user', { privileged: true, user: 'app' }],
    ['empty ENTRYPOINT', { entrypoint: [''], command: ['/bin/show', 'y'] }, { entrypoint: ['/nosuch'] }],
  ]),
  // What a daemon without every capability makes of it is in the other table.
  ...cases(['podman', 'containerd'], false, [
    ['add ALL to root', { capAdd: ['ALL'] }],
    ['add ALL, drop one', { capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] }],
  ]),
  ...cases(['podman'], false, [['privileged', { privileged: true }]]),
  ...cases(['docker'], false, [
    ['tmpfs of an owner', { user: '1000', volumes: [{ kind: 'tmpfs', target: '/new', mode: 0o750, uid: 1000, gid: 9 }] }],
  ]),
  ...cases(PODS, false, [
    ['runAsUser', { runAsUser: 1000 }],
    ['runAsUser 0 over USER app', { runAsUser: 0 }, { user: 'app' }],
    ['runAsUser of an account', { runAsUser: 1234 }],
    ['runAsUser of an account over USER with a group', { runAsUser: 1234 }, { user: 'web:www' }],
    ['runAsUser and runAsGroup', { runAsUser: 1000, runAsGroup: 3000 }],
    ['runAsUser of an account and runAsGroup', { runAsUser: 1234, runAsGroup: 3000 }],
    ['runAsGroup 0', { runAsUser: 1234, runAsGroup: 0 }],
    ['runAsGroup with USER app', { runAsGroup: 3000 }, { user: 'app' }],
    ['runAsGroup with USER 1000', { runAsGroup: 3000 }, { user: '1000' }],
    ['runAsGroup without a USER', { runAsGroup: 3000 }],
    ['runAsUser without account files', { runAsUser: 1000 }, {}, 'none'],
    ['runAsUser and runAsGroup without account files', { runAsUser: 1000, runAsGroup: 5 }, {}, 'none'],
    ['runAsUser of a second name', { runAsUser: 1234 }, {}, 'twice'],
    ['runAsUser of a corrupt line', { runAsUser: 1234 }, {}, 'corrupt'],
    ['runAsUser, largest', { runAsUser: 2147483647, runAsGroup: 2147483647 }],
    ['fsGroup', { runAsUser: 1000, fsGroup: 2000 }],
    ['fsGroup and supplementalGroups', { runAsUser: 1234, fsGroup: 2000, supplementalGroups: [4000, 3] }],
    ['supplementalGroups twice', { runAsUser: 1000, runAsGroup: 3000, supplementalGroups: [5, 5, 3000, 0] }],
    ['supplementalGroups for root', { supplementalGroups: [4000] }],
    ['supplementalGroups with USER app', { supplementalGroups: [4000] }, { user: 'app' }],
    ['runAsNonRoot with a number', { runAsNonRoot: true }, { user: '1000:7' }],
    ['restricted', { runAsUser: 1000, runAsNonRoot: true, capDrop: ['ALL'], noNewPrivileges: true, readOnly: true }],
    ['restricted with a low port', { runAsUser: 1000, capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'], noNewPrivileges: true }],
    [
      'restricted with a low port and file capabilities',
      { runAsUser: 1000, capDrop: ['ALL'], capAdd: ['NET_BIND_SERVICE'], noNewPrivileges: true, entrypoint: ['/bin/nbs'] },
    ],
    ['unknown capability', { capAdd: ['FOO'], capDrop: ['BAR'] }],
    ['added and dropped', { capAdd: ['CHOWN'], capDrop: ['CHOWN'] }],
    ['ALL added and dropped', { capAdd: ['ALL'], capDrop: ['ALL'] }],
    ['ALL added and dropped, one added', { capAdd: ['ALL', 'KILL'], capDrop: ['ALL'] }],
    ['ALL dropped, one added and dropped', { capAdd: ['KILL', 'CHOWN'], capDrop: ['ALL', 'KILL'] }],
    ['working directory of the settings that the image lacks', { workdir: '/gone/deep', runAsUser: 1000 }],
    ['device nodes with runAsUser', { runAsUser: 1000, runAsGroup: 3000, devices: [{ source: '/dev/kmsg', target: '/dev/y' }] }],
    ['device nodes with USER', { devices: [{ source: '/dev/kmsg', target: '/dev/y' }] }, { user: '1234' }],
    [
      'device nodes with runAsGroup only',
      { runAsGroup: 3000, devices: [{ source: '/dev/kmsg', target: '/dev/y' }] },
      { user: 'app' },
    ],
    // The capabilities the runtime sets are effective until the first execve, DAC_OVERRIDE among them.
    ['program of root only', { entrypoint: ['/bin/rootonly'] }, { user: '1000' }],
    ['program of a group', { entrypoint: ['/bin/grouponly'] }, { user: '1000' }],
    ['program in a folder of root only', { entrypoint: ['/sec/show'] }, { user: '1000' }],
    ['VOLUME with runAsUser and fsGroup', { runAsUser: 1000, fsGroup: 2000 }, { volumes: ['/own', '/new'] }],
  ]),
  ...cases(['containerd-2'], false, [
    ['supplementalGroupsPolicy Strict with USER app', { supplementalGroupsPolicy: 'Strict' }, { user: 'app' }],
    ['supplementalGroupsPolicy Strict without a USER', { supplementalGroupsPolicy: 'Strict' }, {}, 'twice'],
    [
      'supplementalGroupsPolicy Strict, fsGroup and supplementalGroups',
      { supplementalGroupsPolicy: 'Strict', runAsUser: 1234, fsGroup: 2000, supplementalGroups: [4000] },
    ],
    ['supplementalGroupsPolicy Strict and runAsGroup', { supplementalGroupsPolicy: 'Strict', runAsUser: 1234, runAsGroup: 3000 }],
  ]),
];

export const REFUSED: readonly IdentityCase[] = [
  ...cases(EVERYWHERE, true, [
    user('nosuch'),
    user('0x0'),
    user('1e0'),
    user('2147483648'),
    user('-1'),
    user('99999999999999999999'),
    user('app', 'none'),
    user('app', 'empty'),
    user('app', 'noPasswd'),
    user('words', 'numbers'),
    ['a relative WORKDIR', {}, { user: 'app', workingDir: 'srv' }],
    ['missing program', { entrypoint: ['/nosuch'] }],
    ['missing program below a missing folder', { entrypoint: ['/nosuch/show'] }],
    ['program not in PATH', { entrypoint: ['nosuch'] }],
    ['program without x, as root', { entrypoint: ['/plain'] }],
    ['program without x, as a user', { entrypoint: ['/plain'] }, { user: 'app' }],
    ['a directory', { entrypoint: ['/srv'] }],
    ['program in a folder of root only, root without DAC_OVERRIDE', { entrypoint: ['/own/show'], capDrop: ['ALL'] }],
    ['below a file', { entrypoint: ['/plain/x'] }],
    ['a symlink to itself', { entrypoint: ['/loop'] }],
    ['a symlink to nothing', { entrypoint: ['/dangling'] }],
    ['not in PATH but without x', { entrypoint: ['plain'], env: { PATH: '/first:/' } }],
    ['file capabilities outside the bounding set', { entrypoint: ['/bin/net-admin'] }, { user: '1000' }],
    ['file capabilities outside the bounding set, as root', { entrypoint: ['/bin/net-admin'] }],
    ['no command', {}, { cmd: [] }],
    ['VOLUME on a file', {}, { volumes: ['/plain'] }],
    ['VOLUME below a file', {}, { volumes: ['/plain/x'] }],
    ['a folder of the host on a file', bound('/etc', '/plain', 'Directory')],
    ['a folder of the host below a file', bound('/etc', '/plain/x', 'Directory')],
    ['a file of the host on a folder', bound('/etc/passwd', '/srv', 'File')],
    ['a file of the host on a link to a folder', bound('/etc/passwd', '/link', 'File')],
    ['a file of the host below a file', bound('/etc/passwd', '/plain/x', 'File')],
    ['a folder of the host inside /proc', bound('/etc', '/proc/sys', 'Directory')],
  ]),
  ...cases(ENGINES, true, [
    ['tmpfs on a file', { volumes: [{ kind: 'tmpfs', target: '/plain' }] }],
    ['tmpfs below a file', { volumes: [{ kind: 'tmpfs', target: '/plain/x' }] }],
    ['named volume on a file', { volumes: [{ kind: 'named', source: 'g', target: '/plain' }] }],
    ['named volume below a file', { volumes: [{ kind: 'named', source: 'h', target: '/plain/x' }] }],
    ['named volume on a file, read-only', { volumes: [{ kind: 'named', source: 'i', target: '/plain', readOnly: true }] }],
    ['anonymous volume on a file', { volumes: [{ kind: 'anonymous', target: '/plain' }] }],
    ['unknown capability', { capAdd: ['FOO'] }],
    ['unknown capability to drop', { capDrop: ['CAP_FOO'] }],
    ['doubled prefix', { capAdd: ['CAP_CAP_CHOWN'] }],
    ['program of root only', { entrypoint: ['/bin/rootonly'] }, { user: '1000' }],
    ['program of a group', { entrypoint: ['/bin/grouponly'] }, { user: '1000' }],
    ['program in a folder of root only', { entrypoint: ['/sec/show'] }, { user: '1000' }],
    flag('app:nosuch'),
    flag('1234:nosuch'),
    flag('app:2147483648'),
    flag('app:-1'),
    flag('app:extra', 'noGroup'),
    ['unknown --group-add', { groupAdd: ['nosuch'] }],
    ['a working directory that is a file', { workdir: '/plain' }],
    ['sysctl in the network of the host', { network: 'host', sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' } }],
  ]),
  ...cases(['podman'], true, [
    ['capability added and dropped', { capAdd: ['CHOWN'], capDrop: ['CHOWN'] }],
    ['ALL added and dropped', { capAdd: ['ALL'], capDrop: ['ALL'] }],
    ['--workdir that does not exist', { workdir: '/gone' }],
  ]),
  ...cases(['docker'], 'by-some-hosts', [
    ['add ALL to root', { capAdd: ['ALL'] }],
    ['add ALL, drop one', { capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] }],
    ['privileged', { privileged: true }],
  ]),
  ...cases(['docker'], true, [['relative working directory', { workdir: 'srv' }]]),
  ...cases(PODS, true, [['runAsGroup out of the range of the runtime', {}, { user: 'nosuch:5' }]]),
];
