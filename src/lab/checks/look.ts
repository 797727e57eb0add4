/** What an evaluator gets, and what it answers. */
import type { LabCheckKind } from '../lab.ts';
import type { LabNode } from '../node.ts';
import type { LabTools } from '../tools.ts';

export interface CheckWorld {
  readonly node: LabNode;
  readonly tools: LabTools;
  /** Path → what the file was when the lab began: a digest, or `missing`. */
  readonly before: ReadonlyMap<string, string>;
}

export interface Look {
  readonly green: boolean;
  readonly detail: string;
}

export type CheckOf<K extends LabCheckKind['kind']> = Extract<LabCheckKind, { readonly kind: K }>;
export const green = (detail: string): Look => ({ green: true, detail });
export const red = (detail: string): Look => ({ green: false, detail });
