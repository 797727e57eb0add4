/** Takes the words off the command line that ask the program to become somebody (`-u bind`, `--user=nginx`): it already is somebody. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { CHANGES_IDENTITY } from '../linux/operation.ts';
import type { FixContext } from './context.ts';
import { findingKey } from './need.ts';

/** For denials that the recipient really met. `argv`: what it is started with by then. */
export function identityArguments(
  observed: readonly Finding[],
  context: FixContext,
  argv: readonly string[] = context.target.argv,
): Fix[] {
  const answers = observed.filter((finding) => CHANGES_IDENTITY.has(finding.operation?.kind ?? '')).map(findingKey);
  return answers.length === 0 ? [] : withoutIdentityArguments(context, argv, answers);
}

/** The same as an experiment, for a program that looks at its uid and gives up without trying. */
export function withoutIdentityArguments(
  context: FixContext,
  argv: readonly string[] = context.target.argv,
  answers: readonly string[] = [],
): Fix[] {
  const [program, ...words] = argv;
  if (program === undefined) return [];
  const kept: string[] = [];
  const off: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const taken = identityWords(words, at, context);
    off.push(...words.slice(at, at + taken));
    if (taken === 0) kept.push(words[at] as string);
    else at += taken - 1;
  }
  if (off.length === 0) return [];
  return [
    {
      id: 'identity-arguments',
      subject: program,
      title: `start ${program} without ${off.join(' ')}`,
      disposition: 'needs-review',
      answers: [...new Set(answers)].sort(),
      layer: [],
      run: { entrypoint: [program], command: kept },
      note: 'it would change to that user, which only root may do; it runs as a user of its own from the start',
    },
  ];
}

/** How many words from `at` on name a user or group: an option that is about identity, with an account of the image or an id as its value. */
function identityWords(words: readonly string[], at: number, context: FixContext): number {
  const word = words[at] as string;
  const joined = /^(--?[A-Za-z][\w-]*)[=:](.*)$/.exec(word);
  if (joined) return isIdentityOption(joined[1] as string, context) && isAccount(joined[2] as string, context) ? 1 : 0;
  if (isIdentityOption(word, context)) return isAccount(words[at + 1] ?? '', context) ? 2 : 0;
  // `-uwww-data`: one letter with its value behind it. Only names, else `-u1` of another meaning would go.
  const short = /^(-[ugUG])([A-Za-z_].*)$/.exec(word);
  return short && isAccount(short[2] as string, context) ? 1 : 0;
}

function isIdentityOption(word: string, context: FixContext): boolean {
  const name = /^--?([A-Za-z][\w-]*)$/.exec(word)?.[1];
  if (name === undefined) return false;
  return /^[ugUG]$/.test(name) || context.knowledge.directive(`${name} x`) === 'identity';
}

/** `nginx`, `app:app`, `app.app`, `33`, as the image's account files know them. */
function isAccount(value: string, { accounts }: FixContext): boolean {
  const known = new Set(
    [accounts.passwd, accounts.group].flatMap((text) =>
      (text ?? '').split('\n').flatMap((line) => [line.split(':')[0] ?? '', line.split(':')[2] ?? '']),
    ),
  );
  if (value === '') return false;
  return known.has(value) || value.split(/[:.]/).every((part) => part !== '' && known.has(part));
}
