import { describe, expect, it } from 'vitest';
import { directiveOf } from './config-directives.ts';

describe('directiveOf', () => {
  it.each([
    ['    chroot /var/lib/haproxy', 'chroot'],
    ['chrootdir: "/var/lib/app"', 'chroot'],
    ['user  nginx;', 'identity'],
    ['    group haproxy', 'identity'],
    ['username: "unbound"', 'identity'],
    ['setuid = stunnel4', 'identity'],
    ['cache_effective_user proxy', 'identity'],
    ['User daemon', 'identity'],
  ])('%s', (line, kind) => {
    expect(directiveOf(line)).toBe(kind);
  });

  it.each([
    '',
    '# user nginx;',
    'user',
    'users alice bob',
    'http_user x',
    'user_agent x',
    '  userlist admins',
    'listen 80',
    'log_format user',
  ])('not %j', (line) => {
    expect(directiveOf(line)).toBeUndefined();
  });
});
