/** Markdown as elements. Nothing is ever parsed as HTML: what looks like it is shown as it is written, and links lead where they say or nowhere. */
import { lexer, type Token, type Tokens } from 'marked';
import type { ComponentChildren, JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { Commands } from './commands.tsx';

const HEADINGS = ['h3', 'h3', 'h4', 'h4', 'h5', 'h6'] as const;

/** `text` of a lab: not trusted, as `--labs DIR` may be anybody's. */
export function Markdown({ text }: { readonly text: string }): JSX.Element {
  const tokens = useMemo(() => lexer(text), [text]);
  return <div class="prose">{blocks(tokens)}</div>;
}

/** One line, without a paragraph around it. */
export function MarkdownLine({ text }: { readonly text: string }): JSX.Element {
  const tokens = useMemo(() => lexer(text), [text]);
  const inner = tokens.flatMap((token) => ('tokens' in token && token.tokens !== undefined ? token.tokens : [token]));
  return <>{inline(inner)}</>;
}

const blocks = (tokens: readonly Token[]): ComponentChildren => tokens.map((token, index) => <Block key={index} token={token} />);

function Block({ token }: { readonly token: Token }): JSX.Element | null {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading': {
      const { depth, tokens } = token as Tokens.Heading;
      const Heading = HEADINGS[depth - 1] ?? 'h4';
      return <Heading>{inline(tokens)}</Heading>;
    }
    case 'paragraph':
      return <p>{inline((token as Tokens.Paragraph).tokens)}</p>;
    case 'code': {
      const { text, lang = '' } = token as Tokens.Code;
      return <Commands text={text} language={lang} />;
    }
    case 'blockquote':
      return <blockquote>{blocks((token as Tokens.Blockquote).tokens)}</blockquote>;
    case 'list': {
      const { ordered, items, start } = token as Tokens.List;
      const List = ordered ? 'ol' : 'ul';
      return (
        <List {...(ordered && typeof start === 'number' ? { start } : {})}>
          {items.map((item, index) => (
            <li key={index}>{blocks(item.tokens)}</li>
          ))}
        </List>
      );
    }
    case 'table': {
      const { header, rows } = token as Tokens.Table;
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section class="table" tabIndex={0} aria-label="Table">
          <table>
            <thead>
              <tr>
                {header.map((cell, index) => (
                  <th key={index} scope="col">
                    {inline(cell.tokens)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) => (
                    <td key={column}>{inline(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      );
    }
    case 'hr':
      return <hr />;
    case 'text': {
      const { tokens, text } = token as Tokens.Text;
      return <>{tokens === undefined ? plain(text) : inline(tokens)}</>;
    }
    default:
      return <p>{token.raw}</p>;
  }
}

const inline = (tokens: readonly Token[]): ComponentChildren =>
  tokens.map((token, index) => <Inline key={index} token={token} />);

function Inline({ token }: { readonly token: Token }): JSX.Element {
  switch (token.type) {
    case 'strong':
      return <strong>{inline((token as Tokens.Strong).tokens)}</strong>;
    case 'em':
      return <em>{inline((token as Tokens.Em).tokens)}</em>;
    case 'del':
      return <del>{inline((token as Tokens.Del).tokens)}</del>;
    case 'codespan':
      return <code>{plain((token as Tokens.Codespan).text)}</code>;
    case 'br':
      return <br />;
    case 'link':
      return <Link {...(token as Tokens.Link)} />;
    case 'image':
      return <em>{(token as Tokens.Image).text}</em>;
    case 'text': {
      const { tokens, text } = token as Tokens.Text;
      return <>{tokens === undefined ? plain(text) : inline(tokens)}</>;
    }
    case 'escape':
      return <>{plain((token as Tokens.Escape).text)}</>;
    default:
      return <>{token.raw}</>;
  }
}

function Link({ href, tokens }: Tokens.Link): JSX.Element {
  const lab = /^(?:lab:|#\/lab\/)(\d\d)$/.exec(href)?.[1];
  if (lab !== undefined) return <a href={`#/lab/${lab}`}>{inline(tokens)}</a>;
  if (!/^https?:\/\//i.test(href)) return <>{inline(tokens)}</>;
  return (
    <a href={href} target="_blank" rel="noreferrer noopener">
      {inline(tokens)}
      <span class="quiet" aria-hidden="true">
        {' ↗'}
      </span>
      <span class="unseen"> (opens in a new tab, needs a network)</span>
    </a>
  );
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: '\u00a0' };

const plain = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (all, name: string) => ENTITIES[name] ?? all);
