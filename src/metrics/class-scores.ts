/** How one class was told. */
export interface ClassScore {
  readonly name: string
  readonly count: number // of the pictures that are of this class
  readonly right: number // of them, told so
  readonly takenFor?: string // what the others were told to be most often; absent where all are right
}

/** How often classes were told right. */
export interface ClassScores {
  readonly accuracy: number
  readonly mostCommon: number // what one would reach who always said the most common class
  readonly classes: readonly ClassScore[] // those that there are pictures of
}

/** Compares what was told of pictures [N] with what they are [N]; classes count from 0 and have names. */
export function classScores(told: ArrayLike<number>, labels: ArrayLike<number>, names: readonly string[]): ClassScores {
  const counts = names.map(() => new Int32Array(names.length)) // counts[what it is][what was told]
  for (let n = 0; n < labels.length; n++) counts[labels[n]][told[n]] += 1
  const classes = counts.flatMap((row, c): ClassScore[] => {
    const count = row.reduce((a, b) => a + b)
    if (count === 0) return []
    const wrong = row.map((value, other) => (other === c ? 0 : value))
    const most = Math.max(...wrong)
    return [{ name: names[c], count, right: row[c], ...(most > 0 && { takenFor: names[wrong.indexOf(most)] }) }]
  })
  const right = classes.reduce((sum, one) => sum + one.right, 0)
  return {
    accuracy: right / labels.length,
    mostCommon: Math.max(...classes.map(({ count }) => count)) / labels.length,
    classes,
  }
}
