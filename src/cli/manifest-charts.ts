/** Flags about charts among the targets. */
import { type Command, Option } from 'commander';

export interface ChartFlags {
  readonly values?: readonly string[];
}

/** `--values`. */
export const addCharts = (command: Command): Command =>
  command.addOption(
    new Option(
      '--values <file>',
      'values for the charts among the targets, as for helm template (repeatable; the last counts most)',
    )
      .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
      .env('UNROOT_VALUES'),
  );

/** For loadManifests. */
export const groupOptions = ({ values }: ChartFlags): { readonly values?: readonly string[] } =>
  values === undefined ? {} : { values };
