/** Extended attributes that no engine can unpack: setxattr(2) refuses their bytes, and with them the whole layer. */
import { UnrootError, type Where } from '../error.ts';
import { decodeAcl } from '../linux/acl.ts';
import { decodeFileCapabilities } from '../linux/capability.ts';

/**
 * Throws `image.bad-attribute`. Observed with Docker 20.10, Podman 4.3 and umoci 0.4.7: EINVAL ends the unpacking, EOPNOTSUPP (an access
 * control list of another version) is a warning and the attribute is left out.
 */
export function checkAttributes(xattrs: Readonly<Record<string, Uint8Array>>, entry: string, what: string, where: Where): void {
  for (const [name, value] of Object.entries(xattrs)) {
    // Go's archive/tar takes an empty record for none.
    if (value.length === 0) continue;
    const problem = problemOf(name, value);
    if (problem === undefined) continue;
    throw new UnrootError(`${what}: ${entry} has a damaged ${name}: ${problem.why}`, {
      code: 'image.bad-attribute',
      where,
      expected: problem.expected,
      hint: 'No engine unpacks this image, because setxattr(2) fails with "invalid argument". Build the layer again.',
    });
  }
}

function problemOf(name: string, value: Uint8Array): { readonly why: string; readonly expected: string } | undefined {
  if (name === 'security.capability') {
    const expected = '20 bytes of revision 2, or 24 of revision 3';
    const decoded = decodeFileCapabilities(value);
    if ('invalid' in decoded) return { why: decoded.invalid, expected };
    // security/commoncap.c, validheader: beside the revision only the effective bit may be set (observed: EINVAL).
    const magic = new DataView(value.buffer, value.byteOffset, value.byteLength).getUint32(0, true);
    const flags = magic & 0x00ff_fffe;
    if (flags !== 0)
      return { why: `unknown flags 0x${flags.toString(16)}`, expected: `${expected}, without flags but "effective"` };
    // security/commoncap.c, cap_convert_nscap: a file may have one from old times, nobody can give it one.
    return value.length === 12 ? { why: 'revision 1, which can no longer be set', expected } : undefined;
  }
  if (name !== 'system.posix_acl_access' && name !== 'system.posix_acl_default') return undefined;
  const decoded = decodeAcl(value);
  if (!('invalid' in decoded) || decoded.errno === 'EOPNOTSUPP') return undefined;
  return { why: decoded.invalid, expected: 'owner, named users, owning group, named groups, mask and other, in this order' };
}
