/** `unroot scan`: a cluster, or a namespace of it. */
import { type Command, Option } from 'commander';
import { connect } from '../../input/cluster/connection.ts';
import type { ProfileName } from '../../platform/platform.ts';
import type { CommandContext } from '../command.ts';
import { addImages, containerImages, type ImageFlags } from '../container-images.ts';
import { addCommon, addFailOn, addProfile, addUser, type CommonFlags, type FailOn } from '../flags.ts';
import { type AccessFlags, addAccess, imageAccess } from '../image-access.ts';
import { logFor } from '../image-run.ts';
import { emit, parseOutputs } from '../output.ts';
import { scanCluster } from '../scan-cluster.ts';
import { addSuppress, codeForReport, type SuppressFlags, suppressed } from '../suppress.ts';
import { usageError } from '../usage-error.ts';

interface ScanFlags extends CommonFlags, ImageFlags, AccessFlags, SuppressFlags {
  readonly allNamespaces?: boolean;
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly fetch?: boolean;
  readonly user?: string;
  readonly platformProfile?: ProfileName;
  readonly failOn: FailOn;
}

/** Adds what `scan` takes. */
export function scan(command: Command, context: CommandContext): Command {
  const option = (flags: string, description: string): Option => new Option(flags, description).helpGroup('Cluster:');
  command
    .description(
      'What a cluster runs, as whom, who owns it, and what would not work as that user. Reads only, and never Secrets; what may not be seen is said.',
    )
    .usage('[flags]')
    .addOption(option('-A, --all-namespaces', 'every namespace'))
    .addOption(option('-n, --namespace <name>', 'one namespace (default: that of the context)').env('UNROOT_NAMESPACE'))
    .addOption(option('--context <name>', 'of the kubeconfig (default: the current one)').env('UNROOT_CONTEXT'))
    .addOption(option('--kubeconfig <file>', 'instead of KUBECONFIG and ~/.kube/config').env('UNROOT_KUBECONFIG'))
    .addOption(option('--fetch', 'read images that are not here from their registries').env('UNROOT_FETCH'));
  addUser(command, 'UID[:GID], NAME or arbitrary to check for (default: as written)');
  addImages(addFailOn(addProfile(command)));
  addAccess(addCommon(addSuppress(command)));
  return command.action(async (flags: ScanFlags) => {
    const outputs = parseOutputs(flags.output ?? []);
    if (flags.allNamespaces === true && command.getOptionValueSource('namespace') === 'cli')
      throw usageError('-A and -n cannot both hold', 'one of them');
    const log = logFor(flags);
    const onProgress = (message: string): void => log.progress(message);
    const cluster = await connect({
      signal: context.signal,
      ...(flags.context === undefined ? {} : { context: flags.context }),
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
    });
    const access = flags.fetch === true ? flags : { ...flags, offline: true };
    const images = containerImages(flags, imageAccess(access, context.signal, onProgress));
    try {
      const { report: scanned, ignores } = await scanCluster({
        cluster,
        ...(flags.allNamespaces === true ? {} : { namespace: flags.namespace ?? cluster.namespace }),
        ...(flags.platformProfile === undefined ? {} : { asked: flags.platformProfile }),
        ...(flags.user === undefined ? {} : { user: flags.user }),
        images,
        signal: context.signal,
        onProgress,
      });
      const report = suppressed(scanned, flags, context.config, ignores);
      log.clear();
      await emit(report, outputs, { color: flags.color, verbose: flags.verbose === true });
      context.done(codeForReport(report, flags.failOn, flags));
    } finally {
      cluster.close();
      await images.close();
    }
  });
}
