/** What a page can ask for, and who answers it. */
import { UnrootError } from '../../error.ts';
import { draw } from './draw-asked.ts';
import { layoutsOf, pageLab } from './page-lab.ts';
import { drawLayers } from './pictures/layers.ts';
import type { Answers, Ask, FromServer, LabCard, Missing } from './protocol.ts';
import type { Guest, Room } from './room.ts';

/** Every room, and the list of labs. */
export interface Hall {
  readonly hello: Omit<Extract<FromServer, { readonly type: 'hello' }>, 'type'>;
  /** Undefined: there is no such lab. */
  room(lab: string): Room | undefined;
  cards(): Promise<readonly LabCard[]>;
  missing(room: Room): Promise<readonly Missing[]>;
  /** Starts its node, if there is room for another one. */
  start(room: Room): Promise<void>;
  /** Whether this page wants to hear of the list. */
  list(guest: Guest, wanted: boolean): void;
}

/** Throws UnrootError for what cannot be. */
export async function answerAsk(ask: Ask, hall: Hall): Promise<Answers[Ask['kind']]> {
  if (ask.kind === 'labs') return hall.cards();
  const room = hall.room(ask.lab);
  if (room === undefined) throw new UnrootError(`There is no lab ${ask.lab}`, { code: 'lab.unknown' });
  const step = 'step' in ask ? room.lab.steps.find(({ id }) => id === ask.step) : undefined;
  if ('step' in ask && step === undefined)
    throw new UnrootError(`Lab ${ask.lab} has no step ${ask.step}`, { code: 'lab.unknown-step' });
  switch (ask.kind) {
    case 'lab':
      return pageLab(room.lab, await hall.missing(room));
    case 'start':
      await hall.start(room);
      return true;
    case 'reset':
      await room.reset();
      return true;
    case 'stop':
      await room.stop();
      return true;
    case 'hint': {
      const hint = room.played().hint(ask.step);
      return hint === undefined ? {} : { hint };
    }
    case 'answer': {
      if (step?.quiz?.choices[ask.choice] === undefined)
        throw new UnrootError('There is no such answer', { code: 'lab.no-such-answer' });
      return room.played().answer(ask.step, ask.choice);
    }
    case 'solution':
      return { solution: step?.solution ?? '' };
    case 'solve':
      await room.solve(ask.step);
      return true;
    case 'terminal':
      return { terminal: await room.open(ask.place, ask.cols, ask.rows) };
    case 'close-terminal':
      room.close(ask.terminal);
      return true;
    case 'walk':
      return draw<'walk'>(ask, room.played().node());
    case 'exec':
      return draw<'exec'>(ask, room.played().node());
    case 'layers':
      return layersOf(room, ask);
  }
}

/** One of the lab's images, or one that the learner is to make and that is there by now. */
async function layersOf(room: Room, ask: Extract<Ask, { readonly kind: 'layers' }>): Promise<Answers['layers']> {
  const session = room.played();
  const { image } = ask;
  if (room.lab.images.includes(image)) return drawLayers(session.imageFolder(image), image);
  if (!layoutsOf(room.lab).includes(image))
    throw new UnrootError(`Lab ${room.lab.id} has no image ${image}`, { code: 'lab.no-image' });
  return draw<'layers'>(ask, session.node());
}
