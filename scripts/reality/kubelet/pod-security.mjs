// Asks the API server about pods in namespaces with Pod Security labels: its exact words, as refusals and as warnings.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { must } from './api.mjs';
import { refusal } from './pods.mjs';

const LABEL = 'pod-security.kubernetes.io';

/** Every fixture of these versions, in a namespace that enforces its level and in one that only warns. */
export async function podSecurity({ api, fixtures, log }) {
  const said = [];
  for (const level of ['baseline', 'restricted'])
    for (const version of ['v1.0', 'v1.19', 'v1.22', 'v1.24', 'v1.35', 'latest']) {
      const stored = version === 'latest' ? 'v1.36' : version;
      const namespaces = {};
      for (const mode of ['enforce', 'warn']) {
        namespaces[mode] = `${mode}-${level}-${version.replace('.', '-')}`;
        const labels = { [`${LABEL}/${mode}`]: level, [`${LABEL}/${mode}-version`]: version };
        await must(api, 'POST', '/api/v1/namespaces', { metadata: { name: namespaces[mode], labels } });
        await must(api, 'POST', `/api/v1/namespaces/${namespaces[mode]}/serviceaccounts`, { metadata: { name: 'default' } });
      }
      for (const verdict of ['fail', 'pass'])
        for (const name of readdirSync(join(fixtures, level, stored, verdict)).sort()) {
          const fixture = join(level, stored, verdict, name);
          const pod = parse(readFileSync(join(fixtures, fixture), 'utf8'));
          // Some of upstream's names have an underscore, which no pod's name may have: sent with a hyphen, told as written.
          const written = pod.metadata.name;
          pod.metadata.name = written.replaceAll('_', '-');
          const told = (answer) => ({ ...answer, message: answer.message.replaceAll(`"${pod.metadata.name}"`, `"${written}"`) });
          const [enforced, warned] = await Promise.all(
            ['enforce', 'warn'].map((mode) => api('POST', `/api/v1/namespaces/${namespaces[mode]}/pods?dryRun=All`, pod)),
          );
          said.push({
            fixture,
            level,
            version,
            enforced: enforced.code < 300 ? { code: enforced.code } : told(refusal(enforced)),
            warnings: warned.warnings,
            ...(warned.code < 300 ? {} : { warnedCode: told(refusal(warned)) }),
          });
        }
    }
  log(`Pod Security: ${said.length} answers`);
  return said;
}
