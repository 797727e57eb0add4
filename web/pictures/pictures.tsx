/** The picture panel: which picture, and the picture. Everything is drawn from what the running lab says at this moment. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { LabPicture } from '../../src/lab/lab.ts';
import type { PageLab } from '../../src/lab/serve/protocol.ts';
import { Divider } from '../divider.tsx';
import { Icon } from '../icon.tsx';
import { pictureShare, useSetting } from '../settings.ts';
import { useStore } from '../store.ts';
import { Capabilities } from './capabilities.tsx';
import { Layers } from './layers.tsx';
import { Processes } from './processes.tsx';
import { Walk } from './walk.tsx';
import { Walls } from './walls.tsx';

const NAMES: Readonly<Record<LabPicture, string>> = {
  processes: 'Who runs',
  capabilities: 'Capabilities',
  walk: 'Way along a path',
  layers: 'Image layers',
  walls: 'The walls',
};

export function Pictures({ lab }: { readonly lab: PageLab }): JSX.Element {
  const kinds = lab.pictures.filter((kind) => kind !== 'layers' || lab.images.length + lab.layouts.length > 0);
  const [kind, setKind] = useState<LabPicture>(kinds[0] ?? 'processes');
  const [open, setOpen] = useState(true);
  const [share] = useSetting(pictureShare);
  const ready = useStore((state) => state.room?.state === 'ready');
  useEffect(() => setKind(kinds[0] ?? 'processes'), [lab.id]);
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = kinds[(kinds.indexOf(kind) + step + kinds.length) % kinds.length];
    if (next === undefined) return;
    setKind(next);
    document.getElementById(`picture-tab-${next}`)?.focus();
  };
  return (
    <section
      class={`pictures${open ? '' : ' closed'}`}
      style={open ? { flexBasis: `${share}%` } : {}}
      id="pictures"
      tabIndex={-1}
      aria-label="Pictures"
    >
      {open && <Divider />}
      <div class="picture-bar">
        <div class="tabs" role="tablist" aria-label="Pictures" onKeyDown={key}>
          {kinds.map((one) => (
            <button
              key={one}
              id={`picture-tab-${one}`}
              type="button"
              role="tab"
              aria-selected={kind === one}
              aria-controls="picture"
              tabIndex={kind === one ? 0 : -1}
              onClick={() => {
                setKind(one);
                setOpen(true);
              }}
            >
              {NAMES[one]}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="plain fold"
          aria-expanded={open}
          aria-controls="picture"
          title={open ? 'Fold' : 'Unfold'}
          aria-label="Picture"
          onClick={() => setOpen(!open)}
        >
          <Icon name="down" />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="picture" id="picture" role="tabpanel" aria-labelledby={`picture-tab-${kind}`} tabIndex={0} hidden={!open}>
        {!ready && kind !== 'walls' ? (
          <p class="empty">
            <Icon name="picture" /> Drawn from the running lab, once it runs.
          </p>
        ) : (
          <Picture kind={kind} lab={lab} />
        )}
      </div>
    </section>
  );
}

function Picture({ kind, lab }: { readonly kind: LabPicture; readonly lab: PageLab }): JSX.Element {
  switch (kind) {
    case 'processes':
      return <Processes />;
    case 'capabilities':
      return <Capabilities lab={lab.id} />;
    case 'walk':
      return <Walk lab={lab} />;
    case 'layers':
      return <Layers lab={lab} />;
    case 'walls':
      return <Walls lab={lab} />;
  }
}
