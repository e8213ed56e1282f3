import { type ExpandShapesOptions, expandShapes } from '../data/shape-prompt.ts'
import { stream } from '../random.ts'

/** How one prompt is expanded. */
export interface ExpandOptions {
  readonly seed?: number // of what the prompt leaves open; 0
  readonly signal?: AbortSignal
}

/**
 * Makes a short prompt as long as the captions that a model was trained on (Betker et al. 2023, section 3.5). Whatever
 * the prompt says stays; one that the expander cannot read comes back as it was.
 */
export interface PromptExpander {
  expand(prompt: string, options?: ExpandOptions): Promise<string>
}

/** An expander for prompts about shapes, by the grammar of their captions. It needs no model and no network. */
export function shapeExpander({ cells }: Pick<ExpandShapesOptions, 'cells'> = {}): PromptExpander {
  return {
    expand: async (prompt, { seed = 0 } = {}) =>
      expandShapes(prompt, { random: stream({ seed, purpose: 'expand' }), cells }) ?? prompt,
  }
}
