/** The layers of an image: how big, who owns what they bring, and how much a later layer makes useless. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { LayerPicture, LayersPicture } from '../../src/lab/serve/pictures/picture.ts';
import type { PageLab } from '../../src/lab/serve/protocol.ts';
import { ask } from '../link.ts';
import { bytes, cut, who } from './text.ts';
import { useWidth } from './width.ts';

export function Layers({ lab }: { readonly lab: PageLab }): JSX.Element {
  const images = [...lab.images, ...lab.layouts];
  const [image, setImage] = useState(images[0] ?? '');
  const [picture, setPicture] = useState<LayersPicture>();
  const [trouble, setTrouble] = useState<string>();
  const [place, width] = useWidth<HTMLDivElement>();
  useEffect(() => {
    let gone = false;
    const look = (): void =>
      void ask({ kind: 'layers', lab: lab.id, image }).then(
        (found) => {
          if (gone) return;
          setPicture(found);
          setTrouble(undefined);
        },
        (error: Error) => {
          if (gone) return;
          setPicture(undefined);
          setTrouble(error.message);
        },
      );
    look();
    // What the learner makes may come, and change, at any time.
    const timer = lab.layouts.includes(image) ? setInterval(look, 2000) : undefined;
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, [lab.id, image]);
  return (
    <div ref={place}>
      <form class="ask" onSubmit={(event) => event.preventDefault()}>
        <label>
          image{' '}
          <select value={image} onChange={(event) => setImage(event.currentTarget.value)}>
            {images.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {picture !== undefined && (
          <span>
            {bytes(picture.bytes)}, {picture.wasted === 0 ? 'nothing wasted' : `${bytes(picture.wasted)} wasted`}, runs as{' '}
            <b class={/^(|0|root)(:|$)/.test(picture.user) ? 'is-root' : 'is-user'}>
              {picture.user === '' ? 'root (no USER)' : picture.user}
            </b>
          </span>
        )}
      </form>
      {trouble !== undefined && <p class="trouble-line">{trouble}</p>}
      {picture === undefined && trouble === undefined && <p class="empty">Reading the layers …</p>}
      {picture !== undefined && <Drawing picture={picture} width={width} />}
    </div>
  );
}

const ROW = 52;
/** Narrower than this, what a layer holds stands below what made it. */
const NARROW = 560;
const LINE = 18;

function Drawing({ picture, width }: { readonly picture: LayersPicture; readonly width: number }): JSX.Element {
  const row = ROW + (width < NARROW ? LINE : 0);
  const height = picture.layers.length * row + 4;
  const most = Math.max(1, ...picture.layers.map((layer) => layer.bytes));
  // Layers differ by factors of a million: the root keeps the small ones visible, the numbers say how big they are.
  const length = (count: number): number => Math.sqrt(count / most) * (width - 20);
  return (
    <svg
      class="drawing layers"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={inWords(picture)}
    >
      <defs>
        <pattern id="waste" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect class="waste-line" width="3" height="6" />
        </pattern>
      </defs>
      {[...picture.layers].reverse().map((layer, index) => (
        <Layer
          key={picture.layers.length - index}
          layer={layer}
          number={picture.layers.length - index}
          y={index * row}
          width={width}
          length={Math.max(6, length(layer.bytes))}
        />
      ))}
    </svg>
  );
}

interface LayerProps {
  readonly layer: LayerPicture;
  readonly number: number;
  readonly y: number;
  readonly width: number;
  readonly length: number;
}

function Layer({ layer, number, y, width, length }: LayerProps): JSX.Element {
  const { createdBy, bytes: size, files, wasted, owners } = layer;
  let x = 10;
  const weight = (owner: (typeof owners)[number]): number => (size > 0 ? owner.bytes / size : owner.files / Math.max(1, files));
  const parts = owners.map((owner) => {
    const part = { owner, x, width: Math.max(2, weight(owner) * (length - 2 * owners.length)) };
    x += part.width;
    return part;
  });
  const facts = `${bytes(size)}${wasted > 0 ? `, ${bytes(wasted)} wasted` : ''} · ${owners.map(({ uid, gid }) => `${uid}:${gid}`).join(' ')}`;
  const narrow = width < NARROW;
  const bar = y + 22 + (narrow ? LINE : 0);
  const room = width - 20;
  return (
    <g>
      <text class="line" x={10} y={y + 15}>
        {cut(
          `${number}  ${createdBy === '' ? '(no history)' : createdBy.replace(/\s+/g, ' ')}`,
          narrow ? room : room - facts.length * 7.4,
        )}
      </text>
      <text
        class="layer-facts"
        x={narrow ? 10 : width - 10}
        y={y + 15 + (narrow ? LINE : 0)}
        text-anchor={narrow ? 'start' : 'end'}
      >
        {narrow ? cut(facts, room) : facts}
      </text>
      {parts.map(({ owner, x: at, width: wide }) => (
        <rect key={`${owner.uid}:${owner.gid}`} class={`owned ${who(owner.uid)}`} x={at} y={bar} width={wide} height={18} rx={3}>
          <title>{`${owner.uid}:${owner.gid}, ${owner.files} files, ${bytes(owner.bytes)}`}</title>
        </rect>
      ))}
      {wasted > 0 && size > 0 && (
        <rect x={10} y={bar} width={Math.max(2, (wasted / size) * length)} height={18} rx={3} fill="url(#waste)">
          <title>{`${bytes(wasted)} that a later layer replaces or deletes`}</title>
        </rect>
      )}
    </g>
  );
}

function inWords({ image, layers, bytes: size, wasted }: LayersPicture): string {
  const each = layers.map(
    (layer, index) =>
      `Layer ${index + 1}: ${bytes(layer.bytes)}, owners ${layer.owners.map(({ uid, gid }) => `${uid}:${gid}`).join(' ')}, ${bytes(layer.wasted)} wasted, ${layer.createdBy}`,
  );
  return `Image ${image}, ${bytes(size)}, ${bytes(wasted)} wasted. ${each.join('. ')}`;
}
