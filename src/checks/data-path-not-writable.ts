/** A directory that the image's environment declares as data, log or cache does not belong to the user. */
import type { Check } from './check.ts';
import { createIn, probePath } from './probe-path.ts';

/** PGDATA, GF_PATHS_LOGS, XDG_CACHE_HOME, APP_TMP_DIR …: names that say "this is written". */
const WRITTEN = /(DATA|LOGS?|CACHE|STATE|TMP|TEMP|RUN|SPOOL|STORAGE|UPLOADS?)(_?(DIR|DIRECTORY|PATH|HOME|FOLDER))?$/;

export const dataPathNotWritable: Check = {
  id: 'data-path-not-writable',
  summary: 'A path that the image declares for data in its environment is not writable for the user.',
  severity: 'warning',
  authority: 'OCI image-spec config.md, Env',
  run: (context) => {
    if (context.target.kind === 'refusal') return [];
    const volumes = new Set(context.image.config.volumes);
    return context.target.env.flatMap((assignment) => {
      const [name, value] = splitOnce(assignment);
      if (!WRITTEN.test(name) || !value.startsWith('/') || value.includes(':') || volumes.has(value)) return [];
      const { entry } = context.rootFs.resolve(value);
      if (entry === undefined) return [];
      const because = `the image sets ${name}=${value}`;
      const finding = probePath(
        context,
        {
          id: 'data-path-not-writable',
          severity: 'warning',
          because,
          confidence: 'medium',
          claim: `may not write in ${value}, which ${name} names`,
        },
        entry.type === 'directory' ? createIn(value) : { kind: 'open', path: value, access: 'write' },
      );
      return finding ? [finding] : [];
    });
  },
};

function splitOnce(assignment: string): readonly [string, string] {
  const at = assignment.indexOf('=');
  return at < 0 ? [assignment, ''] : [assignment.slice(0, at), assignment.slice(at + 1)];
}
