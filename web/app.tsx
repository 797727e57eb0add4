/** Header, the screen below it, and what is said to everybody: notices, the state of the connection. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';
import { LabScreen } from './lab-screen.tsx';
import { connect } from './link.ts';
import { LabList } from './list.tsx';
import { useRoute } from './route.ts';
import { useStore } from './store.ts';

export function App(): JSX.Element {
  const lab = useRoute();
  const link = useStore((state) => state.link);
  if (link === 'stranger') return <Stranger />;
  return (
    <>
      <Connection />
      {lab === undefined ? <LabList /> : <LabScreen key={lab} id={lab} />}
      <Notices />
    </>
  );
}

/** Shown while there is no connection. */
function Connection(): JSX.Element {
  const link = useStore((state) => state.link);
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), 800);
    return () => clearTimeout(timer);
  }, []);
  const text =
    link === 'lost'
      ? 'Connection lost. Your terminals go on; trying again …'
      : link === 'gone'
        ? 'The server has been away for a while. Is unroot lab serve still running?'
        : link === 'connecting' && slow
          ? 'Connecting …'
          : '';
  return (
    <div class={text === '' ? 'connection' : 'connection shown'} role="status">
      {text !== '' && (
        <>
          <Icon name="unplugged" />
          <span>{text}</span>
          {link !== 'connecting' && (
            <button type="button" class="small" onClick={() => void connect()}>
              Try now
            </button>
          )}
        </>
      )}
    </div>
  );
}

/** The last thing worth saying: to screen readers always, on the screen for a while. */
function Notices(): JSX.Element {
  const said = useStore((state) => state.said);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    setShown(said.text !== '');
    const timer = setTimeout(() => setShown(false), said.bad ? 9000 : 3500);
    return () => clearTimeout(timer);
  }, [said.number]);
  const good = said.text.startsWith('Check passed');
  const visible = shown && (said.bad || good);
  return (
    <div
      class={`notice${visible ? ' shown' : ''}${said.bad ? ' bad' : ''}${good ? ' good' : ''}`}
      role="status"
      aria-live="polite"
    >
      {shown && (
        <>
          {visible && <Icon name={good ? 'check' : 'attention'} />}
          <span class={visible ? '' : 'unseen'}>{said.text}</span>
        </>
      )}
    </div>
  );
}

function Stranger(): JSX.Element {
  return (
    <main class="alone">
      <h1>
        <Icon name="logo" /> unroot workshop
      </h1>
      <p>This page opens shells on your computer, so it lets nobody in who does not know the secret of this run.</p>
      <p>
        Open the whole address that <code>unroot lab serve</code> printed, with everything behind the <code>#</code>.
      </p>
    </main>
  );
}
