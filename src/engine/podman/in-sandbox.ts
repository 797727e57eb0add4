/** Flags for a container that joins a network somebody else made. */
import type { CreateOptions } from '../engine.ts';

/** The network of that process instead of one of podman's; nobody but podman writes the files with names, so it is told what goes in. */
export function inSandbox(flags: readonly string[], pid: number, names: CreateOptions['names']): readonly string[] {
  const kept = flags.filter((flag) => !flag.startsWith('--network='));
  const hosts = (names?.hosts ?? []).flatMap((line) => {
    const [address = '', ...words] = line.split(/\s+/);
    return words.map((word) => `--add-host=${word}:${address}`);
  });
  return [
    ...kept,
    `--network=ns:/proc/${pid}/ns/net`,
    ...(names === undefined ? [] : [`--dns=${names.nameserver}`, '--dns-option=ndots:0', ...hosts]),
  ];
}
