/** `build`: the Dockerfile that makes a service's image. */
import type { Span } from '../../../text/span.ts';
import { type ComposeFiles, pathFrom } from './files.ts';
import { entriesOf } from './merge.ts';
import { isRemote } from './model.ts';
import type { Lookup } from './substitute.ts';
import { childOf, spanOf, textOf, type Value, writtenChild } from './value.ts';

export interface ComposeBuild {
  /** A folder, or where compose would fetch one. */
  readonly context: string;
  /** From the project's folder or absolute, as `context` is; absent when the text stands in the compose file, or is fetched. */
  readonly dockerfile?: string;
  /** `dockerfile_inline`. */
  readonly text?: string;
  readonly target?: string;
  /** Without those that have no value here. */
  readonly args: Readonly<Record<string, string>>;
  readonly span: Span;
}

export function buildOf(
  value: Value | undefined,
  { files, lookup }: { readonly files: ComposeFiles; readonly lookup: Lookup },
): ComposeBuild | undefined {
  if (value === undefined) return undefined;
  const long = value.kind === 'map';
  const written = long ? childOf(value, 'context') : value;
  const said = textOf(written) ?? '.';
  const remote = isRemote(said);
  const context = remote ? said : pathFrom((written ?? value).at.dir, said, files.environment.HOME);
  const text = long ? textOf(childOf(value, 'dockerfile_inline')) : undefined;
  const name = (long ? textOf(writtenChild(value, 'dockerfile')) : undefined) ?? 'Dockerfile';
  const target = long ? textOf(writtenChild(value, 'target')) : undefined;
  const args: Record<string, string> = {};
  const listed = long ? writtenChild(value, 'args') : undefined;
  for (const { key, value: one } of listed === undefined ? [] : entriesOf(listed)) {
    const arg = textOf(one) ?? lookup(key);
    if (arg !== undefined) args[key] = arg;
  }
  return {
    context,
    ...(text !== undefined ? { text } : remote ? {} : { dockerfile: pathFrom(context, name, undefined) }),
    ...(target === undefined ? {} : { target }),
    args,
    span: spanOf(value),
  };
}
