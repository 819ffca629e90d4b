/** Questions on the terminal. The library for them is loaded when there is one to ask. */
import type { CANCEL_SYMBOL } from '@clack/prompts';
import { SpuffError } from '../domain/errors.ts';

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** Each throws SpuffError `interrupted` when the person leaves the question. */
export interface Questions {
  /** `initial` is what Enter alone answers. */
  confirm(message: string, initial: boolean): Promise<boolean>;
  select(message: string, choices: readonly Choice[], initial: string): Promise<string>;
  /** `check` throws a SpuffError for an answer that won't do; it is asked again. */
  text(message: string, options: { initial: string; check: (text: string) => unknown }): Promise<string>;
}

export function createQuestions(output: NodeJS.WritableStream & { columns?: number }): Questions {
  const common = { output: output as NodeJS.WriteStream };
  return {
    confirm: async (message, initialValue) => {
      const { confirm } = await import('@clack/prompts');
      return settle(await confirm({ message, initialValue, ...common }));
    },
    select: async (message, choices, initial) => {
      const { select } = await import('@clack/prompts');
      return settle(
        await select({
          message,
          options: choices.map((one) => ({ ...one })),
          initialValue: initial,
          ...common,
        }),
      );
    },
    text: async (message, { initial, check }) => {
      const { text } = await import('@clack/prompts');
      const validate = (answer: string | undefined) => complaintOf(() => check(answer ?? ''));
      return settle(await text({ message, initialValue: initial, validate, ...common }));
    },
  };
}

function complaintOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof SpuffError) return [error.message, ...error.hints].join('; ');
    throw error;
  }
}

function settle<T>(answer: T | typeof CANCEL_SYMBOL): T {
  if (typeof answer === 'symbol')
    throw new SpuffError('interrupted', 'stopped at the question; nothing was changed');
  return answer;
}
