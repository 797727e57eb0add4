/** What SARIF says of a check itself. */
import { dockerfileChecks } from '../../checks/dockerfile/index.ts';
import { checks } from '../../checks/index.ts';
import { podSecurityCheckId } from '../../checks/pod-security.ts';
import { controls } from '../../pod-security/controls/index.ts';
import type { ExplainingLab } from '../told.ts';

interface About {
  readonly summary: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly authority: string;
}

function aboutCheck(id: string): About | undefined {
  const check = checks.find((one) => one.id === id) ?? dockerfileChecks.find((one) => one.id === id);
  if (check !== undefined)
    return { summary: check.summary, level: check.severity === 'info' ? 'note' : check.severity, authority: check.authority };
  const control = controls.find((one) => podSecurityCheckId(one.id) === id);
  return control === undefined
    ? undefined
    : { summary: control.summary, level: 'error', authority: `Kubernetes Pod Security, ${control.id} (level ${control.level})` };
}

/** Id, summary, how loud, and where there is more to read: the page comes with the package, and so does the lab. */
export function sarifRule(id: string, lab?: ExplainingLab): object {
  const about = aboutCheck(id);
  if (about === undefined) return { id };
  const page = `docs/checks/${id}.md`;
  const live =
    lab === undefined
      ? ['', '']
      : [
          ` Live, in a lab: unroot lab start ${lab.id} (${lab.title}).`,
          `\n\nLive, in a lab: \`unroot lab start ${lab.id}\` (${lab.title}).`,
        ];
  return {
    id,
    shortDescription: { text: about.summary },
    help: {
      text: `${about.summary} Authority: ${about.authority}. Example, fix and exceptions: ${page} of the package unroot.${live[0]}`,
      markdown: `${about.summary}\n\nAuthority: ${about.authority}.\n\nExample, fix and exceptions: \`${page}\` of the package \`unroot\`.${live[1]}`,
    },
    defaultConfiguration: { level: about.level },
    properties: { tags: ['security', 'external/cwe/cwe-250'] },
  };
}
