/** The page of `unroot --help`: static, so that it is there at once. */
import { COMMANDS } from './commands/index.ts';

/** `unroot`, or `kubectl unroot` when kubectl started it as its plugin. */
export const programName = (): string => (/(?:^|\/)kubectl-[^/]*$/.test(process.argv[1] ?? '') ? 'kubectl unroot' : 'unroot');

/** Commands, targets, exit codes. */
export function helpText(): string {
  const name = programName();
  const commands = Object.entries(COMMANDS).map(([command, { summary }]) => `  ${command.padEnd(10)} ${summary}`);
  return `Usage: ${name} COMMAND [flags] TARGET

Tells who a container really runs as, predicts what a non-root user will be
denied, fixes it with the smallest change, and proves it.

Commands:
${commands.join('\n')}

TARGET is an image: docker-archive:FILE[:REF], oci:DIR[:TAG], oci-archive:FILE,
containers-storage:NAME, docker-daemon:NAME, or a bare path or name. who and
check also read Kubernetes manifests: a file, a folder, - for standard input, or
k8s://[CONTEXT/]NAMESPACE/KIND/NAME.

Flags are explained by ${name} COMMAND --help. -V, --version prints the version.

Exit codes: 0 fine, 1 findings, 2 could not finish, 3 nothing to analyse,
4 proof failed, 130 interrupted.
`;
}
