import { classScores } from 'tubelet'

/** How held-out things were told, as a file of the run. */
export const scoresFile = (told: ArrayLike<number>, labels: ArrayLike<number>, names: readonly string[]) =>
  new TextEncoder().encode(JSON.stringify(classScores(told, labels, names), null, 1))

/** Names of classes as the `config.json` of transformers has them. */
export const labelNames = (names: readonly string[]) => ({
  id2label: Object.fromEntries(names.entries()),
  label2id: Object.fromEntries(names.map((name, label) => [name, label])),
})
