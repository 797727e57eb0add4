/** What the conditions of a shell script answer, where the image or the command line knows it. */
import type { CompoundList, PipelineNode, Word } from 'unbash';
import type { Frame } from './script-frame.ts';
import { decideTest } from './shell-conditions.ts';
import { fields, wordText } from './shell-words.ts';

/** One unknown word where the words are not known. */
export const known = (words: readonly string[] | undefined): readonly (string | undefined)[] => words ?? [undefined];

/** What a condition answers: the last command of its list counts. */
export const decisionOf = (clause: CompoundList, frame: Frame): boolean | undefined => {
  const last = clause.commands.at(-1)?.command;
  return last === undefined
    ? undefined
    : last.type === 'AndOr'
      ? andOr(last.commands, last.operators, frame)
      : decision(last, frame);
};

function andOr(commands: readonly PipelineNode[], operators: readonly string[], frame: Frame): boolean | undefined {
  return commands
    .map((one) => decision(one, frame))
    .reduce((left, right, index) => {
      if (operators[index - 1] === '&&')
        return left === false || right === false ? false : left === undefined || right === undefined ? undefined : true;
      return left === true || right === true ? true : left === undefined || right === undefined ? undefined : false;
    });
}

export function decision(one: PipelineNode, frame: Frame): boolean | undefined {
  if (one.type === 'Pipeline') {
    if (one.commands.length !== 1 || one.prefixes.length !== 1 || one.prefixes[0]?.type !== 'Negation') return undefined;
    const inner = decision(one.commands[0]!, frame);
    return inner === undefined ? undefined : !inner;
  }
  const values = (words: readonly Word[]): (string | undefined)[] => words.flatMap((word) => known(fields(word, frame.scope)));
  if (one.type === 'TestCommand') {
    const { expression } = one;
    if (expression.type === 'TestUnary')
      return decideTest([expression.operator, ...values([expression.operand])], frame.input.files.rootFs, frame.cwd);
    if (expression.type !== 'TestBinary' || /[*?[]/.test(expression.right.text)) return undefined;
    const [left, right] = [wordText(expression.left, frame.scope), wordText(expression.right, frame.scope)];
    return decideTest([left, expression.operator, right], frame.input.files.rootFs, frame.cwd);
  }
  if (one.type !== 'Command' || one.name === undefined) return undefined;
  const name = one.name.value;
  if (name === 'true' || name === ':') return true;
  if (name === 'false') return false;
  if (name !== '[' && name !== 'test') return undefined;
  const words = values(one.args.filter((arg): arg is Word => arg.type === 'Word'));
  return decideTest(name === '[' ? words.slice(0, -1) : words, frame.input.files.rootFs, frame.cwd);
}
