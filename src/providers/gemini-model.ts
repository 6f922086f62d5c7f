/**
 * What differs between generations of Gemini, told by the model's name. Source: Google's "Gemini API" guides on thinking,
 * structured output and function calling; LiteLLM's documentation of `gemini/` for the budgets behind the words.
 */
import type { Target } from './adapter.ts';

export interface GeminiModel {
  /** Thinks in levels (`thinkingLevel`), signs its tool calls and knows them by id. */
  readonly isThirdOrLater: boolean;
  /** How thinking is asked for; `undefined`: the model does not think, or not on request. */
  readonly thinking: 'budget' | 'level' | undefined;
  /** Takes `responseJsonSchema`: JSON Schema as it is. */
  readonly takesJsonSchema: boolean;
  /** Has system instructions, JSON mode and tools: Gemma has none of them. */
  readonly isGemma: boolean;
  /** Lowest budget that may be asked for; 0: thinking can be switched off. */
  readonly leastBudget: number;
  /** What `minimal` stands for. */
  readonly minimalBudget: number;
  readonly levels: readonly string[];
}

const LATEST = /gemini-(pro|flash|flash-lite)-latest/;

/** The model whose rules apply: `base_model` where a deployment has a name of its own. */
export const geminiModel = ({ upstreamModel, baseModel }: Target): GeminiModel =>
  modelNamed(baseModel ?? upstreamModel);

function modelNamed(name: string): GeminiModel {
  const generation = LATEST.test(name) ? 3 : Number(/gemini-(\d+(?:\.\d+)?)/.exec(name)?.[1] ?? Number.NaN);
  const isGemma = /(^|[/-])gemma-/.test(name);
  const isThirdOrLater = generation >= 3;
  const isPro = name.includes('-pro');
  return {
    isThirdOrLater,
    thinking: isThirdOrLater ? 'level' : isGemma || generation < 2.5 ? undefined : 'budget',
    // An unknown name is more likely a new model than one of 2024.
    takesJsonSchema: !isGemma && !(generation < 2),
    isGemma,
    leastBudget: isPro ? 128 : 0,
    minimalBudget: isPro ? 128 : name.includes('flash-lite') ? 512 : 1,
    levels: levelsOf(generation, isPro),
  };
}

function levelsOf(generation: number, isPro: boolean): readonly string[] {
  if (!isPro) return ['minimal', 'low', 'medium', 'high'];
  return generation === 3 ? ['low', 'high'] : ['low', 'medium', 'high'];
}
