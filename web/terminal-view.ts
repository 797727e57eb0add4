/** One terminal drawn by xterm.js. Its size is the pane's, as long as somebody works here; else what another page made it. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import type { TerminalInfo } from '../src/lab/serve/protocol.ts';
import { sendDrawn, sendSize, type } from './link.ts';
import { screenReader } from './settings.ts';

export interface TerminalView {
  readonly element: HTMLElement;
  write(all: boolean, bytes: Uint8Array): void;
  told(info: TerminalInfo): void;
  /** The pane has another size, or was just shown. */
  fit(): void;
  focus(): void;
  paste(text: string): void;
  screenReader(on: boolean): void;
  end(): void;
}

const THEME = {
  background: '#10161d',
  foreground: '#dfe6ee',
  cursor: '#ffb37a',
  cursorAccent: '#10161d',
  selectionBackground: '#2f4a66',
  black: '#1d2630',
  red: '#ff8f85',
  green: '#7fdca0',
  yellow: '#f2c66d',
  blue: '#8ab8ff',
  magenta: '#d9a4f0',
  cyan: '#6fd8d0',
  white: '#dfe6ee',
  brightBlack: '#7d8a98',
  brightRed: '#ffb0a8',
  brightGreen: '#a4ecbd',
  brightYellow: '#ffdb95',
  brightBlue: '#b1d0ff',
  brightMagenta: '#ebc6fa',
  brightCyan: '#9eebe5',
  brightWhite: '#ffffff',
};

export function createView(info: TerminalInfo): TerminalView {
  const element = document.createElement('div');
  element.className = 'terminal';
  const term = new Terminal({
    cols: info.cols,
    rows: info.rows,
    theme: THEME,
    fontFamily: 'ui-monospace, "Cascadia Mono", "SF Mono", Menlo, "DejaVu Sans Mono", monospace',
    fontSize: 13,
    scrollback: 5000,
    cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    screenReaderMode: screenReader.get(),
    minimumContrastRatio: 4.5,
    allowProposedApi: false,
  });
  const fitting = new FitAddon();
  term.loadAddon(fitting);
  term.open(element);
  const { id } = info;
  term.textarea?.setAttribute('aria-label', `Terminal ${info.title} ${id}. F6 leaves it.`);
  // While what was kept is drawn again, xterm.js answers questions that programs asked long ago: nobody waits for those answers any more.
  let replaying = 0;
  let owed = 0;
  let over = info.ended !== undefined;
  term.onData((data) => {
    if (replaying === 0 && !over) type(id, data);
  });
  term.onBinary((data) => {
    if (replaying === 0 && !over)
      type(
        id,
        Uint8Array.from(data, (letter) => letter.charCodeAt(0)),
      );
  });
  term.attachCustomKeyEventHandler((event) => {
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (event.key === 'F6') return false;
    if (event.type !== 'keydown') return true;
    if (control && key === 'c' && (event.shiftKey || term.hasSelection())) {
      // Without something selected, Ctrl+C is the terminal's own.
      if (term.hasSelection()) void navigator.clipboard.writeText(term.getSelection()).catch(() => document.execCommand('copy'));
      term.clearSelection();
      event.preventDefault();
      return false;
    }
    // The browser pastes, and xterm.js hears of it.
    return !(control && key === 'v');
  });
  const view: TerminalView = {
    element,
    write(all, bytes) {
      if (all) {
        term.reset();
        replaying += 1;
      }
      term.write(bytes, () => {
        if (all) replaying -= 1;
        owed += bytes.length;
        if (owed < 4096 && bytes.length > 0 && !all) return;
        sendDrawn(id, owed);
        owed = 0;
      });
    },
    told(next) {
      over = next.ended !== undefined;
      term.options.disableStdin = over;
      if (term.cols !== next.cols || term.rows !== next.rows) term.resize(next.cols, next.rows);
    },
    fit() {
      if (!element.isConnected || element.clientWidth < 40 || element.clientHeight < 30) return;
      const size = fitting.proposeDimensions();
      if (size === undefined || !Number.isFinite(size.cols) || (size.cols === term.cols && size.rows === term.rows)) return;
      if (document.visibilityState !== 'visible' || !document.hasFocus()) return;
      term.resize(size.cols, size.rows);
      sendSize(id, size.cols, size.rows);
    },
    focus: () => term.focus(),
    paste: (text) => term.paste(text),
    screenReader(on) {
      term.options.screenReaderMode = on;
    },
    end: () => term.dispose(),
  };
  return view;
}
