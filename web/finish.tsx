/** The end of a lab: what was done, what it was all about, and what comes next. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LabProgress } from '../src/lab/lab.ts';
import type { PageLab } from '../src/lab/serve/protocol.ts';
import { Icon } from './icon.tsx';
import { tryAsk } from './link.ts';
import { Markdown } from './markdown.tsx';
import { set, useStore } from './store.ts';

interface FinishProps {
  readonly lab: PageLab;
  readonly progress: LabProgress;
  /** It was finished when the page began. */
  readonly before: boolean;
}

export function Finish({ lab, progress, before }: FinishProps): JSX.Element {
  const labs = useStore((state) => state.labs);
  const heading = useRef<HTMLHeadingElement>(null);
  const wasFinished = useRef(before || Date.now() - Date.parse(progress.finished ?? '') > 5000);
  useEffect(() => {
    if (labs === undefined) void tryAsk({ kind: 'labs' }).then((found) => found !== undefined && set({ labs: found }));
    // It happened just now: whoever reads or listens is taken there. Who comes back to a finished lab is left alone.
    if (wasFinished.current) return;
    heading.current?.focus({ preventScroll: true });
    heading.current?.closest('.text')?.scrollTo({ top: 0 });
  }, []);
  const hints = Object.values(progress.hints).reduce((sum, count) => sum + count, 0);
  // A set of labs need not have every lab that one of them names.
  const next = lab.next.filter((one) => !/^\d\d$/.test(one) || labs?.some(({ id }) => id === one) === true);
  const minutes = Math.round((Date.parse(progress.finished ?? '') - Date.parse(progress.began)) / 60_000);
  return (
    <section class="finish" aria-labelledby="finish-title">
      <div class="medal" aria-hidden="true">
        <Icon name="check" />
      </div>
      <h2 id="finish-title" tabIndex={-1} ref={heading}>
        Finished: {lab.title}
      </h2>
      <p class="facts">
        {lab.steps.length} steps · {minutes < 1 ? 'under a minute' : minutes < 300 ? `${minutes} min` : 'over some days'} ·{' '}
        {hints === 0 ? 'no hints' : hints === 1 ? '1 hint' : `${hints} hints`}
      </p>
      <Markdown text={lab.explanation} />
      {next.length > 0 && (
        <>
          <h3>What next</h3>
          <ul class="next">
            {next.map((one) => {
              const card = labs?.find(({ id }) => id === one);
              if (/^https?:\/\//.test(one))
                return (
                  <li key={one}>
                    <a href={one} target="_blank" rel="noreferrer noopener">
                      {one.replace(/^https?:\/\//, '')} ↗
                    </a>
                  </li>
                );
              return (
                <li key={one}>
                  <a class="button" href={`#/lab/${one}`}>
                    {one} {card === undefined ? '' : `· ${card.title}`}
                  </a>
                </li>
              );
            })}
          </ul>
        </>
      )}
    </section>
  );
}
