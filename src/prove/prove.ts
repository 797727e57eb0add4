/** The proof: both runs again, unwatched, on the engine that was asked for, with the same probes. */
import type { PreparedImage } from '../engine/engine.ts';
import type { VolumeOwner } from '../engine/volume-remedy.ts';
import type { Launch, Refusal } from '../launch/launch.ts';
import { askedAfter } from './asked-after.ts';
import { notStarted, type Observation } from './observation.ts';
import { type ObserveOptions, observe } from './observe.ts';
import { asMoved } from './ports.ts';
import { type Expectation, judge, type Verdict } from './verdict.ts';

export interface ProofInput {
  readonly before: { readonly image: PreparedImage; readonly launch: Launch };
  /** One for each user it is tried as; arbitrary uids are several. */
  readonly after: readonly { readonly image: PreparedImage; readonly launch: Launch | Refusal }[];
  readonly expectation: Omit<Expectation, 'hostUid'>;
  /** Owners of volumes that the fix asks for. */
  readonly volumeOwners: readonly VolumeOwner[];
  /** The watched run of the same thing: what to wait for, and how to ask. */
  readonly like: Observation;
  readonly observe: ObserveOptions;
  readonly onProgress: (message: string) => void;
}

export interface Proof extends Verdict {
  readonly before: Observation;
  readonly after: Observation;
  readonly afterLaunch: Launch | Refusal;
}

const ORDER = { failed: 0, inconclusive: 1, proved: 2 } as const;

/** The weakest of the verdicts counts, and its run is the one shown. */
export async function prove(input: ProofInput): Promise<Proof> {
  input.onProgress('proof: before, as the image says');
  const before = await observe(input.before.image, input.before.launch, { ...input.observe, like: input.like });
  let worst: Proof | undefined;
  const users: string[] = [];
  for (const { image, launch } of input.after) {
    if (launch.kind === 'refusal') {
      const reasons = [{ kind: 'bad' as const, text: `${launch.by} refuses (${launch.reason}): ${launch.message}` }];
      return { verdict: 'failed', reasons, before, after: notStarted(launch.message), afterLaunch: launch };
    }
    input.onProgress(`proof: after, as ${launch.uid}:${launch.gid}`);
    users.push(`${launch.uid}:${launch.gid}`);
    const after = await observe(image, launch, {
      ...input.observe,
      ...askedAfter(input.observe, image.image, input.expectation.moved),
      like: asMoved(before, input.expectation.moved),
      volumeOwners: input.volumeOwners,
    });
    const verdict = judge(before, after, { ...input.expectation, hostUid: launch.hostUid });
    const proof: Proof = { ...verdict, before, after, afterLaunch: launch };
    if (worst === undefined || ORDER[proof.verdict] < ORDER[worst.verdict]) worst = proof;
  }
  if (worst === undefined) throw new Error('a proof needs at least one run after');
  if (users.length < 2) return worst;
  return { ...worst, reasons: [...worst.reasons, { kind: 'note', text: `tried as ${users.join(', ')}` }] };
}
