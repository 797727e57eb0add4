import { expect, it } from 'vitest';
import { capabilityMask } from '../linux/capability.ts';
import { containersConf } from './containers-conf.ts';

/** The lines of Debian 12's file that are not comments, as they stand there. */
const DEBIAN = `# Containers config
[containers]
#default_capabilities = [ "NET_RAW" ]
default_capabilities = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT" # not in 4.4
]
default_sysctls = [
  "net.ipv4.ping_group_range=0 0",
]
[secrets]
[engine]
#runtime = "crun"
[engine.runtimes]
`;

it('reads what Debian changes', () => {
  const found = containersConf([{ path: '/usr/share/containers/containers.conf', text: DEBIAN }]);
  expect(found).toMatchObject({
    source: '/usr/share/containers/containers.conf',
    sysctls: { 'net.ipv4.ping_group_range': '0 0' },
  });
  expect(capabilityMask(found?.defaultCapabilities ?? []).toString(16)).toBe('800405fb');
  expect(found?.runtime).toBeUndefined();
});

it('lets the later file win and names only files that change something', () => {
  const found = containersConf([
    { path: '/usr', text: DEBIAN },
    { path: '/etc', text: '[containers]\ndefault_sysctls = []\nno_new_privileges = true\n[engine]\nruntime = "/usr/bin/runc"\n' },
    { path: '/home', text: '[network]\ndefault_sysctls = ["a=b"]\n' },
  ]);
  expect(found).toMatchObject({ source: '/usr, /etc', sysctls: {}, noNewPrivileges: true, runtime: 'runc' });
});

it('reads one-line lists, both quotes, and leaves # inside strings alone', () => {
  const found = containersConf([
    { path: '/c', text: '[containers]\r\ndefault_sysctls = [\'a=1 # 2\', "b=3"] # two\r\ndefault_capabilities = []\r\n' },
  ]);
  expect(found).toEqual({ source: '/c', sysctls: { a: '1 # 2', b: '3' } });
});

it('is undefined when nothing changes, whatever the text', () => {
  for (const text of [
    '',
    '# only comments',
    '[containers]\nenv = ["A=1"]',
    '[[broken',
    'default_sysctls = ["a=b"]',
    '[containers]\ndefault_sysctls = [',
  ]) {
    expect(containersConf([{ path: '/c', text }])).toBeUndefined();
  }
});
