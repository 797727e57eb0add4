/** A block of code. Commands can be copied, or put into the terminal, where the learner presses Enter. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { typeIntoTerminal } from './panes.ts';
import { say } from './store.ts';

const SHELL = ['sh', 'bash', 'shell', 'console'];

export function Commands({ text, language }: { readonly text: string; readonly language: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const isShell = SHELL.includes(language.split(/\s/)[0] ?? '');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      say('Copied');
      setTimeout(() => setCopied(false), 1500);
    } catch {
      say('The browser does not let this page copy: select the text instead', true);
    }
  };
  return (
    <div class={isShell ? 'code shell' : 'code'}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
      {isShell && (
        <div class="code-buttons">
          <button type="button" class="small" onClick={() => typeIntoTerminal(text)} title="Into the terminal; you press Enter">
            Type it
          </button>
          <button type="button" class="small" onClick={copy}>
            {copied ? 'Copied' : 'Copy'}
          </button>
        </div>
      )}
    </div>
  );
}
