/** Lines that look like denials and are none of ours. */

/** Looks like a denial, but nobody has to do anything about it, or not about rights in the container. */
export const HARMLESS: readonly RegExp[] = [
  // What other servers were asked for, and did not give.
  /permission denied \((?:publickey|password|keyboard|gssapi|none)/i,
  /\b(?:access|permission) denied (?:for|to) (?:user|role|table|relation|schema|database|function|sequence|view|column|bucket|object)\b/i,
  /\b(?:WRONGPASS|NOAUTH|NOPERM|AccessDenied: |SignatureDoesNotMatch|InvalidAccessKeyId)/,
  /"\s?(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) [^"]*"\s+40[13]\b/,
  /directory index of "[^"]*" is forbidden/,
  /\b(?:PERMISSION_DENIED|Forbidden|forbidden):? (?:User|user|serviceaccount) |is forbidden: User "/,
  // A program looks at other processes; it is meant to be refused.
  /\/proc\/\d+\/(?!fd\/[0-2]\b)[a-z_]+/,
  // libvirt asks for /dev/kvm before its handler has given it away.
  /virHost(?:CPU|Validate)\w*/,
  // Said and gone on.
  /directive is ignored when/,
  /\binfo: .*belongs to uid .*fixing it/i,
  /\b(?:harmless|can be ignored|safe to ignore|ignoring this|non-fatal|not fatal)\b/i,
  /the "user" directive makes sense only if the master process runs/,
  /read-only file system (?:support|mode)/i,
  /running as root (?:is|can be|without)|(?:do not|don't|should not) run (?:\w+ )*as root/i,
];
