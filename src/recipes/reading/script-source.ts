/** Where the text of a script comes from: a file that names a shell as its interpreter, or a shell that is handed a file or a text. */
import { absolute } from './image-files.ts';
import type { ScriptInput } from './script-frame.ts';
import { shellCall } from './shell-call.ts';

/** Characters of a text that a shell is handed. */
const MAX_TEXT = 64 * 1024;

export interface ScriptSource {
  /** What its lines belong to: a file, or `sh -c`. */
  readonly path: string;
  readonly source: string;
  readonly zero: string;
  readonly positional: readonly string[];
}

/** Undefined when it is no shell script, or none that can be read here. */
export async function scriptOf(
  path: string,
  argv: readonly string[],
  { files, cwd }: ScriptInput,
): Promise<ScriptSource | undefined> {
  const source = await files.text(path);
  if (source !== undefined && /^#! ?\/(?:usr\/)?(?:local\/)?bin\/(?:env +)?(?:ba|da|a)?sh\b/.test(source))
    return { path, source, zero: argv[0] ?? path, positional: argv.slice(1) };
  // A link to busybox is called by the name that it is to be.
  const call = shellCall([argv[0] ?? path, ...argv.slice(1)]);
  if (call === undefined) return undefined;
  if (call.kind === 'text') {
    const { text, zero, positional } = call;
    return text.length > MAX_TEXT ? undefined : { path: `${argv[0] ?? path} -c`, source: text, zero, positional };
  }
  const file = absolute(cwd, call.path);
  const text = await files.text(file);
  return text === undefined ? undefined : { path: file, source: text, zero: call.path, positional: call.positional };
}
