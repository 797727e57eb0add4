/** What stands in the way, one wall a step: a wall falls when its step is done, and the process goes on to the next. */
import type { JSX } from 'preact';
import type { PageLab } from '../../src/lab/serve/protocol.ts';
import { useStore } from '../store.ts';
import { useWidth } from './width.ts';

const HEIGHT = 210;
const FLOOR = 150;
const BRICK = { width: 20, height: 13 };

export function Walls({ lab }: { readonly lab: PageLab }): JSX.Element {
  const done = useStore((state) => state.progress?.done) ?? [];
  const [place, width] = useWidth<HTMLDivElement>();
  const walls = lab.walls.map(({ step, says }) => ({ says, down: done.includes(step) }));
  const standing = walls.findIndex(({ down }) => !down);
  const through = standing < 0;
  const lane = (width - 90) / Math.max(1, walls.length);
  const at = through ? width - 44 : 30 + standing * lane;
  const words = walls.map(({ says, down }) => `${says}: ${down ? 'fallen' : 'stands'}`).join('. ');
  return (
    <div ref={place}>
      <svg
        class="drawing walls"
        width={width}
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={`${words}. ${through ? 'The process is through.' : ''}`}
      >
        <line class="floor" x1={0} x2={width} y1={FLOOR + 0.5} y2={FLOOR + 0.5} />
        {walls.map(({ says, down }, index) => (
          <Wall key={says} x={30 + (index + 0.62) * lane} says={says} down={down} lane={lane} />
        ))}
        <g class={`walker${through ? ' through' : ''}`} style={{ transform: `translate(${at}px, ${FLOOR}px)` }}>
          <circle class="head" cx={0} cy={-42} r={11} />
          <path class="body" d="M0 -30 V-14 M0 -14 l-8 14 M0 -14 l8 14 M-10 -24 H10" />
          <text x={0} y={-60} text-anchor="middle">
            {through ? 'it runs' : 'uid ≠ 0'}
          </text>
        </g>
      </svg>
    </div>
  );
}

function Wall({
  x,
  says,
  down,
  lane,
}: {
  readonly x: number;
  readonly says: string;
  readonly down: boolean;
  readonly lane: number;
}): JSX.Element {
  const bricks = Array.from({ length: 16 }, (_, index) => ({ row: Math.floor(index / 2), column: index % 2, index }));
  const lines = wrap(says, Math.max(10, Math.floor(lane / 6.6)));
  return (
    <g class={down ? 'wall down' : 'wall'}>
      {bricks.map(({ row, column, index }) => {
        const left = x - BRICK.width + column * BRICK.width + (row % 2 === 0 ? 0 : -6);
        const top = FLOOR - (row + 1) * BRICK.height;
        // Fallen bricks lie where chance, always the same, threw them.
        const away = ((index * 37) % 64) - 26;
        const heap = FLOOR - BRICK.height + 1 - ((index * 13) % 3) * 4 - top;
        const turn = ((index * 53) % 90) - 45;
        return (
          <rect
            key={index}
            x={left}
            y={top}
            width={BRICK.width - 2}
            height={BRICK.height - 2}
            rx={2}
            style={down ? { transform: `translate(${away}px, ${heap}px) rotate(${turn}deg)` } : {}}
          />
        );
      })}
      {lines.map((line, index) => (
        <text key={line} x={x} y={FLOOR + 20 + index * 16} text-anchor="middle">
          {line}
        </text>
      ))}
    </g>
  );
}

function wrap(text: string, most: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.slice(0, 3);
}
