/** How images are reached: which platform of several, and how registries are spoken to. */
import { type Command, Option } from 'commander';
import type { Platform } from '../image/image.ts';
import type { OpenImageOptions } from '../image/sources/index.ts';
import { usageError } from './usage-error.ts';

export interface AccessFlags {
  readonly offline?: boolean;
  readonly insecure?: boolean;
  readonly caFile?: string;
  readonly platform?: string;
}

/** `--platform`, `--offline`, `--insecure`, `--ca-file`. */
export function addAccess(command: Command): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Images:');
  return command
    .addOption(
      option('--platform <os/arch[/variant]>', 'which image of several (default: linux on this processor)').env(
        'UNROOT_PLATFORM',
      ),
    )
    .addOption(option('--offline', 'no network: local stores and what was read before only').env('UNROOT_OFFLINE'))
    .addOption(
      option('--insecure', 'take plain HTTP and any certificate from registries (on loopback plain HTTP always is)').env(
        'UNROOT_INSECURE',
      ),
    )
    .addOption(option('--ca-file <file>', 'certificate authorities to trust besides those of the system').env('UNROOT_CA_FILE'));
}

/** The options behind the flags. Made once for a run: what is learnt of a registry stays with them. */
export function imageAccess(
  flags: AccessFlags,
  signal: AbortSignal,
  onProgress?: (message: string) => void,
): OpenImageOptions & { readonly signal: AbortSignal } {
  return {
    signal,
    ...(flags.platform === undefined ? {} : { platform: platformFrom(flags.platform) }),
    registry: {
      ...(flags.offline === true ? { offline: true } : {}),
      ...(flags.insecure === true ? { insecure: true } : {}),
      ...(flags.caFile === undefined ? {} : { caFile: flags.caFile }),
      ...(onProgress === undefined ? {} : { onProgress }),
    },
  };
}

/** Names of processors that people use, as images have them (containerd, platforms/database.go). */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  i686: '386',
  armhf: 'arm',
};

function platformFrom(text: string): Platform {
  const [os = '', arch = '', variant, ...more] = text.toLowerCase().split('/');
  const parts = [os, arch, ...(variant === undefined ? [] : [variant])];
  if (more.length > 0 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part)))
    throw usageError(
      `--platform ${text} is not understood`,
      'OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT',
      '--platform linux/arm64',
    );
  const architecture = ARCHITECTURES[arch] ?? arch;
  // Every arm64 image is v8, whether it says so or not.
  const plain = architecture === 'arm64' && variant === 'v8';
  return { os, architecture, ...(variant === undefined || plain ? {} : { variant }) };
}
