import { type Features, widthOf } from './features.ts'

/**
 * How many latents tell anything of what is encoded: those whose posterior mean varies over the data by more than
 * `least` (Burda et al. 2015, arXiv:1509.00519, section 5.2: the covariance over x of E[u | x] above 0.01). Rows are the
 * posterior means, one sample each.
 */
export function activeUnits(means: Features, least = 0.01): number {
  const d = widthOf('active units', means)
  return Array.from({ length: d }, (_, i) => variance(means, i)).filter((value) => value > least).length
}

function variance(rows: Features, i: number): number {
  const mean = rows.reduce((sum, row) => sum + row[i], 0) / rows.length
  return rows.reduce((sum, row) => sum + (row[i] - mean) ** 2, 0) / rows.length
}
